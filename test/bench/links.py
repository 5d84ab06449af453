#!/usr/bin/env python3
"""links.py COMMANDS_FOLDER LINK: one file over emulated links: ours over UDX and over TCP, the
kernel's TCP with cubic and with BBR, and a JavaScript hyperdht connection. LINK is the program of
link.cpp (ninja -C build test/bench/link), a cable between two network namespaces; needs root.

Each number is the median of the megabits a second of some transfers, and behind it what went over
the wire beyond the file. Ours is all that kp2p-load takes over a connection that is up, and has
the processor time that both daemons take for a MiB; JavaScript's begins when the receiver asks.
What would take very long is cut off, and is the rate until then."""
import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import select
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "e2e"), str(HERE.parent / "nat")]

from apart import DaemonApart, Namespace, Unavailable, bootstrap_apart  # noqa: E402
from internet import IFF_NO_PI, IFF_TUN, TUNSETIFF  # noqa: E402
from network import MIB, Failed, Network, random_file  # noqa: E402

QUEUE_MS = 50
CELLS = [(100, ms, loss) for ms in (10, 50, 150) for loss in (0, 0.1, 1, 3)] + [(1000, 20, 0)]
FEW_CELLS = [(100, 50, 0), (100, 50, 1), (100, 150, 0), (100, 150, 1), (1000, 20, 0)]
HERE_ADDRESS, THERE_ADDRESS = "44.77.0.1", "44.77.0.2"
TCP_PORT = 7777
LIMIT_SECONDS = 120
CUT_SECONDS = 15  # a transfer of others


class Link:
    """Two namespaces, and the cable between them."""

    def __init__(self, program, megabits, round_trip_ms, loss, only_udp=False):
        self.ends = [Namespace(), Namespace()]
        tuns = [end.call(self.open_tun) for end in self.ends]
        for end, address in zip(self.ends, (HERE_ADDRESS, THERE_ADDRESS)):
            end.run("ip", "address", "add", address + "/24", "dev", "cable")
            end.run("ip", "link", "set", "cable", "up", "txqueuelen", "10000")
        self.process = subprocess.Popen(
            [program, *map(str, tuns), str(megabits), str(round_trip_ms / 2), str(QUEUE_MS),
             str(loss), *(["udp"] if only_udp else [])],
            pass_fds=tuns, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        for tun in tuns:
            os.close(tun)

    @staticmethod
    def open_tun():
        tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"cable", IFF_TUN | IFF_NO_PI))
        return tun

    def bytes_there(self):
        self.process.stdin.write("\n")
        return int(self.process.stdout.readline().split()[0])

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        for end in self.ends:
            os.close(end.fd)


class Ours:
    """Two daemons, and the seconds of one kp2p-load after another."""

    def __init__(self, commands, link, only_udp, stack):
        self.network = stack.enter_context(Network(commands))
        alice, bob = (DaemonApart(self.network, name, end)
                      for name, end in zip(("alice", "bob"), link.ends))
        stack.callback(bootstrap_apart(self.network, link.ends[0], HERE_ADDRESS, 5000).end)
        for daemon, address in ((alice, HERE_ADDRESS), (bob, THERE_ADDRESS)):
            daemon.start(under=daemon.under, bootstrap=[HERE_ADDRESS + ":5000"], host=address)
            stack.callback(daemon.stop)
        self.alice, self.bob = alice, bob
        self.take(MIB // 16)
        bob.process.wait_until(lambda: self.runs_over_tcp() != only_udp, "no TCP")

    def runs_over_tcp(self):
        return self.bob.status()["peers"][0]["paths"][0]["path"].startswith("tcp")

    def processor_ms(self):
        """Both daemons', so far."""
        ticks = 0
        for daemon in (self.alice, self.bob):
            stat = pathlib.Path(f"/proc/{daemon.process.pid}/stat").read_text()
            ticks += sum(map(int, stat.rpartition(") ")[2].split()[11:13]))
        return 1000 * ticks / os.sysconf("SC_CLK_TCK")

    def take(self, size):
        path = self.network.root / f"file{time.monotonic_ns()}"
        random_file(path, size)
        uri = self.alice.store(path, "--bare")
        path.unlink()
        started = time.monotonic()
        self.bob.load(uri)
        return size, time.monotonic() - started


def kernel_tcp(link, control, size):
    def listen():
        listener = socket.create_server((HERE_ADDRESS, TCP_PORT))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, control.encode())
        return listener

    def give(listener):
        peer, _ = listener.accept()
        with peer, contextlib.suppress(ConnectionError):
            for _ in range(size // MIB):
                peer.sendall(bytes(MIB))

    listener = link.ends[0].call(listen)
    giver = threading.Thread(target=give, args=(listener,))
    giver.start()
    end = link.ends[1].call(socket.socket)
    end.settimeout(CUT_SECONDS)
    started, got, buffer = time.monotonic(), 0, bytearray(MIB)
    with end, listener:
        end.connect((HERE_ADDRESS, TCP_PORT))
        with contextlib.suppress(TimeoutError):
            while got < size and time.monotonic() < started + CUT_SECONDS:
                got += end.recv_into(buffer)
        took = time.monotonic() - started
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    giver.join()
    return got, took


def javascript(link, size):
    script = HERE / "hyperdht_file.js"
    path = pathlib.Path("/dev/shm") / f"links{os.getpid()}"
    random_file(path, size)
    processes = []

    def start(end, *arguments):
        processes.append(link.ends[end].popen("node", script, *arguments, text=True,
                                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE))
        if not select.select([processes[-1].stdout], [], [], LIMIT_SECONDS)[0]:
            raise Failed("hyperdht_file.js " + arguments[0] + " says nothing")
        return processes[-1].stdout.readline().strip()
    try:
        bootstrap = start(0, "--dht", HERE_ADDRESS)
        key = json.loads(start(0, "--send", bootstrap, path, HERE_ADDRESS))
        said = json.loads(start(1, "--receive", bootstrap, key, THERE_ADDRESS, CUT_SECONDS))
        return said["bytes"], said["seconds"]
    finally:
        for process in processes:
            process.kill()
            process.wait()
        path.unlink()


def measure(link, rounds, take):
    """As text: megabits a second, and percent beyond the file."""
    rates, beyond = [], []
    for _ in range(rounds):
        before = link.bytes_there()
        size, seconds = take()
        rates.append(size * 8 / 1e6 / seconds)
        beyond.append(100 * ((link.bytes_there() - before) / size - 1))
    return f"{statistics.median(rates):6.1f} +{statistics.median(beyond):4.1f} %"


def cell(told, numbers):
    megabits, round_trip_ms, loss = numbers
    size = told.mib * MIB * (4 if megabits > 500 else 1)
    row, spent, first = [], [], ""
    for only_udp in (True, False):
        with contextlib.ExitStack() as stack:
            link = Link(told.link, *numbers, only_udp=only_udp)
            stack.callback(link.close)
            ours = Ours(told.commands, link, only_udp, stack)
            if only_udp:
                took = statistics.median(ours.take(MIB)[1] for _ in range(told.rounds))
                first = f"{took * 1e3 / round_trip_ms:5.1f} round trips"
            before = ours.processor_ms()
            row.append(measure(link, told.rounds, lambda: ours.take(size)))
            spent.append((ours.processor_ms() - before) / (told.rounds * size / MIB))
    available = pathlib.Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text()
    for how in ("cubic", "bbr", "JavaScript"):
        if how != "JavaScript" and how not in available.split():
            row.append(f"{'not here':>14}")
            continue
        link = Link(told.link, *numbers)
        try:
            row.append(measure(link, told.rounds, lambda: javascript(link, size)
                               if how == "JavaScript" else kernel_tcp(link, how, size)))
        finally:
            link.close()
    row.append(" and".join(f"{milliseconds:5.1f}" for milliseconds in spent))
    print(f"{megabits:5} {round_trip_ms:4} {loss:5} | " + " | ".join(row) + f" | {first}, load "
          f"{os.getloadavg()[0]:.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("commands")
    parser.add_argument("link")
    parser.add_argument("--mib", type=int, default=64, help="of the file; fast links: four times")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--few", action="store_true", help="five links, once each: some minutes")
    parser.add_argument("--cells", default="", help="MEGABITS/ROUND_TRIP_MS/LOSS_PERCENT,... alone")
    told = parser.parse_args()
    if os.geteuid() != 0:
        return print("links: not as root, so no emulated links")
    cells = [tuple(map(float, text.split("/"))) for text in told.cells.split(",") if text]
    if told.few:
        told.rounds = 1
    print(f"one file of {told.mib} MiB over a link with a queue of {QUEUE_MS} ms, "
          f"{os.cpu_count()} cores")
    names = ("ours, UDX", "ours, TCP", "TCP cubic", "TCP BBR", "JavaScript")
    print(" Mbit   ms  loss | " + " | ".join(f"{name:14}" for name in names) +
          " | ours, ms a MiB | 1 MiB over UDX")
    try:
        for numbers in cells or (FEW_CELLS if told.few else CELLS):
            cell(told, numbers)
    except Unavailable as why:
        print(f"links: not here: {why}")


if __name__ == "__main__":
    main()
