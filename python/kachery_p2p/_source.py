"""Where the bytes that a URI names come from: the daemon, the storage itself where none runs, or a
file of this computer that is named in place of a URI."""

from __future__ import annotations

import contextlib
import json
import math
import operator
import os
import re
from typing import (Any, Callable, Dict, Generator, Hashable, Iterator, List, Mapping, NamedTuple,
                    Optional, Sequence, SupportsIndex, Tuple, TypeVar, Union)
from urllib.parse import quote, unquote

from . import _api, _storage
from ._dest import naming
from ._ending import Deadline, never
from ._errors import (AbsentError, CanceledError, Error, FailedError, NoDaemonError, NotFoundError,
                      StorageUnavailableError, TimedOutError, UsageError, error_of)
from ._names import own_name
from ._outage import outlasting
from ._paths import PathLike, as_uri, local_path
from ._progress import Shown
from ._reach import reached_path

_sha1_uri = re.compile(r"sha1://([0-9a-fA-F]{40})(?:[./?].*)?", re.S)
_manifest = re.compile(r"\?(?:.*&)?manifest=([0-9a-fA-F]{40})(?:&|$)", re.S)
_sha1 = re.compile(r"[0-9a-fA-F]{40}")
_dir_uri = re.compile(r"sha1dir://([0-9a-fA-F]{40})(?:\.[^/?]*)?(?:/([^?]*))?(\?.*)?", re.S)

_Found = TypeVar("_Found")
_Key = TypeVar("_Key", bound=Hashable)
# numpy's integers as well.
Index = Optional[SupportsIndex]
Pieces = Generator[bytes, None, None]
_max_ranges = 1024  # of one call
_max_files, _max_uri_bytes = 256, 16 << 10  # the same; all URIs together
_least_wait, _longest_wait = 30, 86400  # seconds; the first is what the daemon does by itself
_max_bytes = (1 << 63) - 1  # beyond the end of every file
# Listings, with the bytes of their documents: who asks for one file of a directory after another
# has it parsed once.
_kept: Dict[str, Tuple[int, Any]] = {}
_most_kept_bytes = 16 << 20


class Named(NamedTuple):
    """What a URI names: a file by its own URI, a file here by its path, or a directory."""

    uri: str
    path: Optional[str] = None
    directory: Optional[Dict[str, Any]] = None
    within: str = ""  # the URI of the file in a sha1dir, as it was named

    @property
    def words(self) -> str:
        """What an error calls it."""
        return f"{self.within} ({self.uri})" if self.within else self.uri

    @property
    def named_uri(self) -> str:
        """Of a file in a sha1dir with the name that it has there, which its path is to end in."""
        name = own_name(self.within)
        return f"{self.uri}/{quote(name, safe='')}" if name else self.uri


def _calls(uris: Mapping[_Key, str]) -> Iterator[List[_Key]]:
    """As many for each as one call takes."""
    some: List[_Key] = []
    length = 0
    for key, uri in uris.items():
        length += len(uri)
        if some and (len(some) == _max_files or length > _max_uri_bytes):
            yield some
            some, length = [], len(uri)
        some.append(key)
    if some:
        yield some


class Sizes:
    """What has come of each of many files, and of all of them."""

    def __init__(self) -> None:
        self._each: Dict[Hashable, int] = {}
        self.all = 0

    def come(self, key: Hashable, size: int) -> int:
        self.all += size - self._each.get(key, 0)
        self._each[key] = size
        return self.all

    def is_here(self, key: Hashable, path: str) -> int:
        with contextlib.suppress(OSError):
            self.come(key, os.stat(path).st_size)
        return self.all


class Source:
    """With `p2p` false only the storage is asked. `progress` hears of what is loaded."""

    def __init__(self, p2p: bool = True, deadline: Deadline = never,
                 progress: Optional[Shown] = None, wait: Optional[float] = None) -> None:
        self._p2p = p2p
        self._deadline = deadline
        self.progress = progress or Shown(None)
        self._wait = wait

    def again(self) -> "Source":
        """For another question, which may take as long."""
        return Source(self._p2p, Deadline(self._deadline.seconds), None, self._wait)

    def outlasting(self, work: Callable[[], _Found]) -> _Found:
        """A question of one that is asked again; the next daemon, where this one ends and we wait."""
        return outlasting(work, self._wait, never)

    def named(self, uri: PathLike) -> Named:
        """NotFoundError for a name that a sha1dir does not have."""
        text = as_uri(uri)
        match = _dir_uri.fullmatch(text)
        if match:
            return self._in_directory(text, match)
        if text.startswith("sha1://"):
            return Named(text)
        if "://" in text:
            raise UsageError(f"{text}: a URI begins with sha1:// or sha1dir://, or is 40 hexadecimal "
                             "digits")
        path = reached_path(uri)
        if not os.path.exists(path):
            raise AbsentError(f"there is no such file: {path}")
        return Named(path, path=path)

    def _in_directory(self, uri: str, match: "re.Match[str]") -> Named:
        root = self.listing(match.group(1), uri)
        path = match.group(2) or ""
        found = at(uri, root, components(path))
        if found == (None, None):  # as kachery prints it, a name stands bare, and may have a "?"
            found = at(uri, root, (path + (match.group(3) or "")).split("/"))
        file, directory = found
        if directory is not None:
            return Named(uri, directory=directory)
        if file is None:
            raise AbsentError(f"there is no such file or directory: {uri}")
        return Named(f"sha1://{file_sha1(uri, file)}", within=uri)

    def listing(self, sha1: str, uri: str) -> Any:
        """What a sha1dir has in it, by its hash. It is kept, and not to be changed."""
        sha1 = sha1.lower()
        known = _kept.get(sha1)
        if known is not None:
            return known[1]
        text = b"".join(self.cat_sha1(sha1, within=uri))
        listing = parsed(uri, text)
        _keep(sha1, len(text), listing)
        return listing

    def path(self, named: Named) -> str:
        """Of a verified file."""
        path, nobody = self._loaded(named)
        if path is not None:
            return path
        sha1 = sha1_of(named.uri)
        found = _storage.find(sha1)
        if found is None:
            raise _absent(named.words, nobody)
        with found:
            self.progress.now(found.size, found.size)
            return _storage.named(found, sha1, own_name(named.within or named.uri))

    def _loaded(self, named: Named) -> Tuple[Optional[str], Optional[NoDaemonError]]:
        """Where the daemon says that it is, or why it cannot be asked."""
        if named.directory is not None:
            raise UsageError(f"it is a directory: {named.uri}")
        if named.path is not None:
            self._all_here(named.path)
            return named.path, None
        if not self._p2p:
            return None, None
        try:
            done = _api.result("/v1/load", self._body(uri=named.named_uri), "path", self._deadline,
                               self.progress.event, about=named.words)
        except NoDaemonError as error:
            return None, error
        path = local_path(str(done["path"]))
        self._all_here(path)
        return path, None

    def paths(self, files: Mapping[_Key, Named],
              sizes: "Sizes") -> Iterator[Tuple[_Key, Union[str, Error]]]:
        """The same of many, by their keys, as they come: of a daemon together."""
        left = dict(files)
        try:
            for key, found in self.together(files, sizes):
                del left[key]
                yield key, found
        except (NoDaemonError, UsageError):  # what is no URI, or an older daemon
            pass
        for key, named in left.items():
            if self._deadline.passed():
                raise self._deadline.error()
            quiet = Source(self._p2p, self._deadline, None, self._wait)
            try:
                path = quiet.path(named)
            except (CanceledError, TimedOutError):
                raise
            except Error as error:
                yield key, error
            else:
                self.progress.now(sizes.is_here(key, path), 0)
                yield key, path

    def together(self, files: Mapping[_Key, Named], sizes: "Sizes",
                 unnamed: bool = False) -> Iterator[Tuple[_Key, Union[str, Error]]]:
        """Those of them that the daemon can be asked for, by a few calls. Unnamed: the paths are
        those of the contents, and end in hashes."""
        uris = {key: named.named_uri for key, named in files.items() if named.path is None}
        for keys in _calls(uris) if self._p2p else ():
            body = self._body(uris=[uris[key] for key in keys], unnamed=unnamed)
            for event in _api.events("/v1/load", body, "files", self._deadline):
                if event.get("event") != "file":
                    continue
                key, line = keys[event["index"]], event["line"]
                if line.get("event") == "progress":
                    done = sizes.come(key, int(line.get("verified_bytes", 0)))
                    self.progress.event({**line, "verified_bytes": done, "size_bytes": 0})
                elif line.get("event") == "error":
                    yield key, error_of(line, files[key].words)
                else:
                    path = local_path(str(line["path"]))
                    self.progress.now(sizes.is_here(key, path), 0)
                    yield key, path

    def _all_here(self, path: str) -> None:
        with contextlib.suppress(OSError):
            size = os.stat(path).st_size
            self.progress.now(size, size)

    def _body(self, **fields: Any) -> Dict[str, Any]:
        """`wait` is for when all who gave the file have gone meanwhile."""
        if self._wait is None:
            return fields
        return {**fields, "wait": math.ceil(min(max(self._wait, _least_wait), _longest_wait))}

    def content(self, named: Named) -> bytearray:
        """All bytes of a file, as they were verified: they are hashed here, after they were read."""
        path, nobody = self._loaded(named)
        if named.path is not None:
            return bytearray().join(self.cat(named))
        sha1 = sha1_of(named.uri)
        found = _storage.content(sha1) if path is None else _storage.content_if(path, sha1)
        if found is not None:
            self.progress.now(len(found), len(found))
            return found
        if path is None:
            raise _absent(named.words, nobody)
        return bytearray().join(self.cat(named))  # the daemon sees it, and we do not

    def held(self, named: Named) -> _storage.Reader:
        """The verified file, open: it stays this one, whatever comes to have its name."""
        path, nobody = self._loaded(named)
        if named.path is not None:
            with naming(named.path):
                return _storage.Reader(named.path)
        sha1 = sha1_of(named.uri)
        found = _storage.find(sha1) if path is None else _storage.opened_if(path, sha1)
        if found is not None:
            return found
        if path is None:
            raise _absent(named.words, nobody)
        raise FailedError(f"{path}: it cannot be read here, or has changed")

    def load_directory(self, named: Named) -> None:
        """All its files into the storage, if there is anybody to get them from."""
        if self._p2p:
            with contextlib.suppress(NoDaemonError):
                body = self._body(uri=named.uri, directory=True)
                _api.result("/v1/load", body, "files", self._deadline, self.progress.event,
                            about=named.words)

    def cat_sha1(self, sha1: str, within: str = "") -> Pieces:
        return self.cat(Named(f"sha1://{sha1}", within=within))

    def cat(self, named: Named, start: Index = None, end: Index = None) -> Pieces:
        """A range of a file, verified."""
        if named.directory is not None:
            raise UsageError(f"it is a directory: {named.uri}")
        body = self._body(uri=named.uri)
        if start is not None:
            body["start"] = min(operator.index(start), _max_bytes)
        if end is not None:
            body["end"] = min(operator.index(end), _max_bytes)
        if named.path is None and self._p2p:
            pieces = _api.frames("/v1/cat", body, "bytes", self._deadline, about=named.words)
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
        found = _storage.find(sha1_of(named.uri))
        if found is None:
            raise _absent(named.words, nobody)
        with naming(found.path), found:
            yield from found.range(start, end)

    def spans(self, named: Named, spans: Sequence[Tuple[int, int]]) -> List[bytes]:
        """Many ranges, all at once."""
        reader = self.here(named)
        if reader:
            with reader:
                return [reader.read(start, end) for start, end in spans]

        body = self._body(uri=named.uri)
        found: List[bytes] = []
        for first in range(0, len(spans), _max_ranges):
            some = spans[first:first + _max_ranges]
            found += _api.ranges(body, some, self._deadline, about=named.words)
        return found

    def here(self, named: Named) -> Optional[_storage.Reader]:
        """The file, open, where it is read without a daemon: a path of the caller's, or one of the
        storage while no daemon runs."""
        if named.directory is not None:
            raise UsageError(f"it is a directory: {named.uri}")
        if named.path is not None:
            return self.held(named)
        sha1 = sha1_of(named.uri)
        nobody = None
        if self._p2p:
            try:
                _api.call("GET", "/v1/channels", promised="channels")
                return None
            except NoDaemonError as error:
                nobody = error
        found = _storage.find(sha1)
        if found is None:
            raise _absent(named.words, nobody)
        return found

    def size(self, named: Named) -> int:
        """Of a file that the daemon has or gets. Its manifest says it; without one it is loaded."""
        match = _manifest.search(named.uri)
        if match:
            with contextlib.suppress(NotFoundError):
                manifest = parsed(named.uri, b"".join(self.cat_sha1(match.group(1))))
                if isinstance(manifest, dict) and manifest.get("sha1") == sha1_of(named.uri):
                    return int(manifest.get("size", 0))
        path, _ = self._loaded(named)
        with contextlib.suppress(OSError):
            return os.stat(path or "").st_size
        return sum(map(len, self.cat(named)))


def sha1_of(uri: str) -> str:
    match = _sha1_uri.fullmatch(uri)
    if match is None:
        raise UsageError(f"not a sha1:// or sha1dir:// URI: {uri}")
    return match.group(1).lower()


def file_sha1(uri: str, file: Any) -> str:
    """Of an entry of a sha1dir."""
    if isinstance(file, dict) and _sha1.fullmatch(str(file.get("sha1"))):
        return str(file["sha1"]).lower()
    raise UsageError(f"it has no SHA-1: {uri}")


def _absent(uri: str, nobody: Optional[NoDaemonError]) -> Error:
    where = f"{uri}: it is not in the storage"
    try:
        _storage.root_folder(make=False)
    except StorageUnavailableError as error:
        where = f"{uri}: {error}"
    return NotFoundError(where) if nobody is None else NoDaemonError(f"{where}, and {nobody}")


def parsed(uri: str, text: Union[bytes, bytearray]) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FailedError(f"{uri} is not JSON: {error}") from error


def _keep(sha1: str, size: int, listing: Any) -> None:
    if size > _most_kept_bytes:
        return
    with contextlib.suppress(KeyError, RuntimeError, StopIteration):  # other threads keep some, too
        while sum(bytes_ for bytes_, _ in list(_kept.values())) + size > _most_kept_bytes:
            del _kept[next(iter(_kept))]
    _kept[sha1] = size, listing


def at(uri: str, found: Any, names: List[str]) -> Tuple[Any, Optional[Dict[str, Any]]]:
    for index, name in enumerate(names):
        inner = member(uri, found, "dirs").get(name)
        if inner is None and index == len(names) - 1:
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


def copied(value: Any) -> Any:
    """Of what JSON has, for who may change it."""
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    return list(map(copied, value)) if isinstance(value, list) else value


def components(path: str) -> List[str]:
    return [unquote(name) for name in path.split("/") if name]
