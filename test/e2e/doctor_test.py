#!/usr/bin/env python3
"""kp2p-doctor: what it sees, with a daemon and without, and the ways that it tries."""
import json
import socket

from case import NetworkCase, main
from network import random_file

SECTIONS = ["daemon", "addresses", "ports", "udp", "nat", "dht", "channels", "storage", "clock"]
COLUMNS = 80


class Doctor(NetworkCase):
    def said(self, done):
        return [json.loads(line) for line in done.stdout.decode().splitlines()]

    def checks(self, events):
        return {event["section"]: event for event in events if event["event"] == "check"}

    def assert_readable(self, done):
        for line in done.stdout.decode().splitlines():
            self.assertLessEqual(len(line), COLUMNS, line)


class Two(Doctor):
    daemons = ("alice", "bob")

    def meet(self):
        """They are connected to each other once one has loaded from the other."""
        path = self.path("met.dat")
        random_file(path, 1000)
        uri = self.alice.store(path)
        self.bob.load(uri)
        return uri

    def test_all_is_well(self):
        self.meet()
        done = self.bob.run("kp2p-doctor", "--json")
        events = self.said(done)
        checks = self.checks(events)
        self.assertEqual([name for name in SECTIONS if name not in checks], [])
        for name in ("daemon", "ports", "udp", "dht", "channels", "storage", "clock"):
            self.assertEqual(checks[name]["health"], "ok", checks[name])
        for check in checks.values():
            self.assertEqual(check["health"] == "ok", "advice" not in check, check)
        peer = next(event for event in events if event["event"] == "peer")
        self.assertEqual(peer["node"], self.alice.status()["node"])
        self.assertEqual(peer["channels"], ["lab"])
        self.assertRegex(peer["paths"][0]["path"], r"^(tcp|lan|direct) 127\.0\.0\.1:\d+$")
        self.assertEqual(events[-1], {"event": "result", "problems": 0})
        words = self.bob.run("kp2p-doctor")
        self.assert_readable(words)
        self.assertIn(peer["node"], words.stdout.decode())

    def test_status_shows_the_path_of_a_peer(self):
        self.meet()
        status = self.bob.status()
        peer = status["peers"][0]
        self.assertEqual(peer["node"], self.alice.status()["node"])
        words = self.bob.run("kp2p-status").stdout.decode()
        self.assertIn("peer         " + peer["node"], words)
        self.assertRegex(words, r"(tcp|lan|direct) 127\.0\.0\.1:\d+, for \d+ s")

    def test_each_way_to_a_node_is_tried(self):
        self.meet()
        node = self.alice.status()["node"]
        connections = self.bob.status()["connections"]
        for argument in (node, node[:8], f" {node}\n", self.meet()):
            with self.subTest(argument):
                events = self.said(self.bob.run("kp2p-doctor", "--json", argument))
                trials = [event for event in events if event["event"] == "trial"
                          and event["node"] == node]
                kinds = {trial["kind"] for trial in trials}
                self.assertLessEqual({"open", "found", "tried"}, kinds, events)
                self.assertTrue(all("ms" in trial and trial["path"] for trial in trials))
                self.assertTrue(any(trial["works"] for trial in trials if trial["kind"] == "tried"),
                                trials)
                self.assertEqual(events[-1]["event"], "result")
                self.assertEqual(events[-1]["nodes"], 1)
                self.assert_readable(self.bob.run("kp2p-doctor", argument))
        self.assertEqual(self.bob.status()["connections"], connections)

    def test_a_node_that_is_not_there_is_said_to_be_so(self):
        nobody = "11" * 32
        done = self.bob.run("kp2p-doctor", "--json", nobody, check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        last = self.said(done)[-1]
        self.assertEqual((last["event"], last["code"]), ("error", "cannot_connect"))
        finding = last["findings"][0]
        self.assertEqual((finding["stage"], finding["node"]), ("reach", nobody))
        self.assertTrue(finding["path"].startswith("dht"))
        self.assertGreaterEqual(finding["ms"], 0)
        self.assert_ends(self.bob.run("kp2p-doctor", nobody, check=False), 1, "-> ")

    def test_what_cannot_be_tried_is_an_error(self):
        rows = [(self.bob.status()["node"], 2, "that is this node"),
                ("lab", 2, "neither a node's key"),
                ("11112222", 2, "0 connected nodes have a key that begins with 11112222"),
                ("sha1://" + "9" * 40, 4, "knows nobody who has it")]
        for argument, status, words in rows:
            with self.subTest(argument):
                self.assert_ends(self.bob.run("kp2p-doctor", argument, check=False), status, words)


class Trouble(Doctor):
    def test_a_daemon_without_channel_and_network(self):
        lonely = self.daemon("lonely", channels=(), bootstrap=["none"])
        lonely.process.wait_for_words("[network no_bootstrap]")
        self.assertNotIn("no DHT node has answered", lonely.log())
        events = self.said(lonely.run("kp2p-doctor", "--json"))
        checks = self.checks(events)
        self.assertEqual(checks["udp"]["health"], "warning")
        self.assertEqual(checks["channels"]["health"], "warning")
        self.assertIn("kp2p-join", checks["channels"]["advice"])

    def test_a_node_that_has_stopped_is_not_announced_any_more(self):
        gone, bob = self.daemon("gone"), self.daemon("ben")
        node = gone.status()["node"]
        bob.process.wait_until(lambda: any(peer["node"] == node for peer in bob.status()["peers"]), "no peer")
        gone.stop()
        done = bob.run("kp2p-doctor", node, check=False)
        self.assertIn(b"not announced on the DHT", done.stderr)

    def test_nobody_answers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            deaf = self.daemon("deaf", bootstrap=["127.0.0.1:%d" % silent.getsockname()[1]])
            done = deaf.run("kp2p-doctor", "--json", check=False)
        self.assertEqual(done.returncode, 1)
        events = self.said(done)
        self.assertEqual(self.checks(events)["udp"]["health"], "problem")
        self.assertEqual(events[-1]["event"], "error")

    def test_an_address_that_was_asked_before_its_name_is_named(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            port = silent.getsockname()[1]
            deaf = self.daemon("deaf", bootstrap=[f"127.0.0.1@kp2p.invalid:{port}"])
            deaf.process.wait_for_words(f"127.0.0.1:{port} does not answer, and ")

    def remember(self, daemon, **settings):
        (daemon.config_dir / "config.json").write_text(json.dumps(settings))

    def test_without_a_daemon(self):
        idle = self.idle("idle")
        self.remember(idle, bootstrap=[self.network.bootstrap_address], host="127.0.0.1", port=0)
        done = idle.run("kp2p-doctor", "--json", check=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        events = self.said(done)
        checks = self.checks(events)
        self.assertEqual(checks["daemon"]["health"], "problem")
        self.assertIn("kp2p-start-daemon", checks["daemon"]["advice"])
        for name in ("config", "ports", "udp", "storage", "clock"):
            self.assertEqual(checks[name]["health"], "ok", checks[name])
        self.assertEqual(events[-1]["code"], "no_daemon")
        words = idle.run("kp2p-doctor", check=False)
        self.assert_readable(words)
        self.assertFalse((idle.config_dir / "lock").exists())

    def test_without_a_daemon_each_trouble_is_told(self):
        idle = self.idle("idle")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
            holder.bind(("127.0.0.1", 0))
            taken = holder.getsockname()[1]
            self.remember(idle, bootstrap=[f"127.0.0.1:{taken}"], host="127.0.0.1", port=taken)
            idle.storage_dir.rmdir()
            checks = self.checks(self.said(idle.run("kp2p-doctor", "--json", check=False)))
        for name, health in (("ports", "problem"), ("udp", "problem"), ("storage", "warning")):
            self.assertEqual(checks[name]["health"], health, checks[name])
            self.assertTrue(checks[name]["advice"], checks[name])
        self.remember(idle, port="many")
        checks = self.checks(self.said(idle.run("kp2p-doctor", "--json", check=False)))
        self.assertEqual(checks["config"]["health"], "problem")


if __name__ == "__main__":
    main()
