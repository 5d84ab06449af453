#!/usr/bin/env python3
"""A node in JavaScript, written from proto/PROTOCOL.md on the npm packages, beside our daemons:
it gets and gives files, it lies, and it knocks without knowing the channel's name."""
import json
import pathlib
import shutil
import subprocess
import sys
import threading

from case import NetworkCase, main
from network import CHANNEL, MIB, Failed, random_file, sha1_of

INTEROP = pathlib.Path(__file__).resolve().parent.parent / "interop"
PEER_SECONDS = 60


class Peer:
    """A kp2p_peer.js under way, and the events that it printed."""

    def __init__(self, network, *arguments):
        job, *rest = arguments
        self.events = []
        self.changed = threading.Condition()
        self.child = subprocess.Popen(
            ["node", INTEROP / "kp2p_peer.js", job, network.bootstrap_address, CHANNEL,
             *map(str, rest)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.child.stdout:
            with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify_all()
        with self.changed:
            self.events.append({"event": "ended"})
            self.changed.notify_all()

    def all(self, event):
        return [each for each in self.events if each["event"] == event]

    def wait(self, event):
        with self.changed:
            self.changed.wait_for(lambda: self.all(event) or self.all("ended"), PEER_SECONDS)
            if not self.all(event):
                raise Failed(f"the JavaScript peer did not say {event}: {self.events}")
            return self.all(event)[0]

    def close(self):
        self.child.stdin.close()
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.reader.join()
        self.child.stdout.close()
        self.child.stderr.close()


class WithPeers(NetworkCase):
    def peer(self, *arguments):
        peer = Peer(self.network, *arguments)
        self.addCleanup(peer.close)
        return peer

    def giver(self, path, lie=""):
        peer = self.peer("give", path, lie)
        peer.node = peer.wait("joined")["node"]
        return peer


class JavaScriptPeer(WithPeers):
    daemons = ("alice",)

    def test_it_finds_downloads_and_verifies_a_file_of_ours(self):
        path = self.path("ours.dat")
        sha1 = random_file(path, 5 * MIB + 17)
        self.alice.store(path)
        copy = self.path("copy")
        peer = self.peer("get", sha1, copy)
        peer.wait("result")
        self.assertEqual(peer.wait("provider")["node"], self.alice.status()["node"])
        self.assertEqual(sha1_of(copy), sha1)

    def test_it_unpacks_what_we_compress(self):
        path = self.path("text.dat")
        path.write_bytes(b"the same words again and again\n" * 100000)
        self.alice.store(path)
        copy = self.path("copy")
        self.peer("get", sha1_of(path), copy).wait("result")
        self.assertEqual(copy.read_bytes(), path.read_bytes())

    def test_we_find_and_load_a_file_of_its(self):
        path = self.path("theirs.dat")
        sha1 = random_file(path, 5 * MIB + 17)
        peer = self.giver(path)
        uri = f"sha1://{sha1}/theirs.dat"
        self.assertIn(peer.node, self.alice.lines("kp2p-find", uri)[0])
        self.assertEqual(sha1_of(self.alice.load(uri)), sha1)

    def test_one_that_knows_only_the_topic_is_turned_away(self):
        path = self.path("secret.dat")
        sha1 = random_file(path, MIB)
        self.alice.store(path)
        peer = self.peer("knock", sha1, self.path("copy"))
        peer.wait("connection")
        peer.wait("error")
        self.assertFalse(any(each["open"] for each in peer.all("transfer")), peer.events)
        for event in ("opened", "provider", "result"):
            self.assertEqual(peer.all(event), [])


class Liars(WithPeers):
    """Each lie alone, and beside alice, who is honest."""

    daemons = ("alice",)
    lies = ("byte", "last", "link", "size", "stall", "garbage")

    def test_beside_an_honest_provider_the_file_arrives_and_the_liar_is_named(self):
        for lie in self.lies:
            with self.subTest(lie):
                path = self.path(lie + ".dat")
                sha1 = random_file(path, 20 * MIB + 5)
                uri = self.alice.store(path, "--bare")
                liar = self.giver(path, lie)
                bob = self.daemon(lie)
                self.assertEqual(sha1_of(bob.load(uri)), sha1)
                if liar.all("get"):  # else the honest one was faster and nobody was lied to
                    self.assertIn(liar.node[:8], bob.log())
                bob.stop()
                liar.close()

    def test_a_liar_alone_leads_to_status_5_and_nothing_under_the_hash(self):
        for lie in self.lies:
            with self.subTest(lie):
                path = self.path(lie + ".dat")
                sha1 = random_file(path, 3 * MIB + 5)
                liar = self.giver(path, lie)
                bob = self.daemon(lie)
                self.assert_ends(bob.run("kp2p-load", f"sha1://{sha1}/x", check=False), 5)
                self.assertFalse(bob.stored(sha1).exists())
                self.assertIn(liar.node[:8], bob.log())
                cat = bob.run("kp2p-cat", f"sha1://{sha1}/x", check=False)
                self.assertNotEqual(cat.returncode, 0)
                self.assertTrue(path.read_bytes().startswith(cat.stdout))
                bob.stop()
                liar.close()


if __name__ == "__main__":
    if not shutil.which("node") or not (INTEROP / "node_modules" / "hyperdht").is_dir():
        print("SKIPPED: node or test/interop/node_modules is missing")
        sys.exit(77)
    main()
