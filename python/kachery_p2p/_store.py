"""Files into the storage of this computer, from where others in our channels can load them."""

from __future__ import annotations

import json
import pathlib
import re
import tempfile
from typing import Any, Optional
from urllib.parse import quote

from . import _api
from ._api import PathLike
from ._errors import UsageError

_hash = re.compile(r"(sha1(?:dir)?://[0-9a-fA-F]{40})[^?]*(\?.*)?")


def store_file(path: PathLike, basename: Optional[str] = None) -> str:
    """Copies a file into the storage and returns its URI, which ends in `basename` if given."""
    return _put_named(path, basename)


def link_file(path: PathLike, basename: Optional[str] = None) -> str:
    """Like store_file(), but leaves the content where it is: when it changes it is not provided
    any more."""
    return _put_named(path, basename, link=True)


def store_dir(path: PathLike, label: Optional[str] = None) -> str:
    """Copies all files of a directory into the storage and returns its sha1dir:// URI."""
    ending = None if label is None else "." + _quoted(label)
    uri = _put(path)
    match = _hash.fullmatch(uri)
    if ending is None or match is None:
        return uri
    return match.group(1) + ending


def store_text(text: str, basename: str = "file.txt") -> str:
    """Stores text as UTF-8."""
    return _store_bytes(text.encode(), basename)


def store_json(value: Any, basename: str = "file.json", indent: Optional[int] = None) -> str:
    """Stores what json.dumps() makes of a value, without blanks unless `indent` is given."""
    separators = (",", ":") if indent is None else None
    return store_text(json.dumps(value, separators=separators, indent=indent), basename)


store_object = store_json


def store_npy(array: Any, basename: str = "file.npy") -> str:
    """Stores a numpy array, or what numpy makes one of, as a .npy file."""
    import numpy

    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "array.npy"
        numpy.save(path, numpy.asarray(array), allow_pickle=False)
        return _put_named(path, basename)


def _store_bytes(content: bytes, basename: str) -> str:
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "content"
        path.write_bytes(content)
        return _put_named(path, basename)


def _put_named(path: PathLike, basename: Optional[str], link: bool = False) -> str:
    ending = None if basename is None else "/" + _quoted(basename)
    uri = _put(path, link)
    match = _hash.fullmatch(uri)
    if ending is None or match is None:
        return uri
    return match.group(1) + ending + (match.group(2) or "")


def _put(path: PathLike, link: bool = False) -> str:
    body = {"path": _api.path_for_daemon(path), "link": link}
    return str(_api.result("/v1/store", body, "uri")["uri"])


def _quoted(name: str) -> str:
    """A name as it stands in a URI, where it cannot be any."""
    if name in (".", "..") or "/" in name or "\0" in name:
        raise UsageError(f"not a name: {name!r}")
    try:
        return quote(name, safe="")
    except UnicodeEncodeError:
        raise UsageError(f"not UTF-8: {name!r}") from None
