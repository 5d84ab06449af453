#!/usr/bin/env python3
"""The only provider stands still, dies or comes back; or the one who loads slept. Nobody is blamed,
and what was fetched is kept."""
import signal
import time

from case import NetworkCase, main
from network import MIB, random_file, sha1_of

BIG = 300 * MIB


class Outage(NetworkCase):
    daemons = ("alice",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = cls.root / "big.dat"
        cls.sha1 = random_file(path, BIG)
        cls.uri = cls.alice.store(path, "--bare")

    def load_over_a_pause(self, sleeper, seconds):
        bob = self.daemon("bob")
        loading = bob.loading(self.uri).until_verified(BIG // 10)
        process = sleeper(bob).process
        process.signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)  # what is tested
        finally:
            process.signal(signal.SIGCONT)
        self.assertEqual(loading.finish(), 0, loading.words + bob.tail())
        self.assertEqual(sha1_of(bob.stored(self.sha1)), self.sha1)

    def test_the_provider_stands_still_for_a_while(self):
        self.load_over_a_pause(lambda bob: self.alice, 15)

    def test_the_one_who_loads_sleeps_for_a_while(self):
        self.load_over_a_pause(lambda bob: bob, 25)

    def test_a_provider_that_dies_and_is_started_again_is_gone_on_with(self):
        bob = self.daemon("bob")
        loading = bob.loading(self.uri).until_verified(BIG // 10)
        self.alice.kill()
        self.alice.start()
        self.assertEqual(loading.finish(), 0, loading.words + bob.tail())

    def test_a_provider_that_is_gone_for_good_is_not_blamed(self):
        bob = self.daemon("bob")
        loading = bob.loading(self.uri).until_verified(BIG // 10)
        self.alice.kill()
        try:
            self.assertEqual(loading.finish(), 1, loading.words)
        finally:
            self.alice.start()
        said = loading.last["message"]
        self.assertEqual(loading.last["code"], "timed_out", said)
        self.assertIn("stalled: node ", said)
        self.assertIn(f" of {BIG} bytes are kept, and the same command goes on", said)
        self.assertEqual(bob.run("kp2p-load", self.uri).returncode, 0)


if __name__ == "__main__":
    main()
