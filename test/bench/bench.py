#!/usr/bin/env python3
"""bench.py COMMANDS_FOLDER [MIB]: the speed of one file between two daemons over loopback, beside
a JavaScript hyperdht connection whose receiver hashes, and beside the local floor (cp, then
openssl sha1); then the most that a
daemon takes of memory in such a load, and what an idle one costs in a minute. Says which of the goals are met.

The JavaScript receiver keeps nothing, so all files lie in memory where there is room; what a disk
adds is measured apart. Each measurement follows one that is thrown away: a write of as much memory,
for a virtual machine gives freed memory back to its host and pays for getting it again."""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from network import MIB, Network, random_file, sha1_of  # noqa: E402

ROUNDS = 3
IDLE_SECONDS = 60
GOAL_RATIO = 3  # times the speed of JavaScript
GOAL_RESIDENT_MIB = 30
GOAL_LOADING_MIB = 64
GOAL_CPU_PERCENT = 0.5


def folder_in_memory(size_bytes):
    """None where there is no room for the file, two storages, and what warms the memory."""
    shared = pathlib.Path("/dev/shm")
    if shared.is_dir() and shutil.disk_usage(shared).free > 5 * size_bytes:
        return shared
    return None


def warm(path):
    copy = path.with_suffix(".warm")
    for _ in range(2):
        shutil.copyfile(path, copy)
    copy.unlink()


def median(measure, path):
    seconds = []
    for _ in range(ROUNDS):
        seconds.append(measure(lambda: warm(path)))
    return statistics.median(seconds)


def ours(network, uri, sha1, names, ready, storage=None):
    bob = network.daemon(next(names), storage=storage)
    ready()
    started = time.monotonic()
    path = bob.load(uri)
    seconds = time.monotonic() - started
    assert sha1_of(path) == sha1
    bob.stop()
    shutil.rmtree(bob.storage_dir)
    return seconds


def javascript(path, sha1, ready):
    ready()
    script = HERE / "hyperdht_file.js"
    for _ in range(3):  # connecting sometimes times out there
        done = subprocess.run(["node", script, path], capture_output=True, text=True, timeout=300)
        if done.returncode == 0:
            result = json.loads(done.stdout)
            assert result["sha1"] == sha1
            return result["seconds"]
    sys.exit(f"bench: the JavaScript side failed: {done.stderr}")


def floor(path, ready):
    ready()
    copy = path.with_suffix(".copy")
    started = time.monotonic()
    subprocess.run(["cp", path, copy], check=True)
    subprocess.run(["openssl", "sha1", copy], check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - started
    copy.unlink()
    return seconds


def most_resident(network, giver, uri):
    """The most MiB that the giver and the loader have resident during a load. Before it a small one, as
    a start takes as much for a moment, to make a channel's key."""
    bob = network.daemon("watched")
    small = network.root / "small.dat"
    random_file(small, 1000)
    bob.load(giver.store(small, "--bare"))
    daemons = [giver, bob]
    for daemon in daemons:
        pathlib.Path(f"/proc/{daemon.process.pid}/clear_refs").write_text("5")
    bob.load(uri)
    most = []
    for daemon in daemons:
        status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        most.append(int(peak.split()[1]) / 1024)
    bob.stop()
    shutil.rmtree(bob.storage_dir)
    return most


def idle(network):
    """(MiB resident, percent of a core) of a daemon in a network of its own."""
    daemon = network.daemon("idle")
    time.sleep(5)  # joining is not idling
    ticks = os.sysconf("SC_CLK_TCK")

    def cpu_seconds():
        fields = pathlib.Path(f"/proc/{daemon.process.pid}/stat").read_text().rsplit(") ", 1)[1]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / ticks

    before = cpu_seconds()
    time.sleep(IDLE_SECONDS)
    spent = cpu_seconds() - before
    status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    daemon.stop()
    return int(resident.split()[1]) / 1024, 100 * spent / IDLE_SECONDS


def verdict(met):
    return "met" if met else "MISSED"


def main(commands, mib=1024):
    size_bytes = int(mib) * MIB
    memory = folder_in_memory(size_bytes)
    with Network(commands, parent=memory) as network, tempfile.TemporaryDirectory() as disk:
        path = network.root / "bench.dat"
        sha1 = random_file(path, size_bytes)
        alice = network.daemon("alice")
        uri = alice.store(path, "--bare")
        names = (f"bob{index}" for index in range(2 * ROUNDS))
        seconds = {
            "two daemons, kp2p-load":
                median(lambda ready: ours(network, uri, sha1, names, ready), path),
            "JavaScript hyperdht, hashed": median(lambda ready: javascript(path, sha1, ready), path),
            "cp and openssl sha1": median(lambda ready: floor(path, ready), path),
        }
        print(f"all files in {memory or network.root}")
        for name, value in seconds.items():
            print(f"{name:32} {value:7.2f} s {size_bytes / value / 1e6:7.0f} MB/s")
        mine, theirs, local = seconds.values()
        print(f"ours to JavaScript: {theirs / mine:.2f} times as fast "
              f"(goal {GOAL_RATIO}: {verdict(theirs / mine >= GOAL_RATIO)})")
        print(f"ours to the local floor: {mine / local:.2f} times as long")
        if memory:
            storage = pathlib.Path(disk) / "storage"
            onto_disk = median(
                lambda ready: ours(network, uri, sha1, names, ready, storage), path)
            print(f"kp2p-load onto the disk, flushed: {onto_disk:.2f} s "
                  f"{size_bytes / onto_disk / 1e6:.0f} MB/s")
        gives, loads = most_resident(network, alice, uri)
        most = max(gives, loads)
        print(f"resident at most, of who gives it {gives:.1f} MiB, of who loads it {loads:.1f} MiB "
              f"(goal {GOAL_LOADING_MIB}: {verdict(most < GOAL_LOADING_MIB)})")
        alice.stop()
        resident_mib, cpu_percent = idle(network)
        print(f"idle for {IDLE_SECONDS} s: {resident_mib:.1f} MiB resident "
              f"(goal {GOAL_RESIDENT_MIB}: {verdict(resident_mib < GOAL_RESIDENT_MIB)}), "
              f"{cpu_percent:.2f} % of a core "
              f"(goal {GOAL_CPU_PERCENT}: {verdict(cpu_percent < GOAL_CPU_PERCENT)})")


if __name__ == "__main__":
    main(*sys.argv[1:])
