"""What the end-to-end tests have in common: a network per class, and words for what failed."""
import concurrent.futures
import os
import pathlib
import unittest

from network import Network, random_file

COMMANDS = pathlib.Path(os.environ.get("KP2P_COMMANDS", "build/cmd"))


def shown_on(terminal):
    """All that is written to the pseudo terminal of this descriptor, until nobody has it any more."""
    shown = b""
    with open(terminal, "rb", buffering=0) as reader:
        try:
            while chunk := reader.read(4096):
                shown += chunk
        except OSError:  # as such an end is told
            pass
    return shown.decode()


class NetworkCase(unittest.TestCase):
    """Each class has one network; each test starts the daemons it needs, or shares those that
    `daemons` names."""

    daemons = ()

    @classmethod
    def setUpClass(cls):
        cls.network = Network(COMMANDS)
        cls.addClassCleanup(cls.network.close)
        cls.network.start_bootstrap()
        cls.root = cls.network.root
        for name in cls.daemons:
            setattr(cls, name, cls.network.daemon(name))

    def setUp(self):
        self.own = []

    def tearDown(self):
        for daemon in self.own:
            daemon.process and daemon.stop()

    @property
    def channel(self):
        """One that no other test is in."""
        return self._testMethodName

    def take_own_network(self):
        """Early in setUp(), where a test would disturb the others of its class."""
        self.network = Network(COMMANDS)
        self.addCleanup(self.network.close)
        self.network.start_bootstrap()
        self.root = self.network.root

    def daemon(self, name, **options):
        """A daemon of this test alone."""
        daemon = self.idle(name, storage=options.pop("storage", None))
        daemon.start(**options)
        return daemon

    def idle(self, name, storage=None):
        daemon = self.network.idle(f"{self._testMethodName}-{name}-{len(self.own)}", storage)
        self.own.append(daemon)
        return daemon

    def path(self, name):
        folder = self.root / self._testMethodName
        folder.mkdir(exist_ok=True)
        return folder / name

    def assert_ends(self, done, status, words=""):
        said = (done.stdout + done.stderr).decode(errors="replace")
        self.assertEqual(done.returncode, status, said)
        self.assertIn(words, said)


class SideBySideCase(NetworkCase):
    """Tests that wait more than they work. All of a class that were selected begin with the first,
    each in a thread of its own, and each is reported once it has ended. What they share they must
    not disturb."""

    at_once = 8

    def __init_subclass__(cls):
        super().__init_subclass__()
        cls.selected = []
        cls.begun = False

    def __init__(self, name="runTest"):
        super().__init__(name)
        self.selected.append(self)
        self.work, self.prepare, self.tidy = getattr(self, name), self.setUp, self.tearDown
        setattr(self, name, lambda: self.ended.result())
        self.setUp, self.tearDown = self.begin_all, lambda: None

    @classmethod
    def begin_all(cls):
        if cls.begun:
            return
        cls.begun = True
        pool = concurrent.futures.ThreadPoolExecutor(cls.at_once)
        cls.addClassCleanup(pool.shutdown)
        for test in cls.selected:
            test.ended = pool.submit(test.run_aside)

    def run_aside(self):
        self.prepare()
        try:
            self.work()
        finally:
            self.tidy()


class BigFile:
    """One that many daemons provide, out of one storage."""

    def __init__(self, size_bytes):
        self.network = Network(COMMANDS)
        owner = self.network.idle("owner")
        path = self.network.root / "big.dat"
        self.size_bytes = size_bytes
        self.sha1 = random_file(path, size_bytes)
        self.uri = owner.store(path, "--bare")
        self.storage = owner.storage_dir
        path.unlink()

    def close(self):
        self.network.close()


def main():
    unittest.main(verbosity=2)
