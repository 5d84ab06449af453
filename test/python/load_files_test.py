"""load_files_test.py COMMANDS [TEST...]: many files that are loaded by one call."""
import asyncio
import hashlib
import os
import pathlib
import threading
import unittest.mock

from case import ABSENT, Network, kp, main, storage
from kachery_p2p import aio


class Many(Network):
    def make(self, name, count, size=1000):
        """Contents, and the URIs that alice has stored them by."""
        contents = [os.urandom(size) for _ in range(count)]
        with self.at("alice"):
            uris = [kp.store_file(str(self.write(f"{name}/{number}.dat", content)))
                    for number, content in enumerate(contents)]
        return contents, uris

    def assert_are(self, paths, contents):
        self.assertEqual([pathlib.Path(path).read_bytes() for path in paths], contents)

    def test_many_come_in_their_order_by_their_names(self):
        contents, uris = self.make("many", 300)
        large, of_large = self.make("large", 2, 3 << 20)
        contents[7:7], uris[7:7] = large, of_large
        seen = []
        with self.at("bob"):
            paths = kp.load_files(iter([*uris, uris[0]]),
                                  progress=lambda *told: seen.append(told))
        self.assert_are(paths, [*contents, contents[0]])
        self.assertEqual([os.path.basename(path) for path in paths[:8]],
                         [*(f"{number}.dat" for number in range(7)), "0.dat"])
        total = sum(map(len, contents)) + len(contents[0])
        self.assertEqual(seen[-1][:2], (total, total))
        self.assertEqual([done for done, *_ in seen], sorted(done for done, *_ in seen))
        self.assertTrue(all(size == 0 for _, size, _ in seen[:-1]))

    def test_one_that_nobody_has_keeps_none_from_the_others(self):
        contents, uris = self.make("some", 3)
        with self.at("bob"):
            paths = kp.load_files([uris[0], ABSENT, *uris[1:]])
            self.assertIsNone(paths.pop(1))
            self.assertEqual(kp.why().findings[0]["stage"], "search")
            self.assert_are(paths, contents)
            again, more = self.make("more", 2)
        with self.at("bob"):
            with self.assertRaises(kp.NotFoundError) as raised:
                kp.load_files([ABSENT, *more[:1]], missing="raise")
            self.assertIn("7777", str(raised.exception))
            with self.assertRaises(kp.UsageError) as raised:
                kp.load_files(["sha1://zz", *more[1:], ABSENT])
            self.assertIn("sha1://zz", str(raised.exception))
            with storage(self.root / "bob" / "storage"):
                self.assert_are(kp.load_files(more, p2p=False), again)

    def test_one_that_comes_later_is_waited_for(self):
        contents, uris = self.make("early", 1)
        late = os.urandom(1000)
        sha1 = hashlib.sha1(late).hexdigest()
        asked = threading.Event()

        def store():
            asked.wait(60)
            (self.root / "late").write_bytes(late)
            listed = {**os.environ, "KACHERY_P2P_CONFIG_DIR": str(self.root / "alice" / "config")}
            with unittest.mock.patch.dict(os.environ, listed):
                kp.store_file(str(self.root / "late"))

        with self.at("bob"):
            storing = threading.Thread(target=store)
            storing.start()
            try:
                paths = kp.load_files([f"sha1://{sha1}/late", *uris], wait=60,
                                      progress=lambda *_: asked.set())
            finally:
                asked.set()
                storing.join()
        self.assert_are(paths, [late, *contents])

    def test_files_of_a_directory_and_of_this_computer(self):
        folder = self.write("folder/sub/in it.txt", b"in it").parent.parent
        here = self.write("here.txt", b"here")
        with self.at("alice"):
            directory = kp.store_dir(str(folder))
        with self.at("bob"):
            paths = kp.load_files([here, f"{directory}/sub/in it.txt", f"{directory}/no"])
            self.assertEqual(paths[0], str(here))
            self.assertEqual(os.path.basename(paths[1]), "in it.txt")
            self.assertIsNone(paths[2])
            self.assertIsInstance(kp.why(), kp.AbsentError)
            for wrong in ([directory], ["sha1://"], directory):
                with self.subTest(wrong), self.assertRaises(kp.UsageError):
                    kp.load_files(wrong)
            self.assertEqual(os.path.basename(kp.load_file(f"{directory}/sub/in it.txt")), "in it.txt")
            self.assertEqual(kp.load_files([]), [])

    def test_without_a_daemon_there_is_the_storage(self):
        (self.root / "apart").mkdir()
        with storage(self.root / "apart"), self.at("nobody"):
            uri = kp.store_text("words")
            self.assert_are(kp.load_files([uri, uri]), [b"words"] * 2)
            with self.assertRaises(kp.NoDaemonError) as raised:
                kp.load_files([uri, ABSENT])
            self.assertIn("7777", str(raised.exception))

    def test_all_of_them_have_the_time_that_is_given(self):
        with self.at("bob"), self.assertRaises(TimeoutError):
            kp.load_files([ABSENT, "sha1://" + "8" * 40], wait=True, timeout=0.5)

    def test_for_asyncio(self):
        contents, uris = self.make("tasks", 3)
        with self.at("bob"):
            self.assert_are(asyncio.run(aio.load_files(uris)), contents)


if __name__ == "__main__":
    main()
