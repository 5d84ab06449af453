#!/usr/bin/env python3
"""Daemons that die, fill up, restart, or share no channel. Nothing is lost, nothing is faked."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

from case import BigFile, NetworkCase, SideBySideCase, main
from network import MIB, Process, STOP_SECONDS, random_file, sha1_of

CHUNK_BYTES = MIB
JOURNAL_HEAD_BYTES, JOURNAL_RECORD_BYTES = 44, 64  # node/store/journal.hpp
# A download holds at most this much that is proven and not written yet.
UNWRITTEN_BYTES = 64 * CHUNK_BYTES
# What a provider reads besides what it is asked for: its socket, and two chunks for a daemon that
# is gone.
ASIDE_BYTES = 4 * MIB
# From the start of a daemon to its first file, although a node it is told of is dead. It takes
# one second: two transmissions that nobody answers, to whom nobody knows yet.
ENTRY_SECONDS = 6


def setUpModule():
    global big
    big = BigFile(300 * MIB)
    unittest.addModuleCleanup(big.close)


class BigFileCase(NetworkCase):
    """Each test has daemons that provide the big file, and one that loads it."""

    def provider(self, name):
        return self.daemon(name, storage=big.storage, channels=[self.channel])

    def loader(self):
        return self.daemon("loader", channels=[self.channel])

    def interrupt(self, end):
        """A load that is cut short at a third by `end`; who loads, and how much is kept of it."""
        carol = self.loader()
        loading = carol.loading(big.uri).until_verified(big.size_bytes // 3)
        end(carol)
        self.assertNotEqual(loading.finish(), 0)
        self.assertFalse(carol.stored(big.sha1).exists())
        journal = carol.storage_dir / "kp2p" / "partial" / f"{big.sha1}.0.journal"
        records = (journal.stat().st_size - JOURNAL_HEAD_BYTES) // JOURNAL_RECORD_BYTES
        kept_bytes = records * CHUNK_BYTES
        self.assertGreaterEqual(kept_bytes, loading.verified_bytes - UNWRITTEN_BYTES)
        return carol, kept_bytes

    def resume(self, provider, carol, kept_bytes):
        carol.start(channels=[self.channel])
        before = provider.process.io_bytes("rchar")
        loaded = carol.load(big.uri)
        fetched = provider.process.io_bytes("rchar") - before
        self.assertEqual(sha1_of(loaded), big.sha1)
        self.assertLessEqual(fetched, big.size_bytes - kept_bytes + ASIDE_BYTES)


class Death(BigFileCase, SideBySideCase):
    def load_while_one_dies(self, number):
        providers = [self.provider("alice"), self.provider("bob")]
        carol = self.loader()
        loading = carol.loading(big.uri).until_verified(big.size_bytes // 10)
        providers[number].kill()
        self.assertEqual(loading.finish(), 0, carol.tail())
        self.assertEqual(sha1_of(carol.stored(big.sha1)), big.sha1)

    def test_the_first_of_two_providers_may_die_midway(self):
        self.load_while_one_dies(0)

    def test_the_second_of_two_providers_may_die_midway(self):
        self.load_while_one_dies(1)

    def test_after_kill_9_the_load_goes_on_where_it_was(self):
        alice = self.provider("alice")
        carol, kept_bytes = self.interrupt(lambda daemon: daemon.kill())
        self.resume(alice, carol, kept_bytes)

    def test_ctrl_c_on_the_command_ends_the_work_and_not_the_daemon(self):
        alice, carol = self.provider("alice"), self.loader()
        loading = carol.loading(big.uri).until_verified(big.size_bytes // 10)
        loading.child.send_signal(signal.SIGINT)
        # By the signal: a shell goes on with its loop for a command that only fails.
        self.assertEqual(loading.finish(), -signal.SIGINT)
        self.assertIn(" are kept, and the same command goes on", loading.last["message"])
        small, other = self.path("small.dat"), self.path("other.dat")
        random_file(small, 1000)
        random_file(other, 32 * MIB)
        small_uri, other_uri = alice.store(small, "--bare"), alice.store(other, "--bare")
        carol.load(small_uri)  # behind all that was asked for before
        before = alice.process.io_bytes("rchar")
        carol.load(other_uri)
        read_bytes = alice.process.io_bytes("rchar") - before
        self.assertLess(read_bytes, (32 + 2) * MIB, "the interrupted load goes on")
        self.assertEqual(sha1_of(carol.load(big.uri)), big.sha1)


class Alone(BigFileCase):
    """What is measured here needs the whole machine."""

    def test_both_of_two_providers_give_at_least_a_quarter(self):
        providers = [self.provider("alice"), self.provider("bob")]
        # So that both answer from what they have at hand.
        for finding in [provider.popen("kp2p-find", big.uri) for provider in providers]:
            finding.communicate()
        carol = self.loader()
        carol.process.wait_until(lambda: carol.status()["connections"] == 2, "carol knows not both")
        before = [provider.process.io_bytes("rchar") for provider in providers]
        loaded = carol.load(big.uri)
        given = [p.process.io_bytes("rchar") - b for p, b in zip(providers, before)]
        self.assertEqual(sha1_of(loaded), big.sha1)
        for count in given:
            self.assertGreaterEqual(count, big.size_bytes // 4, given)

    def test_sigterm_ends_a_busy_daemon_in_time_and_loses_nothing(self):
        seconds = []
        alice = self.provider("alice")
        carol, kept_bytes = self.interrupt(lambda daemon: seconds.append(daemon.stop()))
        self.assertLess(seconds[0], STOP_SECONDS)
        self.assertEqual(carol.process.child.returncode, 0, carol.tail())
        self.resume(alice, carol, kept_bytes)

    def test_a_closed_pipe_ends_cat_and_not_the_daemon(self):
        alice, bob = self.daemon("alice"), self.daemon("bob")
        path = self.path("long.dat")
        random_file(path, 32 * MIB)
        child = bob.popen("kp2p-cat", alice.store(path, "--bare"))
        child.stdout.read(100)
        child.stdout.close()
        self.assertEqual(child.stderr.read(), b"")
        child.stderr.close()
        self.assertNotEqual(child.wait(30), 0)
        self.assertEqual(bob.run("kp2p-status").returncode, 0)

    def test_a_hangup_ends_the_daemon_but_not_under_nohup_or_a_service_manager(self):
        # The tests themselves may be under nohup.
        self.addCleanup(signal.signal, signal.SIGHUP, signal.signal(signal.SIGHUP, signal.SIG_DFL))
        service = "env", "NOTIFY_SOCKET=/nobody"
        for under, last_signal in ((), signal.SIGHUP), (("nohup",), signal.SIGTERM), (service, signal.SIGTERM):
            with self.subTest(under):
                bob = self.idle("bob" + "".join(under[:1])).start(under=under)
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

    def test_whoever_is_asked_again_and_again_to_stop_has_ended_well(self):
        relay = Process([self.network.command("kp2p-relay"), "--listen", "127.0.0.1:0"],
                        self.path("relay.log"))
        self.addCleanup(relay.kill)
        relay.wait_for_words("https://")
        node = self.network.start_dht_node("node")
        self.addCleanup(node.kill)
        for process in self.daemon("bob").process, node, relay:
            with self.subTest(process.log.name):
                while process.alive():
                    process.signal(signal.SIGTERM)
                self.assertEqual(process.child.returncode, 0, process.words())

    def test_stop_daemon_waits_until_it_is_gone(self):
        bob = self.daemon("bob")
        bob.run("kp2p-stop-daemon")
        bob.process.child.wait(STOP_SECONDS)
        self.assertEqual(bob.process.child.returncode, 0, bob.tail())


class Restart(SideBySideCase):
    """Each test takes the DHT node away from its network."""

    def setUp(self):
        super().setUp()
        self.take_own_network()

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
        started = time.monotonic()
        bob.start(bootstrap=[self.network.bootstrap_address])
        bob.process.wait_until(lambda: bob.status()["bootstrapped"], "the network was not entered",
                               ENTRY_SECONDS)
        self.assertEqual(sha1_of(bob.load(uri)), sha1_of(path))
        self.assertLess(time.monotonic() - started, ENTRY_SECONDS, bob.tail())

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
        lonely.start()
        for words in ("ready", "no DHT node has answered yet"):
            lonely.process.wait_for_words(words)
        self.assertFalse(lonely.status()["bootstrapped"])
        self.assertIn(b"nobody answers yet", lonely.run("kp2p-status").stdout)


class SameKey(NetworkCase):
    daemons = ("alice",)

    def test_a_copied_key_is_told_by_both_wherever_one_asks(self):
        twin = self.idle("twin")
        shutil.copy(self.alice.config_dir / "key", twin.config_dir / "key")
        twin.start()
        for daemon in (self.alice, twin):
            daemon.process.wait_until(lambda d=daemon: d.status()["twin"], "no twin seen", 30)
            daemon.process.wait_for_words("[network same_key]")
            self.assertIn(b"runs with the same key", daemon.run("kp2p-status").stdout)
            seen = daemon.run("kp2p-doctor", check=False).stdout
            self.assertRegex(seen, rb"key: another node, at ")
            nothing = "sha1://" + "1" * 40
            self.assert_ends(daemon.run("kp2p-find", nothing, check=False), 4, "key of this one")


class Strangers(SideBySideCase):
    daemons = ("alice",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = cls.root / "secret.dat"
        cls.sha1 = random_file(path, MIB)
        cls.uri = cls.alice.store(path)

    def test_in_another_channel_nothing_is_found(self):
        stranger = self.daemon("stranger", channels=[self.channel])
        self.assert_ends(stranger.run("kp2p-find", self.uri, check=False), 4)

    def test_in_another_channel_nothing_is_loaded(self):
        stranger = self.daemon("stranger", channels=[self.channel])
        self.assert_ends(stranger.run("kp2p-load", self.uri, check=False), 4)
        self.assertFalse(stranger.stored(self.sha1).exists())

    def test_in_no_channel_nothing_is_loaded(self):
        loner = self.daemon("loner", channels=[])
        self.assert_ends(loner.run("kp2p-load", self.uri, check=False), 4)


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
        done = bob.run("kp2p-load", uri, check=False)
        self.assert_ends(done, 6, "no space is left")
        self.assertRegex(done.stderr.decode(), "whose file system has 1.* MB free; nothing is kept yet of 41943040 bytes")
        self.assertFalse(bob.stored(sha1).exists())
        self.assertTrue(bob.process.alive(), bob.tail())
        shutil.rmtree(self.disk / "storage" / "kp2p" / "partial", ignore_errors=True)
        self.assertEqual(sha1_of(bob.load(small_uri)), sha1_of(small))

    def test_when_others_fill_the_disk_it_is_said_how_much_is_kept_and_that_is(self):
        path = self.path("large.dat")
        sha1 = random_file(path, 12 * MIB)
        uri = self.alice.store(path)
        self.alice.run("kp2p-limit", "--up", "4M", "--lan", "on")
        self.addCleanup(self.alice.run, "kp2p-limit", "--up", "none")
        bob = self.daemon("bob", storage=self.disk / "storage")
        loading = bob.loading(uri).until_verified(2 * MIB)
        with open(self.disk / "others", "wb") as others, contextlib.suppress(OSError):
            others.write(bytes(16 * MIB))
        self.assertEqual(loading.finish(), 6)
        journal = bob.storage_dir / "kp2p" / "partial" / f"{sha1}.0.journal"
        kept = (journal.stat().st_size - JOURNAL_HEAD_BYTES) // JOURNAL_RECORD_BYTES
        self.assertGreater(kept, 0)
        self.assertIn(f"{kept * CHUNK_BYTES} of {12 * MIB} bytes are kept", loading.last["message"])
        (self.disk / "others").unlink()
        self.assertEqual(sha1_of(bob.load(uri)), sha1)

    def test_a_store_that_does_not_fit_says_so_and_leaves_nothing(self):
        path = self.path("large.dat")
        sha1 = random_file(path, 40 * MIB)
        bob = self.idle("bob", storage=self.disk / "storage")
        self.assert_ends(bob.run("kp2p-store", path, check=False), 6, "whose file system has ")
        self.assertFalse(bob.stored(sha1).exists())
        left = sum(f.stat().st_size for f in pathlib.Path(self.disk).rglob("*") if f.is_file())
        self.assertLess(left, MIB)


if __name__ == "__main__":
    main()
