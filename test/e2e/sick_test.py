#!/usr/bin/env python3
"""One sick thing stops nothing else: who does not read what a daemon says, file systems that do
not answer, work that does not end, and limits of the system."""
import contextlib
import ctypes
import errno
import os
import pathlib
import platform
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from api_client import local_connection
from case import NetworkCase, main
from network import MIB, STOP_SECONDS, random_file, sha1_of

# Runs its arguments with descriptor N at the end of a pipe that is full and that nobody reads.
FULL_PIPE = """
import os, sys
number, read_write = int(sys.argv[1]), os.pipe()
for end in read_write:
    os.set_inheritable(end, True)  # it has a reader, who does not read
os.set_blocking(read_write[1], False)
try:
    while True:
        os.write(read_write[1], bytes(4096))
except BlockingIOError:
    pass
os.set_blocking(read_write[1], True)
os.dup2(read_write[1], number)
os.execvp(sys.argv[2], sys.argv[2:])
"""


def full_pipe(descriptor):
    return [sys.executable, "-c", FULL_PIPE, str(descriptor)]


# Runs its arguments with an error in place of system calls, as an older kernel, a container's filter or
# a file system without them has it.
WITHOUT = """
import ctypes, os, struct, sys
libc, error = ctypes.CDLL(None, use_errno=True), int(sys.argv[1])
steps = [(0x20, 0, 0, 0)]
for number in sys.argv[2].split(","):
    steps += [(0x15, 0, 1, int(number)), (0x06, 0, 0, 0x50000 | error)]
steps.append((0x06, 0, 0, 0x7fff0000))
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, program) != 0:
    sys.exit(99)
os.execvp(sys.argv[3], sys.argv[3:])
"""
OPTIONAL_CALLS = {"renameat2": 316, "syncfs": 306, "sync_file_range": 277, "statx": 332,
                  "copy_file_range": 326, "fallocate": 285, "flock": 73, "link": 86, "linkat": 265,
                  "chmod": 90, "fchmod": 91, "fchmodat": 268, "fchown": 93}  # of x86-64
MANY_AT_ONCE = {"pwritev": 296, "recvmmsg": 299, "sendmmsg": 307}
CALLS = {**OPTIONAL_CALLS, **MANY_AT_ONCE, "clone3": 435, "socket": 41}


def without(error, *calls):
    numbers = ",".join(str(CALLS[call]) for call in calls)
    return [sys.executable, "-SEc", WITHOUT, str(error), numbers]


def limited(limit):
    return ["sh", "-c", f'ulimit {limit} && exec "$@"', "sh"]


def first_words(child):
    said = select.select([child.stderr], [], [], 20)[0]
    return child.stderr.readline().decode() if said else "(nothing)"


@contextlib.contextmanager
def dead_mount(files):
    """A file system over the directory of `files` that never answers: FUSE with nobody at its
    other end."""
    libc = ctypes.CDLL(None, use_errno=True)
    directory = str(files[0].parent).encode()
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        raise unittest.SkipTest(f"no FUSE here: {error}")
    try:
        options = b"fd=%d,rootmode=40000,user_id=0,group_id=0" % device
        if libc.mount(b"dead", directory, b"fuse", 0, options) != 0:
            raise unittest.SkipTest(f"no mount here: {os.strerror(ctypes.get_errno())}")
        yield
    finally:
        os.close(device)  # from here on it answers: with errors
        libc.umount2(directory, 2)


@contextlib.contextmanager
def fifos(files):
    for path in files:
        path.unlink()
        os.mkfifo(path)
    yield


class Words(NetworkCase):
    """Nobody reads what a daemon says."""

    daemons = ("alice",)

    def check_it_works_and_ends(self, **options):
        path = self.path("file")
        sha1 = random_file(path, 1000)
        uri = self.alice.store(path)
        bob = self.daemon("bob", **options)
        for number in range(3):  # more to say
            self.daemon(f"passer-by-{number}").stop()
        self.assertEqual(sha1_of(bob.load(uri)), sha1)
        self.assertLess(bob.stop(), STOP_SECONDS)
        self.assertEqual(bob.process.child.returncode, 0)

    def test_a_full_stderr_freezes_no_daemon(self):
        self.check_it_works_and_ends(under=full_pipe(2))

    def test_a_full_stdout_freezes_no_daemon(self):
        self.check_it_works_and_ends(under=full_pipe(1), flags=["--json"])

    def test_a_full_stdout_freezes_no_bootstrap_node(self):
        arguments = [self.network.command("kp2p-bootstrap"), "--host", "127.0.0.1", "--port", "0"]
        read, write = os.pipe()
        os.set_blocking(write, False)
        try:
            while True:
                os.write(write, bytes(4096))
        except BlockingIOError:
            os.set_blocking(write, True)
        node = subprocess.Popen([*arguments, "--json"], stdout=write, stderr=subprocess.PIPE)
        self.assertIn(b"ready at", node.stderr.readline())
        node.terminate()
        self.assertEqual(node.wait(STOP_SECONDS), 0)
        node.stderr.close()
        os.close(read)
        os.close(write)

    def test_what_is_logged_last_is_written(self):
        bob = self.daemon("bob")
        bob.stop()
        self.assertTrue(bob.log().rstrip().endswith("daemon: stopped"), bob.tail())


class ForeignFiles(NetworkCase):
    """Linked files whose file system does not answer."""

    LINKED = 12

    def check_the_rest_goes_on(self, hang, words):
        alice, bob = self.daemon("alice"), self.daemon("bob")
        good = self.path("good")
        sha1 = random_file(good, 3 * MIB)
        good_uri = alice.store(good)
        folder = self.path("elsewhere")
        folder.mkdir()
        linked = [folder / str(number) for number in range(self.LINKED)]
        for path in linked:
            random_file(path, 100_000)
        uris = [alice.lines("kp2p-link", path)[0] for path in linked]
        with hang(linked):
            asking = [who.popen("kp2p-load", uri) for uri in uris for who in (alice, bob)]
            try:
                self.assertEqual(sha1_of(bob.load(good_uri)), sha1)
                self.assertEqual(sha1_of(alice.load(good_uri)), sha1)
                done = alice.run("kp2p-load", uris[0], check=False)
                self.assert_ends(done, 4, words)
            finally:
                for child in asking:
                    child.kill()
                    child.communicate()
            self.assertLess(alice.stop(), STOP_SECONDS)
            self.assertTrue(alice.log().rstrip().endswith("daemon: stopped"), alice.tail())
            return alice.log()

    def test_linked_files_on_a_dead_mount_stop_nothing_else(self):
        log = self.check_the_rest_goes_on(dead_mount, "elsewhere/0 does not answer")
        said = f"share: the file system of {self.path('elsewhere')} does not answer"
        self.assertEqual(log.count(said), 1, log)

    def test_a_command_on_a_dead_mount_says_so_and_can_be_ended(self):
        alice = self.daemon("alone")
        uri = alice.store(pathlib.Path(__file__))
        folder = self.path("dead")
        folder.mkdir()
        # Each a name of its own: whoever looks for one waits, unkillable, for who did so before.
        linked = folder / "linked"
        linked.write_bytes(b"linked")
        linked_uri = alice.lines("kp2p-link", linked)[0]
        commands = [("kp2p-store", folder / "1"), ("kp2p-link", folder / "2"),
                    ("kp2p-load", uri, "--dest", folder / "3"), ("kp2p-store", folder),
                    ("kp2p-load", uri, "--dest", f"{folder / '4'}/")]
        children = []
        try:
            with dead_mount([linked]):
                children += [alice.popen(*command) for command in commands]
                daemon = alice.popen("kp2p-start-daemon", "--storage-dir", folder, "--config-dir",
                                     self.path("other"))
                status = alice.popen("kp2p-status", "--config-dir", folder / "5")
                children += [daemon, status]
                for child, (name, *arguments) in zip(children, commands):
                    self.assertEqual(first_words(child),
                                     f"{name}: {arguments[-1]} does not answer yet\n")
                    child.send_signal(signal.SIGINT)
                self.assertEqual(first_words(daemon),
                                 f"kp2p-start-daemon: {folder} does not answer yet\n")
                daemon.terminate()
                self.assertEqual(first_words(status),
                                 f"kp2p-status: {folder / '5'} does not answer yet\n")
                status.send_signal(signal.SIGINT)
                self.assert_ends(
                    alice.run("kp2p-verify", check=False), 1,
                    f"away: {linked_uri}: the file system of {linked} does not answer\n")
                for child in children:
                    words = child.communicate(timeout=30)[1].decode()
                    if child is not daemon:
                        self.assertEqual(child.returncode, -signal.SIGINT, words)
                    if child not in (daemon, status):
                        self.assertIn("it was canceled: stopped; ", words)
        finally:
            for child in children:
                child.kill()
                child.communicate()

    def test_a_dead_storage_is_said_and_its_daemon_can_be_ended(self):
        alice = self.daemon("alice")
        uri = alice.store(pathlib.Path(__file__))
        commands = [("kp2p-status",), ("kp2p-load", uri), ("kp2p-cat", uri), ("kp2p-find", uri),
                    ("kp2p-list",), ("kp2p-verify",), ("kp2p-gc",), ("kp2p-pin", uri),
                    ("kp2p-rm", uri)]
        bob, large = self.daemon("bob"), self.path("large")
        random_file(large, 30 * MIB)
        large_uri = bob.store(large, "--bare")
        alice.run("kp2p-limit", "--down", "1M")
        loading = alice.popen("kp2p-load", large_uri)
        alice.process.wait_until(lambda: b" load " in alice.run("kp2p-transfers").stdout, "no load")
        with dead_mount([alice.storage_dir / "any"]):
            asking = [loading, *(alice.popen(*command) for command in commands)]
            try:
                events = local_connection(alice, self)
                events.request("GET", "/v1/events")
                self.assertIn(f"the storage {alice.storage_dir} does not answer",
                              events.getresponse().read().decode())
                self.assertEqual(first_words(loading),
                                 f"the storage {alice.storage_dir} does not answer yet\n")
                for child, command in zip(asking[1:], commands):
                    words = child.communicate(timeout=30)[1].decode()
                    self.assertEqual(child.returncode, 1, words)
                    self.assertIn(f"{command[0]}: it took too long: the storage "
                                  f"{alice.storage_dir} does not answer\n", words)
                    self.assertNotIn("the daemon at", words)
            finally:
                for child in asking:
                    child.kill()
                    child.communicate()
            alice.run("kp2p-transfers")
            self.assertLess(alice.stop(), STOP_SECONDS)

    def test_linked_files_that_became_fifos_stop_nothing_else(self):
        self.check_the_rest_goes_on(fifos, "")


class Configuration(NetworkCase):
    def test_what_cannot_be_kept_is_said_and_holds_for_now(self):
        bob = self.daemon("bob", channels=())
        (bob.config_dir / "channels" / "in-the-way").mkdir(parents=True)
        done = bob.run("kp2p-join", "lab", check=False)
        self.assert_ends(done, 1, f"this holds until the daemon stops, for it cannot be kept: "
                                  f"{bob.config_dir / 'channels'}: ")
        self.assertEqual(bob.lines("kp2p-channels"), ["lab"])
        shutil.rmtree(bob.config_dir / "channels")
        bob.run("kp2p-leave", "lab")
        self.assertEqual(bob.lines("kp2p-channels"), [])


class LongWork(NetworkCase):
    daemons = ("alice",)

    def test_long_stores_hold_up_no_short_one(self):
        sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "python"))
        import kachery_p2p as kp
        os.environ.update(self.alice.environment())
        long = []
        for number in range(6):
            path = self.path(f"endless-{number}")
            path.touch()
            os.truncate(path, (60 + number) << 30)
            code = f"import kachery_p2p as kp; kp.link_file({str(path)!r})"
            long.append(subprocess.Popen([sys.executable, "-B", "-c", code], env={
                **self.alice.environment(), "PYTHONPATH": sys.path[0]}))
        try:
            self.alice.process.wait_until(lambda: self.reading() == len(long), "they do not store")
            started = time.monotonic()
            uri = kp.store_text("small")
            self.alice.run("kp2p-load", uri, "--dest", self.path("out"), seconds=30)
            self.assertLess(time.monotonic() - started, 30)
            self.assertEqual([child.poll() for child in long], [None] * len(long))
        finally:
            for child in long:
                child.kill()
                child.wait()

    def reading(self):
        folder = pathlib.Path(f"/proc/{self.alice.process.pid}/fd")
        return sum("endless" in os.readlink(link) for link in folder.iterdir() if link.is_symlink())


class Limits(NetworkCase):
    """Limits that the system sets to a daemon, or to a command."""

    daemons = ("alice",)

    def stored(self, size_bytes):
        path = self.path(f"{size_bytes}.dat")
        sha1 = random_file(path, size_bytes)
        return self.alice.store(path, "--bare"), sha1

    def test_few_descriptors_are_enough_for_little_and_said(self):
        bob = self.daemon("bob", under=limited("-n 64"))
        bob.process.wait_for_words("at most 64 files and connections")
        uri, sha1 = self.stored(3 * MIB)
        self.assertEqual(sha1_of(bob.load(uri)), sha1)
        self.assertLess(bob.stop(), STOP_SECONDS)

    def test_with_too_few_descriptors_to_answer_a_daemon_says_so_and_ends(self):
        node = self.idle("bob")
        done = subprocess.run(
            [*limited("-n 16"), self.network.command("kp2p-start-daemon"), "--port", "0",
             "--host", "127.0.0.1", "--bootstrap", "none"],
            capture_output=True, env=node.environment(), timeout=60)
        self.assert_ends(done, 1, "ulimit -n")

    def test_a_directory_of_many_files_takes_few_descriptors(self):
        folder = self.path("folder")
        folder.mkdir()
        for number in range(150):
            (folder / str(number)).write_text(f"{number}")
        done = subprocess.run(
            [*limited("-n 64"), self.network.command("kp2p-store"), folder], capture_output=True,
            env=self.alice.environment())
        self.assert_ends(done, 0)
        self.assertTrue(done.stdout.startswith(b"sha1dir://"))

    def test_what_is_larger_than_files_may_be_fails_and_the_daemon_goes_on(self):
        bob = self.daemon("bob", under=limited("-f 2048"))  # 1 MiB, of dash
        large, small = self.stored(5 * MIB), self.stored(1000)
        self.assert_ends(bob.run("kp2p-load", large[0], check=False), 1, "File too large")
        self.assertEqual(sha1_of(bob.load(small[0])), small[1])

    def test_a_file_larger_than_files_may_be_is_not_stored(self):
        path = self.path("large")
        random_file(path, 5 * MIB)
        done = subprocess.run(
            [*limited("-f 2048"), self.network.command("kp2p-store"), path], capture_output=True,
            env=self.alice.environment())
        self.assert_ends(done, 1, "File too large")
        self.assertEqual(done.stdout, b"")

    @unittest.skipUnless(platform.machine() == "x86_64", "numbers of x86-64")
    def test_without_calls_that_are_not_everywhere_files_come_in_and_out(self):
        path = self.path("file")
        random_file(path, 3 * MIB)
        folder = self.path("folder")
        folder.mkdir()
        for number in range(5):
            (folder / str(number)).write_text(f"{number}")
        missing = [(errno.EPERM, [call]) for call in OPTIONAL_CALLS]
        for error in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
            missing.append((error, list(OPTIONAL_CALLS)))
        for error, calls in missing:
            node = self.idle(f"{error}-{calls[0]}")
            node.storage_dir.chmod(0o777)  # one that is shared, where more of them are made
            with self.subTest(calls, error=errno.errorcode[error]):
                def run(command, *arguments):
                    done = subprocess.run(
                        [*without(error, *calls), self.network.command(command), *arguments],
                        capture_output=True, env=node.environment())
                    if done.returncode == 99:
                        self.skipTest("no filter of system calls can be had")
                    self.assertEqual((done.returncode, done.stderr), (0, b""))
                    return done.stdout.decode().splitlines()
                uris = run("kp2p-store", path, folder)
                for uri, origin in zip(uris, (path, folder)):
                    run("kp2p-load", uri, "--dest", node.config_dir / origin.name)
                self.assertEqual((node.config_dir / "file").read_bytes(), path.read_bytes())
                self.assertEqual((node.config_dir / "folder" / "3").read_text(), "3")

    @unittest.skipUnless(platform.machine() == "x86_64", "numbers of x86-64")
    def test_a_daemon_does_without_calls_for_many_at_once(self):
        uri, sha1 = self.stored(5 * MIB)
        for error in (errno.EPERM, errno.ENOSYS):
            with self.subTest(errno.errorcode[error]):
                bob = self.daemon(f"without-{error}", under=without(error, *MANY_AT_ONCE))
                self.assertEqual(sha1_of(bob.load(uri)), sha1)
                bob.stop()

    @unittest.skipUnless(platform.machine() == "x86_64", "numbers of x86-64")
    def test_what_is_in_the_storage_needs_no_network(self):
        node, path = self.idle("sandbox"), self.path("here")
        path.write_bytes(b"here")
        uri, absent = node.store(path), "sha1://" + "1" * 40
        for error in (errno.EAFNOSUPPORT, errno.ENETUNREACH, errno.EPERM):
            with self.subTest(errno.errorcode[error]):
                run = lambda *words: subprocess.run(
                    [*without(error, "socket"), self.network.command(words[0]), *words[1:]],
                    capture_output=True, env=node.environment())
                self.assertEqual(run("kp2p-cat", uri).stdout, b"here")
                self.assert_ends(run("kp2p-load", uri), 0)
                self.assert_ends(run("kp2p-cat", absent), 3, os.strerror(error))
                self.assert_ends(run("kp2p-status"), 3, os.strerror(error))
                doctor = run("kp2p-doctor")
                self.assert_ends(doctor, 3, "problem  ports: UDP")
                self.assertNotIn(b"DHT", doctor.stdout)

    def test_with_little_memory_it_works_or_says_so(self):
        path = self.path("file")
        random_file(path, 30 * MIB)
        for kib in range(10_000, 100_000, 10_000):
            with self.subTest(kib):
                done = subprocess.run(
                    [*limited(f"-v {kib}"), self.network.command("kp2p-store"), path],
                    capture_output=True, env=self.alice.environment())
                self.assertIn(done.returncode, (0, 1, 127), done.stderr)
                self.assertTrue(done.stdout if done.returncode == 0 else done.stderr)

    def test_without_threads_a_daemon_says_so(self):
        with tempfile.TemporaryDirectory() as folder:
            one = ["prlimit", "--nproc=1:1"]
            if os.geteuid() == 0:  # to whom the limit does not apply
                nobody = 65534
                os.chown(folder, nobody, nobody)
                one = ["setpriv", f"--reuid={nobody}", "--clear-groups", *one]
            done = subprocess.run(
                [*one, self.network.command("kp2p-start-daemon"), "--host", "127.0.0.1",
                 "--port", "0", "--api-port", "0", "--bootstrap", "none", "--config-dir", folder,
                 "--storage-dir", folder], capture_output=True, timeout=60, check=False)
            if done.returncode in (126, 127):
                self.skipTest("nobody cannot run it")
            self.assert_ends(done, 1, "no more threads can be had")

    def test_of_a_filter_that_refuses_threads_it_is_said_whose_it_is(self):
        done = subprocess.run([*without(errno.EPERM, "clone3"), self.network.command("kp2p-load"), "0" * 40],
                              env=self.idle("node").environment(), capture_output=True, timeout=60)
        if done.returncode in (3, 99):
            self.skipTest("no filter of system calls can be had, or none of threads")
        self.assert_ends(done, 1, "a container's filter refuses the call clone3, as Docker before 20.10.10")


if __name__ == "__main__":
    main()
