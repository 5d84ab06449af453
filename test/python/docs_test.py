"""docs_test.py COMMANDS [TEST...]: the examples of docs/python.md, each section a test. A block of Python
runs at one of two daemons; a block of text after it is what it prints."""
import ast
import contextlib
import importlib.util
import io
import os
import re
import unittest

from case import Network, ROOT, main

if importlib.util.find_spec("fsspec"):
    import kachery_p2p.fsspec  # as fsspec does with a package that is installed

PAGE = ROOT / "docs" / "python.md"
BLOCK = re.compile(r"<!-- (here|there) -->\n```python\n(.*?)```\n(?:```text\n(.*?)```\n)?", re.S)
PLACES = {"here": "alice", "there": "bob"}


def imported(blocks):
    """The names of the modules that the blocks import."""
    for _, code, _ in blocks:
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module


class Examples(Network):
    def run_all(self, title, blocks):
        lacking = {name for name in imported(blocks)
                   if not importlib.util.find_spec(name.split(".")[0])}
        if lacking:
            self.skipTest(f"{' and '.join(sorted(lacking))} not installed")
        folder = self.root / "examples" / title
        names = {}
        for place, code, expected in blocks:
            (folder / place).mkdir(parents=True, exist_ok=True)
            os.chdir(folder / place)
            out = io.StringIO()
            with self.at(PLACES[place]), contextlib.redirect_stdout(out):
                exec(compile(code, f"{PAGE.name}, {title}", "exec"), names)
            self.assertEqual(out.getvalue(), expected)
        os.chdir("/")


def add_tests():
    for section in PAGE.read_text().split("\n## ")[1:]:
        title = section.split("\n", 1)[0]
        blocks = BLOCK.findall(section)
        assert section.count("```python") == len(blocks) > 0, title
        name = "test_" + re.sub(r"\W+", "_", title.lower())
        setattr(Examples, name, lambda self, t=title, b=blocks: self.run_all(t, b))


add_tests()

if __name__ == "__main__":
    main()
