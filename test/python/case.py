"""What the tests of the Python package have in common: alice, who stores, and bob, who loads, in one
channel on a network of their own on loopback."""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "python"))

import kachery_p2p as kp  # noqa: E402

try:
    import numpy
except ImportError:
    numpy = None

CHANNEL = "the package's channel"
ABSENT = "sha1://" + "7" * 40 + "/absent"


class Network(unittest.TestCase):
    """One network for all tests of a class; `at(name)` makes a daemon the one that kp talks to."""

    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="kp2p-"))
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        for key in [key for key in os.environ if key.startswith("KACHERY_")]:
            del os.environ[key]
        os.environ["HOME"] = str(cls.root)
        bootstrap = subprocess.Popen(
            ["kp2p-bootstrap", "--host", "127.0.0.1", "--port", "0"], text=True,
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        cls.addClassCleanup(cls.end, bootstrap)
        cls.processes = []
        cls.bootstrap = re.search(r"[\d.]+:\d+", bootstrap.stderr.readline()).group()
        for name in ("alice", "bob"):
            cls.start(name)

    @classmethod
    def start(cls, name):
        storage = cls.root / name / "storage"
        storage.mkdir(parents=True, exist_ok=True)
        process = kp.start_daemon(
            channels=[CHANNEL], bootstrap=[cls.bootstrap], host="127.0.0.1", port=0, api_port=0,
            storage_dir=str(storage), config_dir=str(cls.root / name / "config"))
        cls.addClassCleanup(cls.end, process)
        cls.processes.append(process)

    @staticmethod
    def end(process):
        process.terminate()
        process.wait(10)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()

    @contextlib.contextmanager
    def at(self, name):
        os.environ["KACHERY_P2P_CONFIG_DIR"] = str(self.root / name / "config")
        yield

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


@contextlib.contextmanager
def storage(path):
    with unittest.mock.patch.dict(os.environ, {"KACHERY_STORAGE_DIR": str(path)}):
        yield


def main():
    """With the folder of the commands as first argument."""
    os.environ["PATH"] = os.path.abspath(sys.argv.pop(1)) + os.pathsep + os.environ["PATH"]
    unittest.main("__main__", verbosity=2)
