#!/usr/bin/env python3
"""crowd.py COMMANDS_FOLDER [NODES [LOADS [NEWCOMERS]]]: a channel of many nodes: so many daemons on
this machine in a private network, each with a file of its own. Prints how many loads between two of
them succeed, how many nodes that join then and load at once, and how long each took.

Eighty daemons need a few GB and, while they meet, the whole machine. What fails is printed too."""
import pathlib
import random
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from network import Failed, Network, random_file  # noqa: E402

FILE_BYTES = 100_000
LOAD_SECONDS = 120
SETTLE_SECONDS = 30  # for the last that joined to meet the others
SEED = 1


def new_node(network, number):
    daemon = network.idle(f"node{number}")
    path = network.root / f"file{number}"
    random_file(path, FILE_BYTES)
    uri = daemon.store(path)
    path.unlink()
    return daemon, uri


def load(daemon, uri):
    """The seconds that it took, or None."""
    started = time.monotonic()
    done = daemon.run("kp2p-load", uri, check=False, seconds=LOAD_SECONDS)
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().replace("\n", " ")
        print(f"  {daemon.name}: status {done.returncode}: {words}", flush=True)
        return None
    return time.monotonic() - started


def report(what, results):
    seconds = [result for result in results if result is not None]
    times = ""
    if seconds:
        times = f", median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s"
    print(f"{what}: {len(seconds)} of {len(results)} succeeded{times}", flush=True)


def main(commands, nodes=40, loads=60, newcomers=15):
    nodes, loads, newcomers = int(nodes), int(loads), int(newcomers)
    chance = random.Random(SEED)
    with Network(commands) as network:
        started = time.monotonic()
        crowd = []
        for number in range(nodes):
            crowd.append(new_node(network, number))
            crowd[-1][0].start()
        print(f"{nodes} daemons started in {time.monotonic() - started:.0f} s", flush=True)
        time.sleep(SETTLE_SECONDS)
        results = []
        for _ in range(loads):
            (loader, _), (_, uri) = chance.sample(crowd, 2)
            results.append(load(loader, uri))
        report("loads", results)
        results = []
        for number in range(nodes, nodes + newcomers):
            newcomer = network.idle(f"node{number}")
            try:
                newcomer.start()
            except Failed as failed:
                print(f"  {failed}")
                results.append(None)
                continue
            results.append(load(newcomer, chance.choice(crowd)[1]))
        report("newcomers", results)


if __name__ == "__main__":
    main(*sys.argv[1:])
