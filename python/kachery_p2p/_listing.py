"""The listing of a sha1dir, {"files": {name: {"size", "sha1"}}, "dirs": {name: the same again}}: what
of it can be written below a directory, and nowhere else."""

from __future__ import annotations

import re
import warnings
from typing import Any, Dict
from urllib.parse import quote

from . import _dest
from ._errors import FailedError
from ._source import Named, Source, member

_sha1 = re.compile(r"[0-9a-fA-F]{40}")


def load_directory(source: Source, named: Named, dest: str) -> None:
    """All of it to a directory of the caller's."""
    listing = checked(named.uri, named.directory)
    try:
        if not _dest.holds(dest, listing):
            source.load_directory(named)
            _dest.write_directory(dest, listing, lambda path, sha1: source.cat_sha1(
                sha1, within=f"{named.uri}/{quote(path)}"))
        size = _size(listing)
        source.progress.now(size, size)
    except RecursionError:
        raise FailedError(f"{dest}: the directories are too deep") from None


def _size(listing: Dict[str, Any]) -> int:
    files = sum(int(file["size"]) for file in listing["files"].values())
    return files + sum(map(_size, listing["dirs"].values()))


def checked(uri: str, directory: Any) -> Dict[str, Any]:
    """What of a listing can be written below a directory, and nowhere else."""
    files = {name: file for name, file in member(uri, directory, "files").items()
             if _is_name(uri, name) and _is_file(uri, name, file)}
    dirs = {name: checked(uri, inner) for name, inner in member(uri, directory, "dirs").items()
            if _is_name(uri, name) and name not in files}
    return {"files": files, "dirs": dirs}


def _is_name(uri: str, name: str) -> bool:
    try:
        good = name not in ("", ".", "..") and not {"/", "\0"} & set(name)
        good = good and len(name.encode()) <= 255
    except UnicodeEncodeError:
        good = False
    if not good:
        warnings.warn(f"{uri}: left out, as it can be no name here: {name!r}", stacklevel=3)
    return good


def _is_file(uri: str, name: str, file: Any) -> bool:
    good = (isinstance(file, dict) and isinstance(file.get("size"), int) and
            bool(_sha1.fullmatch(str(file.get("sha1")))))
    if not good:
        warnings.warn(f"{uri}: left out, as it has no SHA-1 or size: {name!r}", stacklevel=3)
    return good
