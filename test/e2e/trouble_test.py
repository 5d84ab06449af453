#!/usr/bin/env python3
"""Daemons that die, fill up, restart, or share no channel. Nothing is lost, nothing is faked."""
import os
import pathlib
import shutil
import signal
import subprocess
import time

from case import NetworkCase, main
from network import MIB, STOP_SECONDS, random_file, sha1_of

BIG = 300 * MIB
# A download keeps at most this much under way: what a crash may cost to fetch again.
IN_FLIGHT_BYTES = 64 * MIB
# From the start of a daemon to its first file, although a node it is told of is dead. It takes
# one second: two transmissions that nobody answers, to whom nobody knows yet.
ENTRY_SECONDS = 6


class TwoProviders(NetworkCase):
    """alice and bob have the same file; each test brings a daemon that loads it."""

    daemons = ("alice", "bob")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.file = cls.root / "shared.dat"
        cls.sha1 = random_file(cls.file, BIG)
        cls.uri = cls.alice.store(cls.file, "--bare")
        cls.bob.store(cls.file, "--bare")
        for daemon in (cls.alice, cls.bob):  # so that both answer from what they have at hand
            daemon.lines("kp2p-find", cls.uri)

    def test_both_give_at_least_a_quarter(self):
        carol = self.daemon("carol")
        carol.process.wait_until(lambda: carol.status()["connections"] == 2, "carol knows not both")
        before = [d.process.io_bytes("rchar") for d in (self.alice, self.bob)]
        loaded = carol.load(self.uri)
        given = [d.process.io_bytes("rchar") - b for d, b in zip((self.alice, self.bob), before)]
        self.assertEqual(sha1_of(loaded), self.sha1)
        for count in given:
            self.assertGreaterEqual(count, BIG // 4, given)

    def load_while_one_dies(self, victim):
        carol = self.daemon("carol")
        loading = carol.loading(self.uri).until_verified(BIG // 10)
        victim.kill()
        try:
            self.assertEqual(loading.finish(), 0, carol.tail())
            self.assertEqual(sha1_of(carol.stored(self.sha1)), self.sha1)
        finally:
            victim.start()

    def test_the_first_may_die_midway(self):
        self.load_while_one_dies(self.alice)

    def test_the_second_may_die_midway(self):
        self.load_while_one_dies(self.bob)


class Crash(NetworkCase):
    daemons = ("alice",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.file = cls.root / "big.dat"
        cls.sha1 = random_file(cls.file, BIG)
        cls.uri = cls.alice.store(cls.file, "--bare")

    def interrupt(self, end):
        """A load that is cut short at a third by `end`; how much had been verified."""
        bob = self.daemon("bob")
        loading = bob.loading(self.uri).until_verified(BIG // 3)
        end(bob)
        self.assertNotEqual(loading.finish(), 0)
        self.assertFalse(bob.stored(self.sha1).exists())
        return bob, loading.verified_bytes

    def resume(self, bob, verified_bytes):
        bob.start()
        before = self.alice.process.io_bytes("rchar")
        loaded = bob.load(self.uri)
        fetched = self.alice.process.io_bytes("rchar") - before
        self.assertEqual(sha1_of(loaded), self.sha1)
        self.assertLessEqual(fetched, BIG - verified_bytes + IN_FLIGHT_BYTES)

    def test_after_kill_9_the_load_goes_on_where_it_was(self):
        bob, verified_bytes = self.interrupt(lambda daemon: daemon.kill())
        self.resume(bob, verified_bytes)

    def test_sigterm_ends_a_busy_daemon_in_time_and_loses_nothing(self):
        seconds = []
        bob, verified_bytes = self.interrupt(lambda daemon: seconds.append(daemon.stop()))
        self.assertLess(seconds[0], STOP_SECONDS)
        self.assertEqual(bob.process.child.returncode, 0, bob.tail())
        self.resume(bob, verified_bytes)

    def test_ctrl_c_on_the_command_ends_the_work_and_not_the_daemon(self):
        bob = self.daemon("bob")
        loading = bob.loading(self.uri).until_verified(BIG // 10)
        loading.child.send_signal(signal.SIGINT)
        self.assertNotEqual(loading.finish(), 0)
        small, other = self.path("small.dat"), self.path("other.dat")
        random_file(small, 1000)
        random_file(other, 32 * MIB)
        small_uri, other_uri = self.alice.store(small, "--bare"), self.alice.store(other, "--bare")
        bob.load(small_uri)  # behind all that was asked for before
        before = self.alice.process.io_bytes("rchar")
        bob.load(other_uri)
        read_bytes = self.alice.process.io_bytes("rchar") - before
        self.assertLess(read_bytes, (32 + 2) * MIB, "the interrupted load goes on")
        self.assertEqual(sha1_of(bob.load(self.uri)), self.sha1)

    def test_a_closed_pipe_ends_cat_and_not_the_daemon(self):
        bob = self.daemon("bob")
        child = bob.popen("kp2p-cat", self.uri)
        child.stdout.read(100)
        child.stdout.close()
        self.assertEqual(child.stderr.read(), b"")
        child.stderr.close()
        self.assertNotEqual(child.wait(30), 0)
        self.assertEqual(bob.run("kp2p-status").returncode, 0)

    def test_a_hangup_ends_the_daemon_but_not_under_nohup(self):
        for under, last_signal in ((), signal.SIGHUP), (("nohup",), signal.SIGTERM):
            with self.subTest(under):
                bob = self.idle(f"bob{last_signal}").start(under=under)
                bob.process.signal(signal.SIGHUP)
                if under:
                    self.assertEqual(bob.run("kp2p-status").returncode, 0)
                    bob.process.signal(signal.SIGTERM)
                self.assertEqual(bob.process.child.wait(10), 0)
                self.assertIn(f"stopping, by signal {int(last_signal)}", bob.log())

    def test_an_idle_daemon_stops_in_time(self):
        bob = self.daemon("bob")
        self.assertLess(bob.stop(), STOP_SECONDS)
        self.assertEqual(bob.process.child.returncode, 0, bob.tail())

    def test_stop_daemon_waits_until_it_is_gone(self):
        bob = self.daemon("bob")
        bob.run("kp2p-stop-daemon")
        bob.process.child.wait(STOP_SECONDS)
        self.assertEqual(bob.process.child.returncode, 0, bob.tail())


class Restart(NetworkCase):
    def test_known_nodes_replace_the_bootstrap_server(self):
        """Two DHT nodes; the one that a daemon was told of is gone when it starts again."""
        other = self.network.start_dht_node("other")
        self.addCleanup(other.end)
        nodes = (self.network.bootstrap_address, other.address)
        alice, bob = self.idle("alice"), self.idle("bob")
        alice.start(bootstrap=nodes)
        bob.start(bootstrap=nodes)
        path = self.path("kept.dat")
        random_file(path, MIB)
        uri = alice.store(path)
        self.assertEqual(len(bob.lines("kp2p-find", uri)), 1)
        bob.stop()
        self.network.bootstrap.kill()
        try:
            started = time.monotonic()
            bob.start(bootstrap=[self.network.bootstrap_address])
            bob.process.wait_until(lambda: bob.status()["bootstrapped"],
                                   "the network was not entered", ENTRY_SECONDS)
            self.assertEqual(sha1_of(bob.load(uri)), sha1_of(path))
            self.assertLess(time.monotonic() - started, ENTRY_SECONDS, bob.tail())
        finally:
            self.network.start_bootstrap()

    def test_a_daemon_that_died_a_moment_ago_holds_up_no_newcomer(self):
        alice, bob = self.daemon("ann"), self.daemon("ben")
        path = self.path("small.dat")
        random_file(path, MIB)
        uri = alice.store(path)
        bob.load(uri)
        bob.kill()
        started = time.monotonic()
        carol = self.daemon("carol")
        self.assertEqual(sha1_of(carol.load(uri)), sha1_of(path))
        self.assertLess(time.monotonic() - started, ENTRY_SECONDS, carol.tail())
        self.assertNotIn("warning", carol.log())

    def test_with_nobody_there_a_daemon_says_so_and_is_ready(self):
        lonely = self.idle("lonely")
        self.network.bootstrap.kill()
        try:
            lonely.start()
            lonely.process.wait_until(lambda: "ready" in lonely.log(), "it is not ready", 10)
            self.assertIn("no DHT node has answered yet", lonely.log())
            self.assertFalse(lonely.status()["bootstrapped"])
            self.assertIn(b"nobody answers yet", lonely.run("kp2p-status").stdout)
        finally:
            self.network.start_bootstrap()


class Strangers(NetworkCase):
    daemons = ("alice",)

    def test_without_a_common_channel_nothing_is_found(self):
        path = self.path("secret.dat")
        sha1 = random_file(path, MIB)
        uri = self.alice.store(path)
        stranger = self.daemon("stranger", channels=["another"])
        self.assert_ends(stranger.run("kp2p-find", uri, check=False), 4)
        self.assert_ends(stranger.run("kp2p-load", uri, check=False), 4)
        self.assertFalse(stranger.stored(sha1).exists())
        loner = self.daemon("loner", channels=[])
        self.assert_ends(loner.run("kp2p-load", uri, check=False), 4)


class FullDisk(NetworkCase):
    daemons = ("alice",)

    def setUp(self):
        super().setUp()
        self.disk = self.root / "disk"
        self.disk.mkdir(exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "kp2p-test", str(self.disk)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
            self.skipTest("a small tmpfs needs root")
        self.addCleanup(subprocess.run, ["umount", "-l", str(self.disk)], check=True)

    def test_a_load_that_does_not_fit_says_so_and_the_daemon_lives(self):
        path = self.path("large.dat")
        sha1 = random_file(path, 40 * MIB)
        small = self.path("small.dat")
        random_file(small, MIB)
        uri, small_uri = self.alice.store(path), self.alice.store(small)
        bob = self.daemon("bob", storage=self.disk / "storage")
        self.assert_ends(bob.run("kp2p-load", uri, check=False), 6, "space")
        self.assertFalse(bob.stored(sha1).exists())
        self.assertTrue(bob.process.alive(), bob.tail())
        shutil.rmtree(self.disk / "storage" / "kp2p" / "partial", ignore_errors=True)
        self.assertEqual(sha1_of(bob.load(small_uri)), sha1_of(small))

    def test_a_store_that_does_not_fit_says_so_and_leaves_nothing(self):
        path = self.path("large.dat")
        sha1 = random_file(path, 40 * MIB)
        bob = self.idle("bob", storage=self.disk / "storage")
        self.assert_ends(bob.run("kp2p-store", path, check=False), 6, "space")
        self.assertFalse(bob.stored(sha1).exists())
        left = sum(f.stat().st_size for f in pathlib.Path(self.disk).rglob("*") if f.is_file())
        self.assertLess(left, MIB)


if __name__ == "__main__":
    main()
