#!/usr/bin/env python3
"""The only provider stands still, dies or comes back; or the one who loads slept. Nobody is blamed,
and what was fetched is kept."""
import hashlib
import signal
import time

from case import BigFile, SideBySideCase, main
from network import MIB, sha1_of

STALL_SECONDS = 20  # a silence of so long is a stall to a download


class Outage(SideBySideCase):
    """In each test alice provides, and bob loads."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.big = BigFile(300 * MIB)
        cls.addClassCleanup(cls.big.close)

    def setUp(self):
        super().setUp()
        self.alice = self.daemon("alice", storage=self.big.storage, channels=[self.channel])
        self.bob = self.daemon("bob", channels=[self.channel])

    def begin(self):
        return self.bob.loading(self.big.uri).until_verified(self.big.size_bytes // 10)

    def assert_arrives(self, loading):
        self.assertEqual(loading.finish(), 0, loading.words + self.bob.tail())
        self.assertEqual(sha1_of(self.bob.stored(self.big.sha1)), self.big.sha1)

    def load_over_a_pause(self, sleeper, seconds):
        loading = self.begin()
        sleeper.process.signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)  # what is tested
        finally:
            sleeper.process.signal(signal.SIGCONT)
        self.assert_arrives(loading)

    def test_the_provider_stands_still_for_a_while(self):
        self.load_over_a_pause(self.alice, STALL_SECONDS - 5)

    def test_the_one_who_loads_sleeps_for_a_while(self):
        self.load_over_a_pause(self.bob, STALL_SECONDS + 1)

    def test_a_provider_that_dies_and_is_started_again_is_gone_on_with(self):
        loading = self.begin()
        self.alice.kill()
        self.alice.start(channels=[self.channel])
        self.assert_arrives(loading)

    def test_a_load_that_waits_goes_on_with_the_next_daemon(self):
        loading = self.bob.loading(self.big.uri, "--wait", "60s")
        loading.until_verified(self.big.size_bytes // 10)
        self.bob.kill()
        self.bob.start(channels=[self.channel])
        self.assert_arrives(loading)
        self.assertIn("the daemon ended before its work was done; waiting for another one", loading.words)

    def test_bytes_go_on_with_the_next_daemon_where_they_were(self):
        self.bob.run("kp2p-load", self.big.uri)
        with self.bob.popen("kp2p-cat", "--wait", "60s", "--start", 5, self.big.uri) as cat:
            found = hashlib.sha1(self.big_start(5))
            found.update(cat.stdout.read(20 * MIB))
            self.bob.stop()
            self.bob.start(channels=[self.channel])
            while block := cat.stdout.read(MIB):
                found.update(block)
            self.assertEqual(found.hexdigest(), self.big.sha1, cat.stderr.read())

    def test_that_no_daemon_comes_is_said(self):
        loading = self.bob.loading(self.big.uri, "--wait", "1s").until_verified(1)
        self.bob.kill()
        self.assertEqual(loading.finish(), 3, loading.words)
        self.assertIn("and none came within 1 s: nothing answers at", loading.last["message"])
        self.bob.start(channels=[self.channel])

    def big_start(self, size_bytes):
        with open(self.bob.stored(self.big.sha1), "rb") as file:
            return file.read(size_bytes)

    def test_a_provider_that_is_gone_for_good_is_not_blamed(self):
        loading = self.begin()
        self.alice.kill()
        told = [event for event in loading.events() if event["event"] == "progress"]
        self.assertEqual(loading.finish(), 1, loading.words)
        same = sum(before == after for before, after in zip(told, told[1:]))
        self.assertIn(same, range(20, 61))  # of some 30 s and more: a sign of life a second
        self.alice.start(channels=[self.channel])
        said = loading.last["message"]
        self.assertEqual(loading.last["code"], "timed_out", said)
        self.assertIn("stalled: node ", said)
        self.assertIn(f" of {self.big.size_bytes} bytes are kept, and the same command goes on", said)
        self.assertEqual(self.bob.run("kp2p-load", self.big.uri).returncode, 0)


if __name__ == "__main__":
    main()
