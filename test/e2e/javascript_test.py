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

    def all(self, event, **fields):
        wanted = {"event": event, **fields}
        return [each for each in self.events if wanted.items() <= each.items()]

    def wait(self, event, **fields):
        with self.changed:
            self.changed.wait_for(lambda: self.all(event, **fields) or self.all("ended"),
                                  PEER_SECONDS)
            if not self.all(event, **fields):
                raise Failed(f"the JavaScript peer did not say {event}: {self.events}")
            return self.all(event, **fields)[0]

    def say(self, line):
        self.child.stdin.write(line.encode() + b"\n")
        self.child.stdin.flush()

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
    """Each lie alone, and beside an honest provider."""

    daemons = ("bob",)
    LAST = 20  # index of the last chunk of a file of 20 MiB and a little
    # What bob's log says of the liar, and the chunk that can be had from nobody else until then.
    lies = {"byte": ("sent a wrong chunk 0", 0),
            "last": ("sent a wrong chunk 20", LAST),
            "link": ("sent a wrong chunk 20", LAST),
            "size": ("sent messages that make no sense", LAST),
            "stall": ("stopped sending", LAST),
            "garbage": ("sent messages that make no sense", LAST)}

    def setUp(self):
        super().setUp()
        self.bob_node = self.bob.status()["node"]

    def assert_named(self, liar, words):
        sentence = f"node {liar.node} {words}"
        # A silence is called a stall after 20 s.
        self.bob.process.wait_until(lambda: sentence in self.bob.log(), f"not said: {sentence}", 60)

    def test_beside_an_honest_provider_the_liar_is_named_and_the_file_arrives(self):
        for lie, (words, chunk) in self.lies.items():
            with self.subTest(lie):
                path = self.path(lie + ".dat")
                sha1 = random_file(path, self.LAST * MIB + 5)
                liar = self.giver(path, lie)
                honest = self.peer("withhold", path, chunk)
                honest.node = honest.wait("joined")["node"]
                for peer in (liar, honest):
                    peer.wait("connection", node=self.bob_node)
                loading = self.bob.loading(f"sha1://{sha1}/x")
                self.assert_named(liar, words)
                honest.say("now all of it")
                self.assertEqual(loading.finish(), 0, loading.words)
                self.assertEqual(sha1_of(self.bob.stored(sha1)), sha1)
                self.assertNotIn(f"node {honest.node} s", self.bob.log())  # sent, stopped
                for peer in (liar, honest):
                    peer.close()

    def test_a_liar_alone_leads_to_status_5_and_nothing_under_the_hash(self):
        for lie, (words, _) in self.lies.items():
            status = 1 if lie == "stall" else 5  # nothing that it sent was wrong
            with self.subTest(lie):
                path = self.path(lie + ".dat")
                sha1 = random_file(path, 3 * MIB + 5)
                liar = self.giver(path, lie)
                liar.wait("connection", node=self.bob_node)
                self.assert_ends(self.bob.run("kp2p-load", f"sha1://{sha1}/x", check=False), status)
                self.assertFalse(self.bob.stored(sha1).exists())
                self.assert_named(liar, words.replace(str(self.LAST), "3"))
                cat = self.bob.run("kp2p-cat", f"sha1://{sha1}/x", check=False)
                self.assertNotEqual(cat.returncode, 0)
                self.assertTrue(path.read_bytes().startswith(cat.stdout))
                liar.close()


if __name__ == "__main__":
    if not shutil.which("node") or not (INTEROP / "node_modules" / "hyperdht").is_dir():
        print("SKIPPED: node or test/interop/node_modules is missing")
        sys.exit(77)
    main()
