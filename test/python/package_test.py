"""package_test.py COMMANDS [TEST...]: the Python package against real daemons: alice, who stores,
and bob, who loads, in one channel on a network of their own on loopback."""
import contextlib
import http.server
import importlib.util
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "python"))

import kachery_p2p as kp  # noqa: E402

try:
    import numpy
except ImportError:
    numpy = None

CHANNEL = "the package's channel"
ABSENT = "sha1://" + "7" * 40 + "/absent"


class Network(unittest.TestCase):
    """One network for all tests of a class; `at(name)` makes a daemon the one that kp talks to."""

    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="kp2p-"))
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        for key in [key for key in os.environ if key.startswith("KACHERY_")]:
            del os.environ[key]
        os.environ["HOME"] = str(cls.root)
        bootstrap = subprocess.Popen(
            ["kp2p-bootstrap", "--host", "127.0.0.1", "--port", "0"], text=True,
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        cls.addClassCleanup(cls.end, bootstrap)
        cls.bootstrap = re.search(r"[\d.]+:\d+", bootstrap.stderr.readline()).group()
        for name in ("alice", "bob"):
            cls.start(name)

    @classmethod
    def start(cls, name):
        storage = cls.root / name / "storage"
        storage.mkdir(parents=True, exist_ok=True)
        process = kp.start_daemon(
            channels=[CHANNEL], bootstrap=[cls.bootstrap], host="127.0.0.1", port=0, api_port=0,
            storage_dir=str(storage), config_dir=str(cls.root / name / "config"))
        cls.addClassCleanup(cls.end, process)

    @staticmethod
    def end(process):
        process.terminate()
        process.wait(10)
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()

    @contextlib.contextmanager
    def at(self, name):
        os.environ["KACHERY_P2P_CONFIG_DIR"] = str(self.root / name / "config")
        yield

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


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

    def test_values_go_across(self):
        value = {"text": "ü \u0001", "list": [1, 2.5, None], "dict": {}}
        with self.at("alice"):
            text_uri = kp.store_text("line\r\nü\n")
            json_uri = kp.store_json(value)
            object_uri = kp.store_object(value, basename="my object.json")
        self.assertTrue(text_uri.endswith("/file.txt"))
        self.assertTrue(object_uri.endswith("/my%20object.json"))
        with self.at("bob"):
            self.assertEqual(kp.load_text(text_uri), "line\r\nü\n")
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
            with self.assertRaises(ValueError):
                kp.store_npy([{"not": "numbers"}])

    def test_ranges_of_bytes(self):
        content = os.urandom(2_500_000)
        with self.at("alice"):
            uri = kp.store_file(self.write("ranges", content))
        with self.at("bob"):
            for start, end in ((0, 10), (1048570, 1048580), (2_499_990, None), (None, None),
                               (2_499_990, 9_999_999), (5, 5), (9_999_999, None)):
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
            self.assertEqual(kp.find_file(uri), [{"node": alice, "size": 10, "complete": True}])


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
            (kp.UsageError, lambda: kp.load_file(ABSENT, dest=os.fsdecode(b"\xff"))),
            (kp.UsageError, lambda: kp.store_text("x", basename="a/b")),
            (kp.UsageError, lambda: kp.store_dir(self.root, label="..")),
            (kp.UsageError, lambda: kp.start_daemon(channels="lab")),
            (kp.FailedError, lambda: kp.store_file(self.root / "missing")),
        ]
        with self.at("alice"):
            for kind, action in rows:
                with self.subTest(kind.__name__), self.assertRaises(kind) as raised:
                    action()
                self.assertIsInstance(raised.exception, kp.Error)
                self.assertTrue(str(raised.exception))

    def test_content_of_another_kind_is_an_error(self):
        with self.at("alice"):
            noise, text, array, wrong = (
                kp.store_file(self.write("content", content))
                for content in (b"\xff\xfe", b"{", b"[]", b'{"dirs": []}'))
        rows = [(kp.load_text, noise), (kp.load_json, noise), (kp.load_json, text)]
        rows += [(kp.read_dir, "sha1dir" + uri[4:47]) for uri in (noise, text, array, wrong)]
        rows += [(kp.read_dir, "sha1dir" + array[4:47] + "/inner")]
        rows += [(kp.load_npy, text)] if numpy else []
        with self.at("alice"):
            for load, uri in rows:
                with self.subTest((load.__name__, uri)), self.assertRaises(kp.FailedError):
                    load(uri)

    def test_without_a_daemon(self):
        with self.at("nobody"), self.assertRaises(kp.NoDaemonError):
            kp.load_file(ABSENT)

    def test_with_a_wrong_token(self):
        stolen = self.root / "stolen" / "config"
        stolen.mkdir(parents=True)
        shutil.copy(self.root / "alice" / "config" / "api-port", stolen)
        (stolen / "api-token").write_text("0" * 64 + "\n")
        with self.at("stolen"), self.assertRaises(kp.UnauthorizedError):
            kp.get_node_id()

    def test_a_second_daemon_in_one_directory(self):
        with self.assertRaises(kp.LimitReachedError):
            self.start("alice")


class FalseDaemon(unittest.TestCase):
    """One that answers what no daemon should, or is cut off."""

    @contextlib.contextmanager
    def answering(self, content):
        config = pathlib.Path(tempfile.mkdtemp(prefix="kp2p-"))
        self.addCleanup(shutil.rmtree, config)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            (config / "api-port").write_text(str(server.server_port))
            os.environ["KACHERY_P2P_CONFIG_DIR"] = str(config)
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            yield
            thread.join()

    def test_what_it_says_is_an_error_of_the_package(self):
        piece = b"\2\0\0\0ab"
        not_found = b'\0\0\0\0{"event":"error","code":"not_found","message":"gone"}\n'
        rows = [
            (kp.NoDaemonError, kp.find_file, b'{"event":"provi'),
            (kp.NoDaemonError, kp.find_file, b""),
            (kp.FailedError, kp.find_file, b"[]\n"),
            (kp.FailedError, kp.find_file, b"\xff\n"),
            (kp.NoDaemonError, kp.load_bytes, piece + b'\0\0\0\0{"event":"res'),
            (kp.NoDaemonError, kp.load_bytes, piece + b"\2\0"),
            (kp.FailedError, kp.load_bytes, piece + b"\0\0\0\0nonsense\n"),
            (kp.NotFoundError, lambda uri: kp.cat_file(uri, file=io.BytesIO()), piece + not_found),
        ]
        for kind, ask, content in rows:
            with self.subTest(content), self.answering(content), self.assertRaises(kind):
                ask(ABSENT)


class Channels(Network):
    def test_channels_are_joined_and_left(self):
        with self.at("alice"):
            self.assertEqual(kp.get_channels(), [CHANNEL])
            kp.join_channel("ü second")
            self.assertIn("ü second", kp.get_channels())
            kp.leave_channel("ü second")
            self.assertEqual(kp.get_channels(), [CHANNEL])

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

        def run(*arguments):
            done = subprocess.run(arguments, capture_output=True, text=True, cwd=root)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return done.stdout

        run(sys.executable, "-m", "venv", "--system-site-packages", "venv")
        run("venv/bin/pip", "install", "--no-index", "--no-build-isolation", "./python")
        where = run("venv/bin/python", "-c", "import kachery_p2p; print(kachery_p2p.__file__)")
        self.assertTrue(where.startswith(str(root / "venv")), where)
        self.assertTrue((pathlib.Path(where.strip()).parent / "py.typed").exists())


if __name__ == "__main__":
    commands = os.path.abspath(sys.argv.pop(1))
    os.environ["PATH"] = commands + os.pathsep + os.environ["PATH"]
    unittest.main(verbosity=2)
