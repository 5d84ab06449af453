#!/usr/bin/env python3
"""embed.py OUTPUT FILE...: a C++ source with the files of the web page, as web_assets.hpp says."""
import pathlib
import sys

TYPES = {".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


def literal(content):
    """Bytes as adjacent literals, short enough for every compiler."""
    lines = []
    for line in content.splitlines(keepends=True):
        lines.append('"' + "".join(
            chr(byte) if 32 <= byte < 127 and byte not in b'"\\?' else f"\\{byte:03o}"
            for byte in line) + '"')
    return "\n        ".join(lines)


def main(output, *files):
    rows = []
    for file in map(pathlib.Path, files):
        path = "/" if file.name == "index.html" else f"/web/{file.name}"
        content = file.read_bytes()
        rows.append(f'    {{"{path}", "{TYPES[file.suffix]}", std::string_view(\n'
                    f'        {literal(content)}, {len(content)})}},\n')
    pathlib.Path(output).write_text(
        '#include "node/api/web_assets.hpp"\n\nnamespace kp2p {\nnamespace {\n\n'
        f'constexpr WebAsset all_web_assets[] = {{\n{"".join(rows)}}};\n\n'
        '}  // namespace\n\nstd::span<const WebAsset> web_assets() { return all_web_assets; }\n\n'
        '}  // namespace kp2p\n')


if __name__ == "__main__":
    main(*sys.argv[1:])
