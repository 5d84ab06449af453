#!/usr/bin/env python3
"""dropped_results.py BUILD_ROOT: no Result is dropped. g++ 12 stays silent when a co_await drops
a [[nodiscard]] value; clang says so, so it reads every source that awaits. Skipped (77)
without clang++."""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys

from compiled import units

TOPS = ("proto", "node", "cmd")
KEPT = ("-I", "-D", "-std", "-isystem")
CLANG = ["clang++", "-fsyntax-only", "-Wno-everything", "-Werror=unused-result", "-ferror-limit=5"]
# asio 1.22 does not recognise coroutines in clang with libstdc++.
COROUTINES = ["-DASIO_HAS_CO_AWAIT=1", "-DASIO_HAS_STD_COROUTINE=1"]

if not shutil.which("clang++"):
    print("SKIPPED: no clang++")
    sys.exit(77)
build = pathlib.Path(sys.argv[1])


def awaiting():
    root = pathlib.Path(__file__).resolve().parents[2]
    tops = tuple(root / top for top in TOPS)
    for unit in units(build):
        ours = [source for source in unit.sources if any(top in source.parents for top in tops)]
        if any("co_await" in source.read_text() for source in ours):
            yield unit


def check(unit):
    flags = [word for word in unit.words if word.startswith(KEPT)]
    return len(unit.sources), subprocess.run(CLANG + COROUTINES + flags + [unit.path],
                                             cwd=unit.directory, capture_output=True, text=True)


count = failed = 0
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    for sources, done in pool.map(check, awaiting()):
        count += sources
        if done.returncode:
            failed += 1
            print(done.stderr)
print(f"{count} sources, {failed} compilations with errors")
sys.exit(1 if failed or not count else 0)
