#!/usr/bin/env python3
"""kp2p-load --dest: what it writes to, what it leaves alone, and what it says."""
import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess

from case import NetworkCase, main
from network import MIB, random_file, sha1_of


class Dest(NetworkCase):
    daemons = ("alice",)

    def setUp(self):
        super().setUp()
        self.file = self.path("file.dat")
        self.sha1 = random_file(self.file, 3 * MIB + 5)
        self.uri = self.alice.store(self.file)

    def to(self, dest, *flags, uri=None, **options):
        options.setdefault("check", False)
        return self.alice.run("kp2p-load", uri or self.uri, "--dest", dest, *flags, **options)

    def entries(self):
        return sorted(os.listdir(self.path("")))

    def test_a_fifo_gets_the_bytes_and_stays_one(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        loading = self.alice.popen("kp2p-load", self.uri, "--dest", fifo)
        with open(fifo, "rb") as reader:
            got = reader.read()
        words = loading.communicate(timeout=30)
        self.assertEqual(loading.returncode, 0, words)
        self.assertEqual(got, self.file.read_bytes())
        self.assertTrue(fifo.is_fifo())
        self.assertEqual(self.entries(), ["fifo", "file.dat"])

    def test_a_load_that_waits_for_the_reader_of_a_fifo_can_be_ended(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        loading = self.alice.popen("kp2p-load", self.uri, "--dest", fifo)
        self.until_in(loading.pid, ("wait_for_partner", "fifo_open"))
        loading.send_signal(signal.SIGTERM)
        loading.communicate(timeout=30)
        self.assertEqual(loading.returncode, -signal.SIGTERM)

    def until_in(self, pid, calls):
        """Waits until the process waits in one of these calls of the kernel."""
        where = pathlib.Path(f"/proc/{pid}/wchan")
        if not where.exists():
            self.skipTest("this system does not tell where a process waits")
        self.alice.process.wait_until(lambda: where.read_text() in calls, "it does not wait")

    def test_a_device_is_written_to_and_stays_one(self):
        null = self.path("null")
        try:
            os.mknod(null, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        except PermissionError:
            self.skipTest("no device can be made here")
        self.assert_ends(self.to(null), 0)
        self.assertTrue(null.is_char_device())
        self.assert_ends(self.to("/dev/full"), 6, "/dev/full")
        with open("/dev/full", "wb") as full:
            done = self.alice.popen("kp2p-load", self.uri, "--dest", "-", stdout=full)
            self.assertEqual(done.communicate(timeout=30)[1],
                             b"kp2p-load: no space is left: standard output\n")

    def test_a_reader_that_has_gone_is_no_trouble(self):
        for dest in ("-", "/dev/stdout"):
            loading = self.alice.popen("kp2p-load", self.uri, "--dest", dest)
            self.assertEqual(loading.stdout.read(5), self.file.read_bytes()[:5])
            loading.stdout.close()
            self.assertEqual(loading.stderr.read(), b"")
            self.assertEqual(loading.wait(timeout=30), 1)
            loading.stderr.close()

    def test_standard_output_gets_the_bytes_and_nothing_else(self):
        for dest in ("-", "/dev/stdout", "/dev/fd/1"):
            for flags in ([], ["--json"]):
                with self.subTest((dest, flags)):
                    done = self.to(dest, *flags, check=True)
                    self.assertEqual(done.stdout, self.file.read_bytes())

    def test_a_descriptor_that_is_not_open_is_an_error(self):
        self.assert_ends(self.to("/dev/fd/9"), 1, "/dev/fd/9: Bad file descriptor")

    def test_a_link_is_followed(self):
        (self.path("link")).symlink_to("real")
        self.assert_ends(self.to(self.path("link")), 1, "link: No such file")
        self.path("real").write_text("older")
        self.assert_ends(self.to(self.path("link")), 0)
        self.assertTrue(self.path("link").is_symlink())
        self.assertEqual(sha1_of(self.path("real")), self.sha1)

    def test_the_rights_are_those_of_the_caller(self):
        secret = self.path("secret")
        secret.write_text("for me alone")
        secret.chmod(0o600)
        uri = self.alice.store(secret)
        for mask, rights in ((0o022, 0o644), (0o002, 0o664), (0o077, 0o600)):
            with self.subTest(oct(mask)):
                dest = self.path(f"copy-{mask}")
                script = f'umask {mask:o}; exec "$@"'
                done = subprocess.run(
                    ["sh", "-c", script, "sh", self.network.command("kp2p-load"), uri, "--dest",
                     dest], env=self.alice.environment(), capture_output=True, timeout=30)
                self.assert_ends(done, 0)
                self.assertEqual(stat.S_IMODE(dest.stat().st_mode), rights)

    def test_a_place_that_cannot_be_is_named(self):
        rows = [(self.file / "x", f"{self.file}/x: Not a directory"),
                (self.path("missing/x"), "missing/x: No such file or directory")]
        for dest, words in rows:
            with self.subTest(words):
                self.assert_ends(self.to(dest), 1, words)

    def test_that_the_current_directory_was_removed_is_said(self):
        here = self.path("here")
        here.mkdir()
        for flags in ("-O",), ("--dest", "file"):
            done = subprocess.run(["sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh", self.network.command("kp2p-load"),
                                   self.uri, *flags], cwd=here, env=self.alice.environment(), capture_output=True)
            self.assert_ends(done, 2, "the current directory: No such file or directory")
            here.mkdir()

    def test_what_is_in_the_way_is_said(self):
        tree, link, full = self.path("tree"), self.path("link"), self.path("full")
        for folder in (tree, full):
            folder.mkdir()
            (folder / folder.name).write_text("x")
        link.symlink_to("nowhere")
        folder_uri = self.alice.store(tree)
        absent = "No such file or directory; "
        missing = f"there is no directory {self.path('missing')}, which mkdir makes"
        no_folder = f"Not a directory; {self.file} is no directory"
        nowhere = "it is a symbolic link that leads to nowhere"
        rows = [(self.uri, f"{self.file}/", "File exists; it is no directory"),
                (self.uri, self.file / "x", no_folder),
                (self.uri, f"{self.file}/x/", no_folder),
                (folder_uri, self.file / "x", no_folder),
                (folder_uri, self.file, "File exists; it is no directory"),
                (folder_uri, full, "File exists; other files are in it; name a directory"),
                (self.uri, link, absent + nowhere),
                (self.uri, f"{link}/", absent + nowhere),
                (folder_uri, link, absent + nowhere),
                (self.uri, self.path("missing/x"), absent + missing),
                (folder_uri, self.path("missing/x/y"), absent + missing),
                (self.uri, "/proc/version", absent + "no file can be made in /proc")]
        for uri, dest, words in rows:
            with self.subTest((uri, dest)):
                self.assert_ends(self.to(dest, uri=uri), 1, words)

    def test_the_entry_that_cannot_be_made_is_named(self):
        tree, deep = self.path("tree"), self.path("deep")
        (tree / "in").mkdir(parents=True)
        name = "n" * 200  # with it the path is longer than the system takes
        (tree / "in" / name).write_text("x")
        while len(os.fsencode(deep)) < 3900:
            deep /= "d" * min(100, 3900 - len(os.fsencode(deep)))
        deep.mkdir(parents=True)
        dest = deep / "out"
        done = self.to(dest, uri=self.alice.store(tree))
        self.assert_ends(done, 1, f"{dest}/in/{name}: File name too long\n")
        self.assertEqual(os.listdir(deep), [])

    def test_a_directory_that_is_there_gets_it_under_its_own_name(self):
        folder = self.path("folder")
        folder.mkdir()
        done = self.to(folder, check=True)
        self.assertEqual(done.stdout, os.fsencode(folder / "file.dat") + b"\n")
        self.assertEqual(sha1_of(folder / "file.dat"), self.sha1)
        self.assert_ends(self.to(folder, uri=f"sha1://{self.sha1}"), 2, "has no name of its own")
        other = self.path("other")
        other.write_text("another")
        self.to(folder, self.alice.store(other), check=True)
        self.assertEqual((folder / "other").read_text(), "another")

    def test_of_two_files_of_one_name_none_takes_the_place_of_the_other(self):
        for folder in ("one", "two"):
            self.path(folder).mkdir()
            (self.path(folder) / "same").write_text(folder)
        one, two = (self.alice.store(self.path(folder) / "same") for folder in ("one", "two"))
        out = self.path("out")
        out.mkdir()
        (out / "0123456789abcdef.kp2p-temp").write_text("half, of one that was killed")
        for uris in ((one, two), (one, one, two)):
            done = self.alice.run("kp2p-load", *uris, "--dest", f"{out}/", check=False)
            self.assert_ends(done, 2, f"kp2p-load: {two}: the arguments are not valid: {out}/same was "
                                      f"just made of {one[:47]}; this one needs another --dest\n")
            self.assertEqual(done.stdout, f"{out}/same\n".encode() * (len(uris) - 1))
            self.assertEqual((out / "same").read_text(), "one")
            self.assertEqual(os.listdir(out), ["same"])
        self.to(f"{out}/", uri=two, check=True)  # alone, it replaces what is there, as ever
        self.assertEqual((out / "same").read_text(), "two")
        self.assertEqual(self.alice.run("kp2p-load", one, two, "--dest", "-").stdout, b"onetwo")

    def test_a_name_of_any_bytes_is_one(self):
        for name in (b"\xff\xfe", b"two\nlines"):
            with self.subTest(name):
                dest = os.path.join(os.fsencode(self.path("")), name)
                done = self.to(os.fsdecode(dest), check=True)
                self.assertEqual(done.stdout, dest + b"\n")
                self.assertEqual(sha1_of(os.fsdecode(dest)), self.sha1)
                told = json.loads(self.to(os.fsdecode(dest), "--json").stdout.splitlines()[-1])
                said = (bytes.fromhex(told["path_hex"]) if "path_hex" in told
                        else told["path"].encode())
                self.assertEqual(said, dest)

    def test_holes_stay_holes(self):
        sparse = self.path("sparse")
        with open(sparse, "wb") as file:
            file.truncate(64 * MIB)
            file.seek(0, os.SEEK_END)
            file.write(b"end")
        dest = self.path("copy")
        self.to(dest, uri=self.alice.store(sparse), check=True)
        self.assertEqual(sha1_of(dest), sha1_of(sparse))
        self.assertLess(dest.stat().st_blocks * 512, 4 * MIB)

    def test_a_signal_leaves_nothing_half_written(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        tree = self.path("tree")
        tree.mkdir()
        for index in range(300):
            random_file(tree / str(index), MIB // 4)
        uri = self.alice.store(tree)
        out = self.path("out")
        loading = self.alice.popen("kp2p-load", uri, "--dest", out)
        self.alice.process.wait_until(
            lambda: any(name.endswith(".kp2p-temp") for name in self.entries()) or out.exists(),
            "nothing is being written")
        loading.send_signal(signal.SIGINT)
        loading.communicate(timeout=30)
        self.assertEqual([name for name in self.entries() if name.endswith(".kp2p-temp")], [])
        if not out.exists():
            self.assertEqual(loading.returncode, -signal.SIGINT)

    def test_a_directory_that_is_there_already_is_done(self):
        tree = self.path("tree")
        (tree / "sub").mkdir(parents=True)
        (tree / "a").write_text("one")
        (tree / "sub" / "b").write_text("two")
        uri = self.alice.store(tree)
        out = self.path("out")
        self.assert_ends(self.to(out, uri=uri), 0, str(out))
        self.assert_ends(self.to(out, uri=uri), 0, str(out))  # as after a kill before the answer
        (out / "a").write_text("own")
        self.assert_ends(self.to(out, uri=uri), 1, f"{out}: File exists")
        self.assertEqual((out / "a").read_text(), "own")

    def apart(self, other, place):
        """What runs a command to which the directory `other`, which is made, is at `place`."""
        other.mkdir()
        place.mkdir(parents=True)
        return self.bound(other, place)

    def bound(self, other, place):
        apart = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "-r", "--mount"]
        script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
        apart += ["sh", "-c", script, "sh", other, place]
        if not shutil.which("unshare") or subprocess.run(
                [*apart, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no mount namespace can be made here")
        return apart

    def test_a_daemon_whose_storage_cannot_be_seen_gives_the_bytes_itself(self):
        storage = self.path("storage")
        bob = self.daemon("bob", under=self.apart(self.path("other"), storage), storage=storage)
        tree = self.path("tree")
        tree.mkdir()
        shutil.copy(self.file, tree / "part")
        for source, copied in ((self.file, ""), (tree, "part")):
            with self.subTest(source.name):
                dest = self.path(f"to {source.name}")
                bob.run("kp2p-load", self.alice.store(source), "--dest", dest)
                self.assertEqual(sha1_of(dest / copied), self.sha1)
        self.assertEqual(list(storage.iterdir()), [])

    def test_a_daemon_with_another_view_of_the_files_does_not_matter(self):
        other = self.path("other")
        shared = self.path("shared")
        bob = self.daemon("bob", under=self.apart(other, shared))
        uri = bob.store(self.file)
        dest = shared / "copy"
        bob.run("kp2p-load", uri, "--dest", dest)
        self.assertEqual(sha1_of(dest), self.sha1)
        self.assertEqual(list(other.iterdir()), [])

    def test_a_file_that_cannot_be_replaced_is_said(self):
        dest = self.path("mounted")
        dest.write_text("old")
        before = self.entries()
        done = subprocess.run(
            [*self.bound(dest, dest), self.network.command("kp2p-load"), self.uri, "--dest", dest],
            env=self.alice.environment(), capture_output=True, timeout=60)
        self.assert_ends(done, 1, f"{dest}: Device or resource busy; what is mounted there, or in use, "
                                  "cannot be replaced: kp2p-cat URI > FILE writes into it")
        self.assertEqual((dest.read_text(), self.entries()), ("old", before))

    def test_a_full_disk_is_said_with_the_destination(self):
        small = self.path("small")
        small.mkdir()
        apart = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "-r", "--mount"]
        script = 'mount -t tmpfs -o size=1m none "$1" && shift && "$@"; s=$?; ls -A "$0"; exit $s'
        words = [*apart, "sh", "-c", script, small, small]
        if not shutil.which("unshare") or subprocess.run(
                [*words, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no small file system can be mounted here")
        done = subprocess.run(
            [*words, self.network.command("kp2p-load"), self.uri, "--dest", small / "copy"],
            env=self.alice.environment(), capture_output=True, timeout=60)
        self.assert_ends(done, 6, str(small / "copy"))
        self.assertEqual(done.stdout, b"")  # nothing is left there


if __name__ == "__main__":
    main()
