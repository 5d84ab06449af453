"""load_test.py COMMANDS [TEST...]: what every load can be told, and what comes of it."""
import concurrent.futures
import contextlib
import errno
import hashlib
import importlib.util
import io
import json
import multiprocessing
import os
import pathlib
import pickle
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
import unittest
import unittest.mock
import warnings
import zipfile

from case import ABSENT, Network, ROOT, kp, main, numpy, storage
from kachery_p2p._progress import Shown


def head_of(pickled):
    with pickle.loads(pickled) as file:
        return file.read(4)


def is_socket(fd):
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False


def ended(child):
    """How a process ended; one that does not is killed."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


class Outages(Network):
    def start_anew(self):
        bob = self.processes[1]
        bob.kill()
        bob.wait()
        self.start("bob")
        self.processes[1] = self.processes.pop()

    def test_one_that_waits_goes_on_with_the_next_daemon(self):
        with self.at("bob"):
            subprocess.run(["kp2p-limit", "--down", "4M"], check=True, stdout=subprocess.DEVNULL)
        content = os.urandom(6 << 20)
        with self.at("alice"):
            uri, other = (kp.store_file(self.write("big", content + end)) for end in (b"1", b"2"))
        ends = []

        def end_once(done, *_):
            if done and not ends:
                ends.append(done)
                self.start_anew()

        class Out(io.BytesIO):
            def write(self, piece):
                written = super().write(piece)
                end_once(written)
                return written

        with self.at("bob"), self.assertLogs("kachery_p2p", "WARNING") as logged:
            found = kp.load_bytes(uri, 5, wait=60, progress=end_once)
            self.assertEqual((found, len(ends)), ((content + b"1")[5:], 1))
            self.assertIn(f"{uri}: the daemon ", logged.output[0])
            ends.clear()
            out = Out()
            self.assertEqual(kp.cat_file(other, 7, file=out, wait=60), len(content) - 6)
            self.assertEqual((out.getvalue(), len(ends)), ((content + b"2")[7:], 1))
        with self.at("bob"), kp.open(other, wait=60) as file:
            self.start_anew()
            self.assertEqual(file.read(), content + b"2")

    def test_one_that_waits_for_a_provider_goes_on_with_the_next_daemon(self):
        def pause(seconds):
            if not pauses:
                self.start_anew()
                with self.at("alice"):
                    kp.store_text("late")
                os.environ["KACHERY_P2P_CONFIG_DIR"] = str(self.root / "bob" / "config")
                os.rename(socket_path, f"{socket_path}.away")
            elif len(pauses) == 1:
                os.rename(f"{socket_path}.away", socket_path)
            pauses.append(seconds)

        pauses, socket_path = [], self.root / "bob" / "config" / "api.sock"
        uri = "sha1://" + hashlib.sha1(b"late").hexdigest()
        with self.at("bob"), unittest.mock.patch("kachery_p2p._options.sleep", pause), \
                unittest.mock.patch("kachery_p2p._outage.sleep", pause), \
                unittest.mock.patch("kachery_p2p._link.api_port", lambda: 1):
            self.assertEqual(kp.load_text(uri, wait=60), "late")
        self.assertGreater(len(pauses), 1)

    def test_that_no_daemon_comes_is_said(self):
        def end_once(seconds):
            if seconds and self.processes[1].poll() is None:
                self.processes[1].kill()
                self.processes[1].wait()

        with self.at("bob"), unittest.mock.patch("kachery_p2p._options.sleep", end_once):
            with self.assertRaisesRegex(kp.NoDaemonError, "none that does it came within 3 s: .*nothing answers"):
                kp.load_text(ABSENT, wait=3)
        self.start_anew()


class Told(Network):
    def test_none_says_why_and_is_an_error_if_that_is_wanted(self):
        with self.at("bob"):
            with self.assertLogs("kachery_p2p", "INFO") as logged:
                self.assertIsNone(kp.load_text(ABSENT))
            why = kp.why()
            self.assertIsInstance(why, kp.NotFoundError)
            self.assertTrue(why.findings)
            self.assertIn(str(why), logged.output[0])
            self.assertIsNone(why.__traceback__)
            kp.load_text(kp.store_text("here"))
            self.assertIsNone(kp.why())
            for load in (kp.load_file, kp.load_text, kp.load_json, kp.load_bytes, kp.load_pkl,
                         kp.cat_file):
                with self.subTest(load.__name__), self.assertRaises(FileNotFoundError):
                    load(ABSENT, missing="raise")
            self.assertRaises(kp.UsageError, kp.load_file, ABSENT, missing="maybe")

    def test_why_is_of_the_last_call_alone(self):
        def in_vain():
            kp.load_text(ABSENT, wait=True, timeout=0.5)

        with self.at("bob"):
            for fails in (lambda: kp.load_text("sha1://short"), in_vain,
                          lambda: kp.load_text(ABSENT, missing="raise"),
                          lambda: kp.find_file("sha1://short")):
                self.assertIsNone(kp.load_text(ABSENT))
                self.assertIsNotNone(kp.why())
                self.assertRaises(kp.Error, fails)
                self.assertIsNone(kp.why())

    def test_what_an_attack_on_sha1_has_made_is_an_error(self):
        vectors = json.loads((ROOT / "test" / "vectors" / "sha1.json").read_text())
        content = bytes.fromhex(vectors["collisions"][0]["messages"][0]["bytes"])
        path = self.root / "attack"
        path.write_bytes(content)
        with self.at("bob"):
            for put in (kp.store_file, kp.link_file):
                with self.assertRaises(kp.Sha1CollisionError) as raised:
                    put(str(path))
                self.assertEqual(raised.exception.code, "sha1_collision")

    def test_why_is_each_threads_own(self):
        with self.at("bob"):
            self.assertIsNone(kp.load_text(ABSENT))
            seen = []
            thread = threading.Thread(target=lambda: seen.append(kp.why()))
            thread.start()
            thread.join()
            self.assertEqual(seen, [None])
            self.assertIsNotNone(kp.why())

    def test_progress_is_told_to_its_end(self):
        size = (3 << 20) + 5
        with self.at("alice"):
            uri = kp.store_file(self.write("progress", os.urandom(size)))
        told = []
        with self.at("bob"):
            kp.load_file(uri, self.root / "progressed", progress=lambda *now: told.append(now))
            self.assertEqual(told[-1][:2], (size, size))
            self.assertEqual([now[0] for now in told], sorted(now[0] for now in told))
            del told[:]
            kp.load_bytes(uri, 0, 10, progress=lambda *now: told.append(now))
            self.assertEqual(told[-1][:2], (10, 10))

    def test_what_is_here_is_told_as_well(self):
        for number, name in enumerate(("a", "in side/b")):
            self.write(f"here/{name}", b"x" * (10 + number))
        with self.at("alice"):
            uri = kp.store_dir(self.root / "here")

        def told_of(*arguments):
            told = []
            kp.load_file(*arguments, progress=lambda *now: told.append(now))
            return told[-1][:2] if told else None

        with self.at("bob"):
            self.assertEqual(told_of(uri, self.root / "there"), (21, 21))
            self.assertEqual(told_of(uri, self.root / "there"), (21, 21))
            self.assertEqual(told_of(self.root / "here" / "a"), (10, 10))
        with self.at("nobody"), storage(self.root / "alice" / "storage"):
            self.assertEqual(told_of(uri, self.root / "over there"), (21, 21))

    def test_those_who_gave_it_are_told_at_the_end_too(self):
        told = []
        progress = Shown(lambda *now: told.append(now))
        for done, providers in ((5, 2), (10, 0)):
            progress.event({"event": "progress", "verified_bytes": done, "size_bytes": 10,
                            "providers": providers})
        self.assertEqual(told, [(5, 10, 2), (10, 10, 2)])

    def test_uris_are_taken_as_people_have_them(self):
        (self.root / "folder").mkdir()
        self.write("folder/in it", b"inner")
        with self.at("alice"):
            uri = kp.store_text("as it comes", "a name.txt")
            folder = kp.store_dir(self.root / "folder")
            sha1 = uri[7:47]
            for given in (f"\t{uri}\r\n", uri.encode(), pathlib.PurePosixPath(uri), sha1,
                          sha1.upper() + "\n", uri.replace("sha1:", "SHA1:"), f"sha1://{sha1.upper()}?a=b#c", f"sha1://{sha1}/",
                          f"'{uri}'\n", f"\"{sha1}\"", f"< {uri} >"):
                with self.subTest(given):
                    self.assertEqual(kp.load_text(given), "as it comes")
                    with kp.open(given, "r") as file:
                        self.assertEqual(file.read(), "as it comes")
                    self.assertEqual(len(kp.find_file(given)), 1)
                    self.assertEqual(kp.verify(given)["files"], 1)
                    kp.pin(given)
                    kp.unpin(given)
            inner = pathlib.PurePosixPath(folder) / "in it"
            self.assertEqual(kp.load_bytes(inner), b"inner")
            self.assertEqual(list(kp.read_dir(inner.parent)["files"]), ["in it"])
            kp.remove(pathlib.PurePosixPath(uri))
            with self.assertRaises(FileNotFoundError):
                kp.load_text(sha1, timeout=1e12, wait=0, missing="raise")

    @unittest.skipUnless(importlib.util.find_spec("tqdm"), "tqdm is not installed")
    def test_progress_is_a_bar(self):
        with self.at("alice"):
            uri = kp.store_text("with a bar", "bar.txt")
            with contextlib.redirect_stderr(io.StringIO()) as said:
                self.assertEqual(kp.load_text(uri, progress=True), "with a bar")
        self.assertIn("bar.txt: 100%", said.getvalue())

    def test_without_tqdm_there_is_a_remark(self):
        with self.at("alice"), unittest.mock.patch.dict(sys.modules, {"tqdm.auto": None}):
            uri = kp.store_text("without a bar")
            with self.assertWarnsRegex(UserWarning, "needs tqdm"):
                self.assertEqual(kp.load_text(uri, progress=True), "without a bar")

    def test_a_load_ends_in_time(self):
        with self.at("alice"):
            started = time.monotonic()
            with self.assertRaises(TimeoutError) as raised:
                kp.load_file(ABSENT, timeout=0.05)
            self.assertIsInstance(raised.exception, kp.TimedOutError)
            self.assertLess(time.monotonic() - started, 4)
            uri = kp.store_text("in time")
            self.assertEqual(kp.load_text(uri, timeout=30), "in time")
            for seconds in (-1, float("inf"), float("nan")):
                self.assertRaises(ValueError, kp.load_file, uri, timeout=seconds)

    def test_a_load_waits_for_somebody_who_has_it(self):
        content = os.urandom(100)
        path = self.write("late", content)
        with storage(self.root / "elsewhere"):
            (self.root / "elsewhere").mkdir()
            with self.at("nobody"):
                uri = kp.store_file(path)
        asked = threading.Event()
        loaded = []

        def load():
            asked.set()
            loaded.append(kp.load_bytes(uri, wait=60))

        with self.at("bob"):
            self.assertIsNone(kp.load_bytes(uri, wait=0.1))
            thread = threading.Thread(target=load)
            thread.start()
            asked.wait()
            command = ["kp2p-store", "--storage-dir", str(self.root / "alice" / "storage")]
            subprocess.run([*command, path], check=True, stdout=subprocess.DEVNULL)
            thread.join()
        self.assertEqual(loaded, [content])

    def test_nobody_waits_for_what_is_known_not_to_be(self):
        path = self.write("lacking/file", b"x").parent
        with self.at("alice"):
            uri = kp.store_dir(path)
            self.assertIsNone(kp.load_file(uri + "/absent", wait=True))
            self.assertIsNone(kp.load_file(self.root / "absent", wait=True))

    def test_values_go_to_a_place_as_well(self):
        dest = self.root / "values"
        with self.at("alice"):
            uri = kp.store_json({"a": 1})
        with self.at("bob"):
            self.assertEqual(kp.load_json(uri, dest), {"a": 1})
            self.assertEqual(dest.read_text(), '{"a":1}')


class Held(Network):
    """What is given is what was verified, whatever comes to be in its place."""

    def test_what_is_replaced_after_it_was_verified_is_not_given(self):
        with self.at("alice"):
            uri = kp.store_text("right")
            place = kp.load_file(uri)
            result = kp._api.result

            def replaced(*arguments, **named):
                done = result(*arguments, **named)
                os.chmod(place, 0o600)
                pathlib.Path(place).write_bytes(b"wrong")
                return done

            with unittest.mock.patch("kachery_p2p._api.result", replaced):
                self.assertIsNone(kp.load_text(uri))  # nobody else has it

    def test_what_the_daemon_sees_alone_comes_from_it(self):
        with self.at("alice"):
            uri = kp.store_text("elsewhere")
            with unittest.mock.patch("kachery_p2p._storage.content_if", lambda *_: None):
                self.assertEqual(kp.load_text(uri), "elsewhere")

    @unittest.skipUnless(numpy, "numpy is not installed")
    def test_an_array_may_stay_in_its_file(self):
        array = numpy.arange(1000.0).reshape(10, 100)
        with self.at("alice"):
            uri = kp.store_npy(array)
        with self.at("bob"):
            for mode in ("r", "c"):
                mapped = kp.load_npy(uri, mmap_mode=mode)
                self.assertIsInstance(mapped, numpy.memmap)
                numpy.testing.assert_array_equal(mapped, array)
                self.assertTrue(os.path.exists(mapped.filename))
            mapped[0, 0] = 7  # in memory alone
            numpy.testing.assert_array_equal(kp.load_npy(uri), array)
            self.assertRaises(kp.UsageError, kp.load_npy, uri, mmap_mode="r+")
            dest = self.root / "mapped.npy"
            self.assertEqual(kp.load_npy(uri, dest, mmap_mode="r").filename, str(dest))

    @unittest.skipUnless(numpy, "numpy is not installed")
    def test_arrays_of_every_shape_come_as_numpy_has_them(self):
        arrays = [numpy.asfortranarray(numpy.arange(6).reshape(2, 3)), numpy.zeros((0, 4)),
                  numpy.array(5), numpy.array(["ü", "long"]), numpy.zeros(3, "i4, f8"),
                  numpy.arange(3).astype(">i2"), numpy.zeros(2, [("ü", "i4")]),
                  *(numpy.ones(2, [(f"column {i}", "f8") for i in range(columns)])
                    for columns in (600, 5000))]
        with self.at("alice"):
            for array in arrays:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of the version of the format
                    uri = kp.store_npy(array)
                    loaded, mapped = kp.load_npy(uri), kp.load_npy(uri, mmap_mode="r")
                self.assertEqual((mapped.dtype, mapped.shape), (array.dtype, array.shape))
                numpy.testing.assert_array_equal(loaded, array)
                self.assertEqual((loaded.dtype, loaded.flags.f_contiguous),
                                 (array.dtype, array.flags.f_contiguous))
                self.assertTrue(loaded.flags.writeable)
            whole = io.BytesIO()
            numpy.save(whole, numpy.arange(10))
            cut = kp.store_file(self.write("cut.npy", whole.getvalue()[:-1]))
            self.assertRaises(kp.FailedError, kp.load_npy, cut)


class Errors(unittest.TestCase):
    def test_they_are_what_python_calls_them(self):
        rows = [(kp.NotFoundError, FileNotFoundError, errno.ENOENT),
                (kp.UnauthorizedError, PermissionError, errno.EACCES),
                (kp.TimedOutError, TimeoutError, errno.ETIMEDOUT),
                (kp.NoDaemonError, ConnectionError, errno.ECONNREFUSED),
                (kp.ClosedError, ConnectionError, errno.ECONNRESET),
                (kp.OutOfSpaceError, OSError, errno.ENOSPC)]
        for kind, usual, number in rows:
            error = kind("words")
            error.findings = [{"stage": "search"}]
            for one in (error, pickle.loads(pickle.dumps(error))):
                self.assertIsInstance(one, usual)
                self.assertEqual((str(one), one.errno, one.findings),
                                 ("words", number, error.findings))
        self.assertTrue(issubclass(kp.UsageError, ValueError))
        with self.assertRaises(FileNotFoundError) as raised:
            kp.store_file("/nonexistent/file")
        self.assertIsInstance(raised.exception, kp.FailedError)
        with self.assertRaises(IsADirectoryError):
            kp.load_file(__file__, "/")


class Opened(Network):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.content = os.urandom(25_000_000)  # so that it has a manifest
        with cls.at(cls, "alice"):
            cls.uri = kp.store_file(cls.write(cls, "big", cls.content))

    def check(self, file, content):
        size = len(content)
        self.assertTrue(file.seekable() and file.readable() and not file.writable())
        for at, count in ((0, 10), (size - 5, 100), (size // 2, 3 << 20), (5, 0), (size, 1),
                          (size // 3, 10), (size // 3 + 10, 2 << 20)):
            file.seek(at)
            self.assertEqual(file.read(count), content[at:at + count])
            self.assertEqual(file.tell(), min(at + count, size) if count else at)
        self.assertEqual(file.seek(-3, os.SEEK_END), size - 3)
        self.assertEqual(file.read(), content[-3:])
        file.seek(1)
        self.assertEqual(file.read(), content[1:])

    def test_a_file_of_others_is_read_in_parts(self):
        self.assertIn("?manifest=", self.uri)
        with self.at("bob"):
            with kp.open(self.uri) as file:
                file.seek(24_000_000)
                self.assertEqual(file.read(9), self.content[24_000_000:24_000_009])
                self.check(file, self.content)
            self.assertRaises(ValueError, file.read)
            with self.assertRaises(FileNotFoundError):
                kp.open(ABSENT)
            self.assertRaises(kp.UsageError, kp.open, self.uri, "w")

    def test_a_file_is_read_where_no_daemon_runs(self):
        path = self.write("local", self.content[:3_000_000])
        with self.at("nobody"), storage(self.root / "alice" / "storage"):
            with kp.open(self.uri) as file:
                self.check(file, self.content)
            with kp.open(path) as file:
                self.check(file, self.content[:3_000_000])

    def test_others_read_from_an_open_file(self):
        """As from one of the system, though it has no descriptor."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("inner", "of the archive")
        with self.at("alice"):
            packed = kp.store_file(self.write("packed.zip", packed.getvalue()))
            lines = kp.store_text("first\nsecond\n")
            pickled = kp.store_pkl({"a": list(range(1000))})
            array = numpy and kp.store_npy(numpy.arange(300_000.0).reshape(300, 1000))
        with self.at("bob"):
            with kp.open(packed) as file, zipfile.ZipFile(file) as archive:
                self.assertEqual(archive.read("inner"), b"of the archive")
            with kp.open(lines) as file:
                self.assertEqual(list(file), [b"first\n", b"second\n"])
                self.assertRaises(OSError, file.fileno)
                file.seek(0)
                self.assertEqual((file.readline(3), file.peek()[:2], file.tell()), (b"fir", b"st", 3))
                self.assertEqual(io.TextIOWrapper(file, "ascii").read(), "st\nsecond\n")
            with kp.open(pickled) as file:
                self.assertEqual(pickle.load(file), {"a": list(range(1000))})
            if numpy:
                with kp.open(array) as file:
                    self.assertEqual(numpy.load(file).sum(), 299_999 * 150_000)

    def test_text_is_read_by_lines(self):
        with self.at("alice"):
            uri = kp.store_text("ü\r\nsecond\n")
            with kp.open(uri, "r") as file:
                self.assertEqual(list(file), ["ü\n", "second\n"])
            with kp.open(uri, "r", encoding="latin-1", newline="") as file:
                self.assertEqual(file.readline(), "Ã¼\r\n")

    def test_threads_read_one_file(self):
        with self.at("alice"), kp.open(self.uri) as file:
            ranges, found = file.raw._ranges, {}

            def read(number):
                at = number * 1_000_003
                found[number] = ranges.read(at, at + 500_000) == self.content[at:at + 500_000]

            threads = [threading.Thread(target=read, args=[number]) for number in range(24)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(found, dict.fromkeys(range(24), True))

    def test_a_forked_process_reads_on_by_itself(self):
        with self.at("bob"), kp.open(self.uri) as file:
            self.assertEqual(file.read(2_000_000), self.content[:2_000_000])
            for _ in range(3):
                file.read(100_000)  # now a stream is open
            at = file.tell()
            child = os.fork()
            if not child:
                held = any(map(is_socket, range(3, 256)))
                good = not held and file.read(9_000_000) == self.content[at:at + 9_000_000]
                os._exit(0 if good else 1)
            self.assertEqual(file.read(9_000_000), self.content[at:at + 9_000_000])
            self.assertEqual(ended(child), 0)

    def test_one_goes_to_a_worker_as_well(self):
        with self.at("alice"), kp.open(self.uri) as file:
            file.seek(5)
            pickled = pickle.dumps(file)
            for way in ("fork", "spawn"):
                with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context(way)) as pool:
                    self.assertEqual(pool.submit(head_of, pickled).result(), self.content[5:9], way)
            self.assertEqual(file.read(4), self.content[5:9])

    def test_a_forked_process_does_not_wait_for_a_thread_that_it_lacks(self):
        with self.at("bob"), kp.open(self.uri) as file:
            with file.raw._ranges._lock:  # as a thread has it that reads
                child = os.fork()
                if not child:
                    good = file.read(9) == self.content[:9]
                    file.close()
                    os._exit(0 if good else 1)
                self.assertEqual(ended(child), 0)


class Connections(Network):
    def test_one_serves_many_calls_and_is_made_anew_when_it_was_closed(self):
        from kachery_p2p import _link

        made = []

        class Counted(_link.UnixConnection):
            def connect(self):
                made.append(self)
                super().connect()

        with self.at("alice"), unittest.mock.patch.object(_link, "UnixConnection", Counted):
            _link.drop_idle()
            uri = kp.store_text("kept")
            for _ in range(10):
                kp.get_channels()
                self.assertEqual(kp.load_bytes(uri), b"kept")
                self.assertEqual(kp.load_text(uri), "kept")
            self.assertLessEqual(len(made), 2)  # one for the upload
            for one in made:
                if one.sock:
                    one.sock.shutdown(2)
            self.assertEqual(kp.load_text(uri), "kept")
            with unittest.mock.patch.object(_link.Link, "still_open", lambda _: True):
                for links in _link.idle.values():
                    for link in links:
                        link.http.sock.shutdown(2)
                self.assertEqual(kp.load_text(uri), "kept")

    def test_a_forked_process_has_its_own(self):
        with self.at("alice"):
            uri = kp.store_text("forked")
            self.assertEqual(kp.load_text(uri), "forked")
            children = []
            for _ in range(8):
                child = os.fork()
                if not child:
                    good = all(kp.load_text(uri) == "forked" for _ in range(20))
                    os._exit(0 if good else 1)
                children.append(child)
            for _ in range(50):
                self.assertEqual(kp.load_text(uri), "forked")
            self.assertEqual([os.waitpid(child, 0)[1] for child in children], [0] * 8)


class Output(Network):
    def test_bytes_go_to_a_notebook_too(self):
        class Notebook(io.StringIO):
            buffer = None

        with self.at("alice"):
            uri = kp.store_text("ü" * 10)
            with contextlib.redirect_stdout(Notebook()) as out:
                self.assertEqual(kp.cat_file(uri), 20)
                self.assertEqual(kp.load_bytes(uri, 0, 3, write_to_stdout=True), "ü".encode() + b"\xc3")
        self.assertEqual(out.getvalue(), "ü" * 11 + "\N{REPLACEMENT CHARACTER}")

    def test_where_there_is_none_that_is_said(self):
        with self.at("alice"):
            uri = kp.store_text("x")
            with contextlib.redirect_stdout(None), self.assertRaisesRegex(kp.UsageError, "name a file"):
                kp.cat_file(uri)


class Types(unittest.TestCase):
    @unittest.skipUnless(shutil.which("mypy"), "mypy is not installed")
    def test_the_package_has_true_types(self):
        """And a script that uses it is checked by them."""
        done = subprocess.run(["mypy", "--strict", "--cache-dir", os.devnull, "kachery_p2p",
                               ROOT / "test" / "python" / "typed.py"],
                              cwd=ROOT / "python", capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    main()
