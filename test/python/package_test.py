"""package_test.py COMMANDS [TEST...]: the Python package against real daemons."""
import concurrent.futures
import importlib.util
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock
import warnings
from typing import Optional

from case import ABSENT, CHANNEL, Network, ROOT, kp, main, numpy, storage
from kachery_p2p._source import Source


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

    def test_a_listing_is_read_once_for_many_of_its_files(self):
        for name in "abc":
            self.write(f"many/{name}", name.encode())
        with self.at("alice"):
            folder = kp.store_dir(self.root / "many")
            with unittest.mock.patch.object(Source, "cat_sha1", autospec=True,
                                            side_effect=Source.cat_sha1) as cat:
                kp.read_dir(folder)["files"].clear()  # is the caller's own
                for name in "abc":
                    self.assertEqual(kp.load_bytes(f"{folder}/{name}"), name.encode())
            whose = [call.args[1] for call in cat.call_args_list]
            self.assertEqual(whose.count(folder[10:50]), 1, whose)

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
