"""docs/tutorial.md, from its first command to its last, at two computers that share a private network."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from case import COMMANDS, NetworkCase, main

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"<!-- (alice|bob)(?: gets (\S+))? -->\n```sh\n(.*?)```\n(?:```text\n(.*?)```\n)?", re.S)
SECONDS = 60


class Tutorial(NetworkCase):
    def meet(self):
        self.people = {name: self.network.idle(name) for name in ("alice", "bob")}
        told = {"bootstrap": [self.network.bootstrap_address], "host": "127.0.0.1", "port": 0, "api_port": 0,
                "no_port_mapping": True, "no_lan": True}
        for person in self.people.values():
            (person.config_dir / "config.json").write_text(json.dumps(told))
            self.addCleanup(person.run, "kp2p-stop-daemon", check=False)

    def folder(self, name):
        folder = self.root / name / "desk"
        folder.mkdir(exist_ok=True)
        return folder

    def run_block(self, name, script):
        environment = {**self.people[name].environment(), "LC_ALL": "C", "PYTHONPATH": str(ROOT / "python"),
                       "PYTHONDONTWRITEBYTECODE": "1",
                       "PATH": f"{COMMANDS.resolve()}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(["sh", "-ec", script], cwd=self.folder(name), env=environment, timeout=SECONDS,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, script + done.stdout + done.stderr)
        return done.stdout

    def test_every_command_says_what_the_page_says(self):
        self.meet()
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


if __name__ == "__main__":
    main()
