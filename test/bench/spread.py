#!/usr/bin/env python3
"""spread.py COMMANDS_FOLDER [MEBIBYTES [RATE [LOADERS]]]: one file that many load at once from one node, where
each gives and takes no more than RATE (8M) a second. Prints how long that takes beside one loader alone: the
giver can send the file no faster, so the rest is what they ask of it more than once, or wait for each other."""
import concurrent.futures
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from network import MIB, Network, random_file  # noqa: E402


def spread(network, giver, loaders, mebibytes):
    """The seconds until all have it, and how often the giver sent it."""
    path = network.root / "file"
    random_file(path, mebibytes * MIB)
    uri = giver.store(path)
    before = giver.status()["given_bytes"]
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(len(loaders)) as pool:
        list(pool.map(lambda loader: loader.load(uri), loaders))
    seconds = time.monotonic() - started
    return seconds, (giver.status()["given_bytes"] - before) / (mebibytes * MIB)


def main(commands, mebibytes=128, rate="8M", loaders=8):
    mebibytes, loaders = int(mebibytes), int(loaders)
    with Network(commands) as network:
        giver, *others = (network.idle(f"node{number}").start(
            flags=["--no-flush", "--limit-up", rate, "--limit-down", rate]) for number in range(loaders + 1))
        for node in (giver, *others):
            node.process.wait_until(lambda n=node: n.status()["connections"] == loaders, "it does not meet all")
        alone, _ = spread(network, giver, others[:1], mebibytes)
        together, times = spread(network, giver, others, mebibytes)
        print(f"{mebibytes} MiB at {rate}: one {alone:.1f} s, {loaders} at once {together:.1f} s, "
              f"{together / alone:.2f} times as long; the giver sent the file {times:.2f} times")


if __name__ == "__main__":
    main(*sys.argv[1:])
