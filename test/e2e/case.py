"""What the end-to-end tests have in common: a network per class, and words for what failed."""
import os
import pathlib
import unittest

from network import Network

COMMANDS = pathlib.Path(os.environ.get("KP2P_COMMANDS", "build/cmd"))


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


def main():
    unittest.main(verbosity=2)
