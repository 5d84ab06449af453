#!/usr/bin/env python3
"""A node in JavaScript, written from proto/PROTOCOL.md on the npm packages, beside our daemons:
it gets and gives files, it lies, and it knocks without knowing the channel's name."""
import json
import pathlib
import shutil
import subprocess
import sys
import threading

from case import SideBySideCase, main
from network import MIB, Failed, random_file, sha1_of

INTEROP = pathlib.Path(__file__).resolve().parent.parent / "interop"
PEER_SECONDS = 60
LAST = 20  # index of the last chunk of a file of 20 MiB and a little
# Each lie: what our log says of the liar, and the chunk that can be had from nobody else until then.
LIES = {"byte": ("sent a wrong chunk 0", 0),
        "last": ("sent a wrong chunk 20", LAST),
        "link": ("sent a wrong chunk 20", LAST),
        "size": ("sent messages that make no sense", LAST),
        "stall": ("stopped sending", LAST),
        "garbage": ("sent messages that make no sense", LAST)}


class Peer:
    """A kp2p_peer.js under way, and the events that it printed."""

    def __init__(self, network, channel, *arguments):
        job, *rest = arguments
        self.events = []
        self.changed = threading.Condition()
        self.child = subprocess.Popen(
            ["node", INTEROP / "kp2p_peer.js", job, network.bootstrap_address, channel,
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

    def told(self):
        """Its events, and how it ended if it has: what a test says that failed."""
        status = self.child.poll()
        words = "" if status is None else self.child.stderr.read().decode(errors="replace")
        return f"status {status}: {self.events}\n{words}"

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


class JavaScriptPeer(SideBySideCase):
    """Each test has a daemon of ours, and JavaScript peers in its channel. The first by name, of
    which one takes longest, begin first."""

    at_once = 6

    def setUp(self):
        super().setUp()
        self.ours = self.daemon("ours", channels=[self.channel], flags=["--log-level", "debug"])
        self.our_node = self.ours.status()["node"]

    def peer(self, *arguments):
        peer = Peer(self.network, self.channel, *arguments)
        self.addCleanup(peer.close)
        return peer

    def giver(self, path, lie=""):
        peer = self.peer("give", path, lie)
        peer.node = peer.wait("joined")["node"]
        return peer

    def test_it_finds_downloads_and_verifies_a_file_of_ours(self):
        path = self.path("ours.dat")
        sha1 = random_file(path, 5 * MIB + 17)
        self.ours.store(path)
        copy = self.path("copy")
        peer = self.peer("get", sha1, copy)
        peer.wait("result")
        self.assertEqual(peer.wait("provider")["node"], self.our_node)
        self.assertEqual(sha1_of(copy), sha1)

    def test_it_unpacks_what_we_compress(self):
        path = self.path("text.dat")
        path.write_bytes(b"the same words again and again\n" * 100000)
        self.ours.store(path)
        copy = self.path("copy")
        self.peer("get", sha1_of(path), copy).wait("result")
        self.assertEqual(copy.read_bytes(), path.read_bytes())

    def test_we_find_and_load_a_file_of_its(self):
        path = self.path("theirs.dat")
        sha1 = random_file(path, 5 * MIB + 17)
        peer = self.giver(path)
        uri = f"sha1://{sha1}/theirs.dat"
        self.assertIn(peer.node, self.ours.lines("kp2p-find", uri)[0])
        self.assertEqual(sha1_of(self.ours.load(uri)), sha1)

    def test_one_that_knows_only_the_topic_is_turned_away(self):
        path = self.path("secret.dat")
        sha1 = random_file(path, MIB)
        self.ours.store(path)
        peer = self.peer("knock", sha1, self.path("copy"))
        peer.wait("connection")
        peer.wait("error")
        self.assertFalse(any(each["open"] for each in peer.all("transfer")), peer.events)
        for event in ("opened", "provider", "result"):
            self.assertEqual(peer.all(event), [])

    def assert_named(self, daemon, liar, words):
        sentence = f"node {liar.node} {words}"
        # A silence is called a stall after 20 s.
        daemon.process.wait_for_words(sentence, 60)

    def lie_beside_the_truth(self, lie):
        words, chunk = LIES[lie]
        path = self.path("file")
        sha1 = random_file(path, LAST * MIB + 5)
        liar = self.giver(path, lie)
        honest = self.peer("withhold", path, chunk)
        honest.node = honest.wait("joined")["node"]
        for peer in (liar, honest):
            peer.wait("connection", node=self.our_node)
        loading = self.ours.loading(f"sha1://{sha1}/x")
        try:
            self.assert_named(self.ours, liar, words)
        except Failed as why:
            raise Failed(f"{why}\n{self.ours.run('kp2p-status').stdout.decode()}\n"
                         f"the liar: {liar.told()}\nthe honest one: {honest.told()}") from None
        honest.say("now all of it")
        self.assertEqual(loading.finish(), 0, loading.words)
        self.assertEqual(sha1_of(self.ours.stored(sha1)), sha1)
        self.assertNotIn(f"node {honest.node} s", self.ours.log())  # sent, stopped

    def lie_alone(self, lie):
        words, _ = LIES[lie]
        status = 1 if lie == "stall" else 5  # nothing that it sent was wrong
        path = self.path("file")
        sha1 = random_file(path, 3 * MIB + 5)
        uri = f"sha1://{sha1}/x"
        liar = self.giver(path, lie)
        # Who is stalled waits for long: another daemon does it at the same time.
        reader = self.daemon("reader", channels=[self.channel]) if lie == "stall" else self.ours
        for daemon in {self.ours, reader}:
            liar.wait("connection", node=daemon.status()["node"])
        loading = self.ours.popen("kp2p-load", uri)
        if reader is self.ours:
            loading.wait()
        cat = reader.run("kp2p-cat", uri, check=False)
        said = b"".join(loading.communicate()).decode()
        self.assertEqual(loading.returncode, status, said)
        self.assertFalse(self.ours.stored(sha1).exists())
        self.assert_named(self.ours, liar, words.replace(str(LAST), "3"))
        self.assertNotEqual(cat.returncode, 0)
        self.assertTrue(path.read_bytes().startswith(cat.stdout))


def each_lie(scenario, lie):
    return lambda test: scenario(test, lie)


for lie in LIES:
    setattr(JavaScriptPeer, f"test_beside_an_honest_one_who_lies_is_named_and_the_file_arrives_{lie}",
            each_lie(JavaScriptPeer.lie_beside_the_truth, lie))
    setattr(JavaScriptPeer, f"test_alone_who_lies_leads_to_an_error_and_nothing_under_the_hash_{lie}",
            each_lie(JavaScriptPeer.lie_alone, lie))


if __name__ == "__main__":
    if not shutil.which("node") or not (INTEROP / "node_modules" / "hyperdht").is_dir():
        print("SKIPPED: node or test/interop/node_modules is missing")
        sys.exit(77)
    main()
