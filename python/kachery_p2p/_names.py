"""A content under a name of its own: most programs tell what a file is by the end of its name, and its
hash has none. (node/store/catalog/names.hpp)"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
from urllib.parse import unquote

from ._folders import Folders

_uri = re.compile(r"sha1(?:dir)?://[0-9a-fA-F]{40}(?:\.([^/?]*))?(?:/([^?]*))?(?:\?.*)?", re.S)
_kept = re.compile(r"%(00|2[fF])")  # no name has a NUL or a slash, so they stand for themselves
_max_bytes = 255  # NAME_MAX of the usual file systems


def own_name(uri: str) -> str:
    """What a copy of it is called; empty where it has no name that a file could have."""
    match = _uri.fullmatch(uri)
    named = (match.group(2) or match.group(1) or "") if match else ""
    last = named[named.rfind("/") + 1:]
    name = unquote(_kept.sub(r"%25\1", last), errors="surrogateescape")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return ""
    odd = name in (".", "..") or re.search(r"[/\x00-\x1f\x7f]", name)
    return name if not odd and size <= _max_bytes else ""


def named_content(root: pathlib.Path, content: pathlib.Path, name: str) -> str:
    """The path that ends in the name, or that of the content where there can be none. It is a symbolic
    link, which shows in no stamp of the content: the daemon need not check that anew."""
    parent = root / "kp2p" / "names" / content.name[:2] / content.name
    named, target = parent / name, os.path.relpath(content, parent)
    with contextlib.suppress(OSError):
        if os.path.samefile(named, content):
            return str(named)
    with contextlib.suppress(OSError):
        folders = Folders(root)
        for folder in (*(parent.parents[above] for above in (2, 1, 0)), parent):
            folders.make(folder)
            if folder.is_symlink():  # another user's trap
                return str(content)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(named)
        os.symlink(target, named)
        folders.give(named)
        return str(named)
    return str(content)
