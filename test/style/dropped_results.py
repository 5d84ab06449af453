#!/usr/bin/env python3
"""dropped_results.py BUILD_ROOT: no Result is dropped. g++ 12 stays silent when a co_await drops
a [[nodiscard]] value; clang says so, so it reads every source that awaits once. Skipped (77)
without clang++."""
import concurrent.futures
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

TOPS = ("proto", "node", "cmd")
KEPT = ("-I", "-D", "-std", "-isystem")
CLANG = ["clang++", "-fsyntax-only", "-Wno-everything", "-Werror=unused-result", "-ferror-limit=5"]
# asio 1.22 does not recognise coroutines in clang with libstdc++.
COROUTINES = ["-DASIO_HAS_CO_AWAIT=1", "-DASIO_HAS_STD_COROUTINE=1"]

if not shutil.which("clang++"):
    print("SKIPPED: no clang++")
    sys.exit(77)
build = pathlib.Path(sys.argv[1])


def sources():
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
        top = os.path.relpath(source, os.path.join(entry["directory"], "..")).split(os.sep)[0]
        if top in TOPS and "co_await" in pathlib.Path(source).read_text():
            flags = [w for w in shlex.split(entry["command"]) if w.startswith(KEPT)]
            yield entry["directory"], source, flags


def check(entry):
    directory, source, flags = entry
    return source, subprocess.run(CLANG + COROUTINES + flags + [source], cwd=directory,
                                  capture_output=True, text=True)


count = failed = 0
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    for source, done in pool.map(check, sources()):
        count += 1
        if done.returncode:
            failed += 1
            print(done.stderr)
print(f"{count} sources, {failed} with errors")
sys.exit(1 if failed or not count else 0)
