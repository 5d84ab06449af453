#!/usr/bin/env python3
"""Files as people handle them, and the housekeeping of what was stored and loaded."""
import json
import os
import pathlib
import pty
import socket
import subprocess
import threading
import unicodedata

from case import NetworkCase, main, shown_on
from network import MIB, random_file, sha1_of

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors"


class Files(NetworkCase):
    daemons = ("alice", "bob")

    def make(self, name, size_bytes=1000):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        random_file(path, size_bytes)
        return path

    def piped(self, node, command, *arguments, input=b"", cwd=None):
        return subprocess.run([self.network.command(command), *map(str, arguments)], input=input,
                              capture_output=True, env=node.environment(), timeout=60, cwd=cwd)

    def test_many_files_are_loaded_at_once_and_each_by_its_own_name(self):
        paths = [self.make(name) for name in ("a.csv.gz", "b.npy", "c")]
        uris = [self.alice.store(path) for path in paths]
        lines = "\n".join([f"  {uris[0]}\r", "", "# a remark", sha1_of(paths[2])]).encode()
        done = self.piped(self.bob, "kp2p-load", uris[1], "-i", "-", input=lines)
        self.assert_ends(done, 0)
        loaded = [pathlib.Path(line) for line in done.stdout.decode().splitlines()]
        self.assertEqual([path.name for path in loaded], ["b.npy", "a.csv.gz", sha1_of(paths[2])])
        self.assertEqual(loaded[1].read_bytes(), paths[0].read_bytes())

        out = self.path("out")
        done = self.piped(self.bob, "kp2p-load", *uris, "--dest", f"{out}/")
        self.assert_ends(done, 0)
        self.assertEqual(sorted(os.listdir(out)), ["a.csv.gz", "b.npy", "c"])
        self.assertEqual((out / "b.npy").read_bytes(), paths[1].read_bytes())
        here = self.path("here")
        here.mkdir()
        self.assert_ends(self.piped(self.bob, "kp2p-load", "-O", uris[2], cwd=here), 0)
        self.assertEqual((here / "c").read_bytes(), paths[2].read_bytes())
        both = self.piped(self.bob, "kp2p-load", *uris[:2], "--dest", "-")
        self.assertEqual(both.stdout, paths[0].read_bytes() + paths[1].read_bytes())

        absent = "sha1://" + "1" * 40 + "/none"
        some = self.piped(self.bob, "kp2p-load", absent, uris[0])
        self.assert_ends(some, 4, "kp2p-load: ")
        self.assertEqual(some.stdout.decode().strip(), str(loaded[1]))
        many = [self.alice.store(self.make(f"many/{i}")) for i in range(20)]
        some = self.piped(self.bob, "kp2p-load", *many[:10], absent, *many[10:])
        self.assert_ends(some, 4, "kp2p-load: ")
        self.assertEqual([line.rsplit("/")[-1] for line in some.stdout.decode().splitlines()],
                         [str(i) for i in range(20)])
        for arguments in ([*uris, "--dest", out / "one"], ["-O", "--dest", out, uris[0]],
                          ["-O", "sha1://" + sha1_of(paths[0])]):
            self.assert_ends(self.piped(self.bob, "kp2p-load", *arguments), 2)

    def test_what_an_attack_on_sha1_has_made_is_refused(self):
        vectors = json.loads((VECTORS / "sha1.json").read_text())
        for collision in vectors["collisions"]:
            for number, message in enumerate(collision["messages"]):
                bytes_ = bytes.fromhex(message["bytes"])
                path = self.path(f"attack{number}")
                path.write_bytes(bytes_)
                for command in ("kp2p-store", "kp2p-link"):
                    done = self.alice.run(command, path, "--json", check=False)
                    self.assert_ends(done, 5, "part of a SHA-1 collision attack")
                    self.assertEqual(json.loads(done.stdout.splitlines()[-1])["code"],
                                     "sha1_collision")
                self.assert_ends(self.piped(self.alice, "kp2p-store", "-", "--name", "attack",
                                            input=bytes_), 5, "part of a SHA-1 collision attack")
                # As others store it, who do not look.
                sha1 = collision["sha1"]
                place = self.alice.stored(sha1)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(bytes_)
                self.assert_ends(self.bob.run("kp2p-load", f"sha1://{sha1}", check=False), 4)
                done = self.piped(self.alice, "kp2p-cat", f"sha1://{sha1}")
                self.assertNotEqual(done.returncode, 0)
                self.assertEqual(done.stdout, b"")

    def test_standard_input_is_stored_by_the_name_that_it_is_given(self):
        done = self.piped(self.alice, "kp2p-store", "-", "--name", "table.csv", input=b"1,2\n")
        self.assert_ends(done, 0)
        uri = done.stdout.decode().strip()
        self.assertTrue(uri.endswith("/table.csv"), uri)
        self.assertEqual(self.alice.run("kp2p-cat", uri).stdout, b"1,2\n")
        self.assert_ends(self.piped(self.alice, "kp2p-store", "-", "--name", "a/b"), 2)

    def test_of_a_directory_only_what_is_meant_is_stored(self):
        tree, outside = self.path("tree"), self.make("elsewhere/data")
        for name in ("keep.py", "drop.pyc", "sub/drop.pyc", "sub/keep", "sub/deep/keep"):
            self.make(f"tree/{name}")
        (tree / "link").symlink_to(outside)
        uri = self.alice.store(tree, "--exclude", "*.pyc", "--exclude", "sub/deep", "--follow")
        lines = self.alice.lines("kp2p-ls", "-l", uri)
        self.assertEqual([line.split() for line in lines],
                         [["1000", sha1_of(tree / "keep.py"), "keep.py"],
                          ["1000", sha1_of(outside), "link"], ["-", "-", "sub/"]])
        self.assertEqual(self.alice.lines("kp2p-ls", f"{uri}/sub"), ["keep"])

    def test_on_a_terminal_a_uri_is_quoted_for_the_shell(self):
        path = self.make("big", 21 * MIB)
        ours, theirs = pty.openpty()
        with open(ours, "rb", closefd=True) as terminal:
            subprocess.run([self.network.command("kp2p-store"), path], stdout=theirs, check=True,
                           env=self.alice.environment(), timeout=60)
            os.close(theirs)
            line = terminal.readline().strip().decode()
        self.assertRegex(line, r"^'sha1://\w{40}/big\?manifest=\w{40}'$")
        self.assertEqual(f"'{self.alice.store(path)}'", line)  # and elsewhere it is not

    def test_an_invitation_is_all_that_another_needs(self):
        node, other = self.daemon("node", channels=()), self.daemon("other", channels=())
        name = node.lines("kp2p-join", "--new", "our-lab")[0]
        self.assertRegex(name, r"^our-lab-[0-9a-z]{16}$")
        path = self.make("a file?.dat")
        line = node.lines("kp2p-invite", node.store(path))[0]
        loaded = other.run("kp2p-load", f"  {line}")
        self.assertEqual(pathlib.Path(loaded.stdout.decode().strip()).read_bytes(), path.read_bytes())
        self.assertEqual(other.lines("kp2p-channels"), [name])
        third = self.daemon("third", channels=())
        for cut in (line[:-4], line[:30]):
            self.assert_ends(third.run("kp2p-join", cut, check=False), 2, "cut off")
            self.assert_ends(self.piped(third, "kp2p-join", "-", input=cut.encode()), 2, "cut off")
        self.assert_ends(third.run("kp2p-leave", line, check=False), 2, "kp2p-join takes invitations")
        self.assertEqual(third.lines("kp2p-channels"), [])
        self.assert_ends(self.piped(third, "kp2p-join", "-", input=f" '{line}'\r\n".encode()), 0)
        self.assertEqual(third.lines("kp2p-channels"), [name])
        said = third.run("kp2p-channels", "--json").stdout
        self.assertEqual(said.count(b"\n"), 1)

    def on_a_terminal(self, node, command, *arguments):
        ours, theirs = pty.openpty()
        child = subprocess.Popen([self.network.command(command), *arguments], stdout=theirs,
                                 env=node.environment())
        os.close(theirs)
        said = shown_on(ours)
        self.assertEqual(child.wait(60), 0)
        return said

    def test_on_a_terminal_an_invitation_is_a_code_for_a_camera_too(self):
        program = self.network.command("kp2p-invite")
        if b"libqrencode" not in subprocess.run(["ldd", program], capture_output=True).stdout:
            self.skipTest("built without libqrencode")
        line = self.alice.lines("kp2p-invite")
        self.assertEqual(len(line), 1)  # elsewhere it is not
        said = self.on_a_terminal(self.alice, "kp2p-invite").splitlines()
        self.assertEqual(said[0], line[0])
        self.assertGreater(len(said), 15)
        self.assertIn("\u2580", said[5])
        self.assertEqual(self.on_a_terminal(self.alice, "kp2p-invite", "--quiet").splitlines(), line)

    def test_a_daemon_of_another_storage_is_said(self):
        path, other = self.make("file"), self.path("other")
        other.mkdir()
        done = self.alice.run("kp2p-store", "--storage-dir", other, path)
        self.assertIn(b"serves another storage, " + bytes(self.alice.storage_dir), done.stderr)
        self.assertEqual(self.alice.run("kp2p-store", path).stderr, b"")


class Housekeeping(NetworkCase):
    daemons = ("alice",)

    def make(self, name, size_bytes=1000):
        random_file(self.path(name), size_bytes)
        return self.path(name)

    def listed(self, node):
        lines = map(json.loads, node.lines("kp2p-list", "--json"))
        return sorted((line["kind"], line["name"], line["size"], line["pinned"])
                      for line in lines if line["event"] == "file")

    def test_one_that_fails_keeps_none_from_the_others(self):
        node = self.idle("node")
        device, path = "/dev/zero", self.make("file")
        uri = f"sha1://{sha1_of(path)}/file"
        for command in ("kp2p-store", "kp2p-link"):
            done = node.run(command, self.path("absent\x1b[1m"), device, path, check=False)
            self.assert_ends(done, 1, "absent?[1m: No such file or directory")
            self.assertIn(b"/dev/zero is neither a file nor a directory", done.stderr)
            self.assertEqual(done.stdout.decode().split(), [uri])
        self.assert_ends(node.run("kp2p-store", device, check=False), 2, "neither a file nor")
        for command in ("kp2p-pin", "kp2p-unpin"):
            self.assert_ends(node.run(command, "1" * 40, uri, check=False), 4)
            self.assertIn(("stored", "file", 1000, command == "kp2p-pin"), self.listed(node))

    def test_of_what_is_no_plain_file_it_is_said_how_to_store_it(self):
        node = self.idle("node")
        pipe, door, tree = self.path("pipe"), self.path("door"), self.path("tree")
        os.mkfifo(pipe)
        tree.mkdir()
        (tree / "made-up").symlink_to("/proc/version")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(door))
        made_up = ": its size is not that of what it gives, as of files that the kernel makes up; kp2p-store "
        for command, path, status, words in (
                ("kp2p-link", "/proc/version", 1, f"/proc/version{made_up}reads it to its end"),
                ("kp2p-link", pipe, 2, "but a pipe, which cannot be linked; kp2p-store reads it to its end"),
                ("kp2p-link", "/dev/zero", 2, "but a device; kp2p-store - reads one"),
                ("kp2p-store", "/dev/zero", 2, "but a device; kp2p-store - reads one"),
                ("kp2p-store", door, 2, "neither a file nor a directory but a socket"),
                ("kp2p-link", "-", 2, "standard input cannot be linked; kp2p-store - reads it"),
                ("kp2p-store", tree, 1, f"kp2p-store: {tree}/made-up{made_up}- reads it"),
                ("kp2p-link", tree, 1, f"kp2p-link: {tree}/made-up{made_up}reads it")):
            with self.subTest((command, path)):
                follow = ["--follow"] if path == tree else []
                self.assert_ends(node.run(command, *follow, path, check=False), status, words)
        self.assertEqual(self.listed(node), [])

    def test_what_is_here_is_listed_removed_and_pinned_with_no_daemon(self):
        node = self.idle("node")
        stored, linked = node.store(self.make("stored")), None
        linked = node.lines("kp2p-link", self.make("linked", 2000))[0]
        node.run("kp2p-pin", stored)
        self.assertEqual(self.listed(node), [("linked", "linked", 2000, False),
                                             ("stored", "stored", 1000, True)])
        self.assertRegex(node.lines("kp2p-list")[0], r"kB  (stored, pinned|linked        )  \d{4}-\d\d-\d\d ")
        self.assert_ends(node.run("kp2p-rm", stored, check=False), 2, "kp2p-unpin")
        node.run("kp2p-gc")
        node.run("kp2p-unpin", stored)
        self.assertEqual([json.loads(line) for line in node.lines("kp2p-rm", "--json", stored, linked)],
                         [{"uri": stored, "files": 1, "bytes": 1000},
                          {"uri": linked, "files": 1, "bytes": 0}])
        self.assertEqual(self.listed(node), [])
        self.assertTrue(self.path("linked").exists())
        for command, words in (("rm", "it is not in the storage"), ("pin", "it is not in the storage"),
                               ("unpin", "it is not pinned"), ("verify", "it is not in the storage")):
            absent = node.run("kp2p-" + command, stored, check=False)
            self.assert_ends(absent, 4)
            self.assertEqual(absent.stderr.decode(), f"kp2p-{command}: {words}\n")
            if command == "verify":
                continue
            of_two = node.run("kp2p-" + command, stored, linked, check=False)
            self.assert_ends(of_two, 4)
            self.assertEqual(of_two.stderr.decode(), "".join(
                f"kp2p-{command}: {uri}: {words}\n" for uri in (stored, linked)))
            as_json = node.run("kp2p-" + command, "--json", stored, linked, check=False)
            self.assertEqual([json.loads(line)["uri"] for line in as_json.stdout.splitlines()],
                             [stored, linked])

    def test_with_no_daemon_a_command_ends_when_it_is_done(self):
        node, folder = self.idle("node"), self.path("folder")
        folder.mkdir()
        (folder / "file").write_text("text")
        uri = node.store(folder)
        self.assertEqual(node.run("kp2p-cat", f"{uri}/file", seconds=20).stdout, b"text")
        node.run("kp2p-load", uri, "--dest", self.path("copy"), seconds=20)

    def test_the_list_has_columns_whatever_letters_names_have(self):
        node = self.idle("node")
        for name in ("plain", "\u00fcml\u00e4ut", "\u65e5\u672c\u8a9e"):
            node.store(self.make(name))
        wide = [sum(1 + (unicodedata.east_asian_width(letter) == "W") for letter in line[:line.index("sha1:")])
                for line in node.lines("kp2p-list")]
        self.assertEqual(len(wide), 3)
        self.assertEqual(len(set(wide)), 1, wide)

    def test_only_what_was_loaded_is_collected(self):
        bob = self.daemon("bob")
        own = bob.store(self.make("own"))
        uris = [self.alice.store(self.make(name)) for name in ("one", "two")]
        bob.run("kp2p-load", *uris)
        bob.run("kp2p-pin", uris[1])
        self.assertIn(b"would remove 1 file, ", bob.run("kp2p-gc", "--dry-run").stderr)
        bob.run("kp2p-gc", "--max", "1G")
        self.assertEqual(len(self.listed(bob)), 3)
        bob.run("kp2p-gc")
        self.assertEqual([line[1] for line in self.listed(bob)], ["two", "own"])
        bob.run("kp2p-load", uris[0])
        bob.run("kp2p-store", self.path("one"))
        bob.run("kp2p-gc")
        self.assertEqual([line[:2] for line in self.listed(bob)],
                         [("loaded", "two"), ("stored", "one"), ("stored", "own")])
        self.assertEqual(bob.load(own).read_bytes(), self.path("own").read_bytes())

    def test_a_quota_lets_the_cache_give_way_and_then_refuses_by_its_name(self):
        bob = self.daemon("bob", flags=["--quota", "8M"])
        uris = [self.alice.store(self.make(str(number), 3 * MIB)) for number in range(3)]
        for uri in uris:
            bob.run("kp2p-load", uri)
        self.assertEqual([line[1] for line in self.listed(bob)], ["1", "2"])
        bob.run("kp2p-store", self.path("1"), self.path("2"))
        done = bob.run("kp2p-load", uris[0], "--json", check=False)
        self.assert_ends(done, 6, "the quota of 8.00 MB")
        self.assertEqual(json.loads(done.stdout.splitlines()[-1])["code"], "over_quota")
        self.assertEqual(len(self.listed(bob)), 2)

    def test_what_has_rotted_is_said_and_fetched_again(self):
        bob = self.daemon("bob")
        path = self.make("file", 3 * MIB)
        uri = self.alice.store(path)
        bob.run("kp2p-load", uri)
        self.assert_ends(bob.run("kp2p-verify"), 0, "all is well")
        sha1 = sha1_of(path)
        for flags, status in (([], 5), (["--repair"], 0)):
            bob.stored(sha1).chmod(0o644)
            with open(bob.stored(sha1), "r+b") as file:
                file.seek(2 * MIB)
                file.write(b"rot")
            done = bob.run("kp2p-verify", *flags, check=False)
            self.assert_ends(done, status, "1 damaged")
            self.assertEqual(done.stdout.decode().strip(), uri)
            self.assertEqual(bob.stored(sha1).exists(), status == 0)
            bob.run("kp2p-load", uri)
        self.assertEqual(sha1_of(bob.stored(sha1)), sha1)

    def test_what_is_no_file_in_the_place_of_one_is_not_well(self):
        node = self.idle("node")
        empty = lambda place: place.write_bytes(b"")  # as a failure of power leaves it under kachery
        away = lambda place: (place.unlink(), place.symlink_to("nowhere"))
        for number, (name, spoil, status, words) in enumerate((
                ("empty", empty, 5, "1 damaged"),
                ("directory", lambda place: (place.unlink(), place.mkdir()), 5, "1 damaged"),
                ("fifo", lambda place: (place.unlink(), os.mkfifo(place)), 5, "1 damaged"),
                ("away", away, 1, "leads to what is not there"))):
            with self.subTest(name):
                path = self.make(name, 1000 + number)
                uri = node.store(path)
                place = node.stored(sha1_of(path))
                place.chmod(0o644)
                spoil(place)
                done = node.run("kp2p-verify", check=False)
                self.assert_ends(done, status, words)
                self.assertEqual(done.stdout.decode().split(), [uri] if status == 5 else [])
                self.assertEqual(os.path.lexists(place), status == 1)
        linked = node.lines("kp2p-link", self.make("linked", 2000))[0]
        (link,) = node.storage_dir.glob("sha1/*/*/*/*.link")
        link.write_text("{")
        done = node.run("kp2p-verify", check=False)
        self.assert_ends(done, 5, "1 damaged")
        self.assertEqual(done.stdout.decode().split(), [linked])

    def test_what_changes_while_it_is_checked_is_said(self):
        path = self.make("file", 64 * MIB)
        self.alice.store(path)
        place = self.alice.stored(sha1_of(path))
        over = threading.Event()

        def change():  # before it begins, lest it be over first
            while not over.is_set():
                os.utime(place)

        changing = threading.Thread(target=change)
        changing.start()
        said = self.alice.run("kp2p-verify", check=False).stderr.decode()
        over.set()
        changing.join()
        self.assertIn(f"not all could be checked: {place} changed, or went, while it was checked", said)
        self.assert_ends(self.alice.run("kp2p-verify"), 0, "all is well")

    def test_what_was_set_aside_is_repaired_later(self):
        bob = self.daemon("bob")
        path, removed = self.make("file", MIB), self.make("removed", MIB)
        for each in (path, removed):
            bob.run("kp2p-load", self.alice.store(each))
            stored = bob.stored(sha1_of(each))
            stored.chmod(0o644)
            stored.write_bytes(b"rot")
        done = bob.run("kp2p-verify", check=False)
        self.assert_ends(done, 5, "2 damaged")
        self.assertIn(b"kp2p-verify: files that are not what their hashes say: 2", done.stderr)
        self.assert_ends(bob.run("kp2p-verify", check=False), 1, "2 files missing; --repair")
        aside = next(bob.storage_dir.glob(f"kp2p/damaged/{sha1_of(path)}.*"))
        done = bob.run("kp2p-verify", sha1_of(path), check=False)
        self.assert_ends(done, 1, f"missing: sha1://{sha1_of(path)}/file: it was found wrong before, "
                                  f"and set aside as {aside}")
        bob.run("kp2p-load", sha1_of(removed))
        bob.run("kp2p-rm", sha1_of(removed))
        uri = f"sha1://{sha1_of(path)}/file"
        for arguments in ([uri], []):
            done = bob.run("kp2p-verify", "--repair", *arguments)
            self.assertEqual(done.stdout.decode().split(), [uri] if arguments else [])
            self.assertEqual(sha1_of(bob.stored(sha1_of(path))), sha1_of(path))
        self.assertFalse(bob.stored(sha1_of(removed)).exists())

    def test_who_asks_for_what_was_set_aside_is_told(self):
        node = self.daemon("node", channels=[self.channel])
        path = self.make("file")
        uri = node.store(path)
        place = node.stored(sha1_of(path))
        place.chmod(0o644)
        place.write_bytes(b"rot")
        node.run("kp2p-verify", check=False)
        aside = next(node.storage_dir.glob("kp2p/damaged/*"))
        for command in ("kp2p-load", "kp2p-cat", "kp2p-find"):
            done = node.run(command, uri, check=False)
            self.assert_ends(done, 4, f"it was here, found wrong, and set aside as {aside}")
        node.stop()
        done = node.run("kp2p-load", uri, check=False)
        self.assert_ends(done, 3, f"it was here, found wrong, and set aside as {aside}")

    def test_what_vanished_from_the_storage_is_said(self):
        node = self.idle("node")
        folder = self.path("folder")
        folder.mkdir()
        random_file(folder / "inner", 1000)
        single, large, linked = self.make("single"), self.make("large", 21 * MIB), self.make("linked")
        random_file(linked, 1001)
        uris = {"single": node.store(single), "folder": node.store(folder), "large": node.store(large),
                "linked": node.lines("kp2p-link", linked)[0]}
        self.assert_ends(node.run("kp2p-verify"), 0, "all is well")
        manifest = uris["large"].split("manifest=")[1]
        for sha1 in (sha1_of(single), sha1_of(folder / "inner"), manifest):
            node.stored(sha1).unlink()
        next(node.storage_dir.glob("sha1/*/*/*/*.link")).unlink()
        done = node.run("kp2p-verify", check=False)
        self.assert_ends(done, 1, "4 files missing; --repair")
        self.assertEqual(done.stdout, b"")
        for uri in (uris["single"], uris["folder"] + "/inner", f"sha1://{manifest}", uris["linked"]):
            self.assertIn(f"missing: {uri}: it is not here any more", done.stderr.decode())
        done = node.run("kp2p-verify", "--json", uris["single"], check=False)
        self.assertIn('"missing":1', done.stdout.decode())
        node.run("kp2p-rm", uris["single"], uris["linked"])
        node.store(folder)
        node.store(large)
        self.assert_ends(node.run("kp2p-verify"), 0, "all is well")

    def test_what_was_removed_out_of_a_directory_is_not_missing(self):
        node = self.idle("node")
        folder = self.path("folder")
        folder.mkdir()
        for name in ("removed", "vanished", "kept"):
            random_file(folder / name, 1000)
        uri = node.store(folder)
        removed, vanished = sha1_of(folder / "removed"), sha1_of(folder / "vanished")
        node.run("kp2p-rm", f"sha1://{removed}")
        for arguments in ((uri, "--dest", self.path("copy")), (f"{uri}/removed",)):
            done = node.run("kp2p-load", *arguments, check=False)
            self.assert_ends(done, 3, f"kp2p-load: removed (sha1://{removed}): no daemon is running: it ")
        node.stored(vanished).unlink()
        done = node.run("kp2p-verify", check=False)
        self.assert_ends(done, 1, "1 file missing")
        self.assertIn(b"kp2p-rm removed it: 1 file of what is stored", done.stderr)
        node.run("kp2p-rm", f"sha1://{vanished}")
        done = node.run("kp2p-verify", "--json", uri)
        self.assertIn(b'"missing":0,"away":0,"removed":2', done.stdout)
        removed_notes = node.storage_dir / "kp2p" / "removed"
        self.assertEqual(len([note for note in removed_notes.rglob("*") if note.is_file()]), 2)
        node.run("kp2p-rm", uri)
        self.assertEqual([note for note in removed_notes.rglob("*") if note.is_file()], [])
        node.store(folder)
        self.assert_ends(node.run("kp2p-verify"), 0, "all is well")

    def test_a_path_in_a_directory_is_checked_alone(self):
        node = self.idle("node")
        folder = self.path("folder")
        for name in ("sound/a", "sound/b", "rotten/a", "gone/a"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            random_file(folder / name, 1000)
        uri = node.store(folder)
        for name in ("rotten/a", "gone/a"):
            stored = node.stored(sha1_of(folder / name))
            stored.unlink()
            if name == "rotten/a":
                stored.write_bytes(bytes(1000))
        for path, files in (("sound", 3), ("sound/b", 2)):  # and the list of the directory
            done = node.run("kp2p-verify", f"{uri}/{path}")
            self.assert_ends(done, 0, f"checked {files} files")
            self.assertIn(b"all is well", done.stderr)
        self.assert_ends(node.run("kp2p-verify", f"{uri}/gone", check=False), 1, "1 file missing")
        done = node.run("kp2p-verify", f"{uri}/rotten/a", check=False)
        self.assert_ends(done, 5, "files that are not what their hashes say: 1")
        self.assertEqual(done.stdout.decode().split(), [f"{uri}/rotten/a"])
        self.assert_ends(node.run("kp2p-verify", f"{uri}/none", check=False), 2,
                         "there is no none in the directory")

    def test_what_gave_way_is_not_missing(self):
        bob = self.daemon("bob")
        folder = self.path("folder")
        folder.mkdir()
        for name in "ab":
            random_file(folder / name, MIB)
        uri = self.alice.store(folder)
        bob.run("kp2p-load", f"{uri}/a")
        done = bob.run("kp2p-verify", uri)
        self.assert_ends(done, 0, "nothing is damaged")
        self.assertIn(b"was not loaded, or gave way: 1 file of the directory", done.stderr)
        bob.run("kp2p-load", uri, "--dest", self.path("copy"))
        self.assert_ends(bob.run("kp2p-verify", uri), 0, "all is well")
        bob.run("kp2p-load", self.alice.store(self.make("file", MIB)))
        self.assert_ends(bob.run("kp2p-verify"), 0, "all is well")
        bob.run("kp2p-gc", "--max", "1M")
        self.assert_ends(bob.run("kp2p-verify"), 0, "all is well")
        bob.run("kp2p-gc")
        self.assert_ends(bob.run("kp2p-verify"), 0, "checked 0 files")

    def test_a_linked_file_that_has_changed_or_is_gone_is_said(self):
        node = self.idle("node")
        changed, gone = self.make("changed"), self.make("gone")
        uris = node.lines("kp2p-link", changed, gone)
        self.assert_ends(node.run("kp2p-verify"), 0, "all is well")
        random_file(changed, 1001)
        gone.unlink()
        done = node.run("kp2p-verify", check=False)
        self.assert_ends(done, 5, "checked 2 files")
        self.assertEqual(done.stdout.decode().split(), uris[:1])
        self.assertIn(f"away: {uris[1]}: the linked file {gone} is gone", done.stderr.decode())


if __name__ == "__main__":
    main()
