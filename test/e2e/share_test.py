#!/usr/bin/env python3
"""Files and directories between daemons that all go well."""
import hashlib
import json
import os
import re

from case import NetworkCase, main
from network import CHANNEL, MIB, random_file, sha1_of


class TwoDaemons(NetworkCase):
    daemons = ("alice", "bob")

    def shares(self, path):
        uri = self.alice.store(path)
        loaded = self.bob.load(uri)
        self.assertEqual(sha1_of(loaded), sha1_of(path))
        self.assertEqual(loaded.stat().st_size, path.stat().st_size)
        return uri

    def test_files_around_the_block_and_chunk_sizes_arrive(self):
        for size in (0, 1, 63, 64, 65, MIB - 1, MIB, MIB + 1):
            with self.subTest(size):
                path = self.path(f"{size}.dat")
                random_file(path, size)
                self.shares(path)

    def test_a_file_of_300_MiB_arrives(self):
        path = self.path("big.dat")
        random_file(path, 300 * MIB)
        self.shares(path)

    def test_the_result_has_the_stamp_of_a_file_that_came_just_now(self):
        path = self.path("stamped.dat")
        random_file(path, 2 * MIB)
        uri = self.alice.store(path)
        first, again = (json.loads(self.bob.lines("kp2p-load", uri, "--json")[-1])
                        for _ in range(2))
        there = os.stat(first["path"])
        self.assertEqual(first["stamp"], f"{there.st_size}.{there.st_mtime_ns}."
                                         f"{there.st_ctime_ns}.{there.st_ino}")
        self.assertEqual(again, {"event": "result", "path": first["path"]})

    def test_names_with_spaces_and_utf8_survive(self):
        for name in ("a file with spaces.txt", "größe 測試 🎈.txt", "100%25&?#+.txt"):
            with self.subTest(name):
                path = self.path(name)
                path.write_text("words of " + name)
                uri = self.shares(path)
                self.assertNotIn(" ", uri)
                dest = self.path("to " + name)
                self.assertEqual(self.bob.load(uri, "--dest", dest), dest)
                self.assertEqual(dest.read_text(), path.read_text())

    def test_find_names_the_provider_and_an_own_copy(self):
        path = self.path("found.dat")
        random_file(path, 1000)
        uri = self.alice.store(path)
        found = self.bob.lines("kp2p-find", uri)
        self.assertEqual(len(found), 1, found)
        self.assertIn(self.alice.status()["node"], found[0])
        self.bob.load(uri)
        self.assertEqual(len(self.bob.lines("kp2p-find", uri)), 2)

    def test_cat_gives_the_bytes_and_ranges_of_them(self):
        path = self.path("cat.dat")
        random_file(path, 3 * MIB + 17)
        whole = path.read_bytes()
        uri = self.alice.store(path)
        for start, end in ((0, 100), (MIB - 1, MIB + 1), (3 * MIB, 3 * MIB + 17), (5, 5)):
            with self.subTest((start, end)):
                done = self.bob.run("kp2p-cat", uri, "--start", start, "--end", end)
                self.assertEqual(done.stdout, whole[start:end])
        self.assertEqual(self.bob.run("kp2p-cat", uri).stdout, whole)

    def test_a_directory_of_500_files_arrives_whole(self):
        tree = self.path("tree with spaces")
        for index in range(500):
            file = tree / f"part {index % 7}" / f"file-{index}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"content of {index}\n" * (index % 40))
        uri = self.alice.store(tree)
        self.assertTrue(uri.startswith("sha1dir://"), uri)
        dest = self.path("tree at bob")
        self.bob.load(uri, "--dest", dest)
        want = {str(f.relative_to(tree)): f.read_bytes() for f in tree.rglob("*") if f.is_file()}
        got = {str(f.relative_to(dest)): f.read_bytes() for f in dest.rglob("*") if f.is_file()}
        self.assertEqual(got, want)

    def test_a_directory_is_listed_and_one_file_of_it_loaded(self):
        tree = self.path("small")
        (tree / "inner").mkdir(parents=True)
        (tree / "top.txt").write_text("top")
        (tree / "inner" / "deep file.txt").write_text("deep")
        uri = self.alice.store(tree)
        self.assertEqual(self.bob.lines("kp2p-ls", uri), ["inner/", "top.txt"])
        loaded = self.bob.load(uri.split("?")[0] + "/inner/deep%20file.txt")
        self.assertEqual(loaded.read_text(), "deep")

    def test_a_linked_file_is_given_and_a_changed_one_is_not(self):
        path = self.path("linked.dat")
        random_file(path, 2 * MIB)
        uri = self.alice.lines("kp2p-link", path)[0]
        changed = self.path("changed.dat")
        random_file(changed, 2 * MIB)
        changed_uri = self.alice.lines("kp2p-link", changed)[0]
        with open(changed, "r+b") as file:
            file.write(b"other bytes")
        self.assertEqual(sha1_of(self.bob.load(uri)), sha1_of(path))
        self.assert_ends(self.bob.run("kp2p-load", changed_uri, check=False), 4)

    def test_what_nobody_provides_is_not_found(self):
        absent = "sha1://" + hashlib.sha1(b"nobody has this").hexdigest() + "/x"
        self.assert_ends(self.bob.run("kp2p-load", absent, check=False), 4)
        self.assert_ends(self.bob.run("kp2p-find", absent, check=False), 4)

    def test_a_load_is_told_how_long_an_outage_may_last(self):
        path = self.path("waited for.dat")
        random_file(path, MIB)
        uri = self.alice.store(path)
        self.assert_ends(self.bob.run("kp2p-load", "--wait", "2 hours", uri, check=False), 2)
        self.assert_ends(self.bob.run("kp2p-cat", "--wait", "31d", uri, check=False), 2)
        self.assertEqual(sha1_of(self.bob.load(uri, "--wait", "2h")), sha1_of(path))
        # Nobody is waited for who has never had the file.
        absent = "sha1://" + hashlib.sha1(b"nobody has this either").hexdigest()
        self.assert_ends(self.bob.run("kp2p-load", "--wait", "1d", absent, check=False), 4)

    def test_channels_are_joined_left_and_remembered(self):
        self.alice.run("kp2p-join", "second channel")
        self.assertIn("second channel", self.alice.lines("kp2p-channels"))
        self.alice.stop()
        self.alice.start(channels=())
        self.assertIn("second channel", self.alice.lines("kp2p-channels"))
        self.alice.run("kp2p-leave", "second channel")
        self.assertNotIn("second channel", self.alice.lines("kp2p-channels"))

    def test_load_says_how_far_it_is_in_json(self):
        path = self.path("events.dat")
        random_file(path, 5 * MIB)
        uri = self.alice.store(path)
        lines = self.bob.lines("kp2p-load", "--json", uri)
        events = [json.loads(line) for line in lines]
        self.assertEqual(events[-1]["event"], "result", events)
        self.assertEqual(sha1_of(events[-1]["path"]), sha1_of(path))

    def test_a_failure_says_what_stood_in_the_way_in_json(self):
        done = self.bob.run("kp2p-load", "--json", "sha1://" + "7" * 40, check=False)
        self.assertEqual(done.returncode, 4, done.stderr)
        error = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual((error["event"], error["code"]), ("error", "not_found"))
        nearest = error["findings"][0]
        self.assertEqual((nearest["stage"], nearest["code"]), ("search", "only_one_lacks"))
        self.assertIn(nearest["message"], error["message"])
        self.assertGreaterEqual(nearest["ms"], 0)
        self.assertTrue(nearest["advice"])
        logged = f"of {'7' * 40} failed [not_found]; "
        self.bob.process.wait_until(
            lambda: re.search(re.escape(logged) + r".*\[search only_one_lacks\]", self.bob.log()),
            "the log has it too")
        self.assertNotIn("channel " + CHANNEL, self.bob.log())

    def test_every_command_says_what_to_do(self):
        absent = "sha1://" + "8" * 40
        for command in ("kp2p-load", "kp2p-find", "kp2p-cat"):
            with self.subTest(command):
                done = self.bob.run(command, absent, check=False)
                self.assert_ends(done, 4, f"{command}: what to do: ask whoever has the file")
                self.assertIn("the one node reached in channel", done.stderr.decode())
                self.assertIn("knows nobody who has it (after ", done.stderr.decode())
                quiet = self.bob.run(command, "--quiet", absent, check=False)
                self.assertNotIn("what to do", quiet.stderr.decode())


class ThreeDaemons(NetworkCase):
    daemons = ("alice", "bob", "carol")

    def test_a_file_goes_on_from_one_who_loaded_it(self):
        path = self.path("chain.dat")
        random_file(path, 5 * MIB)
        uri = self.alice.store(path)
        self.bob.load(uri)
        self.alice.stop()
        self.assertEqual(sha1_of(self.carol.load(uri)), sha1_of(path))


class EightDaemons(NetworkCase):
    daemons = tuple(f"node{index}" for index in range(8))

    def test_every_one_gets_the_file_of_every_other(self):
        uris = {}
        for name in self.daemons:
            path = self.path(name + ".dat")
            sha1 = random_file(path, MIB + len(uris))
            uris[getattr(self, name).store(path)] = sha1
        loads = [(uri, sha1, getattr(self, name).popen("kp2p-load", uri))
                 for name in self.daemons for uri, sha1 in uris.items()]
        for uri, sha1, child in loads:
            output, words = child.communicate(timeout=120)
            self.assertEqual(child.returncode, 0, words.decode(errors="replace"))
            self.assertEqual(sha1_of(output.decode().strip()), sha1)


if __name__ == "__main__":
    main()
