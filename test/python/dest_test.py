"""dest_test.py COMMANDS [TEST...]: the Python package, writing where the user wants a file."""
import errno
import os
import pathlib
import shutil
import stat
import tempfile
import threading
import unittest
import unittest.mock

from case import Network, kp, main


class Dest(Network):
    """Files at a place of the caller's."""

    def setUp(self):
        self.content = os.urandom(2_500_000)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kp2p-"))
        self.addCleanup(shutil.rmtree, self.folder)
        with self.at("alice"):
            pass
        self.uri = kp.store_file(self.write("for dest", self.content))

    def names(self):
        return sorted(os.listdir(self.folder))

    def test_a_file_is_replaced_and_keeps_its_rights(self):
        dest = self.folder / "out"
        mask = os.umask(0o027)
        try:
            kp.load_file(self.uri, dest=dest)
        finally:
            os.umask(mask)
        self.assertEqual(stat.S_IMODE(dest.stat().st_mode), 0o640)
        dest.chmod(0o604)
        dest.write_bytes(b"older")
        kp.load_file(self.uri, dest=dest)
        self.assertEqual(dest.read_bytes(), self.content)
        self.assertEqual(stat.S_IMODE(dest.stat().st_mode), 0o604)
        self.assertEqual(self.names(), ["out"])

    def test_what_is_special_stays_what_it_is(self):
        fifo, link = self.folder / "fifo", self.folder / "link"
        os.mkfifo(fifo)
        got = []
        reader = threading.Thread(target=lambda: got.append(fifo.read_bytes()))
        reader.start()
        kp.load_file(self.uri, dest=fifo)
        reader.join()
        self.assertEqual(got, [self.content])
        self.assertTrue(fifo.is_fifo())
        kp.load_file(self.uri, dest="/dev/null")
        self.assertTrue(pathlib.Path("/dev/null").is_char_device())
        with self.assertRaisesRegex(kp.OutOfSpaceError, "/dev/full"):
            kp.load_file(self.uri, dest="/dev/full")
        link.symlink_to("real")
        with self.assertRaisesRegex(kp.FailedError, str(link)):
            kp.load_file(self.uri, dest=link)
        (self.folder / "real").write_bytes(b"older")
        kp.load_file(self.uri, dest=link)
        self.assertTrue(link.is_symlink())
        self.assertEqual((self.folder / "real").read_bytes(), self.content)

    def test_a_place_that_cannot_be_is_named(self):
        for dest in (self.folder, self.folder / "missing" / "x"):
            with self.assertRaisesRegex(kp.FailedError, str(dest)):
                kp.load_file(self.uri, dest=dest)

    def test_a_file_that_cannot_be_replaced_is_said(self):
        dest = self.folder / "out"
        dest.write_bytes(b"old")
        for number, words in ((errno.EBUSY, "mounted there, or in use"), (errno.EPERM, "remove it first"),
                              (errno.EEXIST, "remove it first")):
            with unittest.mock.patch("os.replace", side_effect=OSError(number, os.strerror(number))):
                with self.assertRaisesRegex(kp.Error, f"{dest}: {os.strerror(number)}; .*{words}"):
                    kp.load_file(self.uri, dest=dest)
        self.assertEqual(dest.read_bytes(), b"old")
        self.assertEqual(self.names(), ["out"])

    def test_the_entry_that_cannot_be_made_is_named(self):
        tree = self.folder / "tree"
        (tree / "in").mkdir(parents=True)
        (tree / "in" / "a.dat").write_text("x")
        uri = kp.store_dir(tree)
        for number, words in ((errno.EEXIST, "for the name of another file"), (errno.EINVAL, "no such name"),
                              (errno.ENOSPC, os.strerror(errno.ENOSPC))):
            opened = os.open

            def refuse(path, *rest, number=number, **more):
                if str(path).endswith("a.dat") and "kp2p-temp" in str(path):
                    raise OSError(number, os.strerror(number))
                return opened(path, *rest, **more)

            with unittest.mock.patch("os.open", refuse):
                with self.assertRaisesRegex(kp.Error, f"out: in/a.dat: .*{words}"):
                    kp.load_file(uri, dest=self.folder / "out")
            self.assertEqual(self.names(), ["tree"])

    def test_a_name_of_any_bytes_is_one(self):
        dest = os.fsdecode(os.fsencode(self.folder / "x") + b"\xff\n")
        self.assertEqual(kp.load_file(self.uri, dest=dest), dest)
        self.assertEqual(pathlib.Path(dest).read_bytes(), self.content)

    def test_holes_stay_holes(self):
        sparse = self.root / "sparse"
        with open(sparse, "wb") as file:
            file.truncate(64 << 20)
            file.seek(0, os.SEEK_END)
            file.write(b"end")
        dest = self.folder / "copy"
        kp.load_file(kp.store_file(sparse), dest=dest)
        self.assertEqual(dest.stat().st_size, (64 << 20) + 3)
        self.assertLess(dest.stat().st_blocks * 512, 4 << 20)

    def test_a_directory_that_is_there_already_is_done(self):
        tree = self.root / "tree"
        self.write("tree/a", b"one")
        self.write("tree/sub/b", b"two")
        uri = kp.store_dir(tree)
        out = self.folder / "out"
        self.assertEqual(kp.load_file(uri, dest=out), str(out))
        self.assertEqual(kp.load_file(uri, dest=out), str(out))
        (out / "a").write_bytes(b"own")
        with self.assertRaisesRegex(kp.FailedError, "File exists"):
            kp.load_file(uri, dest=out)
        self.assertEqual((out / "a").read_bytes(), b"own")
        self.assertEqual(self.names(), ["out"])

    def test_what_a_killed_one_left_is_removed(self):
        (self.folder / "0123456789abcdef.kp2p-temp").write_bytes(b"half")
        (self.folder / "0123456789abcde0.kp2p-temp").mkdir()
        (self.folder / "mine.kp2p-temp").write_bytes(b"precious")
        kp.load_file(self.uri, dest=self.folder / "out")
        self.assertEqual(self.names(), ["mine.kp2p-temp", "out"])

    def test_a_folder_is_looked_through_once_for_many_files(self):
        with unittest.mock.patch.object(os, "scandir", side_effect=os.scandir) as looked:
            for name in "abc":
                kp.load_file(self.uri, dest=self.folder / name)
        self.assertEqual(looked.call_count, 1)


if __name__ == "__main__":
    main()
