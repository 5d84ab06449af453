#!/usr/bin/env python3
"""What a user can get wrong, and what the command and its exit status say then."""
import os
import signal
import socket
import stat
import subprocess

from case import NetworkCase, main
from network import MIB, Failed, random_file

HASH = "1234567890123456789012345678901234567890"


class Usage(NetworkCase):
    daemons = ("alice",)

    def test_a_malformed_uri_is_a_usage_error(self):
        for uri in ("", "x", "sha1://", "sha1://1234/x", f"sha2://{HASH}/x", f"sha1://{HASH[:-1]}g",
                    f"sha1dir://{HASH}.x/../y", f"sha1://{HASH}/x?manifest=12"):
            for command in ("kp2p-load", "kp2p-cat", "kp2p-find"):
                with self.subTest((command, uri)):
                    self.assert_ends(self.alice.run(command, uri, check=False), 2)

    def test_old_flags_are_taken_with_one_remark(self):
        path = self.path("old")
        path.write_text("old")
        stored = self.alice.run("kp2p-store", "-a", "sha1", "--to=lab", "--use-hard-links", path)
        uri = stored.stdout.decode().strip()
        self.assertEqual(stored.stderr,
                         b"kp2p-store: without effect: --algorithm, --to, --use-hard-links\n")
        loaded = self.alice.run("kp2p-load", uri, "--from-node", "n", "--exp-file-server-url", "u",
                                "--exp-file-server-url", "v", "--exp-nop2p")
        self.assertEqual(loaded.stderr.count(b"without effect"), 1)
        for command, *words in (("kp2p-cat", uri, "--fr", "x"), ("kp2p-join", "lab", "--public")):
            self.assertEqual(self.alice.run(command, *words, "-q").stderr, b"")
            flag = [word for word in words if word.startswith("--")][0]
            self.assertNotIn(flag.encode() + b" ", self.alice.run(command, "--help").stdout)
        self.assert_ends(self.alice.run("kp2p-find", uri, "--public", check=False), 2, "--public")

    def test_wrong_flags_are_usage_errors(self):
        for arguments in (["kp2p-load"], ["kp2p-load", "--nonsense", f"sha1://{HASH}/x"],
                          ["kp2p-join"], ["kp2p-join", ""], ["kp2p-store"],
                          ["kp2p-cat", f"sha1://{HASH}/x", "--start", "-1"],
                          ["kp2p-start-daemon", "--port", "70000"],
                          ["kp2p-start-daemon", "--host", "here", "--api-port", "0"]):
            with self.subTest(arguments):
                daemon = self.idle("new") if "daemon" in arguments[0] else self.alice
                self.assert_ends(daemon.run(*arguments, check=False, seconds=20), 2)

    def test_a_destination_that_is_no_place_is_a_usage_error(self):
        path = self.path("file")
        path.write_text("x")
        uri = self.alice.store(path)
        folder = self.path("gone")
        folder.mkdir()
        self.assert_ends(self.alice.run("kp2p-load", uri, "--dest", "", check=False), 2, "--dest")
        leave = f'cd {folder} && rmdir {folder} && exec {self.network.command("kp2p-load")} "$@"'
        done = subprocess.run(["sh", "-c", leave, "sh", uri, "--dest", "copy"],
                              capture_output=True, env=self.alice.environment(), timeout=30)
        self.assert_ends(done, 2, "--dest")

    def test_help_and_version_say_something_true(self):
        for command in sorted(self.network.commands.glob("kp2p-*")):
            if not command.is_file() or command.suffix:
                continue
            with self.subTest(command.name):
                words = self.alice.run(command.name, "--help").stdout.decode()
                self.assertIn(command.name, words)
                self.assertIn("--json", words)
                version = self.alice.run(command.name, "--version").stdout.decode()
                self.assertRegex(version, r"\d+\.\d+\.\d+")

    def test_the_words_of_kachery_p2p_are_commands(self):
        path = self.path("by its old name")
        path.write_text("the same bytes")

        def run(*words, check=True):
            return self.alice.run("kachery-p2p", *words, check=check)

        uri = run("store", path).stdout.decode().strip()
        self.assertEqual(run("cat-file", uri, "--start", 4, "--end", 8).stdout, b"same")
        self.assertEqual(run("load-file", uri).stdout, run("load", uri).stdout)
        self.assertEqual(run("get-channels").stdout, self.alice.run("kp2p-channels").stdout)
        version = self.alice.run("kp2p-status", "--version").stdout.removeprefix(b"kp2p-status ")
        self.assertEqual(run("version").stdout, b"kachery-p2p " + version)
        words = [line.strip() for line in run("help").stdout.decode().splitlines() if line[:1] == " "]
        self.assertLessEqual({"load-file", "load", "status", "limit", "doctor", "version"}, {*words})
        for word in words:
            self.assertIn(b"--help" if word != "version" else b"kachery-p2p", run(word, "--help").stdout)
        self.assert_ends(run("../kp2p-status", check=False), 2, "there is no")
        self.assert_ends(run("print-messages", "feed://x", check=False), 2, "print-messages")
        self.assert_ends(run(check=False), 2, "usage")
        link = self.path("elsewhere")
        link.symlink_to(self.network.command("kachery-p2p"))
        helped = subprocess.run([link, "find-file", "--help"], capture_output=True, check=True)
        self.assertIn(b"kp2p-find", helped.stdout)

    def test_a_missing_file_to_store_fails(self):
        self.assert_ends(self.alice.run("kp2p-store", self.path("absent"), check=False), 1)

    def test_what_needs_no_home_runs_without(self):
        path = self.path("file")
        path.write_text("x")
        command = [self.network.command("kp2p-store"), "--storage-dir", self.alice.storage_dir]
        done = subprocess.run([*command, path], capture_output=True, env={}, timeout=30)
        self.assert_ends(done, 0, "sha1://")
        node = self.network.start_dht_node("homeless", {})
        self.addCleanup(node.end)

    def test_without_a_daemon_the_exit_status_is_3(self):
        idle = self.idle("nobody")
        for arguments in (["kp2p-load", f"sha1://{HASH}/x"], ["kp2p-status"], ["kp2p-channels"],
                          ["kp2p-stop-daemon"]):
            with self.subTest(arguments):
                self.assert_ends(idle.run(*arguments, check=False), 3)

    def test_a_home_that_takes_no_storage_is_said(self):
        idle = self.idle("homeless")
        path = self.path("file")
        path.write_text("x")
        for home in ("/proc", "/dev/null"):  # where not even root can make one
            done = subprocess.run([self.network.command("kp2p-store"), path], capture_output=True,
                                  env={"HOME": home, "KACHERY_P2P_CONFIG_DIR": str(idle.config_dir)})
            self.assert_ends(done, 1, f"{home}/kachery-storage cannot be made: ")
            self.assertIn(b"; KACHERY_STORAGE_DIR names another place", done.stderr)

    def test_a_named_storage_that_is_missing_is_an_error(self):
        idle = self.idle("lost")
        idle.storage_dir.rmdir()
        path = self.path("file")
        path.write_text("x")
        missing = f"{idle.storage_dir} is not there; mount it, or make it with mkdir"
        self.assert_ends(idle.run("kp2p-store", path, check=False), 1, missing)
        idle.storage_dir.symlink_to(path)
        self.assert_ends(idle.run("kp2p-store", path, check=False), 1,
                         f"{idle.storage_dir}: it is no directory")
        idle.storage_dir.unlink()
        with self.assertRaises(Failed):
            idle.start()
        self.assertIn(missing, idle.log())

    def test_a_socket_that_another_daemon_serves_stays_its_own(self):
        place, file = self.path("api.sock"), self.path("file")
        file.write_text("not a socket")
        first, second = self.daemon("first", flags=("--api-socket", place)), self.idle("second")
        for path, words in ((place, "Address already in use"), (file, "File exists")):
            done = second.run("kp2p-start-daemon", "--bootstrap", "none", "--host", "127.0.0.1",
                              "--port", "0", "--api-port", "0", "--api-socket", path, check=False)
            self.assert_ends(done, 1, f"{path}: {words}")
        self.assertEqual(file.read_text(), "not a socket")
        own = first.status()["node"]
        self.assertIn(own, first.lines("kp2p-status", "--api-socket", place)[0])
        first.kill()
        second.start(flags=("--api-socket", place))  # what was left of it is nobody's
        self.assertNotIn(own, second.lines("kp2p-status", "--api-socket", place)[0])

    def test_a_storage_that_the_api_cannot_name_is_refused(self):
        storage = self.path(os.fsdecode(b"storage-\xff"))
        storage.mkdir()
        done = self.idle("new").run("kp2p-start-daemon", "--api-port", "0", "--port", "0",
                                    "--bootstrap", "none", "--storage-dir", storage, check=False,
                                    seconds=20)
        self.assert_ends(done, 2, "UTF-8")

    def test_a_storage_that_cannot_be_written_is_said_with_its_path_and_why(self):
        path = self.path("file")
        path.write_text("x")
        for flags in ([], ["--json"]):
            with self.subTest(flags):
                done = self.alice.run_unwritable("kp2p-store", *flags, path)
                if done is None:
                    self.skipTest("no read-only file system can be mounted here")
                self.assert_ends(done, 1, "Read-only file system")
                self.assert_ends(done, 1, str(self.alice.storage_dir))

    def test_a_destination_that_cannot_be_written_is_said_with_its_path_and_why(self):
        path = self.path("file")
        path.write_text("x")
        uri = self.alice.store(path)
        missing = self.path("missing") / "file"
        done = self.alice.run("kp2p-load", uri, "--dest", missing, check=False)
        self.assert_ends(done, 1, f"{missing}: No such file or directory")

    def test_a_directory_can_be_loaded_to_a_name_with_a_slash(self):
        folder = self.path("folder")
        folder.mkdir()
        (folder / "file").write_text("x")
        uri = self.alice.store(folder)
        out = self.path("out")
        self.alice.run("kp2p-load", uri, "--dest", f"{out}/")
        self.assertEqual((out / "file").read_text(), "x")

    def test_a_bootstrap_port_in_use_is_said(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            done = self.alice.run("kp2p-bootstrap", "--host", "127.0.0.1", "--port", port,
                                  check=False, seconds=20)
            self.assert_ends(done, 1, f"127.0.0.1:{port}")

    def test_a_port_in_use_is_said(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            idle = self.idle("late")
            done = idle.run("kp2p-start-daemon", "--host", "127.0.0.1", "--port", port,
                            "--api-port", "0", "--bootstrap", "none", check=False, seconds=20)
            self.assert_ends(done, 1, str(port))

    def test_an_api_port_in_use_is_said(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            idle = self.idle("late")
            done = idle.run("kp2p-start-daemon", "--host", "127.0.0.1", "--port", "0",
                            "--api-port", port, "--bootstrap", "none", check=False, seconds=20)
            self.assert_ends(done, 1, str(port))

    def test_the_key_and_the_token_are_the_owners_alone(self):
        for file in self.alice.config_dir.iterdir():
            if "key" in file.name or "token" in file.name:
                self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600, file)

    def test_random_datagrams_leave_the_daemon_alive(self):
        port = int(self.alice.status()["udp"].rsplit(":", 1)[1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for size in list(range(0, 200)) + [500, 1200, 1472, 9000]:
                for first in (b"", b"\xff\x01", b"\x03", b"\x02"):
                    sender.sendto((first + os.urandom(size))[:max(size, len(first))],
                                  ("127.0.0.1", port))
        self.assertEqual(self.alice.run("kp2p-status").returncode, 0)


class Words(NetworkCase):
    daemons = ("alice",)

    def test_a_command_whose_daemon_stops_says_so(self):
        file = self.path("big")
        random_file(file, 128 * MIB)
        uri = self.alice.store(file, "--bare")
        bob = self.daemon("bob")
        loading = bob.loading(uri).until_verified(1)
        self.alice.process.signal(signal.SIGSTOP)  # so that the load does not end by itself
        try:
            bob.run("kp2p-stop-daemon")
            self.assertEqual(loading.finish(), 1)
        finally:
            self.alice.process.signal(signal.SIGCONT)
        self.assertEqual(loading.last["event"], "error")
        self.assertEqual(loading.last["code"], "canceled")
        self.assertIn("the daemon is stopping", loading.last["message"])

    def test_a_quiet_daemon_says_nothing_without_an_error(self):
        bob = self.daemon("bob", flags=("--quiet",))
        file = self.path("file")
        file.write_text("said by nobody")
        self.assertEqual(bob.load(self.alice.store(file)).read_text(), "said by nobody")
        bob.run("kp2p-stop-daemon")
        self.assertEqual(bob.log(), "")


class Pipes(NetworkCase):
    daemons = ("alice",)

    def test_a_full_stdout_is_an_error(self):
        path = self.path("file")
        path.write_bytes(b"x" * 100000)
        uri = self.alice.store(path)
        with open("/dev/full", "wb") as full:
            child = self.alice.popen("kp2p-cat", uri, stdout=full, stderr=subprocess.PIPE)
            words = child.communicate(timeout=30)[1].decode()
        self.assertNotEqual(child.returncode, 0)
        self.assertIn("standard output", words)

    def test_a_full_stdout_is_said_where_it_should_have_the_error_too(self):
        with open("/dev/full", "wb") as full:
            child = self.alice.popen("kp2p-list", "--json", stdout=full, stderr=subprocess.PIPE)
            words = child.communicate(timeout=30)[1].decode()
        self.assertEqual(child.returncode, 6)
        self.assertEqual(words, "kp2p-list: writing to standard output: No space left on device\n")


if __name__ == "__main__":
    main()
