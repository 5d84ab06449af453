#!/usr/bin/env python3
"""Commands as jobs of a shell, on a terminal."""
import os
import pathlib
import pty
import tempfile
import unittest

from case import COMMANDS, main, shown_on

SHELL = "/bin/bash"


@unittest.skipUnless(os.path.exists(SHELL), "no bash, which has job control in scripts")
class Jobs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "storage").mkdir()
        (self.root / "a.dat").write_bytes(b"x" * 1000)

    def said_by(self, script):
        """What the terminal shows of a script with job control, and its exit status."""
        environment = {**os.environ, "HOME": str(self.root), "TERM": "xterm",
                       "KACHERY_STORAGE_DIR": str(self.root / "storage"),
                       "PATH": f"{COMMANDS.resolve()}:{os.environ['PATH']}"}
        process, terminal = pty.fork()
        if process == 0:
            os.chdir(self.root)
            os.execve(SHELL, [SHELL, "-mc", script], environment)
        return shown_on(terminal), os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

    def test_progress_is_drawn_in_the_foreground(self):
        said, status = self.said_by("kp2p-store a.dat >uri")
        self.assertIn("100 %", said)
        self.assertEqual(status, 0)

    def test_in_the_background_nothing_is_drawn_for_which_a_job_may_be_stopped(self):
        job = "stty tostop; kp2p-store a.dat >uri & wait $!; status=$?; kill -9 $!; exit $status"
        said, status = self.said_by(job)
        self.assertEqual(status, 0, said)
        self.assertNotIn("%", said)
        self.assertIn("/a.dat", (self.root / "uri").read_text())


if __name__ == "__main__":
    main()
