"""git-annex-remote-kp2p under git-annex itself: alice's repository, and bob's clone of it."""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

import case
from case import ROOT, Network, kp

REMOTE = "#!/bin/sh\nexec {python} -B -c '{without}from kachery_p2p.git_annex import main; main()'\n"
# The library may be installed: then the longest test is without it all the same.
HIDDEN = 'import sys; sys.modules["annexremote"] = None; '


@unittest.skipUnless(shutil.which("git-annex"), "git-annex is not installed")
class Annex(Network):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tools = cls.root / "tools"
        cls.tools.mkdir()
        cls.install("")
        os.environ["PATH"] = f"{cls.tools}{os.pathsep}{os.environ['PATH']}"
        os.environ["PYTHONPATH"] = str(ROOT / "python")
        os.environ.update({f"GIT_{who}_{what}": "kp2p@localhost" for who in ("AUTHOR", "COMMITTER")
                           for what in ("NAME", "EMAIL")})

    @classmethod
    def install(cls, without):
        remote = cls.tools / "git-annex-remote-kp2p"
        remote.write_text(REMOTE.format(python=sys.executable, without=without))
        remote.chmod(0o755)

    def setUp(self):
        self.folder = self.root / self._testMethodName
        self.folder.mkdir()

    def git(self, who, *arguments, check=True):
        """Run in the repository of alice or bob, with the daemon of alice or bob."""
        with self.at(who):
            done = subprocess.run(["git", *map(str, arguments)], cwd=self.folder / who,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if check:
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def run_at(self, who, folder, *arguments):
        with self.at(who):
            done = subprocess.run([str(argument) for argument in arguments], cwd=folder,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def repository(self, backend="SHA256E"):
        (self.folder / "alice").mkdir()
        self.git("alice", "init", "-q", "-b", "main")
        self.git("alice", "annex", "init", "alice")
        self.git("alice", "config", "annex.backend", backend)
        self.git("alice", "annex", "initremote", "kp2p", "type=external", "externaltype=kp2p",
                 "encryption=none")

    def add(self, name, content):
        (self.folder / "alice" / name).write_bytes(content)
        self.git("alice", "annex", "add", name)
        self.git("alice", "commit", "-q", "-m", f"add {name}")

    def clone(self):
        subprocess.run(["git", "clone", "-q", self.folder / "alice", self.folder / "bob"],
                       check=True, capture_output=True)
        self.git("bob", "annex", "init", "bob")
        self.git("bob", "annex", "enableremote", "kp2p")
        self.git("bob", "remote", "remove", "origin")

    def content(self, who, name):
        return (self.folder / who / name).read_bytes()

    def test_git_annex_is_content_with_the_remote(self):
        self.install(HIDDEN)
        self.addCleanup(self.install, "")
        self.repository()
        # The whole of it takes minutes: KP2P_ANNEX_WHOLE=1.
        how = [] if os.environ.get("KP2P_ANNEX_WHOLE") else ["--fast"]
        self.git("alice", "annex", "testremote", *how, "kp2p")

    def test_a_clone_gets_a_file_with_progress(self):
        content = os.urandom(8 << 20)
        self.repository()
        self.add("recording.dat", content)
        self.git("alice", "annex", "copy", "--to", "kp2p", "recording.dat")
        self.assertIn("sha1://", self.git("alice", "annex", "whereis", "recording.dat").stdout)
        self.clone()
        got = self.git("bob", "annex", "get", "--json", "--json-progress", "recording.dat").stdout
        told = [json.loads(line) for line in got.splitlines()]
        self.assertTrue(any(0 < step.get("byte-progress", 0) <= len(content) for step in told), got)
        self.assertEqual(self.content("bob", "recording.dat"), content)

    @unittest.skipUnless(shutil.which("datalad"), "datalad is not installed")
    def test_datalad_gets_what_a_dataset_names(self):
        content = os.urandom(300_000)
        dataset, clone = self.folder / "alice", self.folder / "bob"
        self.run_at("alice", self.folder, "datalad", "create", "-c", "text2git", "alice")
        (dataset / "raw.dat").write_bytes(content)
        self.run_at("alice", dataset, "datalad", "save", "-m", "raw data")
        self.git("alice", "annex", "initremote", "kp2p", "type=external", "externaltype=kp2p",
                 "encryption=none", "autoenable=true")
        self.run_at("alice", dataset, "datalad", "push", "--to", "kp2p")
        self.run_at("bob", self.folder, "datalad", "clone", dataset, clone)
        self.git("bob", "remote", "remove", "origin")
        self.assertFalse((clone / "raw.dat").exists())
        self.run_at("bob", clone, "datalad", "get", "raw.dat")
        self.assertEqual(self.content("bob", "raw.dat"), content)

    def test_a_key_of_sha1_is_its_own_name(self):
        content = os.urandom(100_000)
        with self.at("alice"):
            kp.store_file(self.write("elsewhere.dat", content))
        self.repository("SHA1")
        self.add("same.dat", content)
        self.git("alice", "annex", "fsck", "--from", "kp2p", "--fast", "same.dat")
        self.clone()
        self.git("bob", "annex", "get", "same.dat")
        self.assertEqual(self.content("bob", "same.dat"), content)
        # What others have put into the storage stays there.
        self.git("alice", "annex", "drop", "--force", "--from", "kp2p", "same.dat")
        with self.at("alice"):
            self.assertIsNotNone(kp.load_file("sha1://" + sha1_of(content)))

    def test_what_is_dropped_is_gone(self):
        content = os.urandom(100_000)
        self.repository()
        self.add("mine.dat", content)
        self.git("alice", "annex", "copy", "--to", "kp2p", "mine.dat")
        stored = list((self.root / "alice" / "storage" / "sha1").rglob(sha1_of(content)))
        self.assertEqual(len(stored), 1)
        self.git("alice", "annex", "drop", "--from", "kp2p", "mine.dat")
        self.assertFalse(stored[0].exists())

    def test_it_ends_without_a_word_where_git_annex_is_called_off(self):
        for without in ("", HIDDEN):
            self.install(without)
            with subprocess.Popen(["git-annex-remote-kp2p"], stdin=subprocess.PIPE, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as remote:
                self.assertIn("VERSION", remote.stdout.readline())
                remote.send_signal(signal.SIGINT)
                self.assertEqual(remote.communicate(timeout=30)[1], "")

    def test_uris_can_be_added(self):
        content = os.urandom(100_000)
        with self.at("alice"):
            uri = kp.store_file(self.write("with name.dat", content))
        self.repository()
        self.git("alice", "annex", "addurl", "--file", "added.dat", uri)
        self.assertEqual(self.content("alice", "added.dat"), content)
        self.assertEqual(self.git("alice", "annex", "whereis", "added.dat").stdout.count(uri), 1)
        absent = self.git("alice", "annex", "addurl", case.ABSENT, check=False)
        self.assertNotEqual(absent.returncode, 0)


def sha1_of(content):
    return hashlib.sha1(content).hexdigest()


if __name__ == "__main__":
    case.main()
