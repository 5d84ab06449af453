#!/usr/bin/env python3
"""versions.py SOURCES SOURCES [ROUNDS]: one version of kp2p beside another, each a source tree in
which `./run build` was done. Prints for each of them, and as a ratio: a file of 1 GiB and a directory
of 2,000 files of 16 KiB loaded over loopback, and the memory of an idle daemon in a channel.

The two take turns, the first in every other round, so that what else the machine does meets both. A
ratio is the median of those of the rounds. All files lie in memory where there is room."""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

FILE_MIB = 1024
SMALL_FILES = 2000
SMALL_BYTES = 16 << 10
SETTLE_SECONDS = 20  # until what joining needed is given back
ROUNDS = 5


def measure(parent):
    """{what: value} of the version whose test/e2e is in PYTHONPATH, and its commands beside it."""
    import network as lab

    with lab.Network(pathlib.Path(lab.__file__).parents[2] / "build" / "cmd", parent) as network:
        big = network.root / "big.dat"
        lab.random_file(big, FILE_MIB << 20)
        small = network.root / "small"
        small.mkdir()
        for number in range(SMALL_FILES):
            lab.random_file(small / f"{number}.dat", SMALL_BYTES)
        alice, bob = network.daemon("alice"), network.daemon("bob")
        loads = {"1 GiB, s": [alice.store(big)],
                 "2,000 files, s": [alice.store(small), "--dest", network.root / "copy"]}
        values = {}
        for what, arguments in loads.items():
            started = time.monotonic()
            bob.load(*arguments)
            values[what] = time.monotonic() - started
        alice.stop()
        bob.stop()
        idle = network.daemon("idle")
        time.sleep(SETTLE_SECONDS)  # idling is what is measured
        status = pathlib.Path(f"/proc/{idle.process.pid}/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        values["idle, MiB"] = int(resident.split()[1]) / 1024
        return values


def of_version(sources, parent):
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(sources).resolve() / "test" / "e2e")}
    done = subprocess.run([sys.executable, "-B", __file__, "--measure", parent or ""],
                          env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main(first, second, rounds=ROUNDS):
    shared = pathlib.Path("/dev/shm")
    needed = 4 * (FILE_MIB << 20)
    parent = str(shared) if shared.is_dir() and shutil.disk_usage(shared).free > needed else None
    seen = {first: [], second: []}
    for number in range(int(rounds)):
        for sources in (first, second) if number % 2 else (second, first):
            seen[sources].append(of_version(sources, parent))
    print(f"{'medians of ' + str(rounds):20}{'first':>10}{'second':>10}{'ratio':>10}")
    for what in seen[first][0]:
        values = [[each[what] for each in seen[sources]] for sources in (first, second)]
        ratio = statistics.median(b / a for a, b in zip(*values))
        print(f"{what:20}{statistics.median(values[0]):10.2f}{statistics.median(values[1]):10.2f}"
              f"{ratio:10.3f}")


if __name__ == "__main__":
    if sys.argv[1] == "--measure":
        print(json.dumps(measure(sys.argv[2] or None)))
    else:
        main(*sys.argv[1:])
