"""Where the bytes that a URI names come from: the daemon, the storage itself where none runs, or a
file of this computer that is named in place of a URI."""

from __future__ import annotations

import contextlib
import json
import operator
import os
import re
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, SupportsIndex, Tuple, Union
from urllib.parse import unquote

from . import _api, _storage
from ._api import PathLike
from ._dest import naming
from ._errors import Error, FailedError, NoDaemonError, NotFoundError, UsageError

_sha1_uri = re.compile(r"sha1://([0-9a-fA-F]{40})(?:[./?].*)?", re.S)
_dir_uri = re.compile(r"sha1dir://([0-9a-fA-F]{40})(?:\.[^/?]*)?(?:/([^?]*))?(\?.*)?", re.S)

# numpy's integers as well.
Index = Optional[SupportsIndex]


class Named(NamedTuple):
    """What a URI names: a file by its own URI, a file here by its path, or a directory."""

    uri: str
    path: Optional[str] = None
    directory: Optional[Dict[str, Any]] = None


class Source:
    """With `p2p` false only the storage is asked."""

    def __init__(self, p2p: bool = True) -> None:
        self._p2p = p2p

    def named(self, uri: PathLike) -> Named:
        """NotFoundError for a name that a sha1dir does not have."""
        text = os.fspath(uri)
        text = os.fsdecode(text) if isinstance(text, bytes) else str(text)
        match = _dir_uri.fullmatch(text.strip())
        if match:
            return self._in_directory(text.strip(), match)
        if "://" in text:
            return Named(text.strip())
        path = _api.absolute_path(text)
        if not os.path.exists(path):
            raise NotFoundError(f"there is no such file: {path}")
        return Named(text, path=path)

    def _in_directory(self, uri: str, match: "re.Match[str]") -> Named:
        root = parsed(uri, b"".join(self.cat_sha1(match.group(1))))
        path = match.group(2) or ""
        found = _at(uri, root, _components(path))
        if found == (None, None):  # as kachery prints it, a name stands bare, and may have a "?"
            found = _at(uri, root, (path + (match.group(3) or "")).split("/"))
        file, directory = found
        if directory is not None:
            return Named(uri, directory=directory)
        if file is None:
            raise NotFoundError(f"there is no such file or directory: {uri}")
        if not isinstance(file, dict) or not isinstance(file.get("sha1"), str):
            raise UsageError(f"it has no SHA-1: {uri}")
        return Named(f"sha1://{file['sha1']}")

    def path(self, named: Named) -> str:
        """Of a verified file."""
        if named.directory is not None:
            raise UsageError(f"it is a directory: {named.uri}")
        if named.path is not None:
            return named.path
        nobody = None
        if self._p2p:
            try:
                return str(_api.result("/v1/load", {"uri": named.uri}, "path")["path"])
            except NoDaemonError as error:
                nobody = error
        found = _storage.find(_sha1_of(named.uri))
        if found is None:
            raise _absent(nobody)
        with found:
            return found.path

    def load_directory(self, named: Named) -> None:
        """All its files into the storage, if there is anybody to get them from."""
        if self._p2p:
            with contextlib.suppress(NoDaemonError):
                _api.result("/v1/load", {"uri": named.uri, "directory": True}, "files")

    def cat_sha1(self, sha1: str) -> Iterator[bytes]:
        return self.cat(Named(f"sha1://{sha1}"))

    def cat(self, named: Named, start: Index = None, end: Index = None) -> Iterator[bytes]:
        """A range of a file, verified."""
        if named.directory is not None:
            raise UsageError(f"it is a directory: {named.uri}")
        body: Dict[str, Any] = {"uri": named.uri}
        if start is not None:
            body["start"] = operator.index(start)
        if end is not None:
            body["end"] = operator.index(end)
        if named.path is None and self._p2p:
            pieces = _api.frames("/v1/cat", body, "bytes")
            try:
                yield next(pieces, b"")
            except NoDaemonError as error:
                nobody = error
            else:
                yield from pieces
                return
        else:
            nobody = None
        yield from self._cat_here(named, body.get("start", 0), body.get("end"), nobody)

    def _cat_here(self, named: Named, start: int, end: Optional[int],
                  nobody: Optional[NoDaemonError]) -> Iterator[bytes]:
        if start < 0 or (end is not None and end < start):
            raise UsageError(f"not a range: {start} to {end}")
        if named.path is not None:
            with naming(named.path), _storage.Reader(named.path) as file:
                yield from file.range(start, end)
            return
        found = _storage.find(_sha1_of(named.uri))
        if found is None:
            raise _absent(nobody)
        with naming(found.path), found:
            yield from found.range(start, end)


def _sha1_of(uri: str) -> str:
    match = _sha1_uri.fullmatch(uri)
    if match is None:
        raise UsageError(f"not a sha1:// or sha1dir:// URI: {uri}")
    return match.group(1).lower()


def _absent(nobody: Optional[NoDaemonError]) -> Error:
    if nobody is None:
        return NotFoundError("it is not in the storage")
    return NoDaemonError(f"it is not in the storage, and {nobody}")


def parsed(uri: str, text: Union[str, bytes]) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FailedError(f"{uri} is not JSON: {error}") from error


def _at(uri: str, found: Any, names: List[str]) -> Tuple[Any, Optional[Dict[str, Any]]]:
    for at, name in enumerate(names):
        inner = member(uri, found, "dirs").get(name)
        if inner is None and at == len(names) - 1:
            return member(uri, found, "files").get(name), None
        if inner is None:
            return None, None
        found = inner
    if isinstance(found, dict):
        return None, found
    raise FailedError(f"{uri} is not a directory")


def member(uri: str, directory: Any, kind: str) -> Dict[str, Any]:
    """The "files" or "dirs" of a directory."""
    members = directory.get(kind, {}) if isinstance(directory, dict) else None
    if isinstance(members, dict):
        return members
    raise FailedError(f"{uri} is not a directory")


def _components(path: str) -> List[str]:
    return [unquote(name) for name in path.split("/") if name]
