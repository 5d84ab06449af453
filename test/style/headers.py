#!/usr/bin/env python3
"""headers.py SOURCE_ROOT BUILD_ROOT: every header of proto/ and node/ compiles alone. One that is
the first include of its own source file is proven by that, if each source is compiled alone; the
others are compiled here, with the flags of a source file that the build already compiles. A
header that includes one of OFTEN, by whatever way, finds that compiled before."""
import concurrent.futures
import functools
import itertools
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from compiled import units

root, build = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
OFTEN = [root / "node" / "async" / "asio.hpp", root / "proto" / "bytes.hpp"]  # the dearest first
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)', re.M)


compiled = list(units(build))
alone = {unit.sources[0] for unit in compiled}


def proven(header):
    source = header.with_suffix(".cpp")
    if source not in alone:
        return False
    first = INCLUDE.search(source.read_text())
    return bool(first) and root / first.group(1) == header


def flags():
    unit = next(unit for unit in compiled if root / "node" / "asio.cpp" in unit.sources)
    keep = [w for w in unit.words if not w.endswith((".cpp", ".o", ".d")) and w not in ("-o", "-c", "-MD", "-MQ", "-MF")]
    return [w for w in keep if "ccache" not in w], unit.directory


words, directory = flags()


@functools.cache
def included(header):
    """The project's headers that `header` includes, by whatever way."""
    direct = {root / name for name in INCLUDE.findall(header.read_text())}
    direct = {path for path in direct if path.is_file()}
    return direct.union(*map(included, direct))


def compile_header(header, options):
    return subprocess.run([*words, *options, "-x", "c++-header", str(header)],
                          cwd=directory, capture_output=True, text=True)


def precompile(header, folder):
    before = pathlib.Path(folder) / header.name
    before.write_text(f'#include "{header}"\n')
    compile_header(before, ["-o", f"{before}.gch"]).check_returncode()
    return before


def compile_alone(header, precompiled):
    before = next((precompiled[h] for h in OFTEN if h in included(header)), None)
    options = ["-include", str(before)] if before else []
    return header, compile_header(header, ["-fsyntax-only", *options])


headers = sorted(h for top in ("proto", "node") for h in (root / top).rglob("*.hpp"))
unproven = [h for h in headers if not proven(h)]
failed = 0
with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    precompiled = {header: precompile(header, folder) for header in OFTEN}
    for header, done in pool.map(compile_alone, unproven, itertools.repeat(precompiled)):
        if done.returncode:
            failed += 1
            print(f"{header.relative_to(root)} does not compile alone:\n{done.stderr}")
print(f"{len(headers)} headers, {len(unproven)} of them compiled here, {failed} failed")
sys.exit(1 if failed or not headers else 0)
