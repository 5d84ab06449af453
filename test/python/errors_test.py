"""errors_test.py COMMANDS [TEST...]: what the Python package says when something fails."""
import contextlib
import datetime
import hashlib
import http.server
import io
import json
import os
import pathlib
import re
import resource
import shutil
import socket
import socketserver
import tempfile
import threading
import time
import unittest
import unittest.mock

from case import ABSENT, Network, kp, main, numpy, storage


GONE = hashlib.sha1(b"gone").hexdigest()


@contextlib.contextmanager
def no_descriptors():
    """As in a process that leaks them."""
    kp._link.drop_idle()
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, usual[1]))
    held = []
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)
        for fd in held:
            os.close(fd)


class Failures(Network):
    def test_what_nobody_provides_is_none(self):
        with self.at("bob"):
            for load in (kp.load_file, kp.load_text, kp.load_json, kp.load_bytes, kp.cat_file):
                with self.subTest(load.__name__):
                    self.assertIsNone(load(ABSENT))
            self.assertEqual(kp.find_file(ABSENT), [])
            self.assertIsNone(kp.read_dir("sha1dir://" + "7" * 40))

    def test_each_failure_has_its_class(self):
        rows = [
            (kp.UsageError, lambda: kp.load_file("sha1://short")),
            (kp.UsageError, lambda: kp.load_bytes(ABSENT, 5, 1)),
            (kp.UsageError, lambda: kp.load_bytes(ABSENT, -1)),
            (kp.UsageError, lambda: kp.read_dir(ABSENT)),
            (kp.UsageError, lambda: kp.join_channel("")),
            (kp.UsageError, lambda: kp.leave_channel("not joined")),
            (kp.UsageError, lambda: kp.load_file(ABSENT, dest="")),
            (kp.UsageError, lambda: kp.load_file(ABSENT, dest="a\0b")),
            (kp.UsageError, lambda: kp.store_file("a\0b")),
            (kp.UsageError, lambda: kp.store_text("x", basename="a/b")),
            (kp.UsageError, lambda: kp.store_text("half \udcff")),
            (kp.UsageError, lambda: kp.load_file("sha1://" + "1" * 40 + "/half \udcff")),
            (kp.UsageError, lambda: kp.join_channel("half \udcff")),
            (kp.UsageError, lambda: kp.status(api_port="x")),
            (kp.UsageError, lambda: kp.status(api_port=1 << 16)),
            (kp.UsageError, lambda: kp.status(api_port=-1)),
            (kp.UsageError, lambda: kp.store_dir(self.root, label="..")),
            (kp.UsageError, lambda: kp.start_daemon(channels="lab")),
            (kp.UsageError, lambda: kp.start_daemon(channels=["two\nlines"])),
            (kp.FailedError, lambda: kp.store_file(self.root / "missing")),
        ]
        with self.at("alice"):
            for kind, action in rows:
                with self.subTest(kind.__name__), self.assertRaises(kind) as raised:
                    action()
                self.assertIsInstance(raised.exception, kp.Error)
                self.assertTrue(str(raised.exception))
                self.assertNotIn("JSON", str(raised.exception))
            for text in (b"bytes", None, 5):
                with self.subTest(text), self.assertRaisesRegex(TypeError, "text is a str"):
                    kp.store_text(text)

    def test_a_wrong_argument_is_named(self):
        rows = [("^timeout= is a number of seconds, not 'soon'", lambda: kp.load_text(ABSENT, timeout="soon")),
                ("^timeout= is a number", lambda: kp.load_text(ABSENT, timeout=datetime.timedelta(seconds=1))),
                ("^wait= is a number", lambda: kp.load_text(ABSENT, wait="yes")),
                ("^progress= is True, False or a function, not 1", lambda: kp.load_text(ABSENT, progress=1)),
                ("^channels= is a list of strings, not 'x'", lambda: kp.start_daemon(channels="x")),
                ("^channels= is a list", lambda: kp.start_daemon(channels=None)),
                ("^bootstrap= is a list", lambda: kp.start_daemon(bootstrap=[3])),
                ("^no path: 'a.*b'", lambda: kp.store_file("a\ud800b")),
                ("^/dev/null: it is no file", lambda: kp.link_file("/dev/null")),
                ("^sha1://zz: the SHA-1 after :// has 40", lambda: kp.load_text("sha1://zz")),
                ("^sha1://zz: the SHA-1 after :// has 40", lambda: kp.pin("sha1://zz"))]
        with self.at("alice"):
            for words, call in rows:
                with self.subTest(words), self.assertRaisesRegex(kp.UsageError, words):
                    call()

    def test_an_error_names_what_was_asked_for(self):
        with self.at("alice"):
            for call in (lambda: kp.load_text(ABSENT, missing="raise"), lambda: kp.open(ABSENT),
                         lambda: kp.remove(ABSENT), lambda: kp.pin(ABSENT), lambda: kp.verify(ABSENT)):
                with self.assertRaisesRegex(kp.NotFoundError, f"^{ABSENT}: [^/]*$"):
                    call()
            self.assertEqual(kp.find_file(ABSENT), [])
            self.assertRegex(str(kp.why()), f"^{ABSENT}: ")
        with self.at("nobody"), self.assertRaisesRegex(kp.NoDaemonError, f"^{ABSENT}: "):
            kp.load_text(ABSENT)

    def test_of_a_file_in_a_directory_the_uri_that_was_given_and_its_own_are_named(self):
        with self.at("alice"):
            listing = kp.store_file(self.write("listing", json.dumps({"files": {}, "dirs": {"inner": {
                "files": {"gone.txt": {"size": 4, "sha1": GONE}}, "dirs": {}}}}).encode()))
        uri = f"sha1dir://{listing[7:47]}.folder"
        both = re.escape(f"{uri}/inner/gone.txt (sha1://{GONE}): ")
        for name in ("bob", "nobody"):
            with self.at(name), storage(self.root / "alice" / "storage"):
                for call in (lambda **how: kp.load_file(f"{uri}/inner/gone.txt", **how),
                             lambda **how: kp.load_text(f"{uri}/inner/gone.txt", **how),
                             lambda **how: kp.load_bytes(f"{uri}/inner/gone.txt", 2, **how),
                             lambda **_: kp.open(f"{uri}/inner/gone.txt")):
                    with self.assertRaisesRegex(kp.Error, "^" + both):
                        call(missing="raise")
        with self.at("bob"), self.assertRaisesRegex(kp.NotFoundError, re.escape(
                f"{uri}: inner/gone.txt (sha1://{GONE}): ")):
            kp.load_file(uri, dest=self.root / "to", missing="raise")
        with self.at("nobody"), storage(self.root / "alice" / "storage"), \
                self.assertRaisesRegex(kp.NoDaemonError, "^" + both):
            kp.load_file(uri, dest=self.root / "to")

    def test_that_no_descriptors_are_left_is_said(self):
        with self.at("alice"):
            uri = kp.store_text("whole")
        calls = (lambda: kp.load_text(uri), lambda: kp.load_text(uri, p2p=False),
                 lambda: kp.load_file(uri, p2p=False), lambda: kp.store_text("x"),
                 lambda: kp.store_file(path), lambda: kp.status(), lambda: kp.open(uri),
                 lambda: kp.start_daemon())
        path = self.write("some", b"x")
        for name in ("alice", "nobody"):
            with self.at(name), storage(self.root / "alice" / "storage"), no_descriptors():
                for call in calls:
                    with self.assertRaisesRegex(kp.FailedError, "no file descriptors left .ulimit -n.: close"):
                        call()

    def test_a_name_of_any_bytes_goes_into_the_uri(self):
        path = self.write(os.fsdecode(b"\xff"), b"odd")
        for name in ("alice", "nobody"):
            with self.at(name), storage(self.root / "alice" / "storage"):
                self.assertEqual(kp.store_file(path)[48:], "%FF")
                self.assertRaisesRegex(kp.UsageError, "not UTF-8", kp.link_file, path)
        with self.at("bob"):
            self.assertEqual(kp.load_text(kp.store_file(path)), "odd")

    def test_json_is_read_as_editors_write_it(self):
        with self.at("alice"):
            for content in (b'\xef\xbb\xbf{"a": "\xc3\xbc"}', '{"a": "ü"}'.encode("utf-16")):
                self.assertEqual(kp.load_json(kp.store_file(self.write("content", content))), {"a": "ü"})

    def test_content_of_another_kind_is_an_error(self):
        with self.at("alice"):
            noise, text, array, wrong = (
                kp.store_file(self.write("content", content))
                for content in (b"\xff\xfe", b"{", b"[]", b'{"dirs": []}'))
        rows = [(kp.load_text, noise), (kp.load_json, noise), (kp.load_json, text)]
        rows += [(kp.read_dir, "sha1dir" + uri[4:47]) for uri in (noise, text, array, wrong)]
        rows += [(kp.read_dir, "sha1dir" + array[4:47] + "/inner")]
        pickles = (b"hello", b"cno.such\nthing\n.", b"S'\xff'\n.", b"\x80c.", b"\x95" * 9, b"F1x\n.")
        arrays = (b"{", b"PK\3\4 no zip", b"\x93NUMPY\1\0\x40\0" + b"(" * 64)
        with self.at("alice"):
            for load, contents in ((kp.load_pkl, pickles), (kp.load_npy, arrays if numpy else ())):
                rows += [(load, kp.store_file(self.write("content", one))) for one in contents]
            for load, uri in rows:
                with self.subTest((load.__name__, uri)), self.assertRaises(kp.FailedError):
                    load(uri)

    def test_a_directory_is_wanted_where_one_is_stored(self):
        path = self.write("no directory", b"a file")
        for name in ("alice", "nobody"):
            with self.at(name), self.assertRaisesRegex(kp.UsageError, "it is no directory"):
                kp.store_dir(path, label="label")

    def test_without_a_daemon(self):
        with self.at("nobody"), self.assertRaisesRegex(kp.NoDaemonError, "kp2p-start-daemon starts one$"):
            kp.load_file(ABSENT)

    def test_that_the_daemon_is_another_computers_is_said(self):
        for name, content in (("lock", b"other"), ("api-port", b"1\n")):
            self.write(f"shared/config/{name}", content)
        with self.at("shared"), self.assertRaisesRegex(kp.NoDaemonError, "/shared/config was started on other: "):
            kp.status()

    def test_with_a_wrong_token(self):
        stolen = self.root / "stolen" / "config"
        stolen.mkdir(parents=True)
        shutil.copy(self.root / "alice" / "config" / "api-port", stolen)
        (stolen / "api-token").write_text("0" * 64 + "\n")
        with self.at("stolen"), self.assertRaises(kp.UnauthorizedError):
            kp.get_node_id()

    def test_another_users_daemon_at_the_usual_port_is_none(self):
        port = int((self.root / "alice" / "config" / "api-port").read_text())
        with self.at("nobody"), unittest.mock.patch("kachery_p2p._link._default_port", port):
            with self.assertRaisesRegex(kp.NoDaemonError, "is not the daemon of"):
                kp.get_node_id()
            with storage(self.root / "bob" / "storage"):
                self.assertEqual(kp.load_text(kp.store_text("here")), "here")

    def test_a_start_that_is_interrupted_leaves_nothing_running(self):
        started = []

        def interrupted(process):
            started.append(process)
            raise KeyboardInterrupt

        with unittest.mock.patch("kachery_p2p._daemon._await_ready", interrupted):
            with self.assertRaises(KeyboardInterrupt):
                self.start("carol")
        self.addCleanup(started[0].kill)
        self.assertIsNotNone(started[0].poll())

    def test_a_second_daemon_in_one_directory(self):
        with self.assertRaises(kp.LimitReachedError):
            self.start("alice")


class FalseDaemon(unittest.TestCase):
    """One that answers what no daemon should, or is cut off."""

    def setUp(self):
        self.config = pathlib.Path(tempfile.mkdtemp(prefix="kp2p-"))
        self.addCleanup(shutil.rmtree, self.config)
        os.environ["KACHERY_P2P_CONFIG_DIR"] = str(self.config)

    @contextlib.contextmanager
    def answering(self, content, status=200):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self):
                self.send_response(status)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        path = self.config / "api.sock"
        with socketserver.UnixStreamServer(str(path), Handler) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            yield
            thread.join()
        path.unlink()

    def test_what_it_says_is_an_error_of_the_package(self):
        piece = b"\2\0\0\0ab"
        not_found = b'\0\0\0\0{"event":"error","code":"not_found","message":"gone"}\n'
        rows = [
            (kp.ClosedError, kp.find_file, b'{"event":"provi'),
            (kp.ClosedError, kp.find_file, b""),
            (kp.FailedError, kp.find_file, b'{"event":"result"}\n'),
            (kp.FailedError, kp.find_file, b"<html>\n"),
            (kp.FailedError, kp.load_file, b'{"event":"result"}\n'),
            (kp.FailedError, kp.find_file, b"[]\n"),
            (kp.FailedError, kp.find_file, b"\xff\n"),
            (kp.ClosedError, kp.load_bytes, piece + b'\0\0\0\0{"event":"res'),
            (kp.ClosedError, kp.load_bytes, piece + b"\2\0"),
            (kp.FailedError, kp.load_bytes, piece + b"\0\0\0\0nonsense\n"),
            (kp.NotFoundError, lambda uri: kp.cat_file(uri, file=io.BytesIO()), piece + not_found),
        ]
        for kind, ask, content in rows:
            with self.subTest(content), self.answering(content), self.assertRaises(kind):
                ask(ABSENT)
        rows = [(kp.FailedError, 200, b"<html>hello</html>"), (kp.FailedError, 200, b"{}"),
                (kp.FailedError, 404, b"not here"), (kp.FailedError, 500, b"[]"),
                (kp.LimitReachedError, 429, b'{"code":"limit_reached","message":"x"}')]
        for kind, status, content in rows:
            with self.subTest(content), self.answering(content, status), self.assertRaises(kind):
                kp.get_channels()

    def test_ranges_come_in_one_answer(self):
        from kachery_p2p import _api

        frames = b"\2\0\0\0ab\1\0\0\0c"
        end = b'\0\0\0\0{"event":"result","bytes":3,"ranges":[2,0,1]}\n'
        spans = [(0, 2), (9, 10), (5, 6)]
        with self.answering(frames + end):
            self.assertEqual(_api.ranges({"uri": ABSENT}, spans), [b"ab", b"", b"c"])
        # It sent the whole file, and a larger one.
        for content in (frames + end.replace(b"ranges", b"others"), frames + frames):
            with self.subTest(content), self.answering(content):
                with self.assertRaises(kp.FailedError):
                    _api.ranges({"uri": ABSENT}, spans)

    def test_one_that_says_a_byte_now_and_then_is_not_waited_for(self):
        def drip(listener):
            connection = listener.accept()[0]
            with contextlib.suppress(OSError), connection:
                for _ in range(100):
                    connection.sendall(b"H")
                    time.sleep(0.05)

        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=drip, args=[listener])
            thread.start()
            with unittest.mock.patch("kachery_p2p._link.answer_seconds", 0.5):
                self.assertRaises(kp.TimedOutError, kp.get_channels,
                                  api_port=listener.getsockname()[1])
            thread.join()

    def test_findings_go_with_the_error(self):
        lines = {
            b'[{"stage":"search","code":"all_lack"},3]': [{"stage": "search", "code": "all_lack"}],
            b'"none"': [],
        }
        for findings, expected in lines.items():
            content = (b'{"event":"error","code":"timed_out","message":"x","findings":' + findings +
                       b"}\n")
            with self.subTest(findings), self.answering(content):
                with self.assertRaises(kp.TimedOutError) as raised:
                    kp.find_file(ABSENT)
                self.assertEqual(raised.exception.findings, expected)

    def test_why_there_is_none_is_logged(self):
        content = (b'{"event":"error","code":"not_found","message":"it is nowhere",'
                   b'"findings":[{"stage":"search","code":"all_lack"}]}\n')
        with self.answering(content), self.assertLogs("kachery_p2p", "INFO") as logged:
            self.assertEqual(kp.find_file(ABSENT), [])
        self.assertEqual(logged.output, [f"INFO:kachery_p2p:{ABSENT}: it is nowhere [search all_lack]"])

    def test_while_bytes_come_somebody_gives_them(self):
        told = []
        lines = [b'{"event":"progress","verified_bytes":%d,"size_bytes":9,"providers":%d}\n' % row
                 for row in ((0, 0), (1, 2), (2, 0), (9, 0))]
        path = self.config / "file"
        path.write_bytes(b"123456789")
        result = b'{"event":"result","path":"%s"}\n' % os.fsencode(path)
        with self.answering(b"".join(lines) + result):
            kp.load_file(ABSENT, progress=lambda *now: told.append(now))
        self.assertEqual(told, [(0, 9, 0), (1, 9, 2), (2, 9, 2), (9, 9, 2)])

    def test_one_that_has_gone_is_none_and_one_that_is_busy_is(self):
        path = str(self.config / "api.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            with self.assertRaises(kp.NoDaemonError):
                kp.get_channels()
            listener.listen(0)
            waiting = []
            with contextlib.suppress(BlockingIOError):
                while True:  # its queue is full then
                    waiting.append(socket.socket(socket.AF_UNIX))
                    waiting[-1].setblocking(False)
                    waiting[-1].connect(path)
            with unittest.mock.patch("kachery_p2p._link.answer_seconds", 0.1):
                with self.assertRaises(kp.TimedOutError):
                    kp.get_channels()
            for one in waiting:
                one.close()


if __name__ == "__main__":
    main()
