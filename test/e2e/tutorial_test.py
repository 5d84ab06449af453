"""docs/tutorial.md, from its first command to its last, at two computers that share a private network; and
every command that README.md, docs/operating.md and the tutorial show without what it prints."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from case import COMMANDS, NetworkCase, main
from network import Process, random_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"<!-- (alice|bob)(?: gets (\S+))? -->\n```sh\n(.*?)```\n(?:```text\n(.*?)```\n)?", re.S)
SECONDS = 60


class People(NetworkCase):
    """At whose computers nothing is set up but where their network is."""

    def setUp(self):
        super().setUp()
        self.people = {}

    def meet(self, *names):
        told = {"bootstrap": [self.network.bootstrap_address], "host": "127.0.0.1", "port": 0, "api_port": 0,
                "no_port_mapping": True, "no_lan": True}
        for name in names:
            person = self.people[name] = self.idle(name)
            (person.config_dir / "config.json").write_text(json.dumps(told))
            self.folder(name).mkdir()
            self.addCleanup(person.run, "kp2p-stop-daemon", check=False)

    def folder(self, name):
        return self.people[name].config_dir.parent / "desk"

    def environment(self, name):
        return {**self.people[name].environment(), "HOME": str(self.folder(name)), "LC_ALL": "C",
                "PYTHONPATH": str(ROOT / "python"), "PYTHONDONTWRITEBYTECODE": "1",
                "PATH": f"{COMMANDS.resolve()}{os.pathsep}{os.environ['PATH']}"}

    def run_block(self, name, script, also_well=()):
        done = subprocess.run(["sh", "-ec", script], cwd=self.folder(name), env=self.environment(name),
                              timeout=SECONDS, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertIn(done.returncode, (0, *also_well), script + done.stdout + done.stderr)
        return done.stdout


class Tutorial(People):
    def test_every_command_says_what_the_page_says(self):
        self.meet("alice", "bob")
        blocks = BLOCK.findall(PAGE.read_text())
        self.assertEqual(len(blocks), PAGE.read_text().count("```sh"))
        for name, gets, script, expected in blocks:
            if gets:
                giver = "alice" if name == "bob" else "bob"
                shutil.copy(self.folder(giver) / gets, self.folder(name))
            with self.subTest(script):
                self.assertEqual(self.run_block(name, script), expected)

    def test_five_commands_are_enough(self):
        """With two that install it, as the page shows."""
        blocks = BLOCK.findall(PAGE.read_text())
        first = [line for _, _, script, _ in blocks[:3] for line in script.splitlines() if "kp2p-" in line]
        self.assertEqual([line.split()[0] for line in first], ["kp2p-store", "kp2p-invite", "kp2p-load"])
        self.assertFalse(any(re.search(r"\d+\.\d+\.\d+\.\d+|bootstrap|peer", line) for line in first))


def shown(page):
    """The commands that stand in it by themselves, without remarks."""
    lines = re.findall(r"^    ((?:kp2p-\w|systemctl --user|\(cd).*)$", (ROOT / page).read_text(), re.M)
    return [re.sub(r"\s+# .*", "", line) for line in lines]


class Shown(People):
    """With what stands for something in place of the dots, any port instead of the usual one, and addresses of
    this computer."""

    FAILS_WELL = {"kp2p-doctor": (1,)}  # it finds something: no Internet

    def test_readme(self):
        self.meet("alice", "bob")
        random_file(self.folder("alice") / "recording.dat", 1000)
        lines = shown("README.md")
        self.assertEqual(len(lines), 5)
        start, store, *others = lines
        for name in self.people:
            self.serve(name, start.rstrip(" &"), "ready")
        uri = self.run_block("alice", store).strip()
        for line in others:
            line = line.replace("sha1://.../recording.dat", uri)
            self.run_block("bob", line if shutil.which("xxd") else line.replace("xxd", "od"))

    def test_the_days_after_the_tutorial(self):
        self.meet("alice")
        self.run_block("alice", "kp2p-join --start-daemon our-lab")
        lines = shown("docs/tutorial.md")
        self.assertEqual(len(lines), 5)
        for line in lines:
            line = line.replace("systemctl --user enable --now kp2p", "kp2p-status --start-daemon")
            self.run_line("alice", line)

    def test_the_operators_page(self):
        self.meet("alice")
        (self.folder("alice") / "file").write_text("a file")
        (self.folder("alice") / ".kachery-p2p").symlink_to(self.people["alice"].config_dir)
        uri = self.run_block("alice", "kp2p-store file").strip()
        self.run_block("alice", "kp2p-join --start-daemon our-lab")
        relay = None
        lines = [line for line in shown("docs/operating.md") if not line.startswith("systemctl")]
        self.assertGreaterEqual(len(lines), 15)
        for number, line in enumerate(lines):
            line = line.replace("192.0.2.7:49737", self.network.bootstrap_address).replace("--port 49737", "--port 0")
            line = line.replace("sha1://...", uri)
            if line.startswith("kp2p-relay"):
                (self.folder("alice") / "relay-token").write_text("5" * 32)
                relay = self.serve("alice", line + " --listen 127.0.0.1:0", "https://")
            elif line.startswith("kp2p-start-daemon"):
                line = line.replace("https://192.0.2.7/#TOKEN.FINGERPRINT", relay or "")
                name = f"node{number}"
                self.meet(name)
                (self.folder(name) / "channels.txt").write_text("our-lab\n")
                (self.folder(name) / "channels.txt").chmod(0o600)
                self.serve(name, line, "ready")
            else:
                self.run_line("alice", line)

    def run_line(self, name, line):
        line = re.sub("^kp2p-web$", "kp2p-web --print", line)
        self.run_block(name, line, self.FAILS_WELL.get(line.split()[0], ()))

    def serve(self, name, line, said):
        """Runs it until the end of the test; returns the line in which it has said so."""
        log = self.folder(name) / "log"
        process = Process(["sh", "-ec", f"cd '{self.folder(name)}' && exec {line}"], log, self.environment(name))
        self.addCleanup(process.end)
        process.wait_for_words(said)
        return next(each for each in process.words().splitlines() if said in each)


if __name__ == "__main__":
    main()
