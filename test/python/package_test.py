"""package_test.py COMMANDS [TEST...]: the Python package against real daemons."""
import concurrent.futures
import contextlib
import datetime
import http.server
import importlib.util
import io
import os
import pathlib
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock
import warnings
from typing import Optional

from case import ABSENT, CHANNEL, Network, ROOT, kp, main, numpy, storage


class Files(Network):
    def test_a_file_goes_across(self):
        content = os.urandom(3 << 20)
        path = self.write("my ü file.dat", content)
        with self.at("alice"):
            uri = kp.store_file(path)
        self.assertRegex(uri, r"^sha1://[0-9a-f]{40}/my")
        with self.at("bob"):
            dest = self.root / "copy"
            self.assertEqual(kp.load_file(uri, dest=dest), str(dest))
            self.assertEqual(dest.read_bytes(), content)
            loaded = kp.load_file(uri)
            self.assertEqual(pathlib.Path(loaded).read_bytes(), content)
            self.assertTrue(loaded.startswith(str(self.root / "bob" / "storage")))

    def test_a_file_that_changes_while_it_is_stored_is_an_error(self):
        from kachery_p2p import _storage

        path = self.write("changing", os.urandom(3 << 20))
        for change in (lambda: os.truncate(path, 1 << 20), lambda: path.write_bytes(b"x" * (3 << 20))):
            with open(path, "rb") as file:
                blocks = _storage.blocks(file, 3 << 20, str(path))
                next(blocks)
                change()
                with self.assertRaisesRegex(kp.FailedError, f"{path}: it changed"):
                    list(blocks)
            path.write_bytes(os.urandom(3 << 20))

    def test_values_go_across(self):
        value = {"text": "ü \u0001", "list": [1, 2.5, None], "dict": {}}
        with self.at("alice"):
            text_uri = kp.store_text("line\r\nü\n")
            json_uri = kp.store_json(value)
            object_uri = kp.store_object(value, basename="my object.json")
        self.assertTrue(text_uri.endswith("/file.txt"))
        self.assertTrue(object_uri.endswith("/my%20object.json"))
        with self.at("bob"):
            self.assertEqual(kp.load_text(text_uri), "line\nü\n")  # as open() reads it
            self.assertEqual(kp.load_bytes(text_uri), "line\r\nü\n".encode())
            self.assertEqual(kp.load_json(json_uri), value)
            self.assertEqual(kp.load_object(object_uri), value)

    @unittest.skipUnless(numpy, "numpy is not installed")
    def test_an_array_goes_across(self):
        array = numpy.arange(12.0).reshape(3, 4)
        with self.at("alice"):
            uri = kp.store_npy(array)
        with self.at("bob"):
            loaded = kp.load_npy(uri)
            numpy.testing.assert_array_equal(loaded, array)
            self.assertEqual(loaded.dtype, array.dtype)
            self.assertIsNone(kp.load_npy(ABSENT))

    @unittest.skipUnless(numpy, "numpy is not installed")
    def test_what_is_like_an_array_becomes_one_and_objects_do_not(self):
        with self.at("alice"):
            numpy.testing.assert_array_equal(kp.load_npy(kp.store_npy([[1, 2], [3, 4]])),
                                             numpy.array([[1, 2], [3, 4]]))
            for objects in ([{"not": "numbers"}], None, numpy.array([1, "x"], object)):
                with self.assertRaisesRegex(kp.UsageError, "no objects of Python.*store_pkl"):
                    kp.store_npy(objects)
            with self.assertRaisesRegex(kp.UsageError, "no mask: store array.filled"):
                kp.store_npy(numpy.ma.masked_array([1, 2], [False, True]))

    def test_ranges_of_bytes(self):
        content = os.urandom(2_500_000)
        with self.at("alice"):
            uri = kp.store_file(self.write("ranges", content))
        with self.at("bob"):
            for start, end in ((0, 10), (1048570, 1048580), (2_499_990, None), (None, None),
                               (2_499_990, 9_999_999), (5, 5), (9_999_999, None), (7, 10**30)):
                with self.subTest(start=start, end=end):
                    self.assertEqual(kp.load_bytes(uri, start, end), content[start:end])
            out = io.BytesIO()
            self.assertEqual(kp.cat_file(uri, file=out), len(content))
            self.assertEqual(out.getvalue(), content)

    def test_a_directory_goes_across(self):
        self.write("dir/top.txt", b"top")
        self.write("dir/inner/ü.txt", b"inner")
        with self.at("alice"):
            uri = kp.store_dir(self.root / "dir", label="my dir")
        self.assertRegex(uri, r"^sha1dir://[0-9a-f]{40}\.my%20dir$")
        with self.at("bob"):
            listed = kp.read_dir(uri)
            self.assertEqual(set(listed["files"]), {"top.txt"})
            self.assertEqual(listed["files"]["top.txt"]["size"], 3)
            self.assertEqual(set(kp.read_dir(uri + "/inner")["files"]), {"ü.txt"})
            self.assertIsNone(kp.read_dir(uri + "/missing"))
            self.assertEqual(kp.load_text(uri + "/inner/ü.txt"), "inner")
            dest = self.root / "dir copy"
            kp.load_file(uri, dest=dest)
            self.assertEqual((dest / "inner" / "ü.txt").read_bytes(), b"inner")

    def test_a_linked_file_is_provided_where_it_lies(self):
        path = self.write("linked", b"linked" * 1000)
        with self.at("alice"):
            uri = kp.link_file(path)
            self.assertEqual(kp.load_file(uri), str(path))
        with self.at("bob"):
            self.assertEqual(kp.load_bytes(uri), b"linked" * 1000)

    def test_who_provides_a_file(self):
        with self.at("alice"):
            uri = kp.store_text("who has me")
            alice = kp.get_node_id()
        with self.at("bob"):
            self.assertEqual(kp.find_file(uri), [{"node": alice, "label": "", "size": 10, "complete": True}])


class Calls(Network):
    """As scripts for kachery_p2p make them."""

    def test_what_means_nothing_here_is_taken_with_a_remark(self):
        with self.at("alice"):
            uri = kp.store_text("text")
            with self.assertWarnsRegex(UserWarning, "without effect: from_node, from_channel"):
                self.assertEqual(kp.load_text(uri, from_node="n", from_channel="c"), "text")
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                self.assertEqual(kp.load_text(uri, from_node=None, from_channel=None), "text")

    def test_what_there_is_no_more_says_what_to_use(self):
        from kachery_p2p import Feed, TemporaryDirectory, load_feed

        self.assertTrue(Optional[Feed])  # as scripts annotate with it
        for call, words in ((lambda: load_feed("feed://x", create=True), "load_feed: feeds are no "),
                            (lambda: kp.get("key"), r"get: values by a name .* file of your own"),
                            (TemporaryDirectory, "tempfile.TemporaryDirectory"),
                            (lambda: kp.load_file("feed://x"), "feed://x: a URI begins with sha1://"),
                            (lambda: kp.load_text("sha1-concat://x/y"), "^sha1-concat://x/y: ")):
            with self.assertRaisesRegex(kp.UsageError, words):
                call()
        self.assertFalse(hasattr(kp, "load_dir"))

    def test_a_name_that_is_none_is_refused_before_anything_is_stored(self):
        path = self.write("named", b"named")
        with self.at("alice"):
            for name in (path, 3, b"name"):
                for call in (lambda: kp.store_file(path, name), lambda: kp.link_file(path, name),
                             lambda: kp.store_text("x", name), lambda: kp.store_dir(self.root, name)):
                    with self.assertRaisesRegex(TypeError, "^a name is a str, not "):
                        call()
            self.assertNotIn("named", [file["name"] for file in kp.list_files()])

    def test_without_the_network_only_the_storage_is_asked(self):
        with self.at("alice"):
            uri = kp.store_text("only alice has it")
        with self.at("bob"), storage(self.root / "bob" / "storage"):
            self.assertIsNone(kp.load_text(uri, p2p=False))
            self.assertEqual(kp.load_text(uri), "only alice has it")
            self.assertEqual(kp.load_text(uri, p2p=False), "only alice has it")

    def test_names_that_were_not_given_are_the_usual_ones(self):
        with self.at("alice"):
            for store, name in ((kp.store_text, "file.txt"), (kp.store_json, "file.json"),
                                (kp.store_pkl, "file.pkl")):
                self.assertTrue(store("x", basename=None).endswith("/" + name))
            self.assertEqual(kp.load_json(kp.store_json(object={"a": 1})), {"a": 1})
            self.assertEqual(kp.load_pkl(kp.store_pkl({"a": (1, 2)})), {"a": (1, 2)})
            self.assertRaises(kp.FailedError, kp.load_pkl, kp.store_text("no pickle"))

    def test_a_path_is_a_file_of_this_computer(self):
        path = self.write("here", b"0123456789")
        with self.at("nobody"):
            self.assertEqual(kp.load_file(path), str(path))
            self.assertEqual(kp.load_file(path, dest=self.root / "there"), str(self.root / "there"))
            self.assertEqual(kp.load_bytes(path, 2, 4), b"23")
            self.assertIsNone(kp.load_file(self.root / "nowhere"))

    def test_what_a_directory_lacks_is_none(self):
        path = self.write("dir/file", b"x").parent
        with self.at("alice"):
            uri = kp.store_dir(path)
            self.assertIsNone(kp.load_file(uri + "/absent"))
            self.assertIsNone(kp.load_bytes(uri + "/absent/deeper"))
            self.assertEqual(kp.load_text(uri + "/file\n"), "x")
            self.assertRaises(kp.UsageError, kp.load_file, uri)  # a whole one needs a place

    def test_a_search_ends_in_time(self):
        with self.at("alice"):
            started = time.monotonic()
            self.assertEqual(kp.find_file(ABSENT, timeout_sec=0.05), [])
            self.assertLess(time.monotonic() - started, 4)
            uri = kp.store_text("found")
            self.assertEqual(len(kp.find_file(uri, timeout_sec=30)), 1)

    @unittest.skipUnless(numpy, "numpy is not installed")
    def test_numbers_of_numpy_are_numbers(self):
        with self.at("alice"):
            uri = kp.store_text("0123456789")
            self.assertEqual(kp.load_bytes(uri, numpy.int64(2), numpy.uint8(4)), b"23")

    def test_a_daemon_ends_with_its_block_and_is_known_by_its_port(self):
        (self.root / "carol").mkdir()
        with kp.start_daemon(bootstrap=["none"], host="127.0.0.1", port=0, api_port=0,
                             storage_dir=str(self.root / "carol"), method="npx", verbose=1,
                             label="Carol's",
                             config_dir=str(self.root / "carol" / "config")) as process:
            port = int((self.root / "carol" / "config" / "api-port").read_text())
            with self.at("carol"):
                node = kp.get_node_id(api_port=port)
                self.assertEqual(kp.status()["label"], "Carol's")
                self.assertEqual(kp.get_channels(api_port=port), [])
            with self.at("alice"):
                self.assertNotEqual(kp.get_node_id(), node)
                self.assertRaises(kp.UnauthorizedError, kp.get_node_id, api_port=port)
        self.assertIsNotNone(process.returncode)

    def test_a_daemon_that_was_asked_to_stop_has_ended_well_when_its_block_ends(self):
        (self.root / "dora").mkdir()
        for _ in range(5):
            with kp.start_daemon(channels=["  dora's\n"], bootstrap=["none"], host="127.0.0.1",
                                 port=0, api_port=0, storage_dir=str(self.root / "dora"),
                                 config_dir=str(self.root / "dora" / "config")) as process:
                with self.at("dora"):
                    kp.join_channel(" dora's ")
                    self.assertEqual(kp.get_channels(), ["dora's"])
                    kp.stop_daemon()
            self.assertEqual(process.returncode, 0)

    def test_pipes_and_what_the_kernel_makes_up_are_stored(self):
        with self.at("alice"):
            fifo = self.root / "fifo"
            os.mkfifo(fifo)
            writer = subprocess.Popen(["sh", "-c", 'echo piped > "$0"', fifo])
            uri = kp.store_file(fifo)
            self.assertEqual(writer.wait(), 0)
            self.assertEqual((kp.load_text(uri), uri[-5:]), ("piped\n", "/fifo"))
            version = kp.store_file("/proc/version")
            self.assertEqual(kp.load_text(version), pathlib.Path("/proc/version").read_text())
        self.assertRaises(kp.UsageError, kp.store_file, "/dev/null")

    def test_the_other_modules_are_there_without_an_import_of_their_own(self):
        words = "import kachery_p2p as kp; print(kp.aio.load_file.__name__, kp.pooch.__name__)"
        done = subprocess.run([sys.executable, "-B", "-c", words], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": str(ROOT / "python")})
        self.assertEqual(done.stdout, "load_file kachery_p2p.pooch\n", done.stderr)
        self.assertRaises(AttributeError, getattr, kp, "aiO")


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


class Channels(Network):
    def test_channels_are_joined_and_left(self):
        with self.at("alice"):
            self.assertEqual(kp.get_channels(), [CHANNEL])
            kp.join_channel("ü second")
            self.assertIn("ü second", kp.get_channels())
            kp.leave_channel("ü second")
            self.assertEqual(kp.get_channels(), [CHANNEL])

    def test_a_name_stands_in_no_argument(self):
        for process in self.processes:
            arguments = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()
            self.assertNotIn(CHANNEL.encode(), arguments)

    def test_two_hundred_at_once_are_all_answered(self):
        with self.at("alice"):
            uri = kp.store_text("for many")
            asked = [kp.get_channels, lambda: kp.load_text(uri)] * 100
            with concurrent.futures.ThreadPoolExecutor(200) as pool:
                answers = list(pool.map(lambda ask: ask(), asked))
        self.assertEqual(answers, [[CHANNEL], "for many"] * 100)

    def test_the_daemon_is_known_over_tcp_as_well(self):
        other = self.root / "other" / "config"
        other.mkdir(parents=True)
        for name in ("api-port", "api-token"):
            shutil.copy(self.root / "alice" / "config" / name, other)
        with self.at("alice"):
            uri, node = kp.store_text("over TCP"), kp.get_node_id()
        with self.at("other"):
            self.assertEqual(kp.get_node_id(), node)
            self.assertEqual(kp.load_bytes(uri), b"over TCP")

    def test_a_node_has_an_id(self):
        with self.at("alice"):
            self.assertRegex(kp.get_node_id(), r"^[0-9a-f]{64}$")


class Package(unittest.TestCase):
    @unittest.skipUnless(all(map(importlib.util.find_spec, ("ensurepip", "setuptools", "wheel"))),
                         "venv, setuptools or wheel is not installed")
    def test_it_is_installed_without_network(self):
        root = pathlib.Path(tempfile.mkdtemp(prefix="kp2p-"))
        self.addCleanup(shutil.rmtree, root)
        shutil.copytree(ROOT / "python", root / "python")  # pip leaves a build folder there

        # pip asks a rustc that it finds for its version, and does not wait long: rustup would make
        # directories in HOME after that is gone.
        path = [folder for folder in os.environ["PATH"].split(os.pathsep)
                if not os.path.exists(os.path.join(folder, "rustup"))]
        environment = {**os.environ, "PATH": os.pathsep.join(path)}

        def run(*arguments):
            done = subprocess.run(arguments, capture_output=True, text=True, cwd=root,
                                  env=environment)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return done.stdout

        run(sys.executable, "-m", "venv", "--system-site-packages", "venv")
        run("venv/bin/pip", "install", "--no-index", "--no-build-isolation", "./python")
        where = run("venv/bin/python", "-c", "import kachery_p2p; print(kachery_p2p.__file__)")
        self.assertTrue(where.startswith(str(root / "venv")), where)
        self.assertTrue((pathlib.Path(where.strip()).parent / "py.typed").exists())
        lazily = "import sys, kachery_p2p; print({'fsspec', 'numpy', 'tqdm'} & {*sys.modules})"
        self.assertEqual(run("venv/bin/python", "-c", lazily), "set()\n")
        known = "from importlib.metadata import distribution as d; " \
                "print(sorted((e.name, e.load().protocol) for e in d('kachery_p2p').entry_points " \
                "if e.group == 'fsspec.specs'))"
        if importlib.util.find_spec("fsspec"):
            self.assertEqual(run("venv/bin/python", "-c", known),
                             "[('sha1', 'sha1'), ('sha1dir', 'sha1dir')]\n")
            opened = "import fsspec; print(fsspec.get_filesystem_class('sha1dir').protocol)"
            self.assertEqual(run("venv/bin/python", "-c", opened), "sha1dir\n")


if __name__ == "__main__":
    main()
