#!/usr/bin/env python3
"""kachery_compat.py KP2P_STORE KP2P_LINK STORE_CAT: what the commands store and link is found by the
rules of kachery_p2p 0.8 and kachery 0.6, and the reverse. The rules are written out below, since the
packages need more than the standard library."""
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

KP2P_STORE, KP2P_LINK, STORE_CAT = sys.argv[1:4]


def sha1(data):
    return hashlib.sha1(data).hexdigest()


class Kachery:
    """The storage as the Python packages see it."""

    def __init__(self, directory):
        self.directory = directory

    def path(self, digest):
        return os.path.join(self.directory, "sha1", digest[0:2], digest[2:4], digest[4:6], digest)

    def load(self, digest):
        path = self.path(digest)
        if os.path.exists(path):
            return path
        if not os.path.exists(path + ".link"):
            return None
        with open(path + ".link") as file:
            link = json.load(file)
        status = os.stat(link["path"])
        unchanged = link["stat"]["size"] == status.st_size and link["stat"]["mtime"] == status.st_mtime
        return link["path"] if unchanged else None

    def store(self, data):
        path = self.path(sha1(data))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return sha1(data)

    def link(self, target, daemon):
        status = os.stat(target)
        data = pathlib.Path(target).read_bytes()
        stat = {"size": status.st_size, "mtime": status.st_mtime}
        link = {"path": os.path.abspath(target), "manifest_hash": None, "stat": stat}
        if daemon:  # JavaScript, which is given the time by Python
            link = {"path": os.path.abspath(target), "manifestSha1": None, "stat": stat,
                    "_writingProcess": "daemon"}
        path = self.path(sha1(data)) + ".link"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            json.dump(link, file)
        return sha1(data)

    def load_bytes(self, uri, start, end):
        """_load_file.py, load_bytes(): the chunks that the range lies in, each cut."""
        digest, query = uri.split("/")[2], urllib.parse.parse_qs(uri.split("?")[1])
        manifest = json.loads(pathlib.Path(self.load(query["manifest"][0])).read_text())
        assert manifest["sha1"] == digest
        content = pathlib.Path(self.load(digest)).read_bytes()
        data = []
        for chunk in manifest["chunks"]:
            if start < chunk["end"] and end >= chunk["start"]:
                part = content[chunk["start"]:chunk["end"]]
                assert sha1(part) == chunk["sha1"]
                data.append(part[max(start - chunk["start"], 0):end - chunk["start"]])
        return b"".join(data), manifest

    def read_directory(self, path):
        listing = {"files": {}, "dirs": {}}
        for name in os.listdir(path):
            inner = os.path.join(path, name)
            if os.path.isfile(inner):
                data = pathlib.Path(inner).read_bytes()
                listing["files"][name] = {"size": len(data), "sha1": sha1(data)}
            elif os.path.isdir(inner):
                listing["dirs"][name] = self.read_directory(inner)
        return listing


class Compatibility(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="kp2p-test-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.storage = self.directory / "storage"
        self.storage.mkdir()
        self.kachery = Kachery(str(self.storage))

    def file(self, name, data):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def run_command(self, command, *arguments):
        environment = dict(os.environ, KACHERY_STORAGE_DIR=str(self.storage),
                           HOME=str(self.directory))
        done = subprocess.run([command, *map(str, arguments)], env=environment, check=True,
                              stdout=subprocess.PIPE)
        return done.stdout.decode().splitlines()

    def cat(self, digest):
        return subprocess.run([STORE_CAT, self.storage, digest], stdout=subprocess.PIPE)

    def test_kachery_finds_what_was_stored(self):
        contents = [b"", b"x", os.urandom(1 << 20), os.urandom(100_001)]
        paths = [self.file(f"file {i}.bin", data) for i, data in enumerate(contents)]
        uris = self.run_command(KP2P_STORE, *paths)
        for data, path, uri in zip(contents, paths, uris, strict=True):
            self.assertEqual(uri, f"sha1://{sha1(data)}/{urllib.parse.quote(path.name)}")
            stored = self.kachery.load(uri.split("/")[2])
            self.assertEqual(pathlib.Path(stored).read_bytes(), data)

    def test_kachery_follows_links_until_the_file_changes(self):
        # Times whose seconds have every possible last bit.
        for step in range(50):
            data = os.urandom(1000)
            path = self.file("linked", data)
            time_ns = 1_700_000_000_123_456_789 + step * 37_111_111_117
            os.utime(path, ns=(time_ns, time_ns))
            self.run_command(KP2P_LINK, path)
            self.assertEqual(self.kachery.load(sha1(data)), str(path))
        path.write_bytes(b"changed")
        self.assertIsNone(self.kachery.load(sha1(data)))

    def test_the_manifest_of_a_large_file_is_one_that_kachery_reads(self):
        data = os.urandom(4096) * 10_000 + b"x"
        path = self.file("large", data)
        [uri] = self.run_command(KP2P_STORE, path)
        self.assertRegex(uri, f"^sha1://{sha1(data)}/large[?]manifest=[0-9a-f]{{40}}$")
        self.assertEqual(self.run_command(KP2P_LINK, path), [uri])
        for command in (KP2P_STORE, KP2P_LINK):
            self.assertEqual(self.run_command(command, "--bare", path), [uri.split("?")[0]])
        for start, end in ((0, 5), (1_000_000, 3_000_000), (len(data) - 5, len(data))):
            self.assertEqual(self.kachery.load_bytes(uri, start, end)[0], data[start:end])
        _, manifest = self.kachery.load_bytes(uri, 0, len(data))
        self.assertEqual(set(manifest), {"size", "sha1", "chunks", "pieces"})
        self.assertEqual(manifest["size"], len(data))
        self.assertEqual({tuple(chunk) for chunk in manifest["chunks"]}, {("start", "end", "sha1")})
        starts = range(0, len(data), 1 << 20)
        self.assertEqual([chunk["start"] for chunk in manifest["chunks"]], list(starts))
        pieces = b"".join(pathlib.Path(self.kachery.load(each)).read_bytes()
                          for each in manifest["pieces"]["lists"])
        self.assertEqual(pieces, b"".join(hashlib.sha1(data[at:at + 16384]).digest()
                                          for at in range(0, len(data), 16384)))

    def test_a_directory_lists_what_kachery_lists(self):
        tree = self.directory / "my tree"
        self.file("my tree/größe.txt", b"one")
        self.file("my tree/sub/deep", b"two")
        (tree / "empty").mkdir()
        (tree / "link").symlink_to("sub/deep")
        (tree / "broken").symlink_to("nowhere")
        [uri] = self.run_command(KP2P_STORE, "--quiet", tree)
        self.assertRegex(uri, r"^sha1dir://[0-9a-f]{40}\.my%20tree$")
        text = pathlib.Path(self.kachery.load(uri[10:50])).read_text()
        listing = json.loads(text)
        self.assertEqual(listing, self.kachery.read_directory(str(tree)))
        self.assertEqual(text, json.dumps(listing))

    def test_what_kachery_stored_is_found(self):
        for data in (b"", b"x", os.urandom((3 << 20) + 1)):
            done = self.cat(self.kachery.store(data))
            self.assertEqual((done.returncode, done.stdout), (0, data))
        self.assertEqual(self.cat("0" * 40).returncode, 4)

    def test_what_kachery_linked_is_found_until_it_changes(self):
        for daemon in (False, True):
            data = os.urandom((2 << 20) + 5)
            path = self.file("linked", data)
            digest = self.kachery.link(path, daemon)
            done = self.cat(digest)
            self.assertEqual((done.returncode, done.stdout), (0, data))
            path.write_bytes(data + b"more")
            self.assertEqual(self.cat(digest).returncode, 4)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
