"""A private network on 127.0.0.1 for tests: a DHT node of its own, and daemons that know nothing
but it. Everything lives in one temporary directory; what was started is ended by its pid.

    with Network(commands) as network:
        alice, bob = network.daemon("alice"), network.daemon("bob")
        uri = alice.store(path)
        bob.run("kp2p-load", uri)
"""
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

READY_SECONDS = 20
COMMAND_SECONDS = 120
STOP_SECONDS = 2  # what SIGTERM may take
CHANNEL = "lab"
ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")
MIB = 1 << 20


class Failed(Exception):
    pass


class Process:
    """A child process with its words in a log file."""

    def __init__(self, arguments, log, environment=None):
        self.log = log
        with open(log, "ab") as file:
            self.child = subprocess.Popen(
                [str(argument) for argument in arguments], stdin=subprocess.DEVNULL, stdout=file,
                stderr=file, env=environment, start_new_session=True)

    @property
    def pid(self):
        return self.child.pid

    def words(self):
        return self.log.read_text(errors="replace")

    def alive(self):
        return self.child.poll() is None

    def wait_until(self, ready, what, seconds=READY_SECONDS):
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.alive() or time.monotonic() > deadline:
                raise Failed(f"{what}: status {self.child.poll()}\n{self.words()[-2000:]}")
            time.sleep(0.02)

    def wait_for_words(self, words, seconds=READY_SECONDS):
        """A log is written beside what it tells of, and may come after an answer."""
        self.wait_until(lambda: words in self.words(), f"not said: {words}", seconds)

    def signal(self, number):
        if self.alive():
            self.child.send_signal(number)

    def end(self):
        """SIGTERM, then SIGKILL for one that does not listen. The seconds it took."""
        started = time.monotonic()
        self.signal(signal.SIGTERM)
        try:
            self.child.wait(READY_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        return time.monotonic() - started

    def kill(self):
        self.signal(signal.SIGKILL)
        self.child.wait()

    def io_bytes(self, name):
        """rchar or wchar: what the process has read from or written to files so far."""
        for line in pathlib.Path(f"/proc/{self.pid}/io").read_text().splitlines():
            key, value = line.split(": ")
            if key == name:
                return int(value)
        raise KeyError(name)


class Daemon:
    """One kp2p node: its directories, its process, and the commands that talk to it."""

    def __init__(self, network, name, storage=None):
        self.network = network
        self.name = name
        self.config_dir = network.root / name / "config"
        self.storage_dir = storage or network.root / name / "storage"
        self.config_dir.mkdir(parents=True)
        self.storage_dir.mkdir(parents=True, exist_ok=True)
        self.process = None

    def environment(self):
        kept = {key: value for key, value in os.environ.items()
                if not key.startswith(("KACHERY_", "KP2P_"))}
        return {**kept, "KACHERY_P2P_CONFIG_DIR": str(self.config_dir),
                "KACHERY_STORAGE_DIR": str(self.storage_dir), "HOME": str(self.network.root)}

    def start_arguments(self, channels, bootstrap, host="127.0.0.1", port=0, api_port=0):
        arguments = [self.network.command("kp2p-start-daemon"), "--host", host,
                     "--port", port, "--api-port", api_port, "--no-port-mapping", "--no-lan"]
        for channel in channels:
            arguments += ["--channel", channel]
        for node in bootstrap or [self.network.bootstrap_address]:
            arguments += ["--bootstrap", node]
        return arguments

    def start(self, channels=(CHANNEL,), bootstrap=(), flags=(), under=(), told=True,
              **where):
        port_file = self.config_dir / "api-port"
        port_file.unlink(missing_ok=True)
        arguments = [self.network.command("kp2p-start-daemon"), "--api-port", "0"]
        if told:
            arguments = self.start_arguments(channels, bootstrap, **where)
        self.process = Process([*under, *arguments, *flags],
                               self.network.root / self.name / "log", self.environment())
        self.process.wait_until(
            lambda: port_file.exists() and self.run("kp2p-status", check=False).returncode == 0,
            f"the daemon of {self.name} did not start")
        return self

    def stop(self):
        return self.process.end()

    def kill(self):
        self.process.kill()

    def log(self):
        return self.process.words()

    def popen(self, command, *arguments, **options):
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([self.network.command(command), *map(str, arguments)],
                                stdin=subprocess.DEVNULL, env=self.environment(), **options)

    def run_unwritable(self, command, *arguments):
        """run(check=False) where the storage is a read-only file system, though not to others;
        None where this system does not let us make one."""
        script = ('mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 99; shift; '
                  'exec "$@"')
        apart = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "-r", "--mount"]
        apart += ["sh", "-c", script, "sh", self.storage_dir]
        if not shutil.which("unshare") or subprocess.run(
                [*apart, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            return None
        return subprocess.run([*apart, self.network.command(command), *map(str, arguments)],
                              stdin=subprocess.DEVNULL, capture_output=True,
                              env=self.environment(), timeout=COMMAND_SECONDS)

    def run(self, command, *arguments, check=True, seconds=COMMAND_SECONDS):
        """The finished process; its stdout and stderr are bytes."""
        done = subprocess.run([self.network.command(command), *map(str, arguments)],
                              stdin=subprocess.DEVNULL, capture_output=True,
                              env=self.environment(), timeout=seconds)
        if check and done.returncode != 0:
            raise Failed(f"{self.name}: {command} {' '.join(map(str, arguments))} ended with "
                         f"{done.returncode}: {done.stderr.decode(errors='replace')}\n"
                         f"log of its daemon:\n{self.tail()}")
        return done

    def tail(self):
        return "\n".join(self.log().splitlines()[-25:]) if self.process else "(not started)"

    def lines(self, command, *arguments):
        return self.run(command, *arguments).stdout.decode().splitlines()

    def store(self, path, *flags):
        return self.lines("kp2p-store", *flags, path)[0]

    def load(self, uri, *flags):
        return pathlib.Path(self.lines("kp2p-load", *flags, uri)[0])

    def status(self):
        return json.loads(self.run("kp2p-status", "--json").stdout)

    def stored(self, sha1):
        """Where kachery's layout has the file of this hash, whether or not it is there."""
        return self.storage_dir / "sha1" / sha1[:2] / sha1[2:4] / sha1[4:6] / sha1

    def loading(self, uri, *flags):
        return Loading(self, uri, flags)


class Loading:
    """A kp2p-load under way; follows its progress events."""

    def __init__(self, daemon, uri, flags):
        self.child = daemon.popen("kp2p-load", "--json", *flags, uri)
        self.verified_bytes = 0
        self.last = None

    def events(self):
        for line in self.child.stdout:
            self.last = json.loads(line)
            yield self.last

    def until_verified(self, wanted_bytes):
        """Returns when so much is verified; Failed when the load ends first."""
        for event in self.events():
            if event.get("event") == "progress":
                self.verified_bytes = event["verified_bytes"]
                if self.verified_bytes >= wanted_bytes:
                    return self
        raise Failed(f"the load ended before {wanted_bytes} bytes: {self.last}, "
                     f"{self.child.stderr.read().decode(errors='replace')}")

    def finish(self):
        """Exit status, after reading what it still says."""
        for _ in self.events():
            pass
        self.words = self.child.stderr.read().decode(errors="replace")
        self.close()
        return self.child.returncode

    def close(self):
        if self.child.poll() is None:
            try:
                self.child.wait(COMMAND_SECONDS)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.child.stdout.close()
        self.child.stderr.close()


class Network:
    def __init__(self, commands, parent=None):
        self.commands = pathlib.Path(commands).resolve()
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="kp2p-", dir=parent))
        self.daemons = []
        self.bootstrap = None
        self.bootstrap_address = None

    def __enter__(self):
        try:
            self.start_bootstrap()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def command(self, name):
        return str(self.commands / name)

    def start_bootstrap(self):
        self.bootstrap = self.start_dht_node("bootstrap")
        self.bootstrap_address = self.bootstrap.address

    def start_dht_node(self, name, environment=None):
        log = self.root / f"{name}.log"
        log.unlink(missing_ok=True)
        node = Process([self.command("kp2p-bootstrap"), "--host", "127.0.0.1", "--port", "0"], log,
                       environment)
        try:
            node.wait_until(lambda: ADDRESS.search(node.words()), "kp2p-bootstrap did not start")
        except BaseException:
            node.kill()
            raise
        node.address = ADDRESS.search(node.words()).group()
        return node

    def daemon(self, name, channels=(CHANNEL,), storage=None):
        daemon = self.idle(name, storage)
        return daemon.start(channels)

    def idle(self, name, storage=None):
        """A node that is not started."""
        daemon = Daemon(self, name, storage)
        self.daemons.append(daemon)
        return daemon

    def close(self):
        processes = [d.process for d in self.daemons if d.process] + [self.bootstrap]
        for process in filter(None, processes):
            process.signal(signal.SIGTERM)
        for process in filter(None, processes):
            process.end()
        shutil.rmtree(self.root, ignore_errors=True)


def random_file(path, size_bytes):
    """Writes a file of which no MiB is like another, and none compresses. Its SHA-1."""
    sha1 = hashlib.sha1()
    pool = memoryview(os.urandom(2 * min(size_bytes, MIB)))
    with open(path, "wb") as file:
        for number, begin in enumerate(range(0, size_bytes, MIB)):
            at = number * 7919 % MIB
            block = pool[at:at + min(size_bytes - begin, MIB)]
            sha1.update(block)
            file.write(block)
    return sha1.hexdigest()


def sha1_of(path):
    sha1 = hashlib.sha1()
    with open(path, "rb") as file:
        while block := file.read(MIB):
            sha1.update(block)
    return sha1.hexdigest()
