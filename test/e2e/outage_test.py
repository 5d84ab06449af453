#!/usr/bin/env python3
"""The only provider stands still, dies or comes back; or the one who loads slept. Nobody is blamed,
and what was fetched is kept."""
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

    def test_a_provider_that_is_gone_for_good_is_not_blamed(self):
        loading = self.begin()
        self.alice.kill()
        self.assertEqual(loading.finish(), 1, loading.words)
        self.alice.start(channels=[self.channel])
        said = loading.last["message"]
        self.assertEqual(loading.last["code"], "timed_out", said)
        self.assertIn("stalled: node ", said)
        self.assertIn(f" of {self.big.size_bytes} bytes are kept, and the same command goes on", said)
        self.assertEqual(self.bob.run("kp2p-load", self.big.uri).returncode, 0)


if __name__ == "__main__":
    main()
