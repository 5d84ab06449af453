"""File systems for fsspec, and so for pandas, xarray, zarr, dask and others:

    pandas.read_csv("sha1://HASH/table.csv.gz")
    xarray.open_zarr("sha1dir://HASH.label/data.zarr")
    h5py.File(fsspec.open("sha1://HASH/data.h5").open())

An installed package is known to fsspec by its entry points; otherwise importing this module makes
it known. What is read is verified, and comes as it is needed; nothing can be written. Options of
both: `p2p`, `timeout` and `wait`, as load_file() has them.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import errno
import os
import re
from typing import (Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple,
                    TypeVar, Union)

import fsspec
from fsspec.callbacks import NoOpCallback
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from . import _dest, _storage
from ._errors import Error, UnavailableError
from ._file import Ranges, Span, jump_bytes
from ._listing import checked
from ._options import Options, Seconds, Wait
from ._source import Named, Sizes, Source, at, components, file_sha1, sha1_of

__all__ = ["Sha1DirFileSystem", "Sha1FileSystem"]

_Info = Dict[str, Any]
_Item = TypeVar("_Item")
_Found = TypeVar("_Found")

_at_once = 16
_kept_listings = 16
_sha1_path = re.compile(r"([0-9a-fA-F]{40})(?:[./?].*)?", re.S)
_dir_path = re.compile(r"([0-9a-fA-F]{40})(?:\.[^/]*)?(?:/(.*))?", re.S)


class _FileSystem(AbstractFileSystem):
    """What both have in common: reading, given what a path names."""

    root_marker = ""

    def __init__(self, p2p: bool = True, timeout: Seconds = None, wait: Wait = None,
                 **options: Any) -> None:
        super().__init__(**options)
        self._options = Options(p2p, None, timeout, wait, "raise")

    def _named(self, path: str) -> Named:
        """A file; or FileNotFoundError, IsADirectoryError."""
        raise NotImplementedError

    def _ask(self, path: str, work: Callable[[Source], _Found]) -> _Found:
        with self._seen(path):
            found = self._options.load(path, work)
        assert found is not None
        return found

    @contextlib.contextmanager
    def _seen(self, path: str) -> Iterator[None]:
        """Errors as those who use this file system are to see them."""
        yield

    def _open(self, path: str, mode: str = "rb", block_size: Optional[int] = None,
              autocommit: bool = True, cache_options: Optional[Dict[str, Any]] = None,
              **options: Any) -> "_File":
        if mode != "rb":
            raise _read_only(path)
        return _File(self, path, mode, block_size or "default", cache_options=cache_options,
                     **options)

    def _ranges(self, path: str) -> Ranges:
        named = self._named(path)
        return self._ask(path, lambda source: Ranges(source, named, self._told_size(path)))

    def _told_size(self, path: str) -> Optional[int]:
        return None

    def cat_file(self, path: str, start: Optional[int] = None, end: Optional[int] = None,
                 **_: Any) -> bytes:
        path = self._strip_protocol(path)
        if (start or 0) < 0 or (end or 0) < 0:
            size = self.info(path)["size"]
            start = max(0, size + start) if start is not None and start < 0 else start
            end = max(0, size + end) if end is not None and end < 0 else end
        if start is not None and end is not None and end <= start:
            return b""
        named = self._named(path)
        return self._ask(path, lambda source: b"".join(source.cat(named, start, end)))

    def cat(self, path: Union[str, Sequence[str]], recursive: bool = False,
            on_error: str = "raise", **_: Any) -> Any:
        if isinstance(path, str) and not recursive and not self._is_pattern(path):
            return self.cat_file(path)
        paths = self._expanded(path, recursive)
        here = self._together(paths) if len(paths) > 1 else {}

        def whole(one: str) -> bytes:
            got = here.get(one)
            if isinstance(got, Exception):
                raise got
            return self.cat_file(one) if got is None else got

        answers = dict(zip(paths, self._many(whole, [(one,) for one in paths], on_error)))
        if on_error == "omit":
            return {one: got for one, got in answers.items() if not isinstance(got, Exception)}
        return answers

    def _together(self, paths: Sequence[str]) -> Dict[str, Union[bytes, Exception]]:
        """Of these files, those that come by a few calls for all of them, and those that cannot be
        had; whatever the others are."""
        files: Dict[str, Named] = {}
        for path in paths:
            try:
                files[path] = self._named(path)
            except (FileNotFoundError, IsADirectoryError):
                continue
            except Error:  # the listing cannot be had
                return {}
        answers: Dict[str, Union[bytes, Exception]] = {}

        def work(source: Source) -> bool:
            for path, found in source.together(files, Sizes(), unnamed=True):
                if isinstance(found, str):
                    content = _storage.content_if(found, sha1_of(files[path].uri))
                    if content is not None:
                        answers[path] = bytes(content)
                elif not self._options.wait:
                    answers[path] = self._as_seen(path, found)
            return True

        with contextlib.suppress(Error):
            self._options.load(f"{len(files)} files", work)
        return answers

    def _as_seen(self, path: str, error: Error) -> Exception:
        try:
            with self._seen(path):
                raise error
        except Exception as seen:
            return seen

    def _expanded(self, path: Union[str, Sequence[str]], recursive: bool) -> List[str]:
        paths: List[str] = []
        for one in [path] if isinstance(path, str) else path:
            one = self._strip_protocol(one)
            if recursive or self._is_pattern(one):
                paths += [name for name in self.expand_path(one, recursive=recursive)
                          if not self.isdir(name)]
            else:
                paths.append(one)
        return list(dict.fromkeys(paths))

    def _is_pattern(self, path: str) -> bool:
        return False

    def cat_ranges(self, paths: Sequence[str], starts: Any, ends: Any,
                   max_gap: Optional[int] = None, batch_size: Optional[int] = None,
                   on_error: str = "return", **_: Any) -> List[Any]:
        """All at once; of one file, in as few calls as there can be."""
        starts = list(starts) if isinstance(starts, (list, tuple)) else [starts] * len(paths)
        ends = list(ends) if isinstance(ends, (list, tuple)) else [ends] * len(paths)
        if not len(paths) == len(starts) == len(ends):
            raise ValueError("as many starts and ends as paths are wanted")
        places: Dict[str, List[int]] = {}
        for index, path in enumerate(paths):
            places.setdefault(self._strip_protocol(path), []).append(index)
        work = [(path, [(starts[index], ends[index]) for index in indices])
                for path, indices in places.items()]
        answers: List[Any] = [None] * len(paths)
        for indices, found in zip(places.values(), self._many(self._spans, work, on_error)):
            for place, index in enumerate(indices):
                answers[index] = found if isinstance(found, Exception) else found[place]
        return answers

    def _spans(self, path: str, spans: List[Tuple[Optional[int], Optional[int]]]) -> List[bytes]:
        if any(start is None or end is None or start < 0 or end < 0 for start, end in spans):
            size = self.info(path)["size"]
            spans = [slice(start, end).indices(size)[:2] for start, end in spans]
        given: List[Span] = [(start or 0, max(start or 0, end or 0)) for start, end in spans]
        named = self._named(path)
        return self._ask(path, lambda source: source.spans(named, given))

    def _many(self, ask: Callable[..., _Found], work: Sequence[Tuple[Any, ...]],
              on_error: str) -> List[Union[_Found, Exception]]:
        def one(arguments: Tuple[Any, ...]) -> Union[_Found, Exception]:
            try:
                return ask(*arguments)
            except Exception as error:
                if on_error == "raise" or not self._may_be_left_out(error):
                    raise
                return error

        if len(work) < 2:
            return [one(arguments) for arguments in work]
        with concurrent.futures.ThreadPoolExecutor(min(_at_once, len(work))) as pool:
            return list(pool.map(one, work))

    def _may_be_left_out(self, error: Exception) -> bool:
        return True

    def get_file(self, rpath: str, lpath: Any, callback: Any = NoOpCallback(),
                 outfile: Any = None, **options: Any) -> None:
        """To a file of the caller's, which is there when it is whole."""
        path = self._strip_protocol(rpath)
        if self.isdir(path):
            os.makedirs(lpath, exist_ok=True)
            return
        callback.set_size(self.info(path)["size"])
        named = self._named(path)

        def pieces(source: Source) -> Iterator[bytes]:
            for piece in source.cat(named):
                yield piece
                callback.relative_update(len(piece))

        def work(source: Source) -> bool:
            if outfile is not None:
                outfile.writelines(pieces(source))
            else:
                with contextlib.suppress(FileExistsError):
                    os.makedirs(os.path.dirname(os.path.abspath(lpath)))
                _dest.write_file(os.path.abspath(lpath), pieces(source))
            return True

        self._ask(path, work)

    def checksum(self, path: str) -> int:
        return int(self._named(self._strip_protocol(path)).uri[len("sha1://"):][:40], 16)

    def ukey(self, path: str) -> str:
        return f"{self.checksum(path):040x}"

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        raise _read_only(path)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        raise _read_only(path)

    def _rm(self, path: str) -> None:
        raise _read_only(path)

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        raise _read_only(path2)


def _read_only(path: str) -> OSError:
    return OSError(errno.EROFS, "what is named by its hash cannot be written", path)


class _File(AbstractBufferedFile):
    """Buffers as fsspec's files do (`cache_type`, `block_size`)."""

    DEFAULT_BLOCK_SIZE = jump_bytes  # what is read on after each range; Ranges has more in sight

    def __init__(self, fs: _FileSystem, path: str, mode: str = "rb",
                 block_size: Union[int, str] = "default", autocommit: bool = True,
                 cache_type: str = "readahead", cache_options: Optional[Dict[str, Any]] = None,
                 size: Optional[int] = None, **options: Any) -> None:
        self._ranges = fs._ranges(path)
        self._cache = (cache_type, cache_options)
        super().__init__(fs, path, mode, block_size, autocommit, cache_type, cache_options,
                         self._ranges.size, **options)

    def _fetch_range(self, start: int, end: int) -> bytes:
        with self.fs._seen(self.path):
            return self._ranges.read(start, end)

    def close(self) -> None:
        if not self.closed:
            with contextlib.suppress(Error):
                self._ranges.close()
        super().close()

    def __reduce__(self) -> Any:
        return _reopened, (self.fs, self.path, self.blocksize, self._cache, self.tell())


def _reopened(fs: _FileSystem, path: str, block_size: int,
              cache: Tuple[str, Optional[Dict[str, Any]]], position: int) -> _File:
    file = _File(fs, path, "rb", block_size, cache_type=cache[0], cache_options=cache[1])
    file.seek(position)
    return file


class Sha1FileSystem(_FileSystem):
    """sha1://HASH/name?manifest=HASH, where all after the hash may be left out: single files. Each is
    alone: it is its own listing."""

    protocol = "sha1"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._sizes: Dict[str, int] = {}

    def _named(self, path: str) -> Named:
        if not _sha1_path.fullmatch(path):
            raise FileNotFoundError(errno.ENOENT, "there is no such SHA-1", path)
        return Named(f"sha1://{path}")

    def _told_size(self, path: str) -> Optional[int]:
        return self._sizes.get(path[:40])

    def info(self, path: str, **_: Any) -> _Info:
        path = self._strip_protocol(path)
        named = self._named(path)
        sha1 = path[:40]
        if sha1 not in self._sizes:
            with contextlib.closing(self._ranges(path)) as ranges:
                self._sizes[sha1] = ranges.size
        return {"name": path, "size": self._sizes[sha1], "type": "file",
                "sha1": named.uri[len("sha1://"):][:40].lower()}

    def ls(self, path: str, detail: bool = True, **_: Any) -> List[Any]:
        info = self.info(path)
        return [info] if detail else [info["name"]]

    def glob(self, path: str, **_: Any) -> List[str]:
        """A "?" begins a query here."""
        path = self._strip_protocol(path)
        return [path] if self.exists(path) else []

    def expand_path(self, path: Any, *_: Any, **__: Any) -> List[str]:
        paths = [path] if isinstance(path, str) else path
        return [self._strip_protocol(one) for one in paths]


class _Entry(NamedTuple):
    """Of a listing: a file, if it has a hash, or a directory."""

    uri: str
    sha1: str = ""
    size: int = 0
    listing: Dict[str, Any] = {}


class Sha1DirFileSystem(_FileSystem):
    """sha1dir://HASH.label/path/in/it: a directory that was stored, and all below it.

    What its listing has, and cannot be had, is an UnavailableError, also where `on_error` is not
    "raise": zarr takes what is left out, and every OSError, for a chunk that is empty."""

    protocol = "sha1dir"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._listings: Dict[str, Dict[str, Any]] = {}

    def _listing(self, sha1: str, uri: str) -> Dict[str, Any]:
        """What never changes is kept."""
        sha1 = sha1.lower()
        known = self._listings.get(sha1)
        if known is None:
            known = self._ask(uri, lambda source: checked(uri, source.listing(sha1, uri)))
            while len(self._listings) >= _kept_listings:
                with contextlib.suppress(KeyError, RuntimeError, StopIteration):
                    del self._listings[next(iter(self._listings))]
            self._listings[sha1] = known
        return known

    def _entry(self, path: str) -> _Entry:
        """Names stand in a path as they are, and as in a URI."""
        uri = f"sha1dir://{path}"
        match = _dir_path.fullmatch(path)
        if not match:
            raise FileNotFoundError(errno.ENOENT, "there is no such SHA-1", uri)
        root = self._listing(match.group(1), uri)
        rest = match.group(2) or ""
        for names in ([name for name in rest.split("/") if name], components(rest)):
            file, directory = at(uri, root, names)
            if directory is not None:
                return _Entry(uri, listing=directory)
            if file is not None:
                return _Entry(uri, file_sha1(uri, file), int(file["size"]))
        raise FileNotFoundError(errno.ENOENT, "there is no such file or directory", uri)

    def _named(self, path: str) -> Named:
        entry = self._entry(path)
        if not entry.sha1:
            raise IsADirectoryError(errno.EISDIR, "it is a directory", entry.uri)
        return Named(f"sha1://{entry.sha1}")

    def _told_size(self, path: str) -> Optional[int]:
        return self._entry(path).size

    @contextlib.contextmanager
    def _seen(self, path: str) -> Iterator[None]:
        try:
            yield
        except Error as error:
            if not isinstance(error, OSError):
                raise
            unavailable = UnavailableError(f"{path}: {error}")
            unavailable.findings = error.findings
            raise unavailable from error

    def exists(self, path: str, **_: Any) -> bool:
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def _may_be_left_out(self, error: Exception) -> bool:
        return isinstance(error, (FileNotFoundError, IsADirectoryError))

    def _is_pattern(self, path: str) -> bool:
        return "*" in path and not self.exists(path)

    def info(self, path: str, **_: Any) -> _Info:
        path = self._strip_protocol(path)
        return _info(path, self._entry(path))

    def ls(self, path: str, detail: bool = True, **_: Any) -> List[Any]:
        path = self._strip_protocol(path)
        entry = self._entry(path)
        if entry.sha1:
            infos = [_info(path, entry)]
        else:
            infos = [{"name": f"{path}/{name}", "size": 0, "type": "directory"}
                     for name in entry.listing["dirs"]]
            infos += [_info(f"{path}/{name}", _Entry("", str(file["sha1"]).lower(), file["size"]))
                      for name, file in entry.listing["files"].items()]
        infos.sort(key=lambda info: str(info["name"]))
        return infos if detail else [info["name"] for info in infos]


def _info(path: str, entry: _Entry) -> _Info:
    if not entry.sha1:
        return {"name": path, "size": 0, "type": "directory"}
    return {"name": path, "size": entry.size, "type": "file", "sha1": entry.sha1}


for _kind in (Sha1FileSystem, Sha1DirFileSystem):
    fsspec.register_implementation(_kind.protocol, _kind, clobber=True)
