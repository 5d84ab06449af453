"""storage_test.py COMMANDS [TEST...]: the Python package where no daemon runs."""
import errno
import fcntl
import itertools
import json
import os
import pathlib
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock
import warnings

from case import ABSENT, ROOT, kp, main, storage


class NoDaemon(unittest.TestCase):
    """The storage alone, beside the commands, which store and read the same."""

    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="kp2p-")))
        self.storage = self.root / "storage"
        self.storage.mkdir(mode=0o750)
        self.enterContext(unittest.mock.patch.dict(os.environ, {
            "HOME": str(self.root), "KACHERY_STORAGE_DIR": str(self.storage),
            "KACHERY_P2P_CONFIG_DIR": str(self.root / "config")}))

    def command(self, *arguments):
        done = subprocess.run(arguments, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def content(self, uri):
        digest = uri[len("sha1://"):][:40]
        return self.storage / "sha1" / digest[:2] / digest[2:4] / digest[4:6] / digest

    def test_what_goes_while_a_directory_is_stored_is_left_out(self):
        from kachery_p2p import _put
        tree = self.root / "tree"
        (tree / "going").mkdir(parents=True)
        for name in "gone", "stays":
            (tree / name).write_text(name)
        why_not = _put._why_not

        def then_go(path, name, *rest):
            why = why_not(path, name, *rest)
            if name == "gone":
                os.unlink(path)
            if name == "going":
                os.rmdir(path)
            return why

        with unittest.mock.patch.object(_put, "_why_not", then_go), warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            uri = kp.store_dir(tree)
        self.assertEqual([str(one.message) for one in said],
                         [f"left out {tree / name}: it is gone" for name in ("going", "gone")])
        self.assertEqual(list(kp.read_dir(uri)["files"]), ["stays"])

    def test_neither_the_storage_nor_keys_are_stored_with_what_they_are_in(self):
        home = self.root / "home"
        for name in "key", "api-token", "channels":
            (home / "config").mkdir(parents=True, exist_ok=True)
            (home / "config" / name).write_text("secret")
        (home / "file").write_text("text")
        (home / "storage").symlink_to(self.storage)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            uri = kp.store_dir(home)
            self.assertEqual(kp.read_dir(uri)["dirs"], {})
        self.assertIn(f"left out {home}/config: it is the configuration directory of a node, with its keys "
                      "and channels", [str(one.message) for one in said])
        for path, words in (home / "config", "with its keys"), (self.storage, "the storage itself"):
            with self.assertRaisesRegex(kp.FailedError, f"{path}: .*{words}"):
                kp.store_dir(path)

    def test_files_go_in_and_come_out_as_with_the_commands(self):
        for size in (0, 1, 20_000_000, 40_000_001):
            path = self.root / f"file{size}"
            path.write_bytes(os.urandom(size))
            uri = kp.store_file(path)
            self.assertEqual(uri, self.command("kp2p-store", str(path)))
            self.assertEqual(kp.load_file(uri), self.command("kp2p-load", uri))
            self.assertEqual(kp.load_bytes(uri), path.read_bytes())
            self.assertEqual(kp.load_bytes(uri, 1, 3), path.read_bytes()[1:3])
            self.command("kp2p-load", uri, "--dest", str(self.root / "copy"))
            self.assertEqual((self.root / "copy").read_bytes(), path.read_bytes())
        self.assertEqual(list(self.storage.glob("sha1/*.kp2p-temp")), [])

    def test_nothing_is_written_beneath_a_storage_that_was_unmounted(self):
        (self.root / "config").mkdir()
        real = os.fsencode(os.path.realpath(self.storage))
        kept = self.root / "config" / "storage-mounts"
        kept.write_bytes(b"%b\0%b\0" % (real, real))  # as one that was mounted there leaves it
        for use in (lambda: kp.store_text("x"), lambda: kp.store_dir(self.storage)):
            self.assertRaisesRegex(kp.StorageUnavailableError, "not where it was last used", use)
        with self.assertRaisesRegex(kp.NoDaemonError, "not where it was last used"):
            kp.load_text(ABSENT)
        self.assertEqual(list(self.storage.iterdir()), [])
        (self.storage / "sha1").mkdir()
        uri = kp.store_text("x")
        self.assertEqual(kp.load_text(uri), "x")
        self.assertNotIn(b"%b\0%b\0" % (real, real), kept.read_bytes())

    def test_a_tilde_where_no_shell_has_seen_it_is_the_home_directory(self):
        for name, path in (("KACHERY_STORAGE_DIR", "~/storage"), ("KACHERY_P2P_CONFIG_DIR", "~/config")):
            os.environ[name] = path
        path = self.root / "file"
        path.write_bytes(b"at home")
        uri = kp.store_file(path)
        self.assertEqual(self.content(uri).read_bytes(), b"at home")
        self.assertEqual(self.command("kp2p-store", str(path)), uri)
        self.command("kp2p-load", uri, "--dest=~/copy")
        self.assertEqual((self.root / "copy").read_bytes(), b"at home")
        (self.root / "config").mkdir(exist_ok=True)
        (self.root / "config" / "config.json").write_text('{"storage_dir": "~/storage"}')
        del os.environ["KACHERY_STORAGE_DIR"]
        self.assertEqual(kp.load_text(uri), "at home")
        self.command("kp2p-load", uri, "--dest=~/second")
        self.assertFalse(os.path.exists("~"))

    def test_what_is_written_in_utf8_is_read_so_in_any_locale(self):
        (self.root / "lager ü").mkdir()
        (self.root / "ü").write_text("linked")
        (self.root / "config").mkdir()
        del os.environ["KACHERY_STORAGE_DIR"]
        (self.root / "config" / "config.json").write_text(json.dumps(
            {"storage_dir": str(self.root / "lager ü")}, ensure_ascii=False), "utf-8")
        uris = [kp.store_text("there"), self.command("kp2p-link", str(self.root / "ü"))[:47]]
        (self.root / "config" / "api-token").write_bytes(b"\xfc\n")
        script = ("import sys, kachery_p2p as kp; print(*map(kp.load_text, sys.argv[1:])); "
                  "print(kp.load_file(kp.store_text('x')) is not None)")
        done = subprocess.run(
            [sys.executable, "-W", "error", "-X", "utf8=0", "-X", "warn_default_encoding", "-c",
             script, *uris], capture_output=True,
            env={**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0",
                 "PYTHONPATH": str(ROOT / "python")})
        self.assertEqual(done.stdout.decode(), "there linked\nTrue\n", done.stderr.decode())
        (self.root / "löv").mkdir()
        (self.root / "löv" / "ä").write_text("leaf")
        script = ("import sys, kachery_p2p as kp; tree, file, back = sys.argv[1:]; "
                  "print(kp.store_file(file), kp.link_file(file), kp.store_dir(tree), "
                  "kp.store_text('x', file[-2:]), kp.load_file(kp.store_dir(tree), back) == back, "
                  "kp.load_file(kp.store_dir(tree), back) == back)")
        done = subprocess.run(
            [sys.executable, "-W", "error", "-X", "utf8=0", "-c", script,
             *(self.root / name for name in ("löv", "löv/ä", "zurück"))], capture_output=True,
            env={**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0",
                 "PYTHONPATH": str(ROOT / "python")})
        self.assertRegex(done.stdout.decode(), r"/%C3%A4 \S+ \S+\.l%C3%B6v \S+/%C3%A4 True True\n",
                         done.stderr.decode())
        self.assertEqual((self.root / "zurück" / "ä").read_text(), "leaf")
        self.assertFalse((self.root / "kachery-storage").exists())

    def test_a_configuration_that_the_commands_refuse_is_refused(self):
        del os.environ["KACHERY_STORAGE_DIR"]
        file = self.root / "config" / "config.json"
        file.parent.mkdir()
        for text in ('{"storage_dir": "/mnt/data",}', '{"storage_dir": 5}', '{"storage_dir": ""}', "[]", "",
                     '{"api_port": "x"}', '{"api_port": 70000}'):
            with self.subTest(text):
                file.write_text(text)
                self.assertEqual(subprocess.run(["kp2p-list"], capture_output=True).returncode, 2)
                self.assertRaisesRegex(kp.UsageError, "config.json", kp.store_text, "x")
                self.assertRaisesRegex(kp.UsageError, "config.json", kp.load_text, ABSENT)
        self.assertFalse((self.root / "kachery-storage").exists())

    def test_a_home_directory_that_is_not_there_is_said_and_not_made(self):
        del os.environ["KACHERY_STORAGE_DIR"], os.environ["KACHERY_P2P_CONFIG_DIR"]
        (self.root / "file").write_bytes(b"x")
        for home in (self.root / "gone", self.root / "file"):
            os.environ["HOME"] = str(home)
            self.assertRaisesRegex(kp.StorageUnavailableError, str(home), kp.store_text, "x")
            done = subprocess.run(["kp2p-store", self.root / "file"], capture_output=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{home}/kachery-storage cannot be made: ", done.stderr.decode())
        self.assertFalse((self.root / "gone").exists())
        os.environ["HOME"] = ""
        with unittest.mock.patch("pwd.getpwuid", lambda _: unittest.mock.Mock(pw_dir=str(self.root))):
            uri = kp.store_text("x")
        digest = uri[len("sha1://"):][:40]
        self.assertTrue(list((self.root / "kachery-storage").rglob(digest)))

    def test_what_is_here_needs_no_network(self):
        uri = kp.store_text("here")
        error = OSError(errno.ENETUNREACH, "nowhere")
        with unittest.mock.patch("socket.create_connection", side_effect=error):
            self.assertEqual(kp.load_text(uri), "here")
            self.assertRaisesRegex(kp.NoDaemonError, "nowhere", kp.load_text, "sha1://" + "1" * 40)

    def test_a_directory_and_a_linked_file_come_out(self):
        (self.root / "dir" / "inner").mkdir(parents=True)
        (self.root / "dir" / "inner" / "file").write_bytes(b"in it")
        uri = self.command("kp2p-store", str(self.root / "dir"))
        self.assertEqual(kp.load_text(uri + "/inner/file"), "in it")
        kp.load_file(uri, dest=self.root / "copy")
        self.assertEqual((self.root / "copy" / "inner" / "file").read_bytes(), b"in it")
        (self.root / "linked").write_bytes(b"elsewhere")
        linked = self.command("kp2p-link", str(self.root / "linked"))
        self.assertEqual(kp.load_file(linked), str(self.root / "linked"))
        (self.root / "linked").write_bytes(b"otherwise")
        self.assertRaises(kp.NoDaemonError, kp.load_file, linked)

    def test_what_is_loaded_has_its_own_name(self):
        inner = self.root / "dir" / "inner"
        inner.mkdir(parents=True)
        for name in ("a b.csv.gz", "\xfc.npy"):
            (inner / name).write_bytes(name.encode())
        folder = kp.store_dir(inner.parent, label="mine")
        uri = kp.store_file(inner / "a b.csv.gz")
        bare = uri[:len("sha1://") + 40]
        for named in (uri, folder + "/inner/\xfc.npy", folder + "/inner/%C3%BC.npy", bare, bare + "/a%2Fb",
                      bare + "/x%0Ay", bare + "/..", bare + "/" + "x" * 256, bare + "/%FF", bare + ".label",
                      bare + "/in/last.txt?manifest=" + "0" * 40):
            path = kp.load_file(named)
            self.assertEqual(path, kp.load_file(named))
            self.assertTrue(os.path.samefile(path, self.content(bare if bare in named else kp.store_file(path))))
            self.assertEqual(path, self.command("kp2p-load", named))
        self.assertEqual(os.path.basename(kp.load_file(uri)), "a b.csv.gz")
        other = kp.store_text("other", "a b.csv.gz")
        self.assertEqual(pathlib.Path(kp.load_file(other)).read_text(), "other")
        self.command("kp2p-rm", uri)
        self.assertEqual(list((self.storage / "kp2p" / "names").glob("*/" + bare[7:] + "/*")), [])
        with unittest.mock.patch("os.symlink", side_effect=PermissionError):
            self.assertEqual(kp.load_file(kp.store_text("unnamed", "n.txt")),
                             str(self.content(kp.store_text("unnamed"))))

    def test_paths_go_in_as_with_the_commands(self):
        inner = self.root / "dir" / "in ü"
        inner.mkdir(parents=True)
        (self.root / "outside").write_bytes(b"outside")
        for name, content in (("ä", b"umlaut"), ("Z", b""), ("a\nb", b"x" * 20_000_001)):
            (inner / name).write_bytes(content)
            (inner.parent / name).write_bytes(content)
        with self.assertNoLogs(), warnings.catch_warnings():
            warnings.simplefilter("error")
            uri = kp.store_dir(inner.parent)
        self.assertEqual(uri, self.command("kp2p-store", str(inner.parent)))
        self.assertEqual(kp.load_text(uri + "/in ü/ä"), "umlaut")
        (inner / "out").symlink_to(self.root / "outside")
        (inner / "loop").symlink_to(inner.parent)
        (inner / "dangling").symlink_to("nowhere")
        (inner / "good").symlink_to(inner / "ä")
        os.mkfifo(inner / "fifo")
        with open(os.fsencode(inner) + b"/\xff", "w"):
            pass
        with warnings.catch_warnings(record=True) as remarks:
            warnings.simplefilter("always")
            uri = kp.store_dir(inner.parent, label="mine")
        self.assertEqual(len(remarks), 5)
        self.assertEqual(uri, self.command("kp2p-store", str(inner.parent))[:50] + ".mine")
        self.assertEqual(sorted(kp.read_dir(uri + "/in ü")["files"]), ["Z", "a\nb", "good", "ä"])
        self.assertRaises(FileNotFoundError, kp.store_dir, self.root / "absent")
        self.assertRaises(kp.UsageError, kp.store_dir, self.root / "outside")

    def test_links_are_as_those_of_the_command(self):
        for size in (3, 20_000_001):
            path = self.root / f"file{size}"
            path.write_bytes(os.urandom(size))
            uri = kp.link_file(path)
            place = self.content(uri)
            link = place.with_name(place.name + ".link")
            ours = link.read_text()
            self.assertFalse(place.exists())
            self.assertEqual(kp.load_bytes(uri), path.read_bytes())
            link.unlink()
            self.assertEqual(self.command("kp2p-link", str(path)), uri)
            self.assertEqual(link.read_text(), ours)
            self.assertEqual(kp.link_file(path, "a b").split("?")[0][48:], "a%20b")
        self.assertRaises(kp.UsageError, kp.link_file, self.root)

    def test_wrong_bytes_are_not_given_and_give_way(self):
        uri = kp.store_text("right")
        content = self.content(uri)
        content.chmod(0o600)
        content.write_bytes(b"wrong")
        self.assertRaisesRegex(kp.NoDaemonError, "not in the storage", kp.load_text, uri)
        self.assertRaises(kp.NoDaemonError, kp.load_bytes, uri)
        self.assertEqual(kp.store_text("right"), uri)
        self.assertEqual(kp.load_text(uri), "right")

    def test_what_does_not_answer_is_named_and_left_in_time_and_by_ctrl_c(self):
        uri, (path, linked) = kp.store_text("here"), self.linked(b"linked")
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, handler)
        dest, folder = self.root / "copy", self.root / "folder"
        folder.mkdir()
        for place, name, work in (
                (self.storage, "the storage", lambda **limit: kp.load_text(uri, **limit)),
                (path, "the file system of", lambda **limit: kp.load_text(linked, **limit)),
                (path, "the file system of", lambda **limit: kp.load_text(path, **limit)),
                (dest, "the file system of", lambda **limit: kp.load_file(uri, dest, **limit)),
                (path, None, lambda: kp.store_file(path)), (path, None, lambda: kp.link_file(path)),
                (folder, None, lambda: kp.store_dir(folder))):
            for interrupt in (False, True) if name else (True,):
                answers = threading.Event()

                def silent(asked):
                    if asked == str(place):
                        if interrupt:
                            os.kill(os.getpid(), signal.SIGINT)
                        answers.wait()

                with self.subTest(str(place), interrupt=interrupt):
                    with unittest.mock.patch("os.statvfs", silent):
                        if interrupt:
                            self.assertRaises(KeyboardInterrupt, work)
                        else:
                            for _ in range(3):
                                self.assertRaisesRegex(kp.TimedOutError, f"{name} {place} does not answer",
                                                       work, timeout=0.3)
                        waiting = [each for each in threading.enumerate() if "reach" in each.name]
                        answers.set()
                        for thread in waiting:
                            thread.join()
                    self.assertEqual(len(waiting), 1)
                    self.assertTrue(work())

    def linked(self, content):
        path = self.root / "linked"
        path.write_bytes(content)
        os.utime(path, (1, 1))  # so that no change is too soon after it to be seen
        return path, self.command("kp2p-link", str(path))

    def test_what_changes_while_it_is_read_is_an_error(self):
        from kachery_p2p._source import Source

        size = 3 << 20
        content = os.urandom(size)
        for change in (lambda: path.write_bytes(b"x" * size),
                       lambda: os.truncate(path, 1 << 20),
                       lambda: path.write_bytes(content + b"more")):
            for start, end in ((0, None), (1, 5 << 19)):
                path, uri = self.linked(content)
                pieces = Source().cat(Source().named(uri), start, end)
                next(pieces)
                change()
                with self.assertRaisesRegex(kp.FailedError, f"{path}: it changed while"):
                    list(pieces)
        path, uri = self.linked(content)
        pieces = Source().cat(Source().named(str(path)))
        next(pieces)
        os.truncate(path, 2 << 20)
        with self.assertRaisesRegex(kp.FailedError, f"{path}: it changed while"):
            list(pieces)

    def test_what_changes_after_it_was_hashed_is_an_error(self):
        from kachery_p2p import _storage

        def changing(sha1):
            found = find(sha1)
            change()
            return found

        find = _storage.find
        dest = self.root / "copy"
        for change in (lambda: path.write_bytes(b"wrong"), lambda: path.write_bytes(b"")):
            path, uri = self.linked(b"right")
            with unittest.mock.patch.object(_storage, "find", changing):
                self.assertRaises(kp.FailedError, kp.load_bytes, uri)
            path, uri = self.linked(b"right")
            with unittest.mock.patch("kachery_p2p._load.Source.path"), \
                    unittest.mock.patch.object(_storage, "find", changing):
                self.assertRaises(kp.FailedError, kp.load_file, uri, dest=dest)
        self.assertEqual(list(self.root.glob("copy")) + list(self.root.glob("*.kp2p-temp")), [])

    def test_whatever_is_in_the_place_of_a_file_gives_way(self):
        place = self.content(kp.store_text("right"))
        unlinked = []
        unlink = os.unlink

        def watched(path, *rest, **named):
            unlinked.append(str(path))
            unlink(path, *rest, **named)

        def unreadable():
            place.write_bytes(b"right")
            place.chmod(0)

        for put in (lambda: place.write_bytes(b"wrong"), lambda: place.symlink_to("nowhere"),
                    lambda: place.symlink_to(place.name), lambda: os.mkfifo(place), unreadable):
            place.unlink()
            put()
            with unittest.mock.patch("os.unlink", watched):
                kp.store_text("right")
            self.assertTrue(stat.S_ISREG(place.lstat().st_mode))
            self.assertEqual(place.read_bytes(), b"right")
        self.assertNotIn(str(place), unlinked)  # at no time there was nothing
        self.assertEqual(list(self.storage.glob("sha1/*.kp2p-temp")), [])

    def test_what_is_there_already_is_flushed(self):
        place = self.content(kp.store_text("right"))
        before = place.stat().st_ino
        flushed = []
        fsync = os.fsync

        def watched(fd):
            flushed.append(os.fstat(fd).st_ino)
            fsync(fd)

        with unittest.mock.patch("os.fsync", watched):
            kp.store_text("right")
        self.assertEqual(place.stat().st_ino, before)
        self.assertIn(before, flushed)

    def test_a_file_system_may_lack_locks_second_names_and_flushing_of_directories(self):
        fsync = os.fsync

        def refusing(number):
            def flush(fd):
                if stat.S_ISDIR(os.fstat(fd).st_mode):
                    raise OSError(number, "no directories")
                fsync(fd)
            return {"new": flush}

        one_name = [("os.link", {"side_effect": OSError(number, os.strerror(number))}) for number in
                    (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL)]
        for name, how in (("fcntl.flock", {"side_effect": OSError(errno.ENOLCK, "no locks")}),
                          ("os.fsync", refusing(errno.EINVAL)), ("os.fsync", refusing(errno.EOPNOTSUPP)),
                          *one_name):
            with self.subTest(how), unittest.mock.patch(name, **how):
                self.assertEqual(kp.load_text(kp.store_text(str(how))), str(how))

    def test_a_file_system_may_number_files_anew_each_time(self):
        class Renumbered:
            def __init__(self, status):
                self.status, self.st_ino = status, next(numbers)

            def __getattr__(self, name):
                return getattr(self.status, name)

        numbers, fstat = itertools.count(1 << 40), os.fstat
        path = self.root / "file"
        path.write_text("renumbered")
        with unittest.mock.patch("os.fstat", lambda fd: Renumbered(fstat(fd))):
            uri = kp.store_file(path)
            self.assertEqual(kp.load_text(uri, self.root / "copy"), "renumbered")
        self.assertEqual((self.root / "copy").read_text(), "renumbered")

    def test_a_sweep_before_the_lock_is_survived(self):
        flock = fcntl.flock
        swept = []

        def sweeping(fd, operation):
            if not swept:
                swept.append(os.readlink(f"/proc/self/fd/{fd}"))
                os.unlink(swept[0])
            flock(fd, operation)

        with unittest.mock.patch("fcntl.flock", sweeping):
            self.assertEqual(kp.load_text(kp.store_text("stored")), "stored")
        self.assertRegex(swept[0], "kp2p-temp$")

    def test_a_failure_leaves_nothing_behind(self):
        kp.store_text("first")
        self.storage.chmod(0o770)
        before = os.listdir("/proc/self/fd")
        for name in ("os.chmod", "os.fsync", "os.path.samestat"):
            with unittest.mock.patch(name, side_effect=OSError(errno.EIO, "broken")):
                self.assertRaises(kp.FailedError, kp.store_text, "second")
            self.assertEqual(list(self.storage.glob("sha1/*.kp2p-temp")), [])
            self.assertEqual(os.listdir("/proc/self/fd"), before)

    def test_a_file_system_may_have_rights_of_its_own(self):
        self.storage.chmod(0o777)
        existing = self.root / "existing"
        existing.write_text("old")
        (self.root / "directory").mkdir()
        (self.root / "folder").mkdir()
        with unittest.mock.patch("os.chmod", side_effect=OSError(errno.EPERM, "of the mount")):
            kp.load_file(kp.store_text("new"), dest=existing)
            kp.load_file(kp.store_dir(self.root / "folder"), dest=self.root / "directory")
        self.assertEqual(existing.read_text(), "new")

    @unittest.skipIf(os.geteuid() == 0, "root may look everywhere")
    def test_a_directory_that_shows_nothing_takes_files(self):
        drop = self.root / "drop"
        drop.mkdir(mode=0o300)
        self.addCleanup(drop.chmod, 0o700)
        uri = kp.store_text("dropped")
        kp.load_file(uri, dest=drop / "file")
        self.command("kp2p-load", uri, "--dest", str(drop / "second"))
        drop.chmod(0o700)
        self.assertEqual(len(os.listdir(drop)), 2)

    def test_a_name_is_taken_with_what_it_was_pasted_with(self):
        uri = kp.store_text("pasted", "a(1).txt")
        for pasted in ("\u201c{}\u201d", "\u201e{}\u201c", "\u2018 {}\u2019", "\xab\xa0{}\xa0\xbb", "({})",
                       "[{}]", "<{}>\n", "\ufeff{}", "\u200b'{}' \u200b"):
            self.assertEqual(kp.load_text(pasted.format(uri)), "pasted")
            self.assertEqual(self.command("kp2p-cat", pasted.format(uri)), "pasted")

    def test_what_is_private_stays_so_and_a_shared_storage_is_shared(self):
        path = self.root / "private"
        path.write_bytes(b"private")
        path.chmod(0o600)
        self.assertEqual(self.content(kp.store_file(path)).stat().st_mode & 0o777, 0o400)
        self.storage.chmod(0o2770)
        mask = os.umask(0o077)
        self.addCleanup(os.umask, mask)
        shared = self.content(kp.store_text("shared"))
        self.assertEqual(shared.stat().st_mode & 0o777, 0o440)
        self.assertEqual(shared.parent.stat().st_mode & 0o7777, 0o2770)

    @unittest.skipUnless(os.geteuid() == 0, "needs to be several users")
    def test_what_root_stores_for_another_user_is_that_users(self):
        os.chown(self.storage, 60001, 60002)
        kp.store_text("of another")
        (self.root / "linked").write_text("linked")
        kp.link_file(self.root / "linked")
        kp.load_file(kp.store_text("loaded"))
        made = [path.lstat() for path in self.storage.rglob("*")]
        self.assertEqual({(status.st_uid, status.st_gid) for status in made}, {(60001, 60002)})

    @unittest.skipUnless(os.geteuid() == 0, "needs to be several users")
    def test_the_storage_that_root_makes_in_another_users_home_is_that_users(self):
        home = self.root / "home"
        home.mkdir()
        os.chown(home, 60001, 60002)
        os.environ["HOME"] = str(home)
        del os.environ["KACHERY_STORAGE_DIR"]
        kp.store_text("of another")
        made = [path.stat() for path in home.rglob("*")]
        self.assertEqual({(status.st_uid, status.st_gid) for status in made}, {(60001, 60002)})

    def test_a_storage_that_was_named_must_be_there(self):
        with storage(self.root / "absent"):
            self.assertRaises(kp.StorageUnavailableError, kp.store_text, "x")
            with self.assertRaisesRegex(kp.NoDaemonError, "the storage is missing: .*absent, and"):
                kp.load_file(ABSENT)
            self.assertIsNone(kp.load_file(ABSENT, p2p=False))
            self.assertIn("the storage is missing", str(kp.why()))
        self.assertFalse((self.root / "absent").exists())


if __name__ == "__main__":
    main()
