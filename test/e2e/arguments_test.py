#!/usr/bin/env python3
"""What people type, paste and pipe: blanks, empty words, lists, pipes, and flags that are wrong."""
import array
import fcntl
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import termios
import time

from case import NetworkCase, main

HASH = "1234567890123456789012345678901234567890"


class Arguments(NetworkCase):
    daemons = ("alice", "bob")

    def said(self, *words, status=2):
        done = self.alice.run(*words, check=False, seconds=30)
        self.assertEqual(done.returncode, status, done)
        return done.stderr.decode()

    def test_a_part_of_the_node_that_there_is_not_has_no_log_level(self):
        idle = self.idle("new")
        done = idle.run("kp2p-start-daemon", "--log-level", "info,nope=debug", "--api-port", "0",
                        check=False, seconds=20)
        self.assert_ends(done, 2, "ROOM is one of api, daemon, dht, lan, log, mapping")

    def test_an_address_that_nobody_can_be_at_is_said_to_be_that(self):
        rows = (("224.0.0.1", 2, "a multicast address"), ("ff02::1", 2, "a multicast address"),
                ("255.255.255.255", 2, "a broadcast address"), ("fe80::1", 2, "a link-local address"),
                ("fe80::1%lo", 2, "a link-local address"), ("localhost", 2, "not an IP address"),
                ("127.0.0.1%lo", 2, "not an IP address"),
                ("192.0.2.1", 1, "this computer does not have this address"))
        for host, status, words in rows:
            done = self.idle(f"at {host}").run("kp2p-start-daemon", "--host", host, "--api-port", "0",
                                               "--port", "0", check=False, seconds=20)
            self.assert_ends(done, status, words)
        for host in ("224.0.0.1", "255.255.255.255", "192.0.2.1"):
            done = self.alice.run("kp2p-bootstrap", "--host", host, "--port", "0", check=False, seconds=20)
            self.assertIn(done.returncode, (1, 2))
            self.assertIn(b"address", done.stderr)
        self.assertIn("a multicast address", self.said("kp2p-relay", "--listen", "224.0.0.1:0", "--token-file",
                                                        self.path("token")))

    def test_at_an_address_of_ipv6_alone_that_is_why_there_is_no_dht(self):
        daemon = self.daemon("v6", host="::1")
        seen = daemon.run("kp2p-doctor", check=False).stdout.decode()
        self.assertIn("the DHT is of IPv4 alone, and this node has been told to listen at ::1", " ".join(seen.split()))

    def test_a_flag_that_lacks_its_value_is_an_error_in_json_too(self):
        done = self.idle("new").run("kp2p-load", "--json", "--config-dir", check=False)
        self.assertEqual((done.returncode, done.stderr), (2, b""))
        self.assertEqual(json.loads(done.stdout)["code"], "usage")

    def test_what_is_no_address_is_said_to_be_none(self):
        self.assertIn("--listen: x: not ADDR:PORT", self.said("kp2p-relay", "--listen", "x"))
        self.assertIn("--udp-host: x: not ADDR", self.said("kp2p-relay", "--udp-host", "x"))

    def test_a_wrong_limit_is_said_by_its_flag(self):
        for flag, text in (("--up", "x"), ("--down", "1"), ("--lan", "maybe"), ("--quota", "lots")):
            words = self.said("kp2p-limit", flag, text)
            self.assertIn(f": {flag}: ", words)
            self.assertNotIn("limit_", words)
        self.assertIn("--channel goes with", self.said("kp2p-limit", "--channel", "lab", "--lan", "on"))
        self.assertIn("--relay-url takes", self.said("kp2p-invite", "--relay-url", "x"))

    def test_a_limit_of_a_channel_is_of_one_that_the_node_is_in(self):
        for flags in ((), ("--up", "1M")):
            words = self.said("kp2p-limit", "--channel", "elsewhere", *flags)
            self.assertIn("this node is not in the channel elsewhere", words)
        before = self.alice.run("kp2p-limit", "--channel", "lab").stdout
        self.assertEqual(before, b"channel lab: up none, down none\n")
        self.alice.run("kp2p-limit", "--channel", " lab\n", "--up", "1M")
        self.assertIn(b"channel lab: up 1M", self.alice.run("kp2p-limit", "--channel", "lab").stdout)
        self.alice.run("kp2p-limit", "--channel", "lab", "--up", "none")
        self.assertNotIn(b"channel", self.alice.run("kp2p-limit").stdout)

    def test_blanks_around_the_name_of_a_channel_are_not_of_it(self):
        for pasted in (" pasted ", "pasted\n", "\tpasted\r\n", "\u00a0pasted\ufeff"):
            self.alice.run("kp2p-join", pasted)
            self.assertIn("pasted", self.alice.lines("kp2p-channels"))
            names = self.path("names")
            names.write_text(f"\ufeff{pasted}\r\n", newline="")
            self.alice.run("kp2p-leave", "--channel-file", names)
            self.assertNotIn("pasted", self.alice.lines("kp2p-channels"))
        self.assertIn("kp2p:join/channel=lab/",
                      self.alice.lines("kp2p-invite", "--channel", " lab ")[0])
        made = self.alice.lines("kp2p-join", "--new", " new lab ")[0]
        self.assertRegex(made, r"^new lab-[0-9a-z]{16}$")
        started = self.daemon("carol", channels=("  two words  ",))
        self.assertEqual(started.lines("kp2p-channels"), ["two words"])

    def test_an_empty_word_is_said_by_its_place(self):
        for words in (("kp2p-store", ""), ("kp2p-link", ""), ("kp2p-load", ""), ("kp2p-cat", ""),
                      ("kp2p-find", ""), ("kp2p-ls", ""), ("kp2p-rm", ""), ("kp2p-pin", ""),
                      ("kp2p-join", ""), ("kp2p-leave", ""), ("kp2p-doctor", ""),
                      ("kp2p-verify", ""), ("kp2p-invite", ""),
                      ("kp2p-load", HASH, "--dest", ""), ("kp2p-load", "-i", ""),
                      ("kp2p-store", "x", "--name", ""), ("kp2p-store", "x", "--storage-dir", ""),
                      ("kp2p-status", "--config-dir", ""), ("kp2p-status", "--api-port", ""),
                      ("kp2p-start-daemon", "--channel", ""), ("kp2p-start-daemon", "--host", ""),
                      ("kp2p-start-daemon", "--bootstrap", ""), ("kp2p-start-daemon", "--log-file", "")):
            with self.subTest(words):
                self.assertRegex(self.said(*words), r": [-a-zA-Z|,]+: it is empty\n$")

    def test_a_list_has_invitations_as_well_as_uris(self):
        path, other = self.path("invited"), self.path("listed")
        path.write_text("of another channel")
        other.write_text("of ours")
        self.bob.run("kp2p-join", "only-bob")
        invitation = self.bob.lines("kp2p-invite", "--quiet", "--channel", "only-bob",
                                    self.bob.store(path))[0]
        listing = self.path("list")
        listing.write_text(f"# what to get\n \t# indented\n  {invitation}\r\n{self.bob.store(other)}\n")
        out = self.path("out")
        self.alice.run("kp2p-load", "-i", listing, "--dest", f"{out}/")
        self.assertIn("only-bob", self.alice.lines("kp2p-channels"))
        self.assertEqual((out / "invited").read_text(), "of another channel")
        self.assertEqual((out / "listed").read_text(), "of ours")
        listing.write_text("kp2p:join/channel=only-bob/end\n")
        self.assertIn("line 1", self.said("kp2p-load", "-i", listing))

    def shell(self, script, **options):
        environment = self.alice.environment()
        environment["PATH"] = f"{self.network.commands}{os.pathsep}{environment['PATH']}"
        return subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=self.root, timeout=60,
                              capture_output=True, env=environment, **options)

    def test_what_comes_out_of_a_pipe_is_stored(self):
        sha1 = hashlib.sha1(b"made just now\n").hexdigest()
        for script, uri in (
                ("kp2p-store <(echo made just now)", f"sha1://{sha1}"),
                ("kp2p-store --name now.txt <(echo made just now)", f"sha1://{sha1}/now.txt"),
                ("mkfifo a-fifo; echo made just now > a-fifo & kp2p-store a-fifo", f"sha1://{sha1}/a-fifo"),
                ("echo made just now | kp2p-store /dev/stdin", f"sha1://{sha1}"),
                ("kp2p-cat $(kp2p-store <(echo made just now))", "made just now")):
            with self.subTest(script):
                done = self.shell(script)
                self.assert_ends(done, 0)
                self.assertEqual(done.stdout.decode(), uri + "\n")
        version = pathlib.Path("/proc/version").read_bytes()
        stored = self.alice.lines("kp2p-store", "/proc/version")
        self.assertEqual(stored, [f"sha1://{hashlib.sha1(version).hexdigest()}/version"])
        self.assert_ends(self.alice.run("kp2p-link", self.root / "a-fifo", check=False), 2, "neither")

    def test_a_fifo_that_nobody_writes_is_waited_for_until_a_signal(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        with open(os.open(fifo, os.O_RDWR), "wb", buffering=0) as writer:  # which does not wait
            writer.write(b"half")
            child = self.alice.popen("kp2p-store", fifo)
            waiting = array.array("i", [1])
            while waiting[0] and child.poll() is None:  # until it has read that
                time.sleep(0.02)
                fcntl.ioctl(writer, termios.FIONREAD, waiting)
            child.send_signal(signal.SIGINT)
            words = child.communicate(timeout=20)[1]
        self.assertEqual(child.returncode, -signal.SIGINT)
        self.assertIn(b"stopped; nothing of", words)

    def test_a_daemon_that_hangs_is_said_soon_and_not_waited_for_long(self):
        hung = self.daemon("hung")
        path = self.path("file")
        path.write_text("x")
        uri = hung.store(path)
        hung.process.signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            children = [hung.popen(*words) for words in (
                ("kp2p-status",), ("kp2p-join", "other"), ("kp2p-channels", "--json"))]
            patient = hung.popen("kp2p-load", uri)
            first = children[0].stderr.readline().decode()
            self.assertLess(time.monotonic() - began, 10)
            self.assertIn(f"the daemon at {hung.config_dir}/api.sock does not answer", first)
            for child in children:
                out, words = (text.decode() for text in child.communicate(timeout=40))
                self.assertEqual(child.returncode, 1)
                self.assertIn("does not answer (waited", words + out)
            self.assertEqual(json.loads(out)["code"], "timed_out")
            self.assertIsNone(patient.poll())
        finally:
            hung.process.signal(signal.SIGCONT)
        self.assertEqual(patient.wait(40), 0)
        for child in (*children, patient):
            child.stdout.close()
            child.stderr.close()

    def test_what_was_loaded_gives_way_to_what_is_stored(self):
        big = self.path("big")
        big.write_bytes(os.urandom(3 << 20))
        carol = self.daemon("carol", flags=("--quota", "5M"))
        loaded = carol.load(self.bob.store(big))
        own = self.path("own")
        own.write_bytes(os.urandom(3 << 20))
        uri = carol.store(own)
        self.assertFalse(loaded.exists())
        self.assertEqual(carol.load(uri).read_bytes(), own.read_bytes())
        carol.run("kp2p-limit", "--quota", "none")
        again = carol.load(self.bob.store(big))
        carol.run("kp2p-limit", "--quota", "5M")
        self.assertFalse(again.exists())


if __name__ == "__main__":
    main()
