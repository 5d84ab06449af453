"""What the build compiles, from its compile_commands.json."""
import dataclasses
import json
import os
import pathlib
import re
import shlex

JOINED = re.compile(r"^#include<(.+)>$", re.M)  # a source that Meson's unity build writes


@dataclasses.dataclass
class Unit:
    directory: str
    words: list  # of the compiler's command
    path: pathlib.Path  # what is compiled
    sources: list  # of the project that are in it


def units(build):
    for entry in json.loads((pathlib.Path(build) / "compile_commands.json").read_text()):
        path = pathlib.Path(os.path.normpath(os.path.join(entry["directory"], entry["file"])))
        joined = JOINED.findall(path.read_text()) if "-unity" in path.name else [path]
        sources = [pathlib.Path(os.path.normpath(source)) for source in joined]
        yield Unit(entry["directory"], shlex.split(entry["command"]), path, sources)
