#!/usr/bin/env python3
"""Stored files that go bad: right bytes or an error, never wrong bytes with status 0."""
import os
import shutil

from case import NetworkCase, main
from network import MIB, random_file, sha1_of


def overwrite(path, offset=MIB + 10):
    """Other bytes under the same size and time."""
    status = path.stat()
    path.chmod(0o644)
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def cut(path):
    path.chmod(0o644)
    os.truncate(path, 1000)


def empty(path):
    path.chmod(0o644)
    os.truncate(path, 0)


def become_a_directory(path):
    path.unlink()
    path.mkdir()


FAULTS = (overwrite, cut, empty, become_a_directory)


class Alone(NetworkCase):
    daemons = ("alice",)

    def test_without_another_provider_it_is_an_error(self):
        for fault in FAULTS:
            for command in ("kp2p-load", "kp2p-cat"):
                with self.subTest(fault=fault.__name__, command=command):
                    path = self.path(f"{fault.__name__}-{command}.dat")
                    sha1 = random_file(path, 3 * MIB)
                    uri = self.alice.store(path)
                    fault(self.alice.stored(sha1))
                    done = self.alice.run(command, uri, check=False)
                    self.assert_ends(done, 4)
                    self.assertNotIn(str(self.alice.stored(sha1)).encode(), done.stdout)
                    if command == "kp2p-cat":
                        self.assertTrue(path.read_bytes().startswith(done.stdout))
                    log = self.alice.log()
                    self.assertEqual(log.count(f"; set aside as {self.damaged(sha1)}"), 1, log)

    def damaged(self, sha1):
        kept = self.alice.storage_dir / "kp2p" / "damaged"
        names = [path for path in kept.iterdir() if path.name.startswith(sha1)]
        self.assertEqual(len(names), 1)
        return names[0]

    def test_a_touched_or_restored_file_is_still_good(self):
        path = self.path("good.dat")
        sha1 = random_file(path, 3 * MIB)
        uri = self.alice.store(path)
        stored = self.alice.stored(sha1)
        os.utime(stored)
        self.assertTrue(self.alice.load(uri).samefile(stored))
        shutil.copy2(stored, self.path("backup.dat"))
        stored.unlink()
        shutil.copy2(self.path("backup.dat"), stored)
        self.assertTrue(self.alice.load(uri).samefile(stored))
        self.assertEqual(self.alice.run("kp2p-cat", uri).stdout, path.read_bytes())
        self.assertFalse((self.alice.storage_dir / "kp2p" / "damaged").exists())


class Together(NetworkCase):
    daemons = ("alice", "bob")

    def test_what_another_node_has_is_fetched_again(self):
        for fault in FAULTS:
            for size in (40_000, 3 * MIB + 5):
                with self.subTest(fault=fault.__name__, size=size):
                    path = self.path(f"{fault.__name__}-{size}.dat")
                    sha1 = random_file(path, size)
                    uri = self.alice.store(path)
                    self.bob.load(uri)
                    stored = self.bob.stored(sha1)
                    for read in (self.cat, self.load, self.load_to):
                        overwrite(stored, size // 2) if fault is overwrite else fault(stored)
                        self.assertEqual(read(uri), path.read_bytes(), read.__name__)
                        self.assertEqual(sha1_of(stored), sha1)

    def cat(self, uri):
        return self.bob.run("kp2p-cat", uri).stdout

    def load(self, uri):
        return self.bob.load(uri).read_bytes()

    def load_to(self, uri):
        dest = self.path("dest.dat")
        dest.unlink(missing_ok=True)
        return self.bob.load(uri, "--dest", dest).read_bytes()

    def test_a_bad_copy_is_not_provided(self):
        path = self.path("bad.dat")
        sha1 = random_file(path, 3 * MIB)
        uri = self.alice.store(path)
        cut(self.alice.stored(sha1))
        self.assert_ends(self.bob.run("kp2p-find", uri, check=False), 4)
        self.assert_ends(self.bob.run("kp2p-load", uri, check=False), 4)

    def test_a_touched_linked_file_is_said(self):
        path = self.path("linked.dat")
        random_file(path, MIB)
        uri = self.alice.lines("kp2p-link", path)[0]
        self.bob.load(uri)
        os.utime(path)
        self.assertEqual(len(self.bob.lines("kp2p-find", uri)), 1)
        said = f"{path} has changed since"
        self.alice.process.wait_for_words(said)
        self.assertEqual(self.alice.log().count(said), 1)

    def test_a_linked_file_that_goes_away_while_it_is_given_is_said(self):
        path = self.path("leaving.dat")
        random_file(path, 20 * MIB)
        uri = self.alice.lines("kp2p-link", "--bare", path)[0]
        self.bob.run("kp2p-limit", "--down", "2M")
        loading = self.bob.popen("kp2p-load", uri)
        try:
            self.bob.process.wait_until(lambda: b" load " in self.bob.run("kp2p-transfers").stdout, "no load")
            path.unlink()
            self.alice.process.wait_for_words(f"the linked file {path} is gone")
        finally:
            loading.kill()
            loading.communicate()
            self.bob.run("kp2p-limit", "--down", "none")


if __name__ == "__main__":
    main()
