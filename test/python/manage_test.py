"""manage_test.py COMMANDS [TEST...]: what the storage holds, and what is under way."""
import os
import unittest
import unittest.mock

from case import ABSENT, Network, kp, main


class Storage(Network):
    def setUp(self):
        self.enterContext(self.at("alice"))

    def test_files_are_listed_and_removed(self):
        uri = kp.store_text("to be listed", "listed.txt")
        listed = kp.list_files()
        self.assertEqual([(file["name"], file["kind"], file["size"], file["pinned"])
                          for file in listed if file["uri"] == uri],
                         [("listed.txt", "stored", 12, False)])
        kp.pin(uri)
        self.assertRaises(kp.UsageError, kp.remove, uri)
        kp.unpin(uri)
        self.assertEqual(kp.remove(uri), {"files": 1, "bytes": 12})
        self.assertNotIn(uri, [file["uri"] for file in kp.list_files()])
        self.assertIsNone(kp.load_text(uri, p2p=False))
        self.assertRaises(FileNotFoundError, kp.remove, uri)

    def test_what_has_gone_bad_is_found_and_repaired(self):
        uri = kp.store_text("right")
        with self.at("bob"):
            self.assertEqual(kp.load_text(uri), "right")
            place = self.root / "bob" / "storage" / "sha1" / uri[7:9] / uri[9:11] / uri[11:13]
            os.chmod(place / uri[7:47], 0o600)
            (place / uri[7:47]).write_bytes(b"wrong")
            done = kp.verify(repair=True)
            self.assertEqual((done["damaged"], done["repaired"]), (1, 1))
            self.assertEqual([event["event"] for event in done["events"]], ["damaged", "repaired"])
            self.assertEqual(kp.load_text(uri), "right")
            self.assertEqual(kp.verify(uri)["damaged"], 0)

    def test_what_was_loaded_gives_way(self):
        loaded = kp.store_text("goes")
        with self.at("bob"):
            uri = kp.store_text("stays")
            self.assertEqual(kp.load_text(loaded), "goes")
            self.assertGreaterEqual(kp.gc(dry_run=True)["files"], 1)
            kp.gc()
            names = [file["uri"] for file in kp.list_files()]
            self.assertIn(uri, names)
            self.assertNotIn(loaded, names)

    def test_a_list_that_is_short_is_warned_of(self):
        short = {"event": "result", "files": 0, "bytes": 0, "unread": "/part: Permission denied"}
        for name, answer, asked in (("call", short, kp.gc), ("events", [short], kp.list_files),
                                    ("result", short, kp.verify)):
            with unittest.mock.patch(f"kachery_p2p._api.{name}", return_value=answer), \
                    self.assertWarnsRegex(UserWarning, "/part: Permission denied"):
                asked()

    def test_a_linked_file_that_is_not_there_is_away(self):
        path = self.write("linked.dat", b"linked")
        uri = kp.link_file(path)
        path.unlink()
        done = kp.verify(uri)
        self.assertEqual((done["damaged"], done["away"]), (0, 1))
        self.assertEqual([(event["event"], event["uri"]) for event in done["events"]], [("away", uri)])

    def test_transfers_are_listed(self):
        self.assertEqual(kp.transfers(), [])
        self.assertRaises(kp.NotFoundError, kp.cancel_transfer, 12345)


class Status(Network):
    def test_the_node_says_how_it_is(self):
        with self.at("alice"):
            status = kp.status()
            self.assertEqual(status["node"], kp.get_node_id())
            kp.find_file(ABSENT)  # waits for the others of the channel
            with self.at("bob"):
                bob = kp.get_node_id()
            self.enterContext(self.at("alice"))
            self.assertEqual([peer["node"] for peer in kp.peers()], [bob])


if __name__ == "__main__":
    main()
