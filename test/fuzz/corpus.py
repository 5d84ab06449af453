#!/usr/bin/env python3
"""corpus.py OUTPUT_DIR VECTORS.json...: writes every distinct hexadecimal string of the vector
files as one file of bytes, and one empty file, for a fuzz target to start from."""
import hashlib
import json
import pathlib
import re
import sys

HEX = re.compile(r"(?:[0-9a-f]{2})+")


def byte_strings(node):
    if isinstance(node, str):
        if HEX.fullmatch(node):
            yield bytes.fromhex(node)
    elif isinstance(node, dict):
        for value in node.values():
            yield from byte_strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from byte_strings(value)


output = pathlib.Path(sys.argv[1])
output.mkdir(parents=True, exist_ok=True)
seeds = {b""}
for name in sys.argv[2:]:
    seeds.update(byte_strings(json.loads(pathlib.Path(name).read_text())))
for seed in seeds:
    (output / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
output.touch()
