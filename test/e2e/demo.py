#!/usr/bin/env python3
"""demo.py COMMANDS_FOLDER [BIGFILE]: shares a file between two daemons on this computer, shows
each command and what it says, compares, and cleans up, also after a failure or Ctrl-C."""
import pathlib
import shlex
import signal
import sys
import time

from network import Failed, Network, random_file, sha1_of

STYLE = ("\033[1m", "\033[32m", "\033[0m") if sys.stdout.isatty() else ("", "", "")
BOLD, GREEN, PLAIN = STYLE


def step(words):
    print(f"\n{BOLD}# {words}{PLAIN}", flush=True)


def show(daemon, command, *arguments):
    print(f"{GREEN}{daemon.name} ${PLAIN} {command} {shlex.join(map(str, arguments))}", flush=True)
    started = time.monotonic()
    done = daemon.run(command, *arguments)
    seconds = time.monotonic() - started
    return done.stdout, seconds


def printed(daemon, command, *arguments):
    output, _ = show(daemon, command, *arguments)
    text = output.decode()
    print(text, end="", flush=True)
    return text


def demo(network, path):
    step("a private DHT: one node, on a free port of this computer")
    print(f"$ kp2p-bootstrap --host 127.0.0.1 --port 0      (at {network.bootstrap_address})")

    step("two daemons, each with its own key, storage and configuration, in channel our-lab")
    for name in ("alice", "bob"):
        network.daemon(name, ["our-lab"])
        print(f"{GREEN}{name} ${PLAIN} kp2p-start-daemon --channel our-lab "
              f"--bootstrap {network.bootstrap_address} &", flush=True)
    alice, bob = network.daemons

    step("alice stores a file; its name is its SHA-1")
    uri = printed(alice, "kp2p-store", path).strip()

    step("bob, who has only that name, asks who provides it, and gets it")
    printed(bob, "kp2p-find", uri)
    copy = network.root / "bob" / path.name
    output, seconds = show(bob, "kp2p-load", uri, "--dest", copy)
    print(output.decode(), end="")

    step("bob has it in his storage now; kp2p-cat takes it from there")
    head, _ = show(bob, "kp2p-cat", uri, "--end", 16)
    print(head.hex(" "))

    size = path.stat().st_size
    if sha1_of(copy) != sha1_of(path):
        raise Failed("the copy differs from the original")
    print(f"\n{BOLD}Same {size} bytes on both sides, "
          f"across in {seconds:.2f} s ({size / seconds / 1e6:.0f} MB/s).{PLAIN}")


def main(commands, bigfile=None):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        with Network(commands) as network:
            if bigfile:
                path = pathlib.Path(bigfile).resolve(strict=True)
            else:
                path = network.root / "recording.dat"
                random_file(path, 64 << 20)
            demo(network, path)
    except KeyboardInterrupt:
        sys.exit("\ndemo: stopped")
    except (Failed, OSError) as error:
        sys.exit(f"demo: {error}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
