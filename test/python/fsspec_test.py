"""fsspec_test.py COMMANDS [TEST...]: the file systems for fsspec, and what reads through them."""
import concurrent.futures
import gzip
import importlib.util
import io
import multiprocessing
import os
import pathlib
import pickle
import shutil
import unittest
import unittest.mock

from case import ABSENT, Network, kp, main, numpy, storage
from kachery_p2p import _api

if importlib.util.find_spec("fsspec"):
    import fsspec
    import kachery_p2p.fsspec
    from kachery_p2p._file import Ranges
else:
    fsspec = None


def needs(*modules):
    lacking = [name for name in ("fsspec", *modules) if not importlib.util.find_spec(name)]
    return unittest.skipIf(lacking, f"{' and '.join(lacking)} not installed")


def lines_of(uri):
    with fsspec.open(uri, "rt") as file:
        return len(list(file))


def lose(uri):
    """The content of a file leaves the storage that it is loaded to."""
    named = pathlib.Path(kp.load_file(uri))  # kp2p/names/HH/HASH/NAME
    for content in named.parents[4].glob("sha1/??/??/??/*"):
        if content.samefile(named):
            content.unlink()


def picked_up(pickled):
    fs, file, path = pickle.loads(pickled)
    return fs.cat_file(path), file.read(4)


@needs()
class FileSystems(Network):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.content = os.urandom(21_000_000)  # so that it has a manifest
        cls.write(cls, "dir/top.txt", b"0123456789")
        cls.write(cls, "dir/in side/100%.txt", b"percent")
        cls.write(cls, "dir/in side/a[1]?.txt", b"odd")
        cls.write(cls, "dir/in side/deep/empty", b"")
        with cls.at(cls, "alice"):
            cls.big = kp.store_file(cls.write(cls, "big.dat", cls.content))
            cls.small = kp.store_text("0123456789", "small.txt")
            cls.dir = kp.store_dir(cls.root / "dir", label="my.dir")

    def setUp(self):
        self.enterContext(self.at("bob"))
        self.file_system = fsspec.filesystem("sha1", skip_instance_cache=True)
        self.dir_system = fsspec.filesystem("sha1dir", skip_instance_cache=True)

    def test_a_file_is_known_and_read(self):
        fs, path = self.file_system, self.big
        info = fs.info(path)
        self.assertEqual((info["size"], info["type"]), (len(self.content), "file"))
        self.assertEqual("sha1://" + info["name"], path)
        self.assertEqual(fs.ls(path), [info])
        self.assertEqual(fs.glob(path), [info["name"]])
        self.assertEqual(fs.find(path), [info["name"]])
        self.assertTrue(fs.exists(path) and fs.isfile(path) and not fs.isdir(path))
        self.assertEqual(fs.size(path), len(self.content))
        self.assertEqual(fs.ukey(path), info["sha1"])
        self.assertEqual(fs.cat(path), self.content)
        self.assertEqual(fs.cat_file(path, 5, 10), self.content[5:10])
        self.assertEqual(fs.cat_file(path, -10), self.content[-10:])
        self.assertEqual(fs.cat_file(path, -10, -5), self.content[-10:-5])
        self.assertEqual(fs.cat_file(path, 10, 5), b"")
        self.assertEqual(fs.cat([path, self.small])[self.small[7:]], b"0123456789")
        self.assertEqual(fs.head(path, 7), self.content[:7])
        self.assertEqual(fs.tail(path, 7), self.content[-7:])
        with fsspec.open(path) as file:
            file.seek(20_000_000)
            self.assertEqual(file.read(9), self.content[20_000_000:20_000_009])
            file.seek(0)
            self.assertEqual(file.read(), self.content)
        self.assertFalse(fs.exists(ABSENT))
        self.assertRaises(FileNotFoundError, fs.info, ABSENT)
        self.assertRaises(FileNotFoundError, fs.info, "sha1://short")

    def test_ranges_come_all_at_once(self):
        fs = self.file_system
        starts = [number * 999_983 for number in range(20)] + [0, -5, 20_999_999, None]
        ends = [start + 1000 for start in starts[:20]] + [0, None, 99_999_999, 3]
        expected = [self.content[start:end] for start, end in zip(starts, ends)]
        self.assertEqual(fs.cat_ranges([self.big] * 24, starts, ends), expected)
        self.assertEqual(fs.cat_ranges([self.big, self.small, self.big], 1, 4),
                         [self.content[1:4], b"123", self.content[1:4]])
        found = fs.cat_ranges([self.small, ABSENT], [0, 0], [1, 1], on_error="return")
        self.assertEqual(found[0], b"0")
        self.assertIsInstance(found[1], FileNotFoundError)
        with self.assertRaises(FileNotFoundError):
            fs.cat_ranges([self.small, ABSENT], [0, 0], [1, 1], on_error="raise")
        self.assertRaises(ValueError, fs.cat_ranges, [self.small], [0, 1], [1])

    def test_a_directory_is_listed(self):
        fs, root = self.dir_system, self.dir[len("sha1dir://"):]
        self.assertEqual(fs.ls(self.dir, detail=False), [root + "/in side", root + "/top.txt"])
        self.assertEqual([info["type"] for info in fs.ls(self.dir)], ["directory", "file"])
        self.assertEqual(fs.info(self.dir + "/top.txt")["size"], 10)
        self.assertTrue(fs.isdir(self.dir) and fs.isdir(self.dir + "/in side/"))
        self.assertTrue(fs.isfile(self.dir + "/in%20side/100%25.txt"))
        files = ["in side/100%.txt", "in side/a[1]?.txt", "in side/deep/empty", "top.txt"]
        self.assertEqual(fs.find(self.dir), [f"{root}/{name}" for name in files])
        self.assertEqual(fs.glob(self.dir + "/*.txt"), [root + "/top.txt"])
        self.assertEqual(fs.glob(self.dir + "/**/*.txt"), [f"{root}/{name}" for name in files[:2]])
        self.assertEqual([names for _, names, _ in fs.walk(self.dir)],
                         [["in side"], ["deep"], []])
        self.assertEqual(fs.du(self.dir), 20)
        self.assertFalse(fs.exists(self.dir + "/absent"))
        self.assertRaises(FileNotFoundError, fs.info, self.dir + "/absent")
        self.assertRaises(FileNotFoundError, fs.ls, "sha1dir://short")
        self.assertRaises(IsADirectoryError, fs.cat_file, self.dir)
        self.assertRaises(IsADirectoryError, fs.open, self.dir + "/in side")

    def test_files_of_a_directory_are_read(self):
        fs, root = self.dir_system, self.dir[len("sha1dir://"):]
        for name, content in (("top.txt", b"0123456789"), ("in side/100%.txt", b"percent"),
                              ("in side/a[1]?.txt", b"odd"), ("in side/deep/empty", b"")):
            with self.subTest(name):
                self.assertEqual(fs.cat(f"{self.dir}/{name}"), content)
                self.assertEqual(fs.open(f"{self.dir}/{name}").read(), content)
        self.assertEqual(fs.cat([root + "/top.txt", root + "/absent"], on_error="omit"),
                         {root + "/top.txt": b"0123456789"})
        self.assertEqual(set(fs.cat(self.dir, recursive=True).values()),
                         {b"0123456789", b"percent", b"odd", b""})
        self.assertEqual(fs.cat(self.dir + "/*.txt"), {root + "/top.txt": b"0123456789"})
        self.assertEqual(fs.cat_ranges([root + "/top.txt"] * 2, [0, 5], [2, None]), [b"01", b"56789"])
        mapper = fs.get_mapper(self.dir)
        self.assertEqual(mapper["in side/a[1]?.txt"], b"odd")
        self.assertEqual(len(mapper), 4)
        self.assertNotIn("absent", mapper)
        self.assertRaises(KeyError, lambda: mapper["absent"])

    def test_many_are_had_by_a_few_calls(self):
        contents = {f"{number}.bin": os.urandom(1000 + number) for number in range(300)}
        contents["large.bin"] = os.urandom(3_000_000)
        for name, content in contents.items():
            self.write(f"many/{name}", content)
        with self.at("alice"):
            root = kp.store_dir(self.root / "many")[len("sha1dir://"):]
        with self.at("bob"), unittest.mock.patch.object(
                _api, "frames", wraps=_api.frames) as each, unittest.mock.patch.object(
                _api, "events", wraps=_api.events) as some:
            found = self.dir_system.cat([f"{root}/{name}" for name in contents])
        self.assertEqual(found, {f"{root}/{name}": content for name, content in contents.items()})
        self.assertEqual(list(found), [f"{root}/{name}" for name in contents])
        self.assertLess(each.call_count + some.call_count, 5)

    def test_files_are_copied_out(self):
        self.file_system.get(self.big, str(self.root / "got" / "big"))
        self.assertEqual((self.root / "got" / "big").read_bytes(), self.content)
        self.dir_system.get(self.dir, str(self.root / "got" / "dir"), recursive=True)
        self.assertEqual((self.root / "got" / "dir" / "in side" / "a[1]?.txt").read_bytes(), b"odd")
        with fsspec.open(f"simplecache::{self.small}",
                         simplecache={"cache_storage": str(self.root / "cache")}) as file:
            self.assertEqual(file.read(), b"0123456789")

    def test_nothing_is_written(self):
        for fs, path in ((self.file_system, self.small), (self.dir_system, self.dir + "/new")):
            for write in (lambda: fs.open(path, "wb"), lambda: fs.pipe(path, b"x"),
                          lambda: fs.rm(path), lambda: fs.mkdir(path),
                          lambda: fs.cp_file(path, path), lambda: fs.makedirs(path)):
                self.assertRaises(OSError, write)

    def test_a_file_that_is_in_a_directory_and_cannot_be_had_is_no_missing_one(self):
        with storage(self.root / "alice" / "storage"), self.at("alice"):
            name = self.root / "rare"
            self.write("rare/there", b"there")
            self.write("rare/gone", os.urandom(50))
            uri = kp.store_dir(name)
            lose(uri + "/gone")
        fs, root = self.dir_system, uri[len("sha1dir://"):]
        for read in (lambda: fs.cat(f"{root}/gone"), lambda: fs.open(f"{root}/gone").read(),
                     lambda: fs.cat([f"{root}/gone", f"{root}/there"], on_error="omit"),
                     lambda: fs.get_mapper(root).getitems(["gone", "there"], on_error="omit")):
            with self.assertRaises(kp.UnavailableError) as raised:
                read()
            self.assertNotIsInstance(raised.exception, OSError)
        self.assertRaises(kp.UnavailableError, fs.exists, "sha1dir://" + "7" * 40)

    def test_a_listing_that_leads_elsewhere_is_not_followed(self):
        with self.at("alice"):
            sha1 = kp.store_text("evil")[7:47]
            entry = {"size": 4, "sha1": sha1}
            listing = kp.store_json({"files": {"../evil": entry, "good": entry}, "dirs": {"..": {
                "files": {"evil": entry}, "dirs": {}}}})
        uri = "sha1dir://" + listing[7:47]
        with self.assertWarns(UserWarning):
            self.assertEqual(self.dir_system.ls(uri, detail=False), [uri[10:] + "/good"])

    def test_they_work_where_no_daemon_runs(self):
        with self.at("nobody"), storage(self.root / "alice" / "storage"):
            self.assertEqual(self.file_system.cat(self.small), b"0123456789")
            self.assertEqual(self.file_system.cat_ranges([self.big] * 2, [5, 9], [7, 12]),
                             [self.content[5:7], self.content[9:12]])
            self.assertEqual(self.dir_system.cat(self.dir + "/top.txt"), b"0123456789")
            with self.file_system.open(self.big) as file:
                self.assertEqual(file.read(), self.content)

    def test_they_go_to_other_processes_and_threads(self):
        fs, path = self.dir_system, self.dir + "/top.txt"
        file = fs.open(path)
        file.seek(3)
        pickled = pickle.dumps((fs, file, path))
        expected = (b"0123456789", b"3456")
        for way in ("fork", "spawn"):
            with self.subTest(way), concurrent.futures.ProcessPoolExecutor(
                    2, multiprocessing.get_context(way)) as pool:
                self.assertEqual(list(pool.map(picked_up, [pickled] * 4)), [expected] * 4)
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            self.assertEqual(list(pool.map(picked_up, [pickled] * 200)), [expected] * 200)

    def test_one_that_is_read_through_is_few_calls(self):
        asked = []
        cat = Ranges._cat

        def counted(ranges, start, end):
            asked.append((start, end))
            return cat(ranges, start, end)

        with unittest.mock.patch.object(Ranges, "_cat", counted), fsspec.open(self.big) as file:
            while file.read(1 << 18):
                pass
        self.assertLessEqual(len(asked), 8)


@needs()
class Readers(Network):
    """The libraries that people use."""

    def stored(self, path):
        with self.at("alice"):
            return (kp.store_dir if path.is_dir() else kp.store_file)(path)

    @needs("pandas")
    def test_pandas_reads_a_table(self):
        import pandas

        table = pandas.DataFrame({"a": range(1000), "b": [str(n) for n in range(1000)]})
        (self.root / "tables").mkdir()
        table.to_csv(self.root / "tables" / "t.csv.gz", index=False)
        single, whole = self.stored(self.root / "tables" / "t.csv.gz"), self.stored(self.root / "tables")
        with self.at("bob"):
            for uri in (single, whole + "/t.csv.gz"):
                read = pandas.read_csv(uri, dtype={"b": str})
                pandas.testing.assert_frame_equal(read, table)

    @needs("h5py")
    def test_h5py_reads_a_part(self):
        import h5py

        data = numpy.random.default_rng(1).random((600, 5000))
        with h5py.File(self.root / "data.h5", "w") as file:
            file.create_dataset("data", data=data, chunks=(10, 5000))
        uri = self.stored(self.root / "data.h5")
        with self.at("bob"):
            with fsspec.open(uri) as plain, h5py.File(plain) as file:
                numpy.testing.assert_array_equal(file["data"][311:313], data[311:313])
            with h5py.File(fsspec.open(uri).open()) as file:
                numpy.testing.assert_array_equal(file["data"][:], data)
            with kp.open(uri) as plain, h5py.File(plain) as file:
                numpy.testing.assert_array_equal(file["data"][5], data[5])

    @needs("h5py")
    def test_samples_cost_what_they_are_and_that_once(self):
        import h5py

        random = numpy.random.default_rng(2)
        for way in (kp.open, lambda uri: fsspec.open(uri).open()):
            data = random.integers(0, 1 << 62, 6_000_000)
            with h5py.File(self.root / "samples.h5", "w") as file:
                file["data"] = data
            uri = self.stored(self.root / "samples.h5")
            rows = random.integers(0, len(data), 100)
            with self.at("bob"):
                for most_bytes in (8_000_000, 0):
                    before = kp.status()["received_bytes"]
                    with way(uri) as plain, h5py.File(plain) as file:
                        self.assertEqual([file["data"][row] for row in rows], list(data[rows]))
                    self.assertLessEqual(kp.status()["received_bytes"] - before, most_bytes)

    @needs("zarr", "xarray")
    def test_xarray_opens_what_zarr_wrote(self):
        import xarray

        data = numpy.arange(120_000.0).reshape(200, 600)
        written = xarray.Dataset({"data": (("x", "y"), data)}, {"x": range(200)})
        for consolidated in (True, False):
            path = self.root / f"data{consolidated}.zarr"
            written.to_zarr(str(path), encoding={"data": {"chunks": (50, 100)}},
                            consolidated=consolidated)
            uri = self.stored(path)
            with self.at("bob"):
                read = xarray.open_zarr(uri, consolidated=consolidated, chunks=None)
                numpy.testing.assert_array_equal(read["data"][60:70, 250].values, data[60:70, 250])
                xarray.testing.assert_equal(read.load(), written)

    @needs("zarr")
    def test_a_chunk_that_cannot_be_had_is_not_taken_for_an_empty_one(self):
        import zarr

        path = self.root / "rare.zarr"
        array = zarr.open(str(path), mode="w", shape=(40,), chunks=(10,), dtype="f8")
        array[:20] = numpy.random.default_rng(2).random(20)
        uri = self.stored(path)
        with self.at("bob"):
            read = zarr.open(uri, mode="r")
            numpy.testing.assert_array_equal(read[30:], numpy.zeros(10))  # that one is empty
            with self.at("alice"):
                lose(uri + "/1")
            self.at("bob").__enter__()
            numpy.testing.assert_array_equal(read[:10], array[:10])
            self.assertRaises(kp.UnavailableError, lambda: read[:20])

    @needs("dask")
    def test_dask_reads_in_other_processes(self):
        import dask.bag

        paths = [self.write(f"lines/{n}.txt", b"line\n" * n) for n in range(1, 5)]
        uri = self.stored(paths[0].parent)
        with self.at("bob"):
            bag = dask.bag.from_sequence([f"{uri}/{n}.txt" for n in range(1, 5)])
            counts = bag.map(lines_of).compute(scheduler="processes", num_workers=2)
        self.assertEqual(counts, [1, 2, 3, 4])


if __name__ == "__main__":
    main()
