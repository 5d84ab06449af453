#!/usr/bin/env python3
"""What a daemon can do as soon as its API answers: all that it will be able to."""
import contextlib
import http.server
import json
import os
import resource
import shutil
import socket
import subprocess
import threading

from case import NetworkCase, main
from network import CHANNEL, random_file


USUAL_API_PORT = 20431


@contextlib.contextmanager
def another_at_the_usual_port():
    """Which is as well somebody else, on this computer, where that port is taken."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_error(404)

        def log_message(self, *_):
            pass

    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", USUAL_API_PORT), Handler))
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
        yield


class Start(NetworkCase):
    daemons = ("alice",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = cls.root / "shared.dat"
        cls.sha1 = random_file(path, 1000)
        cls.uri = cls.alice.store(path)

    def remembering(self, lines):
        """A daemon that is not started, and was in these channels before."""
        daemon = self.idle("bob")
        (daemon.config_dir / "channels").write_text("".join(f"{line}\n" for line in lines))
        return daemon

    def test_a_channel_named_at_the_start_counts_at_once(self):
        for command in "kp2p-load", "kp2p-cat", "kp2p-find":
            with self.subTest(command):
                self.daemon("bob").run(command, self.uri)

    def test_remembered_channels_count_at_once_and_are_quick_the_next_time(self):
        names = [f"channel {number}" for number in range(24)] + [CHANNEL]
        bob = self.remembering(names)
        bob.start(channels=())
        bob.load(self.uri)
        keys = bob.config_dir / "channel-keys"
        bob.process.wait_until(keys.exists, "no keys are kept")
        self.assertEqual(keys.stat().st_mode & 0o777, 0o600)
        self.assertNotIn(CHANNEL, keys.read_text())
        bob.stop()
        bob.start(channels=())
        self.assertEqual(sorted(bob.status()["channels"]), sorted(names))
        self.assertEqual(sorted(bob.lines("kp2p-channels")), sorted(names))

    def test_damaged_keys_are_derived_anew(self):
        bob = self.remembering([CHANNEL])
        keys = bob.config_dir / "channel-keys"
        keys.write_bytes(b"\xff\0 nonsense\n" * 3)
        bob.start(channels=())
        bob.load(self.uri)
        bob.process.wait_until(lambda: b"nonsense" not in keys.read_bytes(), "they stay damaged")

    def test_a_line_that_names_no_channel_is_left_out_and_said(self):
        bob = self.remembering(["a", "b\x01c", CHANNEL])
        bob.start(channels=())
        bob.load(self.uri)
        bob.process.wait_for_words("channels: no channel names, left out: line 2")
        self.assertNotIn("b?c", bob.log())

    def told(self, **more):
        """A daemon that is not started, and finds all it needs in its config.json."""
        daemon = self.idle("bob")
        settings = {"bootstrap": [self.network.bootstrap_address], "host": "127.0.0.1", "port": 0, "api_port": 0,
                    "no_port_mapping": True, "no_lan": True}
        (daemon.config_dir / "config.json").write_text(json.dumps({**settings, **more}))
        self.addCleanup(daemon.run, "kp2p-stop-daemon", check=False)
        return daemon

    def test_a_command_starts_one_when_it_may(self):
        bob = self.told()
        missed = bob.run("kp2p-join", "x", check=False)
        self.assert_ends(missed, 3, "what to do: --start-daemon starts one")
        started = bob.run("kp2p-join", "--start-daemon", CHANNEL)
        self.assertIn(b"started a daemon", started.stderr)
        self.assertEqual(bob.lines("kp2p-channels"), [CHANNEL])
        bob.load(self.uri)
        again = bob.run("kp2p-join", "--start-daemon", "x")
        self.assertNotIn(b"started", again.stderr)
        log = bob.config_dir / "daemon.log"
        self.assertEqual(log.stat().st_mode & 0o777, 0o600)
        self.assertIn("kp2p-start-daemon: ready", log.read_text())

    def test_why_none_can_be_started_is_said(self):
        bob = self.told()
        alone = self.path("kp2p-join")
        shutil.copy(self.network.command("kp2p-join"), alone)
        join = lambda **how: subprocess.run(
            [alone, "--start-daemon", "x"], env={**bob.environment(), "PATH": "/nowhere"},
            stdin=subprocess.DEVNULL, capture_output=True, timeout=30, **how)
        self.assert_ends(join(), 3, "kp2p-start-daemon is neither beside this command nor in PATH")
        shutil.copy(self.network.command("kp2p-start-daemon"), alone.with_name("kp2p-start-daemon"))
        nobody, few = 65534, {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))}
        if os.geteuid() == 0:  # who may have as many as it likes
            few["user"] = nobody
            os.chmod(self.network.root, 0o711)
            self.addCleanup(os.chmod, self.network.root, 0o700)
            for path in (alone.parent, bob.config_dir, *bob.config_dir.iterdir()):
                os.chown(path, nobody, 0)
        self.assert_ends(join(**few), 3, "no more processes can be had (ulimit -u)")

    def test_of_a_configuration_directory_that_cannot_be_made_it_is_said_what_to_do(self):
        bob, place = self.idle("bob"), self.path("taken")
        place.write_text("a file")
        bob.config_dir = place / "config"
        words = (f"the configuration directory {bob.config_dir} cannot be made: Not a directory; "
                 "KACHERY_P2P_CONFIG_DIR names another place")
        self.assert_ends(bob.run("kp2p-start-daemon", check=False), 1, words)
        self.assert_ends(bob.run("kp2p-join", "--start-daemon", "x", check=False), 3, words)

    def test_a_configuration_directory_may_be_named_from_where_one_is(self):
        bob = self.told()
        done = subprocess.run(
            [self.network.command("kp2p-join"), "--start-daemon", CHANNEL], capture_output=True,
            cwd=bob.config_dir.parent,
            env={**bob.environment(), "KACHERY_P2P_CONFIG_DIR": bob.config_dir.name})
        self.assert_ends(done, 0, "started a daemon")

    def test_a_home_directory_that_is_not_there_is_not_made(self):
        bob, home = self.idle("bob"), self.path("home")
        bob.config_dir = home / ".kachery-p2p"
        words = f"the configuration directory {bob.config_dir} cannot be made: No such file"
        self.assert_ends(bob.run("kp2p-start-daemon", check=False, seconds=20), 1, words)
        self.assert_ends(bob.run("kp2p-join", "--start-daemon", "x", check=False), 3, words)
        self.assertFalse(home.exists())

    def test_another_users_daemon_at_the_usual_port_is_no_obstacle(self):
        bob = self.told()
        settings = json.loads((bob.config_dir / "config.json").read_text())
        del settings["api_port"]
        (bob.config_dir / "config.json").write_text(json.dumps(settings))
        with another_at_the_usual_port():
            self.assert_ends(bob.run("kp2p-status", check=False), 3, "no daemon is running")
            path = self.path("own.txt")
            path.write_text("bob's own")
            self.assertEqual(bob.run("kp2p-cat", bob.store(path)).stdout, b"bob's own")
            bob.run("kp2p-join", "--start-daemon", CHANNEL)
            self.assertNotIn(bob.status()["api_port"], (0, USUAL_API_PORT))
            bob.load(self.uri)
            (bob.config_dir / "api.sock").unlink()
            bob.run("kp2p-status")

    def test_of_many_at_once_one_starts_it(self):
        bob = self.told()
        joins = [bob.popen("kp2p-join", "--start-daemon", f"channel {number}") for number in range(6)]
        said = [join.communicate()[1] for join in joins]
        self.assertEqual([join.returncode for join in joins], [0] * 6, said)
        self.assertEqual(sum(b"started a daemon" in words for words in said), 1)
        self.assertEqual(len(bob.lines("kp2p-channels")), 6)

    def test_it_takes_the_place_of_one_that_was_killed(self):
        bob = self.told()
        bob.start(told=False)
        bob.kill()
        bob.run("kp2p-join", "--start-daemon", CHANNEL)

    def test_one_that_runs_on_another_computer_with_the_same_home_is_named(self):
        bob = self.told()
        bob.start(told=False)
        lock = bob.config_dir / "lock"
        self.assertEqual(lock.read_text(), socket.gethostname())
        done = bob.run("kp2p-start-daemon", check=False)
        self.assert_ends(done, 1, f"another daemon runs in {bob.config_dir}\n")
        lock.write_text("other")
        done = bob.run("kp2p-start-daemon", check=False)
        self.assert_ends(done, 1, f"another daemon runs in {bob.config_dir}, on other: ")
        self.assertIn(b"KACHERY_P2P_CONFIG_DIR", done.stderr)

    def test_one_that_may_run_where_its_lock_is_not_seen_is_warned_of(self):
        bob = self.told()
        words = f"a daemon on other was killed in {bob.config_dir}, or still runs: each computer needs"
        (bob.config_dir / "lock").write_text("other")
        bob.start(told=False)
        self.assertNotIn(words, bob.log())
        bob.kill()
        (bob.config_dir / "lock").write_text("other")
        self.assert_ends(bob.run("kp2p-status", check=False), 3,
                         f"the daemon of {bob.config_dir} was started on other: each computer needs")
        bob.run("kp2p-join", "--start-daemon", CHANNEL)
        self.assertIn(words, (bob.config_dir / "daemon.log").read_text())

    def test_why_it_does_not_start_is_said(self):
        bob = self.told(port="many")
        done = bob.run("kp2p-join", "--start-daemon", CHANNEL, check=False)
        self.assert_ends(done, 3, "port")
        self.assertNotIn(b"what to do", done.stderr)

    def test_a_private_network_needs_no_other_node_and_is_remembered(self):
        first, second = self.idle("first"), self.idle("second")
        first.start(bootstrap=["self"])
        udp = first.status()["udp"]
        second.start(bootstrap=[udp])
        path = self.path("private.dat")
        random_file(path, 200_000)
        second.load(first.store(path))
        for daemon in first, second:
            daemon.stop()
        remembered = first.config_dir / "remembered"
        words = remembered.read_text()
        self.assertEqual(words, "--bootstrap self\n--host 127.0.0.1\n--port 0\n")
        remembered.write_text(words.replace("--port 0", "--port " + udp.split(":")[1]))
        for daemon in first, second:
            daemon.start(told=False)
        self.assertEqual(first.status()["udp"], udp)
        path = self.path("other.dat")
        random_file(path, 200_000)
        first.load(second.store(path))


if __name__ == "__main__":
    main()
