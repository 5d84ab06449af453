#!/usr/bin/env python3
"""bench.py COMMANDS_FOLDER [--page FILE.md] [--folder DIR] [--rounds N] [--only WORDS]: what kp2p takes to bring
files over loopback, beside other programs, and beside a local copy and its hash.

Prints a table for each kind of load; --page writes it, with a plot beside it (gnuplot), the machine and
the versions, as docs/results.md is. Each measurement has the local floor (cp, then openssl sha1) taken just
before it, after a write of as much memory, since virtual machines give freed memory back to their host; the
ratio is the median of those of the rounds. A directory is another one in each round, and nothing of it is
removed before the end: for some minutes ext4 passes over each inode that was given up lately, one by one, at
each file that is made, which would be most of what is measured. --only has those whose names contain one of
the words.
All files lie in --folder, by default a temporary one, and in the page cache."""
import argparse
import datetime
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time

import contenders
from contenders import Unavailable
from network import MIB, Network, random_file

ROUNDS = 5
IDLE_SECONDS = 60
PAGE_COLUMNS = 110
SMALL_FILES, SMALL_BYTES = 2000, 16 << 10
KINDS = [contenders.Unflushed, contenders.Flushed, contenders.OverUdx, contenders.ToDestination,
         contenders.OneByOne, contenders.Piped, contenders.Storing, contenders.Rsync, contenders.Curl,
         contenders.CurlPiped, contenders.Aria2, contenders.Libtorrent, contenders.Hyperdht]
# The directories at the end, lest they be removed with what was loaded before.
LOADS = {"1 GiB": 1024 * MIB, "64 MiB": 64 * MIB, "1 KiB": 1024, "2,000 files of 16 KiB": None}
# Times the floor, or milliseconds.
GOALS = {("kp2p --no-flush", "1 GiB"): 0.95, ("kp2p", "1 GiB"): 1.2,
         ("kp2p --no-flush", "64 MiB"): 1.2, ("kp2p --no-flush, over UDX", "1 GiB"): 1.4,
         ("kp2p --no-flush", "2,000 files of 16 KiB"): 1.6, ("kp2p", "2,000 files of 16 KiB"): 2.5,
         ("kp2p --no-flush, load -i", "2,000 files of 16 KiB"): 4,
         ("kp2p-store --no-flush", "1 GiB"): 0.8, ("kp2p --no-flush", "1 KiB"): 10}
GOAL_LOADING_MIB, GOAL_IDLE_MIB, GOAL_IDLE_PERCENT = 64, 10, 0.03


def make_inputs(folder, rounds):
    """What each round of a load brings, by the load's name."""
    inputs = {}
    for name, size in LOADS.items():
        path = folder / name.replace(" ", "-").replace(",", "")
        if size is not None:
            random_file(path, size)
            inputs[name] = [path] * rounds
            continue
        inputs[name] = [path.with_name(f"{path.name}-{number}") for number in range(rounds)]
        for directory in inputs[name]:
            directory.mkdir()
            for number in range(SMALL_FILES):
                random_file(directory / f"{number}.dat", SMALL_BYTES)
    return inputs


class Bench:
    def __init__(self, commands, folder, rounds):
        self.commands, self.folder, self.rounds = commands, folder, rounds
        self.inputs = make_inputs(folder, rounds)
        self.results = 0
        self.floor = contenders.Floor(folder)
        self.seconds, self.ratios, self.floors = {}, {}, {load: [] for load in LOADS}
        self.how, self.versions, self.missing, self.peak_mib = {}, {}, {}, 0

    def once(self, contender, offer, path):
        self.results += 1
        to = self.folder / f"result-{self.results}"
        subprocess.run(["sync"], check=True)
        if path.is_dir():
            return contender.fetch(offer, to)
        shutil.copyfile(path, to)
        to.unlink()
        try:
            return contender.fetch(offer, to)
        finally:
            if to.is_dir():  # as libtorrent makes one
                shutil.rmtree(to)
            to.unlink(missing_ok=True)

    def measure(self, kind):
        place = self.folder / kind.__name__
        place.mkdir()
        ours = issubclass(kind, contenders.Ours)
        try:
            with kind(place, self.commands) if ours else kind(place) as contender:
                self.how[kind.name], self.versions[kind.name] = kind.how, contender.version
                if ours and kind is not contenders.Storing:
                    contender.forget_peaks()  # a channel's key takes 64 MiB to derive, before any load
                for load, paths in self.inputs.items():
                    takes = (kind.directories if paths[0].is_dir() else
                             paths[0].stat().st_size >= kind.least_bytes)
                    if takes:
                        self.compare(contender, load, paths)
                if isinstance(contender, contenders.Unflushed):
                    self.peak_mib = max(self.peak_mib, *contender.peaks())
        except Unavailable as why:
            self.missing[kind.name] = str(why)
        finally:
            for each in place.rglob("*"):
                if each.is_file() and each.stat().st_size >= MIB:
                    each.unlink()

    def compare(self, contender, load, paths):
        offers = {path: contender.offer(path) for path in dict.fromkeys(paths)}
        seconds, ratios = [], []
        for path in paths:
            floor = self.once(self.floor, path, path)
            seconds.append(self.once(contender, offers[path], path))
            ratios.append(seconds[-1] / floor)
            self.floors[load].append(floor)
        self.seconds[contender.name, load] = statistics.median(seconds)
        self.ratios[contender.name, load] = statistics.median(ratios)
        print(f"{contender.name}, {load}: {self.seconds[contender.name, load]:.3f} s, "
              f"{self.ratios[contender.name, load]:.2f} of the floor", file=sys.stderr, flush=True)


def idle(commands, folder):
    """(MiB resident, percent of a core) of a daemon in a network of its own."""
    with Network(commands, folder) as network:
        daemon = network.daemon("idle")
        time.sleep(20)  # joining is not idling

        def cpu_seconds():  # not in ticks, of which it would take a few
            threads = pathlib.Path(f"/proc/{daemon.process.pid}/task").iterdir()
            return sum(int((one / "schedstat").read_text().split()[0]) for one in threads) / 1e9

        before = cpu_seconds()
        time.sleep(IDLE_SECONDS)
        spent = cpu_seconds() - before
        status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(resident.split()[1]) / 1024, 100 * spent / IDLE_SECONDS


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}"


def verdict(value, goal):
    return f"goal {goal:g}: {'met' if value <= goal else 'missed'}"


def rows_of(bench, load):
    """(name, text of its value, ratio, goal) of all that were measured, the quickest first."""
    rows = []
    for (name, of), ratio in sorted(bench.ratios.items(), key=lambda item: item[1]):
        if of == load:
            in_ms = LOADS[load] == 1024
            value = 1000 * bench.seconds[name, load] if in_ms else ratio
            goal = GOALS.get((name, load))
            seconds = bench.seconds[name, load]
            rows.append((name, f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.2f} s",
                         ratio, verdict(value, goal) if goal else ""))
    return rows


def page(bench, loads, resident, title):
    """Markdown."""
    words = (f"Written by `./run bench` on {datetime.date.today()}: {machine()}. Over loopback, files in "
             f"the page cache, medians of {bench.rounds}. *Times the floor* is how long it takes beside a "
             "local copy and its hash (`cp`, `openssl sha1`) taken just before; below 1 is faster than "
             "that. Who does not check a SHA-1 by itself has its result hashed, which counts.")
    lines = ["# What loading takes, beside others", "", textwrap.fill(words, PAGE_COLUMNS), "",
             f"![{title}](results.svg)", ""]
    for load in loads:
        floor = statistics.median(bench.floors[load])
        lines += [f"## {load}", "", f"The floor: {1000 * floor:.0f} ms.", "",
                  "| | encryption | time | times the floor | |", "| --- | --- | --- | --- | --- |"]
        lines += [f"| {name} | {bench.how[name]} | {seconds} | {ratio:.2f} | {goal} |"
                  for name, seconds, ratio, goal in rows_of(bench, load)] + [""]
    lines += ["## Memory and rest", "",
              f"- Resident at most in all of these loads, of the giver or the loader: {bench.peak_mib:.0f} MiB "
              f"({verdict(bench.peak_mib, GOAL_LOADING_MIB)})."]
    if resident:
        lines += [f"- A daemon that idles in a channel: {resident[0]:.1f} MiB resident "
                  f"({verdict(resident[0], GOAL_IDLE_MIB)}), {resident[1]:.2f} % of a core "
                  f"({verdict(resident[1], GOAL_IDLE_PERCENT)})."]
    lines += ["", "## Versions", ""]
    lines += [f"- {version}" for version in dict.fromkeys(bench.versions.values()) if version]
    lines += [f"- {name} was not measured: {why}" for name, why in bench.missing.items()]
    return "\n".join(lines) + "\n"


def plot(bench, loads, title, file):
    """A panel for each kind of load, a bar for each row."""
    panels = []
    for load in loads:
        rows = rows_of(bench, load)[::-1]
        data = "\n".join(f'"{name}" {ratio:.4f}' for name, _, ratio, _ in rows)
        panels.append((load, len(rows), data))
    total = sum(count + 3 for _, count, _ in panels)
    script = [f"set terminal svg size 800,{20 * total} font 'sans-serif,11' background '#ffffff'",
              f"set output '{file}'", "set multiplot", "unset key", "set border 3", "set tics nomirror",
              "set style fill solid noborder", "set xrange [0:*]", "set lmargin at screen 0.3",
              "set rmargin at screen 0.95", f"set label 1 '{title}' at screen 0.01, screen 0.99"]
    top = total - 1
    for number, (load, count, data) in enumerate(panels):
        script += [f"$rows{number} << END", data, "END", f"set title '{load}'",
                   f"set tmargin at screen {(top - 1.2) / total}",
                   f"set bmargin at screen {(top - 1.2 - count) / total}",
                   f"set yrange [-0.6:{count - 0.4}]",
                   "set arrow 1 from 1, graph 0 to 1, graph 1 nohead dashtype 2",
                   f"plot $rows{number} using (0.5*$2):0:(0.5*$2):(0.35):ytic(1) with boxxyerror "
                   f"lc rgb '#4477aa', $rows{number} using 2:0:(sprintf(' %.2f', $2)) with labels left"]
        top -= count + 3
    subprocess.run(["gnuplot"], input="\n".join(script), text=True, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commands", type=pathlib.Path)
    parser.add_argument("--page", type=pathlib.Path)
    parser.add_argument("--folder")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", nargs="*", default=[""])
    parser.add_argument("--no-idle", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kp2p-bench-", dir=given.folder) as folder:
        bench = Bench(given.commands.resolve(), pathlib.Path(folder), given.rounds)
        for kind in KINDS:
            if any(word in kind.name for word in given.only):
                bench.measure(kind)
        resident = None if given.no_idle else idle(bench.commands, folder)
    title = "Times the floor: cp and openssl sha1"
    measured = [load for load in LOADS if bench.floors[load]]
    words = page(bench, measured, resident, title)
    print(words)
    if given.page:
        given.page.write_text(words)
        plot(bench, measured, title, given.page.with_name("results.svg"))


if __name__ == "__main__":
    main()
