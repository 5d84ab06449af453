#!/usr/bin/env python3
"""Names: URIs as kachery prints them, odd listings, and what of a directory is shared."""
import hashlib
import json
import os

from case import NetworkCase, main


class Names(NetworkCase):
    daemons = ("alice",)

    def read(self, uri, **options):
        return self.alice.run("kp2p-cat", uri, **options).stdout.decode()

    def test_the_name_of_a_file_is_a_label(self):
        path = self.path("file")
        path.write_text("x\n")
        sha1 = hashlib.sha1(b"x\n").hexdigest()
        self.alice.store(path)
        for name in ("100%.txt", "50% done.dat", "what?.dat", "a//b", "f?label=1", "f\n", "a\nb", "%00",
                     "..", "f?manifst=1"):
            with self.subTest(name):
                self.assertEqual(self.read(f"sha1://{sha1}/{name}"), "x\n")

    def test_names_in_a_directory_are_found_however_they_are_written(self):
        folder = self.path("folder")
        folder.mkdir()
        names = ("100%.txt", "what?.dat", "a%20b", "a b", "x\ny", "grün")
        for name in names:
            (folder / name).write_text(name)
        uri = self.alice.store(folder)
        for name in names:
            with self.subTest(name):
                if name != "a%20b":  # which is also how "a b" is written
                    self.assertEqual(self.read(f"{uri}/{name}"), name)
        (folder / "a b").unlink()
        self.assertEqual(self.read(f"{self.alice.store(folder)}/a%20b"), "a%20b")

    def test_one_odd_entry_takes_no_other_away_and_is_said(self):
        path = self.path("file")
        path.write_text("q\n")
        self.alice.store(path)
        entry = {"size": 2, "sha1": hashlib.sha1(b"q\n").hexdigest()}
        for name, odd in (("x\udcff", entry), ("m", {"size": 1, "md5": "d41d"}),
                          ("n", {"size": 1, "sha1": None})):
            with self.subTest(name):
                listing = self.path("listing")
                listing.write_text(json.dumps({"files": {"a": entry, name: odd}, "dirs": {}}))
                self.alice.store(listing)
                uri = f"sha1dir://{hashlib.sha1(listing.read_bytes()).hexdigest()}.x"
                self.assertEqual(self.read(f"{uri}/a"), "q\n")
                listed = self.alice.run("kp2p-ls", uri)
                self.assertEqual(listed.stdout, b"a\n")
                self.assertIn(b"left out", listed.stderr)

    def test_a_deep_directory_simply_works(self):
        top = self.path("top")
        deep = top.joinpath(*["d"] * 200)
        deep.mkdir(parents=True)
        (deep / "file").write_text("deep")
        uri = self.alice.store(top)
        self.assertEqual(self.read(f"{uri}/{'d/' * 200}file"), "deep")
        self.alice.run("kp2p-load", uri, "--dest", self.path("copy"))
        self.assertEqual(self.path("copy").joinpath(*["d"] * 200, "file").read_text(), "deep")

    def test_what_leads_out_of_a_directory_is_not_shared(self):
        folder, outside = self.path("folder"), self.path("secret")
        folder.mkdir()
        outside.write_text("secret")
        (folder / "in").write_text("in")
        (folder / "out").symlink_to(outside)
        with open(os.fsencode(folder) + b"/\xff", "w") as file:
            file.write("odd")
        stored = self.alice.run("kp2p-store", folder)
        self.assertIn(b"/out: it is a link to", stored.stderr)
        self.assertIn(b"/\xff: its name is no UTF-8", stored.stderr)
        listed = self.alice.run("kp2p-ls", stored.stdout.decode().strip())
        self.assertEqual(listed.stdout, b"in\n")

    def test_a_path_that_a_link_cannot_hold_is_said(self):
        path = self.path(os.fsdecode(b"\xff"))
        path.write_text("odd")
        linked = self.alice.run("kp2p-link", path, check=False)
        self.assertEqual(linked.returncode, 1)
        self.assertIn(b"its path is not UTF-8, and a link could not hold it; kp2p-store copies it",
                      linked.stderr)
        self.assertEqual(self.read(self.alice.store(path)), "odd")


if __name__ == "__main__":
    main()
