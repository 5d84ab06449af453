#!/usr/bin/env python3
"""joined_names.py [ROOT]: prints names that cannot be in one source.

./run compiles several sources of a library as one (Meson's unity builds). So a constant, type or
function in an anonymous namespace has a name that no other source of the library, and no header,
gives to another thing in the same namespace. And a type that a source names without its namespace
it brings in itself: another one's `using` is there only where both are compiled as one.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

libraries = {"proto": [], "node": ["node/client"], "node/client": []}
declaration = re.compile(
    r"^(?:(?:struct|class|enum class|enum)\s+(?P<type>\w+)(?=\s*(?:final\s*)?[:{])"
    r"|using\s+(?P<alias>\w+)\s*="
    r"|(?:template <[^>]*>\s*)?(?:[\w:<>,*&\s]+?[\s&*>])(?P<name>\w+)(?P<rest>\(|\s*=|\{|\[|;|,))")


def anonymous_lines(text):
    """(namespace around it, line) of each line at the left margin of an anonymous namespace."""
    around, inside = [], False
    for line in text.split("\n"):
        opened = re.match(r"^namespace (\S+) \{$", line)
        if opened:
            around.append(opened.group(1))
        elif line == "namespace {":
            inside = True
        elif line.startswith("}  // namespace"):
            if inside and line == "}  // namespace":
                inside = False
            elif around:
                around.pop()
        elif inside and line and line[0] not in " }#/":
            yield "::".join(around), line


def declared(path):
    """(namespace, name) of each type that a header declares."""
    around = []
    for line in path.read_text().split("\n"):
        opened = re.match(r"^namespace (\S+) \{$", line)
        found = re.match(r"^(?:class|struct|enum class)\s+(\w+)|^using\s+(\w+)\s*=", line)
        if opened:
            around.append(opened.group(1))
        elif line.startswith("}  // namespace") and around:
            around.pop()
        elif found:
            yield "::".join(around), found.group(1) or found.group(2)


def names(path):
    text = path.read_text()
    lines = text.split("\n")
    for around, line in anonymous_lines(text):
        found = declaration.match(line)
        if not found:
            continue
        if found.group("type") or found.group("alias"):
            yield around, found.group("type") or found.group("alias")
        elif found.group("rest") == "(":
            begin = lines.index(line)
            signature = " ".join(lines[begin:begin + 6])
            parameters = re.search(re.escape(found.group("name")) + r"\(([^)]*)\)", signature)
            kinds = re.sub(r"\s*\b\w+(?=\s*(?:,|$))", "", parameters.group(1) if parameters else "")
            yield around, found.group("name") + "(" + kinds + ")"
        else:
            yield around, found.group("name")
            for other in re.findall(r",\s*(\w+)\s*=", line):
                yield around, other


brought_in = re.compile(r"^using ((?:\w+::)+)([A-Z]\w*);", re.M)


def headers_of(root, path, seen):
    """All of the project's headers that a source sees."""
    for name in re.findall(r'#include "([^"]+)"', path.read_text()):
        header = root / name
        if header not in seen and header.exists():
            seen.add(header)
            headers_of(root, header, seen)
    return seen


def borrowed(root, sources):
    """(source, type, its lender) of each type that only another source's `using` can name."""
    texts = {path: re.sub(r'//.*|"[^"\n]*"$', "", path.read_text()) for path in sources}
    lent = {name: (space[:-2], path)
            for path, text in texts.items() for space, name in brought_in.findall(text)}
    for path, text in texts.items():
        used = {name for name, (space, _) in lent.items()
                if re.search(r"(?<![\w:.>~])" + name + r"\b(?=::|[\s&*{(])", text)
                and "using namespace " + space not in text}
        if not used:
            continue
        own = "::".join(re.findall(r"^namespace (\S+) \{$", text, re.M)[:1])
        for header in headers_of(root, path, set()):
            used -= {name for space, name in declared(header) if (own + "::").startswith(space + "::")}
            inner = r"^ +(?:struct|class|enum class|enum|using) (\w+)"
            used -= set(re.findall(inner, header.read_text(), re.M))
            used -= {name for _, name in brought_in.findall(header.read_text())}
        used -= set(re.findall(r"\b(?:struct|class|enum class|enum|using) (?:\w+::)*(\w+)", text))
        for name in sorted(used):
            yield path, name, lent[name][1]


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent.parent)
    bad = False
    for library, without in libraries.items():
        where = defaultdict(set)
        for path in sorted((root / library).rglob("*.cpp")):
            name = str(path.relative_to(root))
            if any(name.startswith(other + "/") for other in without) or "_portable" in name:
                continue
            for key in names(path):
                where[key].add(name)
        for path in sorted((root / library).rglob("*.hpp")):
            for key in set(declared(path)) & set(where):
                where[key].add(str(path.relative_to(root)))
        sources = [path for path in sorted((root / library).rglob("*.cpp"))
                   if not any(str(path.relative_to(root)).startswith(other + "/") for other in without)]
        for path, name, lender in borrowed(root, sources):
            print(f"{path.relative_to(root)} names {name} as {lender.relative_to(root)} brings it in")
            bad = True
        for (around, what), sources in sorted(where.items()):
            if len(sources) > 1:
                print(f"{what} is in the anonymous namespace of {', '.join(sorted(sources))}")
                bad = True
    sys.exit(bad)


main()
