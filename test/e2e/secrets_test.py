#!/usr/bin/env python3
"""What a command must not do by accident: show a channel's name, or write where nobody meant."""
import grp
import hashlib
import http.server
import os
import shutil
import subprocess
import threading
import unittest

from case import NetworkCase, main
from network import Failed, random_file

HASH = "1234567890123456789012345678901234567890"


class Channels(NetworkCase):
    """A name is a secret, and arguments are for every user of the computer to read."""

    daemons = ("alice",)

    def with_input(self, text, *arguments, check=True):
        done = subprocess.run([self.network.command(arguments[0]), *arguments[1:]], input=text,
                              env=self.alice.environment(), capture_output=True, timeout=60)
        if check:
            self.assert_ends(done, 0)
        return done

    def test_names_come_from_standard_input_or_a_file(self):
        self.with_input("first ü\nnot read\n".encode(), "kp2p-join", "-")
        file = self.path("names")
        file.write_text("second\n\nthird")
        self.with_input(b"", "kp2p-join", "--channel-file", str(file))
        names = set(self.alice.lines("kp2p-channels"))
        self.assertLessEqual({"first ü", "second", "third"}, names)
        self.assertNotIn("not read", names)
        self.with_input(b"second\r\nthird\n", "kp2p-leave", "--channel-file", "-")
        self.assertFalse({"second", "third"} & set(self.alice.lines("kp2p-channels")))

    def test_what_is_no_name_is_said(self):
        missing = str(self.path("missing"))
        rows = [(b"", ["-"], 2), (b"\n", ["-"], 2), (b"x" * 300, ["-"], 2), (b"a\0b\n", ["-"], 2),
                (b"", [], 2), (b"", ["x", "--channel-file", "-"], 2),
                (b"", ["--channel-file", missing], 1)]
        for text, arguments, status in rows:
            with self.subTest((text, arguments)):
                done = self.with_input(text, "kp2p-join", *arguments, check=False)
                self.assert_ends(done, status, missing if status == 1 else "")

    def test_a_daemon_reads_them_from_a_file(self):
        file = self.path("names")
        file.write_text("of a file\nand another\n")
        bob = self.daemon("bob", channels=(), flags=("--channel-file", file))
        self.assertEqual(set(bob.lines("kp2p-channels")), {"of a file", "and another"})
        with self.assertRaises(Failed):
            self.daemon("carol", channels=(), flags=("--channel-file", self.path("missing")))


def as_user(user, group, *words):
    return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *map(str, words)]


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs root and setpriv")
class SeveralUsers(NetworkCase):
    """One node, of a user of its own, for those who are in its group."""

    owner, member, stranger = 61001, 61002, 61003

    def setUp(self):
        super().setUp()
        self.group = grp.getgrgid(os.stat("/etc/shadow").st_gid or 42)
        os.chmod(self.root, 0o755)
        if subprocess.run(as_user(self.owner, self.owner, self.network.command("kp2p-status"), "--version"),
                          capture_output=True).returncode != 0:
            self.skipTest("other users cannot run the commands here")
        self.node = self.idle("node")
        self.place = self.path("run")
        self.place.mkdir()
        self.socket = self.place / "api.sock"
        for path in (self.place, self.node.config_dir, self.node.storage_dir, self.node.config_dir.parent):
            os.chown(path, self.owner, self.group.gr_gid)
        os.chmod(self.node.config_dir, 0o700)

    def start(self, *flags):
        self.node.start(flags=["--api-socket", self.socket, *flags],
                        under=as_user(self.owner, self.group.gr_gid))

    def ask(self, user, group, command="kp2p-status", *arguments):
        home = self.path(f"home-{user}")
        home.mkdir(exist_ok=True)
        os.chown(home, user, group)
        environment = {"HOME": str(home), "PATH": os.environ["PATH"], "KACHERY_P2P_API_SOCKET": str(self.socket)}
        return subprocess.run(as_user(user, group, self.network.command(command), *arguments), env=environment,
                              cwd=home, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    def test_a_group_may_use_it_and_nobody_else(self):
        self.start("--api-group", self.group.gr_name)
        self.assertEqual(self.socket.stat().st_mode & 0o777, 0o660)
        path = self.path("shared.dat")
        sha1 = random_file(path, 100_000)
        os.chmod(self.node.storage_dir, 0o2775)
        uri = self.node.store(path)
        self.assert_ends(self.ask(self.member, self.group.gr_gid), 0)
        loaded = self.ask(self.member, self.group.gr_gid, "kp2p-load", uri, "--dest", "mine.dat")
        self.assert_ends(loaded, 0)
        mine = self.path(f"home-{self.member}") / "mine.dat"
        self.assertEqual(hashlib.sha1(mine.read_bytes()).hexdigest(), sha1)
        self.assertEqual(mine.stat().st_uid, self.member)
        self.assert_ends(self.ask(self.stranger, self.stranger), 1, "Permission denied")

    def test_a_group_without_a_name_is_a_number(self):
        for group in (str(self.group.gr_gid), f"+{self.group.gr_gid}"):
            with self.subTest(group):
                self.start("--api-group", group)
                self.assertEqual(self.socket.stat().st_gid, self.group.gr_gid)
                self.assertEqual(self.socket.stat().st_mode & 0o777, 0o660)
                self.node.stop()

    def test_without_a_group_it_is_for_its_owner(self):
        self.start()
        self.assertEqual(self.socket.stat().st_mode & 0o777, 0o600)
        self.assert_ends(self.ask(self.owner, self.group.gr_gid), 0)
        self.assert_ends(self.ask(self.member, self.group.gr_gid), 1, "Permission denied")

    def test_where_anybody_could_have_made_it_it_is_not_believed(self):
        self.start("--api-group", self.group.gr_name)
        os.chmod(self.place, 0o777)
        self.assert_ends(self.ask(self.member, self.group.gr_gid), 1, "belongs to another user")
        os.chmod(self.place, 0o755)
        os.chown(self.place, self.stranger, self.group.gr_gid)
        self.assert_ends(self.ask(self.member, self.group.gr_gid), 1, "belongs to another user")

    def test_what_makes_no_sense_is_said(self):
        for flags, words in ((["--api-group", "root"], "--api-socket"),
                             *((["--api-socket", self.socket, "--api-group", group], group)
                               for group in ("no-such-group", "+", "-1", "1x", "4294967295", "4294967296"))):
            with self.subTest(flags):
                done = self.node.run("kp2p-start-daemon", *flags, check=False)
                self.assert_ends(done, 2, words)
                self.assertFalse(os.path.lexists(self.socket))


class Descriptors(NetworkCase):
    """A command whose standard descriptors are closed must not take its own files for them."""

    daemons = ("alice",)

    def closed(self, which, *arguments):
        script = " ".join(f"{number}>&-" for number in which)
        return subprocess.run(
            ["sh", "-c", f'exec "$@" {script}', "sh", self.network.command(arguments[0]),
             *map(str, arguments[1:])], env=self.alice.environment(), capture_output=True,
            timeout=60)

    def test_data_with_nowhere_to_go_is_an_error_and_is_written_nowhere(self):
        path = self.path("file")
        path.write_bytes(b"x" * 100_000)
        uri = self.alice.store(path)
        for arguments in (["kp2p-cat", uri], ["kp2p-load", uri], ["kp2p-store", path],
                          ["kp2p-status"], ["kp2p-channels"], ["kp2p-load", uri, "--dest", "-"],
                          ["kp2p-cat", "--help"]):
            with self.subTest(arguments):
                done = self.closed((0, 1), *arguments)
                self.assert_ends(done, 1, "Bad file descriptor")
        self.assertEqual(self.closed((0, 1, 2), "kp2p-cat", uri).returncode, 1)
        self.assertEqual(self.alice.run("kp2p-cat", uri).stdout, path.read_bytes())

    def test_files_are_not_taken_for_standard_descriptors(self):
        path = self.path("file")
        path.write_bytes(os.urandom(100_000))
        uri = self.alice.store(path)
        dest = self.path("copy")
        self.closed((0, 1, 2), "kp2p-load", uri, "--dest", dest)
        self.assertEqual(dest.read_bytes(), path.read_bytes())

    def test_a_daemon_without_them_works(self):
        script = 'exec "$@" 0<&- 1>&- 2>&-'
        bob = self.daemon("bob", under=["sh", "-c", script, "sh"])
        path = self.path("file")
        path.write_bytes(os.urandom(100_000))
        self.assertEqual(bob.load(bob.store(path)).read_bytes(), path.read_bytes())


class Impostor(NetworkCase):
    """Whoever listens where the daemon might be is believed nothing, and learns nothing."""

    daemons = ("alice",)

    def setUp(self):
        super().setUp()
        self.heard = []
        heard = self.heard

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                heard.append(str(self.headers).encode() + self.path.encode())
                heard.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(self.server.answer)

            do_POST = do_DELETE = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.answer = b"<html>hello</html>\n"
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def test_it_is_not_believed(self):
        idle = self.idle("nobody")
        token = "5" * 64
        (idle.config_dir / "api-token").write_text(token)
        (idle.config_dir / "api-port").write_text(str(self.server.server_port))
        nonce = "1" * 64
        for answer in (b"<html>hello</html>\n", b"{}", b'{"channels":[],"node":"x"}',
                       f'{{"nonce":"{nonce}","proof":"{nonce}"}}'.encode(), b""):
            self.server.answer = answer
            for command in (["kp2p-status"], ["kp2p-channels"], ["kp2p-join", "the secret"],
                            ["kp2p-leave", "the secret"], ["kp2p-stop-daemon"],
                            ["kp2p-load", f"sha1://{HASH}/x"], ["kp2p-cat", f"sha1://{HASH}/x"],
                            ["kp2p-find", f"sha1://{HASH}/x"], ["kp2p-ls", f"sha1dir://{HASH}"]):
                with self.subTest((answer, command)):
                    done = idle.run(*command, check=False)
                    self.assert_ends(done, 1, f"is not the daemon of {idle.config_dir}")
                    self.assertEqual(done.stdout, b"")
        heard = b"".join(self.heard)
        for secret in (token, "the secret", HASH):
            self.assertNotIn(secret.encode(), heard)

    def test_the_daemon_itself_is_known_over_tcp_as_well(self):
        other = self.idle("other")
        for name in ("api-port", "api-token"):
            shutil.copy(self.alice.config_dir / name, other.config_dir)
        self.assertEqual(other.status()["node"], self.alice.status()["node"])
        path = self.path("file")
        path.write_bytes(b"x" * 3_000_000)
        self.assertEqual(other.run("kp2p-cat", self.alice.store(path)).stdout, path.read_bytes())
        (other.config_dir / "api-token").write_text("0" * 64 + "\n")
        self.assert_ends(other.run("kp2p-status", check=False), 1, "is not the daemon of")


class Words(NetworkCase):
    daemons = ("alice",)

    def test_what_was_misused_is_named(self):
        uri = f"sha1://{HASH}/x"
        rows = [(["kp2p-load", "--desk", "x", uri], "--desk"),
                (["kp2p-load", uri, "--desk=x"], "--desk"),
                (["kp2p-load", uri, "--desk"], "--desk"),
                (["kp2p-load", "--desk"], "--desk"),
                (["kp2p-cat", uri, "--start", "9", "--end", "3"], "--end 3 is before --start 9"),
                (["kp2p-cat", uri, "--start", "x"], "--start"),
                (["kp2p-status", "--api-port", "x"], "--api-port"),
                (["kp2p-status", "--config-dir", ""], "--config-dir"),
                (["kp2p-store", "--storage-dir", "", "x"], "--storage-dir"),
                (["kp2p-load", uri, "--dest"], "--dest")]
        for arguments, words in rows:
            with self.subTest(arguments):
                self.assert_ends(self.alice.run(*arguments, check=False), 2, words)

    def test_what_is_missing_is_named(self):
        missing = self.path("missing")
        self.assert_ends(self.alice.run("kp2p-store", missing, check=False), 1,
                         f"{missing}: No such file or directory")


if __name__ == "__main__":
    main()
