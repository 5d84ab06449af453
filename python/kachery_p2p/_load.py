"""Files that others, or this computer, provide."""

from __future__ import annotations

import json
import re
import sys
import warnings
from typing import Any, BinaryIO, Dict, Iterator, List, Optional, Tuple, Union

from . import _api, _dest
from ._api import PathLike
from ._errors import FailedError, NotFoundError, UsageError

_sha1 = re.compile(r"[0-9a-fA-F]{40}")
_dir_uri = re.compile(r"sha1dir://([0-9a-fA-F]{40})(?:\.[^/?]*)?(?:/([^?]*))?(\?.*)?", re.S)


def load_file(uri: str, dest: Optional[PathLike] = None) -> Optional[str]:
    """The path of the verified file; copied to `dest` if given. A whole sha1dir needs `dest`, the
    directory to make. A device or FIFO at `dest` is written to, a link is followed, a file is
    replaced. None if nobody provides it."""
    try:
        if dest is None:
            return str(_api.result("/v1/load", {"uri": uri}, "path")["path"])
        to = _api.absolute_path(dest)
        _load_to(uri, to)
        return to
    except NotFoundError:
        return None


def _load_to(uri: str, dest: str) -> None:
    uri = uri.strip()
    if _dir_uri.fullmatch(uri):
        file, directory = _find(uri)
        if directory is not None:
            listing = _checked(uri, directory)
            _load_directory(uri, listing, dest)
            return
        if file is None or not _is_file(uri, uri, file):
            raise UsageError(f"there is no such file or directory: {uri}")
        uri = f"sha1://{file['sha1']}"
    _dest.refuse_file(dest)
    _api.result("/v1/load", {"uri": uri}, "path")
    _dest.write_file(dest, _cat(uri, None, None))


def _load_directory(uri: str, listing: Dict[str, Any], dest: str) -> None:
    try:
        if not _dest.holds(dest, listing):
            _api.result("/v1/load", {"uri": uri, "directory": True}, "files")
            _dest.write_directory(dest, listing, _cat_sha1)
    except RecursionError:
        raise FailedError(f"{dest}: the directories are too deep") from None


def _cat_sha1(sha1: str) -> Iterator[bytes]:
    return _cat(f"sha1://{sha1}", None, None)


def _checked(uri: str, directory: Any) -> Dict[str, Any]:
    """What of a listing can be written below a directory, and nowhere else."""
    files = {name: file for name, file in _member(uri, directory, "files").items()
             if _is_name(uri, name) and _is_file(uri, name, file)}
    dirs = {name: _checked(uri, inner) for name, inner in _member(uri, directory, "dirs").items()
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
    return _api.frames("/v1/cat", body, "bytes")


def find_file(uri: str) -> List[Dict[str, Any]]:
    """Who provides a file: a list of {"node", "size", "complete"}, empty if nobody does."""
    try:
        return [{key: event[key] for key in ("node", "size", "complete")}
                for event in _api.events("/v1/find", {"uri": uri}, "providers")
                if event.get("event") == "provider"]
    except NotFoundError:
        return []


def read_dir(uri: str) -> Optional[Dict[str, Any]]:
    """What a sha1dir, or a directory in it, holds: {"files": {name: {"size", "sha1"}}, "dirs":
    {name: the same again}}. None if nobody provides it, or it has no such directory."""
    if not _dir_uri.fullmatch(uri.strip()):
        raise UsageError(f"not a sha1dir:// URI: {uri}")
    try:
        _, directory = _find(uri)
    except NotFoundError:
        return None
    if directory is None:
        return None
    _member(uri, directory, "files")
    _member(uri, directory, "dirs")
    return dict(directory)


def _find(uri: str) -> Tuple[Any, Optional[Dict[str, Any]]]:
    """What a path in a sha1dir names, as it stands in the listing: a file, or a directory."""
    match = _dir_uri.fullmatch(uri.strip())
    assert match
    root = _parse(uri, b"".join(_cat_sha1(match.group(1))))
    path = match.group(2) or ""
    found = _at(uri, root, _components(path))
    if found == (None, None):  # as kachery prints it, a name stands bare, and may have a "?"
        found = _at(uri, root, (path + (match.group(3) or "")).split("/"))
    return found


def _at(uri: str, found: Any, names: List[str]) -> Tuple[Any, Optional[Dict[str, Any]]]:
    for at, name in enumerate(names):
        inner = _member(uri, found, "dirs").get(name)
        if inner is None and at == len(names) - 1:
            return _member(uri, found, "files").get(name), None
        if inner is None:
            return None, None
        found = inner
    if isinstance(found, dict):
        return None, found
    raise FailedError(f"{uri} is not a directory")


def _member(uri: str, directory: Any, kind: str) -> Dict[str, Any]:
    members = directory.get(kind, {}) if isinstance(directory, dict) else None
    if isinstance(members, dict):
        return members
    raise FailedError(f"{uri} is not a directory")


def _components(path: str) -> List[str]:
    from urllib.parse import unquote

    return [unquote(name) for name in path.split("/") if name]
