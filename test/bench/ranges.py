#!/usr/bin/env python3
"""ranges.py COMMANDS_FOLDER: what reading here and there in a file that lies elsewhere costs.

100 samples of a 192 MB HDF5 file, read through the API by h5py where there is one, else by the pattern
of such a reader: the bytes that the daemon receives and the seconds, the first time, the second
time, and after the daemon has started anew; then what loading the file costs on top. And how long the
first byte of kp2p-cat of a 200 MB file takes at 40 Mbit/s, where the network of a process can be made
slow (root, unshare, tc)."""
import hashlib
import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

try:
    import h5py
    import numpy
except ImportError:
    h5py = None

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from api_client import UnixConnection, read_frames  # noqa: E402
from network import Network, random_file, sha1_of  # noqa: E402

SAMPLES = 100
ROWS, ROW_BYTES = 48_000, 4096
FILE_BYTES = ROWS * ROW_BYTES  # 197 MB
GOAL_BYTES = 8_000_000
GOAL_FIRST_BYTE_SECONDS = 1.0
SLOW = "KP2P_SLOW_NETWORK"  # set in the process whose network is


class Remote(io.RawIOBase):
    """A file that a daemon gives ranges of, over one connection."""

    def __init__(self, daemon, uri, size):
        self.connection = UnixConnection(daemon.config_dir / "api.sock")
        self.uri, self.size, self.at, self.calls = uri, size, 0, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self.at

    def seek(self, offset, whence=0):
        self.at = offset + (0, self.at, self.size)[whence]
        return self.at

    def readinto(self, buffer):
        data = self.ranges([[self.at, self.at + len(buffer)]])
        buffer[:len(data)] = data
        self.at += len(data)
        return len(data)

    def ranges(self, ranges):
        self.calls += 1
        body = json.dumps({"uri": self.uri, "ranges": ranges})
        self.connection.request("POST", "/v1/cat", body, {"Content-Type": "application/json"})
        data, last = read_frames(self.connection.getresponse())
        assert last["event"] == "result", last
        return data


def make_file(path):
    """The SHA-1 of each row that is going to be read."""
    rows = sorted(random.Random(7).sample(range(ROWS), SAMPLES))
    if h5py is None:
        random_file(path, FILE_BYTES)
        with open(path, "rb") as file:
            return {row: sha1_at(file, row) for row in rows}
    pool = numpy.random.default_rng(7)
    wanted = {}
    with h5py.File(path, "w") as file:
        data = file.create_dataset("recording", (ROWS, ROW_BYTES // 2), "<i2")
        for start in range(0, ROWS, 1000):
            block = pool.integers(-2**15, 2**15, (1000, ROW_BYTES // 2), "<i2")
            data[start:start + 1000] = block
            for row in rows:
                if start <= row < start + 1000:
                    wanted[row] = hashlib.sha1(block[row - start].tobytes()).hexdigest()
    return wanted


def sha1_at(file, row):
    file.seek(row * ROW_BYTES)
    return hashlib.sha1(file.read(ROW_BYTES)).hexdigest()


def read_samples(remote, wanted):
    if h5py is None:
        for at in (0, 0, 512, 2048, 96, 680):  # superblock, headers, a tree
            remote.seek(at)
            remote.read(512)
        found = {row: sha1_at(remote, row) for row in wanted}
    else:
        with h5py.File(remote, "r") as file:
            data = file["recording"]
            found = {row: hashlib.sha1(data[row].tobytes()).hexdigest() for row in wanted}
    assert found == wanted


def measure(what, daemon, work):
    before = daemon.status()["received_bytes"]
    started = time.monotonic()
    work()
    seconds = time.monotonic() - started
    received = daemon.status()["received_bytes"] - before
    print(f"{what:44} {received / 1e6:10.3f} MB received {seconds:8.2f} s", flush=True)
    return received, seconds


def samples(commands):
    with Network(commands) as network:
        alice, bob = network.daemon("alice"), network.daemon("bob")
        path = network.root / "recording.h5"
        wanted = make_file(path)
        size, sha1 = path.stat().st_size, sha1_of(path)
        uri = alice.store(path)

        def read():
            read_samples(Remote(bob, uri, size), wanted)

        reader = f"h5py {h5py.__version__}" if h5py else "the pattern of h5py"
        print(f"{SAMPLES} samples of {ROW_BYTES} bytes, {size / 1e6:.0f} MB, by {reader}")
        first, _ = measure("the first time", bob, read)
        again, _ = measure("the second time", bob, read)
        bob.stop()
        bob.start()
        anew, _ = measure("after a new start", bob, read)
        rest, _ = measure("all of it", bob, lambda: bob.load(uri))
        assert sha1_of(bob.stored(sha1)) == sha1
        kept = first + rest - size
        print(f"more than the file in all: {kept / 1e6:.3f} MB")
        return first <= GOAL_BYTES and again == 0 and anew == 0


def many_at_once(commands):
    with Network(commands) as network:
        alice, bob = network.daemon("alice"), network.daemon("bob")
        path = network.root / "recording.h5"
        wanted = make_file(path)
        uri = alice.store(path)
        ranges = [[row * ROW_BYTES, (row + 1) * ROW_BYTES] for row in wanted]
        remote = Remote(bob, uri, path.stat().st_size)
        measure("as many ranges in one call", bob, lambda: remote.ranges(ranges))


def first_byte(commands):
    # What is larger than the burst would never come through.
    subprocess.run(["ip", "link", "set", "lo", "up", "mtu", "1500"], check=True)
    subprocess.run(["tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", "40mbit", "burst",
                    "64kb", "latency", "100ms"], check=True)
    with Network(commands) as network:
        alice, bob = network.daemon("alice"), network.daemon("bob")
        path = network.root / "big.dat"
        random_file(path, 200_000_000)
        uri = alice.store(path)
        bob.process.wait_until(lambda: bob.status()["peers"], "the two do not meet", 60)
        for start in (0, 123_456_789):
            began = time.monotonic()
            cat = bob.popen("kp2p-cat", "--start", start, uri)
            assert cat.stdout.read(1)
            seconds = time.monotonic() - began
            cat.kill()
            cat.wait()
            cat.stdout.close()
            cat.stderr.close()
            print(f"first byte of kp2p-cat from {start}: {seconds:.2f} s", flush=True)
            if seconds > GOAL_FIRST_BYTE_SECONDS:
                return False
    return True


def first_byte_apart(commands):
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("tc"):
        print("first byte: not measured, as the network cannot be made slow here")
        return True
    done = subprocess.run(["unshare", "--net", sys.executable, "-B", __file__, commands],
                          env={**os.environ, SLOW: "1"})
    return done.returncode == 0


def main():
    commands = sys.argv[1]
    if SLOW in os.environ:
        return 0 if first_byte(commands) else 1
    good = samples(commands)
    many_at_once(commands)
    good = first_byte_apart(commands) and good
    print("the goals are met" if good else "the goals are NOT met")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
