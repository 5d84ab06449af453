#!/usr/bin/env python3
"""What is kept on the disk and for whom, and what is said when the disk is not there."""
import os
import pathlib
import shutil
import stat
import subprocess
import unittest

from case import NetworkCase, main
from network import MIB, random_file


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def bytes_on_disk(path):
    return path.stat().st_blocks * 512


class Storage(NetworkCase):
    def test_holes_stay_holes_where_a_file_is_stored_and_where_it_is_loaded(self):
        giver, taker = self.daemon("giver"), self.daemon("taker")
        path = self.path("holes")
        with open(path, "wb") as file:
            file.truncate(150 * MIB)
            file.seek(0, os.SEEK_END)
            file.write(b"END")
        uri = giver.store(path)
        loaded = taker.load(uri)
        for stored in (giver.stored(uri[len("sha1://"):][:40]), loaded):
            self.assertEqual(stored.stat().st_size, 150 * MIB + 3)
            self.assertLess(bytes_on_disk(stored), 15 * MIB)

    def test_what_is_in_the_storage_needs_no_daemon(self):
        node = self.network.idle("alone")
        path = self.path("dir/file")
        path.parent.mkdir()
        random_file(path, 3 * MIB)
        uri = node.store(path)
        directory = node.store(path.parent)
        self.assertEqual(node.run("kp2p-cat", uri).stdout, path.read_bytes())
        self.assertEqual(node.run("kp2p-cat", uri, "--start", "1", "--end", "9").stdout,
                         path.read_bytes()[1:9])
        stored = node.stored(uri[len("sha1://"):][:40])
        loaded = node.load(uri)
        self.assertEqual(loaded.name, "file")
        self.assertTrue(loaded.samefile(stored))
        self.assertEqual(node.run("kp2p-ls", directory).stdout, b"file\n")
        node.run("kp2p-load", directory, "--dest", self.path("copy"))
        self.assertEqual(self.path("copy/file").read_bytes(), path.read_bytes())
        for arguments in (("kp2p-cat", "sha1://" + "1" * 40), ("kp2p-ls", "sha1dir://" + "1" * 40)):
            absent = node.run(*arguments, check=False)
            self.assert_ends(absent, 3, "it is not in the storage, and nothing answers")
        stored.chmod(0o644)
        stored.write_bytes(bytes(3 * MIB))
        wrong = node.run("kp2p-cat", uri, check=False)
        self.assert_ends(wrong, 3, "it was here, found wrong, and set aside as ")
        self.assertEqual(wrong.stdout, b"")
        linked = node.lines("kp2p-link", path)[0]
        path.write_bytes(b"another")
        changed = node.run("kp2p-load", linked, check=False)
        self.assert_ends(changed, 3, f"the linked file {path} has changed since, and nothing answers")
        shutil.rmtree(node.storage_dir)
        for command in ("kp2p-load", "kp2p-cat", "kp2p-rm"):
            self.assert_ends(node.run(command, uri, check=False), 3,
                             f"no daemon is running: there is no storage either, {node.storage_dir};")

    @unittest.skipUnless(os.geteuid() == 0, "needs to be several users")
    def test_a_storage_that_a_group_shares_takes_files_of_each_of_its_users(self):
        group = 60000
        os.chmod(self.root, 0o755)
        storage = self.path("storage")
        storage.mkdir()
        storage.parent.chmod(0o755)
        os.chown(storage, -1, group)
        storage.chmod(0o2775)
        command = shutil.copy(self.network.command("kp2p-store"), self.path("store"))
        loading = shutil.copy(self.network.command("kp2p-load"), self.path("load"))
        environment = {**os.environ, "KACHERY_STORAGE_DIR": str(storage),
                       "KACHERY_P2P_CONFIG_DIR": str(self.path("none"))}
        for user, mask in ((60001, 0o022), (60002, 0o077), (60003, 0o002)):
            path = self.path(str(user))
            path.write_text(f"of {user}")
            path.chmod(0o644)
            done = subprocess.run([command, "--storage-dir", storage, path], user=user, group=group,
                                  extra_groups=[], umask=mask, capture_output=True)
            self.assert_ends(done, 0)
            for other in (user, 60004):  # whose it is not
                loaded = subprocess.run([loading, done.stdout.decode().strip()], user=other, group=group,
                                        extra_groups=[], env=environment, capture_output=True)
                named = pathlib.Path(loaded.stdout.decode().strip())
                self.assertEqual((named.name, named.read_text()), (str(user), f"of {user}"))
                named.unlink()
        files = [path for path in storage.rglob("*") if path.is_file()]
        self.assertEqual(len(files), 6)  # each with a record
        contents = {path for path in files if storage / "sha1" in path.parents}
        self.assertEqual({mode(path) for path in contents}, {0o444})
        self.assertEqual({mode(path) for path in files if path not in contents}, {0o664})
        directories = [path for path in storage.rglob("*") if path.is_dir()]
        self.assertEqual({mode(path) for path in directories}, {0o2775})

    @unittest.skipUnless(os.geteuid() == 0, "needs to be several users")
    def test_what_root_stores_for_another_user_is_that_users(self):
        node = self.network.idle("served")
        os.chown(node.storage_dir, 60001, 60002)
        path = self.path("file")
        path.write_bytes(bytes(3 * MIB))
        path.chmod(0o600)
        node.store(path)
        path.write_bytes(b"linked")
        node.run("kp2p-cat", node.run("kp2p-link", path).stdout.decode().strip())
        made = list(node.storage_dir.rglob("*"))
        self.assertIn("links", [path.name for path in made])
        self.assertEqual({(path.stat().st_uid, path.stat().st_gid) for path in made}, {(60001, 60002)})

    @unittest.skipUnless(os.geteuid() == 0, "needs to be several users")
    def test_what_root_makes_in_another_users_home_is_that_users(self):
        home = self.path("home")
        home.mkdir()
        os.chown(home, 60001, 60002)
        environment = {name: value for name, value in self.idle("node").environment().items()
                       if not name.startswith("KACHERY_")}
        environment["HOME"] = str(home)
        path = self.path("file")
        random_file(path, 1000)

        def run(command, *arguments):
            subprocess.run([self.network.command(command), *arguments], env=environment, check=True,
                           stdout=subprocess.DEVNULL, timeout=60)

        run("kp2p-store", path)
        run("kp2p-join", "--start-daemon", "lab")
        run("kp2p-stop-daemon")
        made = list(home.rglob("*"))
        for name in (".kachery-p2p", "channels", "lock", "kachery-storage", "sha1"):
            self.assertIn(name, [path.name for path in made])
        self.assertEqual({path for path in made if path.lstat().st_uid != 60001}, set())
        self.root.chmod(0o755)
        channels = home / ".kachery-p2p" / "channels"
        os.chown(channels, 0, 0)  # as one that was put there otherwise
        daemon = shutil.copy(self.network.command("kp2p-start-daemon"), home)
        done = subprocess.run([daemon, "--api-port", "0"], user=60001, group=60002, extra_groups=[],
                              env=environment, capture_output=True, timeout=60)
        self.assert_ends(done, 1, f"{channels}: Permission denied, it is of user 0")

    @unittest.skipUnless(os.geteuid() == 0, "needs to be several users")
    def test_a_storage_that_may_not_be_read_is_not_listed_as_empty(self):
        node = self.network.idle("unread")
        path = self.path("file")
        path.write_text("x")
        node.store(path)
        os.chmod(self.root, 0o755)
        path.parent.chmod(0o755)
        for name in ("kp2p-list", "kp2p-gc", "kp2p-verify"):
            command = shutil.copy(self.network.command(name), self.path(name))
            for directory in (node.storage_dir / "sha1", node.storage_dir / "kp2p/records"):
                done = self.run_by_stranger(node, command, directory)
                self.assert_ends(done, 1, f"{directory}: Permission denied")

    @staticmethod
    def run_by_stranger(node, command, directory):
        """Who may not read the directory meanwhile."""
        before = mode(directory)
        directory.chmod(0o700)
        done = subprocess.run([command], user=60001, group=60001, extra_groups=[],
                              env=node.environment(), capture_output=True)
        directory.chmod(before)
        return done

    @unittest.skipUnless(os.geteuid() == 0, "needs to be several users")
    def test_what_may_not_be_read_in_the_storage_is_said_and_the_rest_is_done(self):
        node = self.network.idle("partly")
        path, other = self.path("file"), self.path("other")
        path.write_text("x")
        other.write_text("y")
        read, unread = node.store(path), node.store(other)
        closed = node.stored(unread[len("sha1://"):][:40]).parent
        os.chmod(self.root, 0o755)
        path.parent.chmod(0o755)
        mark = node.storage_dir / "kp2p/loaded"
        for name, directory, words in (("kp2p-list", closed, read), ("kp2p-verify", closed, "checked 1 file"),
                                       ("kp2p-gc", mark / "00", "removed 0 files"),
                                       ("kp2p-gc", node.storage_dir / "kp2p/pins/00", "removed 0 files")):
            with self.subTest((name, directory)):
                command = shutil.copy(self.network.command(name), self.path(name))
                directory.mkdir(parents=True, exist_ok=True)
                done = self.run_by_stranger(node, command, directory)
                self.assert_ends(done, 1, f"{directory}: Permission denied")
                self.assert_ends(done, 1, words)
        content = closed / unread[len("sha1://"):][:40]
        done = self.run_by_stranger(node, self.path("kp2p-verify"), content)
        self.assert_ends(done, 1, f"{content}: Permission denied")
        self.assert_ends(done, 1, "checked 1 file, 1 B: nothing is damaged")

    def test_a_linked_file_whose_disk_is_away_is_accused_of_nothing(self):
        node = self.network.idle("links")
        disk = self.path("disk")
        disk.mkdir()
        for name in ("a name.dat", "another"):
            (disk / name).write_text(name)
        single = node.lines("kp2p-link", disk / "a name.dat")[0]
        folder = node.lines("kp2p-link", disk)[0]
        self.assert_ends(node.run("kp2p-verify"), 0, "all is well")
        disk.rename(self.path("away"))
        done = node.run("kp2p-verify", check=False)
        self.assert_ends(done, 1, "2 linked files not there to be checked")
        self.assertEqual(done.stdout, b"")
        self.assertIn(f"away: {single}: the linked file {disk}/a name.dat is gone", done.stderr.decode())
        self.assertIn(f"away: {folder}/another: ", done.stderr.decode())
        self.path("away").rename(disk)
        (disk / "a name.dat").write_text("something else")
        done = node.run("kp2p-verify", check=False)
        self.assert_ends(done, 5)
        self.assertEqual(done.stdout.decode(), f"{single}\n")

    def test_the_storage_that_is_made_when_none_is_named_is_private(self):
        home = self.path("home")
        home.mkdir()
        path = self.path("file")
        path.write_text("x")
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("KACHERY_")}
        done = subprocess.run([self.network.command("kp2p-store"), path], umask=0,
                              env={**environment, "HOME": str(home)}, capture_output=True)
        self.assert_ends(done, 0)
        self.assertEqual(mode(home / "kachery-storage"), 0o700)

    def test_a_download_that_was_called_off_is_counted(self):
        daemon = self.idle("alice")
        partials = daemon.storage_dir / "kp2p" / "partial"
        partials.mkdir(parents=True)
        random_file(partials / f"{'a' * 40}.0.data", MIB)
        (partials / f"{'a' * 40}.0.journal").write_text("a journal")
        daemon.start()
        status = daemon.status()
        self.assertEqual(status["partial_files"], 1)
        self.assertGreaterEqual(status["partial_bytes"], MIB)
        self.assertIn(b"1 download,", daemon.run("kp2p-status").stdout)

    def test_a_storage_that_goes_away_is_named_and_not_made_anew(self):
        giver, taker = self.daemon("giver"), self.daemon("taker")
        path = self.path("file")
        random_file(path, 3 * MIB)
        uri = giver.store(path)
        taker.storage_dir.rename(self.path("away"))
        not_loaded = lambda words: self.assert_ends(
            taker.run("kp2p-load", uri, check=False), 1, f"used: {taker.storage_dir}: {words}")
        not_loaded("No such file or directory")
        self.assertFalse(taker.storage_dir.exists())
        taker.storage_dir.mkdir()  # as a mount point is
        not_loaded("it is empty, and not the directory that it was")
        self.assertEqual(list(taker.storage_dir.iterdir()), [])
        (taker.storage_dir / "sha1").mkdir()  # another storage
        self.assertEqual(taker.load(uri).read_bytes(), path.read_bytes())
        shutil.rmtree(taker.storage_dir)
        self.path("away").rename(taker.storage_dir)
        self.assertEqual(taker.load(uri).read_bytes(), path.read_bytes())

    def test_of_a_storage_that_is_away_no_command_says_that_all_is_well(self):
        node = self.daemon("away")
        path = self.path("alone")
        path.write_bytes(b"alone")
        uri = node.store(path)
        node.storage_dir.rename(self.path("elsewhere"))
        for command in (["kp2p-list"], ["kp2p-verify"], ["kp2p-gc"], ["kp2p-rm", uri],
                        ["kp2p-pin", uri], ["kp2p-unpin", uri], ["kp2p-load", uri],
                        ["kp2p-cat", uri]):
            self.assert_ends(node.run(*command, check=False), 1,
                             f"cannot be used: {node.storage_dir}: No such file or directory")
        doctor = lambda: " ".join(node.run("kp2p-doctor", check=False).stdout.decode().split())
        self.assertIn(f"problem storage: {node.storage_dir}: No such file or directory", doctor())
        node.storage_dir.mkdir()  # as a mount point is
        self.assertIn(f"problem storage: {node.storage_dir}: another, empty directory", doctor())
        node.storage_dir.rmdir()
        node.storage_dir.write_text("no directory")
        for command in ("kp2p-list", "kp2p-load", "kp2p-cat"):
            self.assert_ends(node.run(command, *([uri] if command != "kp2p-list" else []), check=False), 1,
                             f"cannot be used: {node.storage_dir}: Not a directory")
        self.assertIn(f"problem storage: {node.storage_dir}: Not a directory", doctor())
        node.storage_dir.unlink()
        self.path("elsewhere").rename(node.storage_dir)
        self.assertEqual(node.run("kp2p-cat", uri).stdout, b"alone")

    def mounted(self, directory, options="size=50%"):
        """What runs a command to which an empty file system is mounted there."""
        apart = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "-r", "--mount"]
        apart += ["sh", "-c", f'mount -t tmpfs -o {options} none "$0" && exec "$@"', directory]
        if not shutil.which("unshare") or subprocess.run(
                [*apart, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no file system can be mounted here")
        return apart

    def test_the_doctor_says_of_a_storage_that_it_can_hold_no_more_files(self):
        node = self.idle("full")
        doctor = subprocess.run([*self.mounted(node.storage_dir, "nr_inodes=1"),
                                 self.network.command("kp2p-doctor")], env=node.environment(), capture_output=True)
        self.assertIn(f"problem storage: {node.storage_dir}: it can hold no more files (df -i)",
                      " ".join(doctor.stdout.decode().split()))

    def test_nothing_is_written_beneath_a_storage_that_was_unmounted(self):
        node = self.idle("unmounted")
        path = self.path("file")
        path.write_bytes(b"x")
        disk = self.path("disk")
        disk.mkdir()
        subprocess.run([*self.mounted(disk), self.network.command("kp2p-store"), path], check=True,
                       env={**node.environment(), "KACHERY_STORAGE_DIR": str(disk)},
                       stdout=subprocess.DEVNULL)
        node.storage_dir.rmdir()
        node.storage_dir.symlink_to(disk)
        words = f"cannot be used: {node.storage_dir}: it is empty, and not where it was last used"
        uri = "sha1://" + "1" * 40
        for command in (["kp2p-store", path], ["kp2p-link", path], ["kp2p-list"], ["kp2p-verify"],
                        ["kp2p-gc"], ["kp2p-rm", uri], ["kp2p-pin", uri], ["kp2p-unpin", uri],
                        ["kp2p-load", uri], ["kp2p-cat", uri], ["kp2p-ls", uri],
                        ["kp2p-start-daemon", "--bootstrap", "none", "--host", "127.0.0.1"]):
            with self.subTest(command[0]):
                self.assert_ends(node.run(*command, check=False, seconds=20), 1, words)
                self.assertEqual(list(disk.iterdir()), [])
        doctor = node.run("kp2p-doctor", check=False).stdout.decode()
        self.assertIn("not where it was last used", " ".join(doctor.split()))
        (node.storage_dir / "sha1").mkdir()  # as it is told
        for _ in range(2):
            node.store(path)
            shutil.rmtree(disk)
            disk.mkdir()


if __name__ == "__main__":
    main()
