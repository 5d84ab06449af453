#!/usr/bin/env python3
"""What those see who run a node for others: rates, health, measurements, logs, the service manager."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time

from api_client import local_connection
from case import NetworkCase, main
from network import MIB, random_file

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')


def parse_metrics(text):
    """Prometheus' text format 0.0.4, as strictly as it can be read: {(name, labels): value}, and
    {family: type}."""
    samples, types, helped, family = {}, {}, set(), None
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            family, words = line[7:].split(" ", 1)
            assert NAME.fullmatch(family) and words and family not in helped, line
            assert re.fullmatch(r"(?:[^\\]|\\[\\n])*", words), line
            helped.add(family)
            continue
        if line.startswith("# TYPE "):
            named, kind = line[7:].split(" ")
            assert named == family and named not in types and kind in ("counter", "gauge"), line
            types[named] = kind
            continue
        name = NAME.match(line).group()
        rest, labels = line[len(name):], {}
        if rest.startswith("{"):
            rest = rest[1:]
            while not rest.startswith("}"):
                label = LABEL.match(rest)
                assert label and label[1] not in labels, line
                labels[label[1]] = label[2]
                rest = rest[label.end():]
                assert rest[0] in ",}", line
                rest = rest.removeprefix(",")
            rest = rest[1:]
        assert re.fullmatch(r" [0-9]+", rest), line
        assert name == family and name in types, line
        key = (name, frozenset(labels.items()))
        assert key not in samples, line
        samples[key] = int(rest)
    assert helped == set(types)
    return samples, types


class Operator(NetworkCase):
    daemons = ("alice",)

    def settings(self, node, *arguments):
        return json.loads(node.run("kp2p-limit", "--json", *arguments).stdout)

    def http(self, daemon, path, headers=None):
        port = int((daemon.config_dir / "api-port").read_text())
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.addCleanup(connection.close)
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()

    def metrics(self, daemon):
        status, headers, text = self.http(daemon, "/metrics")
        self.assertEqual(status, 200, text)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        return parse_metrics(text)

    def test_rates_are_taken_up_while_it_runs_and_at_later_starts(self):
        bob = self.daemon("bob", flags=["--limit-up", "08:00,500K 19:00,none", "--limit-lan", "off"])
        self.assertEqual(self.settings(bob)["limit_up"], "08:00,500K 19:00,none")
        path = self.path("file")
        random_file(path, 8 * MIB)
        uri = self.alice.store(path)
        told = self.settings(bob, "--down", "2M", "--lan", "on", "--quota", "1G")
        self.assertEqual(told["down_bytes_per_second"], 2_000_000)
        self.assertEqual((told["limit_lan"], told["quota"]), ("on", "1000000000"))
        began = time.monotonic()
        bob.run("kp2p-load", uri)
        self.assertGreater(time.monotonic() - began, 2.5)
        self.assert_ends(bob.run("kp2p-limit", "--down", "fast", check=False), 2, "--down: a rate")
        self.assert_ends(bob.run("kp2p-limit", "--down", "3M", "--lan", "odd", check=False), 2)
        self.assertEqual(self.settings(bob), told)
        words = bob.run("kp2p-limit").stdout.decode()
        self.assertIn("down    2M (now 2.00 MB/s)", words)

        bob.stop()
        bob.start()
        self.assertEqual(self.settings(bob)["limit_down"], "2M")
        self.assertEqual(self.settings(bob)["quota"], "1000000000")
        bob.run("kp2p-limit", "--down", "none")
        bob.run("kp2p-gc")
        bob.run("kp2p-find", uri)  # they have met again: that is not what is measured
        began = time.monotonic()
        bob.run("kp2p-load", uri)
        self.assertLess(time.monotonic() - began, 2.5)

    def test_a_channel_has_rates_of_its_own(self):
        bob = self.daemon("bob", flags=["--limit-channel", "none;5M;other"])
        bob.run("kp2p-join", "our lab; 2")
        told = self.settings(bob, "--channel", "our lab; 2", "--up", "00:00,2M 00:01,2M")
        of_lab = {"channel": "our lab; 2", "limit_up": "00:00,2M 00:01,2M", "limit_down": "none",
                  "up_bytes_per_second": 2_000_000, "down_bytes_per_second": None}
        of_other = {"channel": "other", "limit_up": "none", "limit_down": "5M",
                    "up_bytes_per_second": None, "down_bytes_per_second": 5_000_000}
        self.assertEqual(told["channels"], [of_other, of_lab])
        self.assertEqual(told["limit_up"], "none")
        of_lab.update(limit_down="3M", down_bytes_per_second=3_000_000)
        told = self.settings(bob, "--channel", "our lab; 2", "--down", "3M")
        self.assertEqual(told["channels"], [of_other, of_lab])
        self.settings(bob, "--channel", "other", "--down", "none")
        self.assertIn("channel our lab; 2: up 00:00,2M 00:01,2M (now 2.00 MB/s), down 3M (now 3.00 MB/s)",
                      bob.run("kp2p-limit").stdout.decode())
        bob.stop()
        bob.start()
        self.assertEqual(self.settings(bob)["channels"], [of_lab])

    def test_the_last_limit_of_a_channel_that_is_taken_away_does_not_come_back(self):
        bob = self.idle("bob")
        (bob.config_dir / "config.json").write_text(json.dumps({"limit_channels": ["none;5M;other"]}))
        bob.start()
        self.assertEqual(len(self.settings(bob)["channels"]), 1)
        self.assertEqual(self.settings(bob, "--channel", "other", "--down", "none")["channels"], [])
        bob.stop()
        bob.start()
        self.assertEqual(self.settings(bob)["channels"], [])
        bob.stop()
        bob.start(flags=["--limit-channel", "1M;none;lab"])
        self.assertEqual(len(self.settings(bob)["channels"]), 1)
        bob.stop()
        bob.start(flags=["--limit-channel", "none"])
        self.assertEqual(self.settings(bob)["channels"], [])
        bob.stop()
        odd = bob.run("kp2p-start-daemon", "--limit-channel", "none", "--limit-channel", "1M;none;x", check=False)
        self.assert_ends(odd, 2, "limit-channel")

    def test_health_is_told_to_everybody_at_this_computer_and_to_no_page(self):
        status, _, text = self.http(self.alice, "/healthz")
        self.assertEqual((status, json.loads(text)), (200, {"status": "ok"}))
        self.assertEqual(self.http(self.alice, "/healthz", {"Origin": "http://a.test"})[0], 403)
        self.assertEqual(self.http(self.alice, "/metrics")[0], 401)

    def test_measurements_are_what_prometheus_reads(self):
        bob = self.daemon("bob", flags=["--metrics", "--quota", "5G", "--limit-channel", "none;none;first",
                                        "--limit-channel", "2M;none;a secret", "--limit-channel", "none;5M;x"])
        before, _ = self.metrics(bob)
        path = self.path("file")
        random_file(path, 3 * MIB)
        bob.run("kp2p-load", self.alice.store(path))
        bob.run("kp2p-load", "sha1://" + "1" * 40, check=False)
        samples, types = self.metrics(bob)

        def value(name, **labels):
            return samples[name, frozenset(labels.items())]

        rate = "kp2p_channel_rate_limit_bytes_per_second"
        self.assertEqual({labels: count for (name, labels), count in samples.items() if name == rate},
                         {frozenset({"channel": "2", "direction": "given"}.items()): 2_000_000,
                          frozenset({"channel": "3", "direction": "received"}.items()): 5_000_000})
        self.assertNotIn("secret", self.http(bob, "/metrics")[2])
        received = [value("kp2p_transfer_bytes_total", direction="received", path=path)
                    for path in ("direct", "lan", "relayed", "tunnelled")]
        self.assertGreaterEqual(sum(received), 3 * MIB)
        self.assertEqual(sum(count for (name, labels), count in before.items()
                             if name == "kp2p_transfer_bytes_total"), 0)
        self.assertEqual(value("kp2p_loads_total", code="done", exit="0"), 1)
        self.assertEqual(value("kp2p_loads_total", code="not_found", exit="4"), 1)
        self.assertGreaterEqual(value("kp2p_storage_bytes"), 0)
        self.assertEqual(value("kp2p_storage_quota_bytes"), 5_000_000_000)
        self.assertEqual(value("kp2p_verification_failures_total", source="peer"), 0)
        self.assertEqual(sum(count for (name, _), count in samples.items() if name == "kp2p_peers"),
                         len(bob.status()["peers"]))
        for name, kind in types.items():
            self.assertTrue(name.startswith("kp2p_"), name)
            self.assertEqual(name.endswith("_total"), kind == "counter", name)
        self.assertEqual(self.http(bob, "/v1/status")[0], 401)

        # Its owner reads them over the socket, told or not.
        connection = local_connection(self.alice, self)
        connection.request("GET", "/metrics")
        given, _ = parse_metrics(connection.getresponse().read().decode())
        self.assertGreaterEqual(given["kp2p_gives_total", frozenset()], 1)

    def test_a_log_is_written_as_it_is_told_and_to_a_file_that_moves(self):
        log, moved = self.path("log"), self.path("log.1")
        bob = self.daemon("bob", flags=["--log-file", log, "--log-format", "json", "--log-level",
                                        "warning,daemon=info,api=debug"])
        bob.run("kp2p-status")
        log.rename(moved)
        os.kill(bob.process.pid, signal.SIGHUP)
        bob.process.wait_until(log.exists, "the log is not opened anew")
        bob.stop()
        for path in (moved, log):
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            for line in lines:
                self.assertEqual(set(line), {"time", "level", "room", "message"})
        self.assertTrue(any(line["message"].startswith("stopping") for line in lines), lines)
        earlier = [json.loads(line) for line in moved.read_text().splitlines()]
        self.assertTrue(any((line["room"], line["level"]) == ("api", "debug") for line in earlier))
        wrong = bob.run("kp2p-start-daemon", "--log-file", self.path("none") / "log", check=False)
        self.assert_ends(wrong, 1, "none/log")
        carol = self.daemon("carol", flags=["--log-format", "journald"])
        carol.stop()
        self.assertRegex(carol.log(), r"(?m)^<6>daemon: stopping")

    def test_a_node_is_called_by_its_label_among_members(self):
        ana = self.daemon("ana", channels=("lab", self.channel), flags=["--label", "Ana's laptop"])
        bob = self.daemon("bob", channels=(self.channel,))
        path = self.path("file")
        random_file(path, 1000)
        uri = ana.store(path)
        bob.run("kp2p-load", uri)
        node = ana.status()["node"]

        def labels(daemon):
            return {peer["node"]: peer["label"] for peer in daemon.status()["peers"]}

        bob.process.wait_until(lambda: labels(bob).get(node) == "Ana's laptop", "no label")
        shown = f"{node[:8]} (Ana's laptop)"
        self.assertIn(shown, bob.run("kp2p-status").stdout.decode())
        self.assertIn(shown, bob.run("kp2p-doctor", check=False).stdout.decode())
        self.assertEqual(bob.lines("kp2p-find", uri)[-1], f"{node} 1000 complete (Ana's laptop)")
        self.assertIn(f"node         {shown}", ana.run("kp2p-status").stdout.decode())
        self.assertEqual(labels(ana)[bob.status()["node"]], "")
        wrong = self.idle("carol")
        self.assert_ends(wrong.run("kp2p-start-daemon", "--label", "a\x1b[2J", check=False), 2, "label")

    def test_the_service_manager_is_told_how_it_is_and_that_it_lives(self):
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.settimeout(20)
        place = self.root / "notify"
        manager.bind(str(place))
        bob = self.idle("bob")
        bob.start(under=["env", f"NOTIFY_SOCKET={place}", "WATCHDOG_USEC=500000"])
        told = []
        while not ("READY=1" in told and any(line.startswith("STATUS=") for line in told)
                   and told.count("WATCHDOG=1") >= 3):
            told += manager.recv(4096).decode().splitlines()
        self.assertRegex([line for line in told if line.startswith("STATUS=")][0],
                         r"STATUS=\d+ peers?, \d+ channels?, 0 files being loaded, 0 given")
        bob.stop()
        while "STOPPING=1" not in told:
            told += manager.recv(4096).decode().splitlines()


if __name__ == "__main__":
    main()
