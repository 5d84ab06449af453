#!/usr/bin/env python3
"""The daemon's web page in a real browser, and who is not let in to it."""
import http.client
import json
import pathlib
import re
import shutil
import signal
import subprocess

from case import NetworkCase, main
from network import MIB, random_file, sha1_of

WEB = pathlib.Path(__file__).resolve().parent.parent / "web"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)
HAS_BROWSER = bool(CHROMIUM and shutil.which("node") and (WEB / "node_modules").is_dir())


class Browser:
    def __init__(self):
        self.child = subprocess.Popen(["node", WEB / "page.js", CHROMIUM], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, do, **what):
        self.child.stdin.write(json.dumps({"do": do, **what}) + "\n")
        self.child.stdin.flush()
        answer = json.loads(self.child.stdout.readline())
        if "error" in answer:
            raise AssertionError(f"{do} {what}: {answer['error']}")
        return answer["value"]

    def close(self):
        self.child.stdin.close()
        self.child.wait(20)
        self.child.stdout.close()


def address(daemon):
    return daemon.lines("kp2p-web", "--print")[0]


class Page(NetworkCase):
    daemons = ("alice", "bob")

    def setUp(self):
        super().setUp()
        if not HAS_BROWSER:
            self.skipTest("chromium, node or test/web/node_modules is missing")
        self.browser = Browser()
        self.addCleanup(self.browser.close)

    def open(self, view=""):
        self.browser("open", url=address(self.alice))
        self.browser("await", of="nav a[aria-current]")
        if view:
            self.browser("click", on=f"nav a[href='#{view}']")

    def test_a_file_is_added_found_and_removed(self):
        path = self.path("picture of a cell.tif")
        sha1 = random_file(path, MIB)
        self.open("files")
        self.browser("choose", **{"in": "input[type=file]", "file": str(path)})
        row = f"tr[data-uri*='{sha1}']"
        self.browser("await", of=row)
        self.assertIn("picture of a cell.tif", self.browser("text", of=row))
        self.assertEqual(sha1_of(self.alice.stored(sha1)), sha1)
        for done in ("Unpin", "Pin"):  # by the keyboard, which stays where it is
            self.browser("script", source=f"document.querySelector(\"{row} .keep\").focus()")
            self.browser("press", key="Enter")
            self.browser("await", of=f"{row} .keep:text-is('{done}')")
            self.assertEqual(self.browser("script", source="document.activeElement.textContent"), done)
        self.browser("fill", **{"in": "input[type=search]", "with": "nothing of the kind"})
        self.browser("gone", of=row)
        self.browser("fill", **{"in": "input[type=search]", "with": "A CELL"})
        self.browser("click", on=f"{row} button:has-text('Remove')")
        self.browser("gone", of=row)
        self.assertFalse(self.alice.stored(sha1).exists())

    def test_a_transfer_is_seen_as_long_as_it_lasts(self):
        path = self.path("long recording.dat")
        sha1 = random_file(path, MIB)
        uri = self.bob.store(path)
        self.open("transfers")
        self.bob.process.signal(signal.SIGSTOP)  # so that it lasts until we have looked
        self.addCleanup(self.bob.process.signal, signal.SIGCONT)
        self.browser("fill", **{"in": "#link", "with": uri})
        self.browser("click", on="form button")
        self.browser("await", of="tr[data-key]")
        words = self.browser("text", of="tr[data-key]")
        self.assertIn("long recording.dat", words)
        self.assertIn("loading", words)
        self.bob.process.signal(signal.SIGCONT)
        self.browser("gone", of="tr[data-key]")
        self.assertEqual(sha1_of(self.alice.stored(sha1)), sha1)

    def test_a_transfer_is_called_off(self):
        uri = "sha1://" + "77" * 20 + "/nobody-has-it"
        self.open("transfers")
        self.bob.process.signal(signal.SIGSTOP)  # whose answer it would be over with
        self.addCleanup(self.bob.process.signal, signal.SIGCONT)
        self.browser("fill", **{"in": "#link", "with": uri})
        self.browser("click", on="form button")
        self.browser("click", on="tr[data-key] button:has-text('Cancel')")
        self.browser("gone", of="tr[data-key]")

    def test_channels_are_joined_and_left(self):
        self.open("channels")
        self.browser("await", of="[data-key=lab] td")
        self.assertIn(self.bob.status()["node"][:8], self.browser("text", of="[data-key=lab]"))
        self.browser("fill", **{"in": "#channel", "with": "from-the-page"})
        self.browser("click", on="form button")
        self.browser("await", of="[data-key=from-the-page]")
        self.assertIn("from-the-page", self.alice.lines("kp2p-channels"))
        self.browser("click", on="[data-key=from-the-page] button")
        self.browser("gone", of="[data-key=from-the-page]")
        self.assertNotIn("from-the-page", self.alice.lines("kp2p-channels"))

    def test_the_node_and_the_doctor_are_shown_and_nothing_else_is_asked(self):
        self.open("node")
        self.assertIn(self.alice.status()["node"], self.browser("text", of="dl"))
        counts = "import('/web/words.js').then(({ count }) => count(1, 'file') + count(2, 'file'))"
        self.assertEqual(self.browser("script", source=counts), "1 file2 files")
        self.browser("click", on="nav a[href='#doctor']")
        self.browser("await", of="td.ok, td.warning, td.problem")
        port = self.alice.status()["api_port"]
        for url in self.browser("asked"):
            self.assertTrue(url.startswith(f"http://127.0.0.1:{port}/"), url)

    def settings(self):
        return json.loads(self.alice.run("kp2p-limit", "--json").stdout)

    def slide(self, name, place):
        self.browser("script", source=f"""
            const slider = document.getElementById("{name}");
            slider.value = {place};
            slider.dispatchEvent(new Event("input"));
            slider.dispatchEvent(new Event("change"));""")

    def test_rates_and_the_quota_are_set(self):
        self.alice.run("kp2p-limit", "--up", "00:00,2M 00:01,2M")
        self.addCleanup(self.alice.run, "kp2p-limit", "--up", "none", "--down", "none", "--lan", "on",
                        "--quota", "none")
        self.open("node")
        self.browser("await", of="output[name=up_words]:has-text('2.0 MB/s now; by the hour')")
        self.assertEqual(self.browser("text", of="output[name=down_words]"), "no limit")
        self.slide("limit_up", 8)
        self.browser("await", of="output[name=up_words]:text-is('5.0 MB/s')")
        self.slide("limit_down", 0)
        self.browser("await", of="output[name=down_words]:text-is('10.0 kB/s')")
        self.browser("click", on="#limit_lan")
        self.browser("fill", **{"in": "#quota", "with": "20 GB"})
        self.browser("click", on="form.limits button")
        self.browser("fill", **{"in": "#quota", "with": "as much as it likes"})
        self.browser("click", on="form.limits button")
        self.browser("await", of="#notice:not([hidden])")
        told = self.settings()
        self.assertEqual([told[key] for key in ("limit_up", "limit_down", "limit_lan", "quota")],
                         ["5000000", "10000", "off", "20000000000"])
        self.slide("limit_down", 13)
        self.browser("await", of="output[name=down_words]:text-is('no limit')")
        self.assertEqual(self.settings()["limit_down"], "none")

    def test_odd_names_stand_in_a_narrow_page(self):
        names = ("it's \"quoted\" & <b>bold<b>", "two\nlines", "\N{MICROSCOPE} cells",
                 "\u05ea\u05de\u05d5\u05e0\u05d4 1.png", "x" * 200, "%41 100%?#")
        self.browser("size", width=360, height=640)
        for number, name in enumerate(names):
            path = self.path(name)
            path.write_text(f"{number} {name}")
            self.alice.store(path)
        self.open("files")
        self.browser("await", of="tbody tr")
        shown = self.browser("script", source="[...document.querySelectorAll('td.name')].map((each) => each.textContent)")
        self.assertEqual({name for name in names if "\n" not in name} - set(shown), set())
        for view in ("transfers", "files", "channels", "node", "doctor"):
            self.browser("click", on=f"nav a[href='#{view}']")
            self.browser("await", of="section")
            wide = self.browser("script", source="document.documentElement.scrollWidth - innerWidth")
            self.assertLessEqual(wide, 0, view)

    def test_an_invitation_is_a_link_and_what_was_loaded_is_listed(self):
        path = self.path("for a friend.txt")
        path.write_text("for a friend")
        self.bob.run("kp2p-join", "friends of \u00fc")
        invitation = self.bob.lines("kp2p-invite", "--quiet", "--channel", "friends of \u00fc",
                                    self.bob.store(path))[0]
        self.open("files")
        self.browser("click", on="nav a[href='#transfers']")
        self.browser("fill", **{"in": "#link", "with": f" {invitation[:40]} {invitation[40:]} "})
        self.browser("press", key="Enter")
        self.browser("click", on="nav a[href='#files']")
        self.browser("await", of="tr:has-text('for a friend.txt')")
        self.assertIn("friends of \u00fc", self.alice.lines("kp2p-channels"))

    def test_a_page_whose_daemon_was_started_anew_says_what_to_do(self):
        carol = self.daemon("carol")
        self.browser("open", url=address(carol))
        self.browser("await", of="nav a[aria-current]")
        port = carol.status()["api_port"]
        carol.stop()
        self.browser("await", of="#summary:has-text('does not answer')")
        carol.start(api_port=port)
        self.browser("await", of="#notice:has-text('Run kp2p-web to open it again')")

    def test_rates_of_a_channel_are_shown_and_taken_away(self):
        self.alice.run("kp2p-join", "<b>lab")
        self.alice.run("kp2p-limit", "--channel", "<b>lab", "--up", "00:00,2M 00:01,2M")
        self.open("node")
        row = ".channel-limits li"
        self.browser("await", of=f"{row}:has-text('<b>lab: give 2.0 MB/s now; by the hour')")
        self.assertIn("load no limit", self.browser("text", of=row))
        self.browser("click", on=f"{row} button")
        self.browser("gone", of=row)
        self.assertEqual(self.settings()["channels"], [])

    def test_an_address_lets_in_once(self):
        used = address(self.alice)
        self.browser("open", url=used)
        self.browser("await", of="nav a[aria-current]")
        other = Browser()
        self.addCleanup(other.close)
        other("open", url=used)
        other("await", of="#notice:not([hidden])")
        self.assertIn("used before", other("text", of="#notice"))
        self.assertEqual(other("count", of="#view section"), 0)


class Strangers(NetworkCase):
    """Without a browser: what a page of somebody else's, or another user, could send."""

    daemons = ("alice",)

    def ask(self, method, path, headers=(), body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.alice.status()["api_port"],
                                                timeout=10)
        self.addCleanup(connection.close)
        if body is not None:
            headers = {"Content-Type": "application/json", **dict(headers)}
        connection.request(method, path, body=body, headers=dict(headers))
        answer = connection.getresponse()
        return answer, answer.read()

    def session(self):
        token = re.search("#token=([0-9a-f]{64})$", address(self.alice)).group(1)
        answer, body = self.ask("POST", "/v1/web/session", body=json.dumps({"token": token}))
        self.assertEqual(answer.status, 200, body)
        return json.loads(body)["session"]

    def test_the_page_alone_says_nothing_and_lets_nobody_in(self):
        answer, body = self.ask("GET", "/")
        self.assertEqual(answer.status, 200)
        self.assertIn(b"<!doctype html>", body)
        policy = answer.getheader("Content-Security-Policy")
        self.assertIn("default-src 'none'", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        self.assertNotIn("unsafe", policy)
        for path in re.findall(rb'(?:href|src)="(/[^"]+)"', body):
            self.assertEqual(self.ask("GET", path.decode())[0].status, 200, path)
        for path in ("/v1/status", "/v1/events", "/v1/files"):
            self.assertEqual(self.ask("GET", path)[0].status, 401, path)

    def test_a_session_is_asked_for_with_every_request(self):
        session = {"Authorization": f"KP2P-Web {self.session()}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.alice.status()["api_port"],
                                                timeout=10)
        self.addCleanup(connection.close)
        for headers, status in ((session, 200), ({}, 401)):
            connection.request("GET", "/v1/status", headers=headers)
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, status)

    def test_neither_a_foreign_page_nor_a_wrong_session_is_let_in(self):
        session = {"Authorization": f"KP2P-Web {self.session()}"}
        rows = (("another origin", {**session, "Origin": "http://evil.example"}, 403),
                ("another port", {**session, "Origin": "http://127.0.0.1:1"}, 403),
                ("another name", {**session, "Host": "evil.example"}, 403),
                ("another session", {"Authorization": "KP2P-Web " + "0" * 64}, 401),
                ("no session", {"Authorization": "KP2P-Web "}, 401),
                ("its own", session, 200))
        for name, headers, status in rows:
            with self.subTest(name):
                answer, _ = self.ask("POST", "/v1/channels", headers, '{"name":"lab"}')
                self.assertEqual(answer.status, status)

    def test_a_token_is_no_session_and_a_made_up_one_gets_none(self):
        token = address(self.alice)[-64:]
        answer, _ = self.ask("GET", "/v1/status", {"Authorization": f"KP2P-Web {token}"})
        self.assertEqual(answer.status, 401)
        for made_up in ("0" * 64, "", "z"):
            answer, _ = self.ask("POST", "/v1/web/session", body=json.dumps({"token": made_up}))
            self.assertEqual(answer.status, 401, made_up)

    def test_the_file_that_the_browser_gets_is_for_its_user_alone(self):
        done = subprocess.run(
            [self.network.command("kp2p-web")], capture_output=True, timeout=30,
            env={**self.alice.environment(), "BROWSER": shutil.which("true")})
        self.assertEqual(done.returncode, 0, done.stderr)
        page = self.alice.config_dir / "kp2p-web.html"
        self.assertEqual(page.stat().st_mode & 0o777, 0o600)
        self.assertRegex(page.read_text(), r"url=http://127\.0\.0\.1:\d+/#token=[0-9a-f]{64}")
        done = subprocess.run(
            [self.network.command("kp2p-web")], capture_output=True, timeout=30,
            env={**self.alice.environment(), "BROWSER": shutil.which("false")})
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"kp2p-web --print", done.stderr)


if __name__ == "__main__":
    main()
