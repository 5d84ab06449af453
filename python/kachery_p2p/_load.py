"""Files that others, or this computer, provide."""

from __future__ import annotations

import json
import re
import sys
from typing import Any, BinaryIO, Dict, Iterator, List, Optional, Union

from . import _api
from ._api import PathLike
from ._errors import FailedError, NotFoundError, UsageError

_dir_uri = re.compile(r"sha1dir://([0-9a-fA-F]{40})(?:\.[^/?]*)?(?:/([^?]*))?")


def load_file(uri: str, dest: Optional[PathLike] = None) -> Optional[str]:
    """The path of the verified file; copied to `dest` if given. A whole sha1dir needs `dest`, the
    directory to make. None if nobody provides it."""
    body = {"uri": uri}
    if dest is not None:
        body["dest"] = _api.absolute_path(dest)
    try:
        return str(_api.result("/v1/load", body)["path"])
    except NotFoundError:
        return None


def load_text(uri: str) -> Optional[str]:
    """The content of a UTF-8 file. None if nobody provides it."""
    path = load_file(uri)
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise FailedError(f"{uri}: {error}") from error


def load_json(uri: str) -> Any:
    """The value in a JSON file. None if nobody provides it."""
    text = load_text(uri)
    return None if text is None else _parse(uri, text)


def _parse(uri: str, text: Union[str, bytes]) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FailedError(f"{uri} is not JSON: {error}") from error


load_object = load_json


def load_npy(uri: str) -> Any:
    """The numpy array in a .npy file. None if nobody provides it."""
    import numpy

    path = load_file(uri)
    try:
        return None if path is None else numpy.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise FailedError(f"{uri} is not an array: {error}") from error


def load_bytes(uri: str, start: Optional[int] = None, end: Optional[int] = None) -> Optional[bytes]:
    """The bytes from `start` up to, and without, `end`. None if nobody provides the file."""
    try:
        return b"".join(_cat(uri, start, end))
    except NotFoundError:
        return None


def cat_file(uri: str, start: Optional[int] = None, end: Optional[int] = None,
             file: Optional[BinaryIO] = None) -> Optional[int]:
    """Writes the bytes to `file` (default: standard output) as they are verified, and returns how
    many there were. None, and nothing written, if nobody provides the file."""
    out = sys.stdout.buffer if file is None else file
    written = 0
    try:
        for piece in _cat(uri, start, end):
            out.write(piece)
            written += len(piece)
    except NotFoundError:
        if written:
            raise
        return None
    out.flush()
    return written


def _cat(uri: str, start: Optional[int], end: Optional[int]) -> Iterator[bytes]:
    body: Dict[str, Any] = {"uri": uri}
    if start is not None:
        body["start"] = start
    if end is not None:
        body["end"] = end
    return _api.frames("/v1/cat", body)


def find_file(uri: str) -> List[Dict[str, Any]]:
    """Who provides a file: a list of {"node", "size", "complete"}, empty if nobody does."""
    try:
        return [{key: event[key] for key in ("node", "size", "complete")}
                for event in _api.events("/v1/find", {"uri": uri})
                if event.get("event") == "provider"]
    except NotFoundError:
        return []


def read_dir(uri: str) -> Optional[Dict[str, Any]]:
    """What a sha1dir, or a directory in it, holds: {"files": {name: {"size", "sha1"}}, "dirs":
    {name: the same again}}. None if nobody provides it, or it has no such directory."""
    match = _dir_uri.fullmatch(uri)
    if not match:
        raise UsageError(f"not a sha1dir:// URI: {uri}")
    content = load_bytes(f"sha1://{match.group(1)}")
    if content is None:
        return None
    directory = _parse(uri, content)
    for name in _components(match.group(2) or ""):
        directory = _member(uri, directory, "dirs").get(name)
        if directory is None:
            return None
    _member(uri, directory, "files")
    _member(uri, directory, "dirs")
    return dict(directory)


def _member(uri: str, directory: Any, kind: str) -> Dict[str, Any]:
    members = directory.get(kind, {}) if isinstance(directory, dict) else None
    if isinstance(members, dict):
        return members
    raise FailedError(f"{uri} is not a directory")


def _components(path: str) -> List[str]:
    from urllib.parse import unquote

    return [unquote(name) for name in path.split("/") if name]
