#!/usr/bin/env python3
"""headers.py SOURCE_ROOT BUILD_ROOT: every header of proto/ and node/ compiles alone. One that is
the first include of its own source file is proven by that, if each source is compiled alone; the
others are compiled here, with the flags of a source file that the build already compiles."""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

from compiled import units

root, build = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
FIRST_INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)', re.M)


compiled = list(units(build))
alone = {unit.sources[0] for unit in compiled}


def proven(header):
    source = header.with_suffix(".cpp")
    if source not in alone:
        return False
    first = FIRST_INCLUDE.search(source.read_text())
    return bool(first) and root / first.group(1) == header


def flags():
    unit = next(unit for unit in compiled if unit.sources[0] == root / "node" / "asio.cpp")
    keep = [w for w in unit.words if not w.endswith((".cpp", ".o", ".d")) and w not in ("-o", "-c", "-MD", "-MQ", "-MF")]
    return [w for w in keep if "ccache" not in w], unit.directory


words, directory = flags()


def compile_alone(header):
    done = subprocess.run(words + ["-fsyntax-only", "-Wno-pragma-once-outside-header", "-x", "c++", str(header)],
                          cwd=directory, capture_output=True, text=True)
    return header, done


headers = sorted(h for top in ("proto", "node") for h in (root / top).rglob("*.hpp"))
unproven = [h for h in headers if not proven(h)]
failed = 0
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    for header, done in pool.map(compile_alone, unproven):
        if done.returncode:
            failed += 1
            print(f"{header.relative_to(root)} does not compile alone:\n{done.stderr}")
print(f"{len(headers)} headers, {len(unproven)} of them compiled here, {failed} failed")
sys.exit(1 if failed or not headers else 0)
