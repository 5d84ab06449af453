#!/usr/bin/env python3
"""Nodes that know each other by --peer alone, without any DHT."""
import socket
import unittest

from case import NetworkCase, main
from network import MIB, random_file, sha1_of

NOWHERE = ("none",)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


class NamedPeers(NetworkCase):
    def peer_of(self, daemon, host="127.0.0.1"):
        status = daemon.status()
        return f"{status['node']}@{host}:{status['port']}"

    def closed_port(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    def arrives(self, giver, taker):
        path = self.path("file.dat")
        random_file(path, 5 * MIB + 1)
        loaded = taker.load(giver.store(path))
        self.assertEqual(sha1_of(loaded), sha1_of(path))

    def test_a_file_arrives_either_way_without_a_dht(self):
        alice = self.daemon("alice", bootstrap=NOWHERE, channels=[self.channel])
        bob = self.daemon("bob", bootstrap=NOWHERE, channels=[self.channel],
                          flags=["--peer", self.peer_of(alice)])
        self.arrives(alice, bob)
        bob.process.wait_for_words("over TCP, dialed by us")
        alice.process.wait_for_words("over TCP, dialed by it")
        self.arrives(bob, alice)

    def test_one_that_was_named_is_named_no_more(self):
        alice = self.daemon("alice", bootstrap=NOWHERE, channels=[self.channel])
        bob = self.daemon("bob", bootstrap=NOWHERE, channels=[self.channel],
                          flags=["--peer", self.peer_of(alice)])
        self.arrives(alice, bob)
        bob.stop()
        bob.start(bootstrap=NOWHERE, channels=[self.channel], flags=["--peer", "none"])
        bob.stop()
        bob.start(bootstrap=NOWHERE, channels=[self.channel])
        path = self.path("other.dat")
        random_file(path, MIB)
        self.assert_ends(bob.run("kp2p-find", alice.store(path), check=False), 4)

    def test_a_name_will_do_and_both_may_name_each_other(self):
        alice = self.daemon("alice", bootstrap=NOWHERE, channels=[self.channel])
        place = self.peer_of(alice, "localhost")
        bob = self.daemon("bob", bootstrap=NOWHERE, channels=[self.channel],
                          flags=["--peer", place, "--peer", self.peer_of(alice)])
        self.arrives(alice, bob)

    def test_members_that_met_over_udx_move_to_tcp(self):
        alice = self.daemon("alice", channels=[self.channel])
        bob = self.daemon("bob", channels=[self.channel])
        for daemon in (alice, bob):
            daemon.process.wait_for_words("over TCP")
        self.assertRegex(alice.log(), r"connected to \w+ at [0-9.:]+, dialed")
        self.arrives(alice, bob)

    @unittest.skipUnless(has_ipv6(), "no IPv6 here")
    def test_ipv6_will_do(self):
        alice = self.daemon("alice", bootstrap=NOWHERE, channels=[self.channel],
                            host="::")
        bob = self.daemon("bob", bootstrap=NOWHERE, channels=[self.channel],
                          host="::1", flags=["--peer", self.peer_of(alice, "[::1]")])
        self.arrives(alice, bob)

    def test_a_peer_that_comes_later_is_found(self):
        alice = self.daemon("alice", bootstrap=NOWHERE, channels=[self.channel])
        place = self.peer_of(alice)
        port = place.rsplit(":", 1)[1]
        alice.stop()
        bob = self.daemon("bob", bootstrap=NOWHERE, channels=[self.channel],
                          flags=["--peer", place])
        bob.process.wait_for_words("nothing listens at")
        alice.start(bootstrap=NOWHERE, channels=[self.channel], port=port)
        bob.process.wait_for_words("connected to")
        self.arrives(alice, bob)

    def test_why_not_is_said(self):
        alice = self.daemon("alice", bootstrap=NOWHERE, channels=[self.channel])
        place = self.peer_of(alice)
        key, port = place.split("@")[0], place.rsplit(":", 1)[1]
        other = key[:-2] + ("00" if key[-2:] != "00" else "01")
        bob = self.daemon("bob", bootstrap=NOWHERE, channels=[self.channel], flags=[
            "--peer", f"{other}@127.0.0.1:{port}",
            "--peer", f"{key}@127.0.0.1:{self.closed_port()}"])
        for words in ("nothing listens at 127.0.0.1",
                      f"what answers at 127.0.0.1:{port} is not it"):
            bob.process.wait_for_words(words)
        load = bob.run("kp2p-load", "sha1://" + "7" * 40, check=False)
        self.assert_ends(load, 4, f"what answers at 127.0.0.1:{port} is not it")
        for words in (b"nothing listens at 127.0.0.1", b"what to do: "):
            self.assertIn(words, load.stderr)
        self.assertNotIn(b"without bootstrap nodes", load.stderr)

    def test_what_is_no_peer_is_refused(self):
        key = "ab" * 32
        for bad in (key, f"{key}@127.0.0.1", f"{key}@127.0.0.1:0", f"{key[2:]}@host:1",
                    f"{key}@:5", f"{key}@::1:5", f"{key}@[::1]5"):
            with self.subTest(bad):
                idle = self.idle("bad")
                done = idle.run("kp2p-start-daemon", "--port", "0", "--api-port", "0",
                                "--peer", bad, check=False)
                self.assert_ends(done, 2, "takes NODE@HOST:PORT")


if __name__ == "__main__":
    main()
