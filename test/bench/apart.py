"""A daemon in a network namespace, for links.py and contenders.py: `namespace` is one of mapping.py."""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "e2e"), str(HERE.parent / "nat")]

from internet import Unavailable  # noqa: E402
from mapping import Namespace  # noqa: E402
from network import Daemon, Process  # noqa: E402

__all__ = ["DaemonApart", "Namespace", "Unavailable", "bootstrap_apart", "enter"]

LIMIT_SECONDS = 120


def enter(namespace):
    """What comes before a command that is to run in it."""
    return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{namespace.fd}"]


class DaemonApart(Daemon):
    def __init__(self, network, name, namespace):
        super().__init__(network, name)
        self.under = enter(namespace)

    def run(self, command, *arguments, check=True, seconds=LIMIT_SECONDS):
        return subprocess.run([*self.under, self.network.command(command), *map(str, arguments)],
                              stdin=subprocess.DEVNULL, capture_output=True, check=check,
                              env=self.environment(), timeout=seconds)


def bootstrap_apart(network, namespace, host, port):
    """A node of the DHT at HOST:PORT there; the caller ends it."""
    process = Process([*enter(namespace), network.command("kp2p-bootstrap"), "--host", host,
                       "--port", str(port)], network.root / "there.log")
    process.wait_until(lambda: host in process.words(), "no bootstrap")
    return process
