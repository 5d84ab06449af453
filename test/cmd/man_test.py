#!/usr/bin/env python3
"""man_test.py COMMANDS MAN: every command has the options, environment variables and keys of
config.json that its page in the folder MAN describes, and describes those that it has. What it has
is what --help says, which the table of settings makes."""
import pathlib
import re
import subprocess
import sys
import unittest

COMMANDS, MAN = map(pathlib.Path, sys.argv[1:])
ALWAYS = {"--help", "--version"}  # one entry in every page, whether --help names them or not


def helped(command: str) -> str:
    return subprocess.run([COMMANDS / command, "--help"], capture_output=True, text=True,
                          check=True).stdout


def page(command: str) -> str:
    return (MAN / f"{command}.1").read_text().replace("\\-", "-")


def options_of_page(text: str) -> set[str]:
    """In the entries of OPTIONS: `.B --port N`, `.B --help, --version`."""
    section = re.search(r"\.SH OPTIONS\n(.*?)(?=\n\.SH |\Z)", text, re.DOTALL)
    entries = re.findall(r"^\.B (.*)$", section.group(1), re.MULTILINE) if section else []
    return {word for entry in entries for word in re.findall(r"(?<!\S)--[a-z-]+", entry)}


class Man(unittest.TestCase):
    def commands(self):
        names = sorted(path.stem for path in MAN.glob("*.1"))
        built = sorted(path.name for path in COMMANDS.glob("kp2p-*") if path.is_file() and not path.suffix)
        self.assertEqual(names, built)
        return names

    def test_the_options_of_a_command_are_those_of_its_page(self):
        for command in self.commands():
            with self.subTest(command):
                has = set(re.findall(r"^\s+(?:-\w,)?(--[a-z-]+)", helped(command), re.MULTILINE))
                self.assertEqual(options_of_page(page(command)) | ALWAYS, has | ALWAYS)

    def test_the_variables_and_keys_of_the_daemon_are_those_of_its_page(self):
        words = " ".join(helped("kp2p-start-daemon").split())
        text = page("kp2p-start-daemon")
        described = text[text.index(".B config.json"):].split(".TP")[0]
        self.assertEqual(set(re.findall(r'"(\w+)"', described)),
                         set(re.findall(r"in config\.json: (\w+)", words)))
        self.assertEqual(set(re.findall(r"\$(KACHERY_\w+)", text)),
                         set(re.findall(r"environment: (\w+)", words)))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
