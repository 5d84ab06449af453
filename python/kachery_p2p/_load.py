"""Files that others, or this computer, provide."""

from __future__ import annotations

import io
import logging
import pickle
import re
import sys
import warnings
from typing import Any, BinaryIO, Dict, Iterator, List, Optional

from . import _api, _dest
from ._api import PathLike
from ._errors import FailedError, NotFoundError, TimedOutError, UsageError
from ._source import Index, Named, Source, member, parsed

_sha1 = re.compile(r"[0-9a-fA-F]{40}")
_log = logging.getLogger("kachery_p2p")


def load_file(uri: PathLike, dest: Optional[PathLike] = None, *, p2p: bool = True,
              from_node: Optional[str] = None, from_channel: Optional[str] = None) -> Optional[str]:
    """The path of the verified file; copied to `dest` if given. A whole sha1dir needs `dest`, the
    directory to make. A device or FIFO at `dest` is written to, a link is followed, a file is
    replaced. None if nobody provides it, or a sha1dir has no such name.

    Here and below: a path in place of a URI is a file of this computer; with `p2p=False`, and where
    no daemon runs, only the storage is asked; `from_node` and `from_channel` are taken for the sake
    of scripts for kachery_p2p, and mean nothing, as whoever has the file is asked."""
    _mean_nothing(from_node=from_node, from_channel=from_channel)
    source = Source(p2p)
    try:
        named = source.named(uri)
        if dest is None:
            return source.path(named)
        to = _api.absolute_path(dest)
        if named.directory is not None:
            _load_directory(source, named, to)
        else:
            _dest.refuse_file(to)
            source.path(named)
            _dest.write_file(to, source.cat(named))
        return to
    except NotFoundError as error:
        _say_why(uri, error)
        return None


def _say_why(uri: PathLike, error: NotFoundError) -> None:
    """What None alone does not tell, to who listens to the logger "kachery_p2p"."""
    codes = ", ".join(f"{one.get('stage')} {one.get('code')}" for one in error.findings)
    _log.info("%s: %s [%s]", uri, error, codes or error.code)


def _mean_nothing(**given: Any) -> None:
    names = [name for name, value in given.items() if value is not None]
    if names:
        warnings.warn(f"without effect: {', '.join(names)}", stacklevel=3)


def _load_directory(source: Source, named: Named, dest: str) -> None:
    listing = _checked(named.uri, named.directory)
    try:
        if not _dest.holds(dest, listing):
            source.load_directory(named)
            _dest.write_directory(dest, listing, source.cat_sha1)
    except RecursionError:
        raise FailedError(f"{dest}: the directories are too deep") from None


def _checked(uri: str, directory: Any) -> Dict[str, Any]:
    """What of a listing can be written below a directory, and nowhere else."""
    files = {name: file for name, file in member(uri, directory, "files").items()
             if _is_name(uri, name) and _is_file(uri, name, file)}
    dirs = {name: _checked(uri, inner) for name, inner in member(uri, directory, "dirs").items()
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


def load_text(uri: PathLike, *, p2p: bool = True, from_node: Optional[str] = None,
              from_channel: Optional[str] = None) -> Optional[str]:
    """The content of a UTF-8 file, with line ends as open() gives them. None if nobody provides
    it."""
    _mean_nothing(from_node=from_node, from_channel=from_channel)
    return _text(uri, p2p, newline=None)


def _text(uri: PathLike, p2p: bool, newline: Optional[str]) -> Optional[str]:
    path = load_file(uri, p2p=p2p)
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8", newline=newline) as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise FailedError(f"{uri!r}: {error}") from error


def load_json(uri: PathLike, *, p2p: bool = True, from_node: Optional[str] = None,
              from_channel: Optional[str] = None) -> Any:
    """The value in a JSON file. None if nobody provides it."""
    _mean_nothing(from_node=from_node, from_channel=from_channel)
    text = _text(uri, p2p, newline="")
    return None if text is None else parsed(str(uri), text)


load_object = load_json


def load_npy(uri: PathLike, *, p2p: bool = True, from_node: Optional[str] = None,
             from_channel: Optional[str] = None) -> Any:
    """The numpy array in a .npy file. None if nobody provides it."""
    import numpy

    _mean_nothing(from_node=from_node, from_channel=from_channel)
    path = load_file(uri, p2p=p2p)
    try:
        return None if path is None else numpy.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise FailedError(f"{uri!r} is not an array: {error}") from error


def load_pkl(uri: PathLike, *, p2p: bool = True, from_node: Optional[str] = None,
             from_channel: Optional[str] = None) -> Any:
    """The object in a pickle. None if nobody provides it. Unpickling runs whatever code the one who
    made the file put into it: the hash says that it is that one's file, not that it means well."""
    _mean_nothing(from_node=from_node, from_channel=from_channel)
    path = load_file(uri, p2p=p2p)
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            return pickle.load(file)
    except (OSError, EOFError, pickle.UnpicklingError) as error:
        raise FailedError(f"{uri!r} is not a pickle: {error}") from error


def load_bytes(uri: PathLike, start: Index = None, end: Index = None, *, p2p: bool = True,
               write_to_stdout: bool = False, from_node: Optional[str] = None,
               from_channel: Optional[str] = None) -> Optional[bytes]:
    """The bytes from `start` up to, and without, `end`; written to standard output as well if that
    is asked for. None if nobody provides the file."""
    _mean_nothing(from_node=from_node, from_channel=from_channel)
    content = io.BytesIO()
    if cat_file(uri, start, end, content, p2p=p2p) is None:
        return None
    if write_to_stdout:
        sys.stdout.buffer.write(content.getbuffer())
        sys.stdout.buffer.flush()
    return content.getvalue()


def cat_file(uri: PathLike, start: Index = None, end: Index = None,
             file: Optional[BinaryIO] = None, *, p2p: bool = True) -> Optional[int]:
    """Writes the bytes to `file` (default: standard output) as they are verified, and returns how
    many there were. None, and nothing written, if nobody provides the file."""
    out = sys.stdout.buffer if file is None else file
    source = Source(p2p)
    written = 0
    try:
        for piece in source.cat(source.named(uri), start, end):
            out.write(piece)
            written += len(piece)
    except NotFoundError as error:
        if written:
            raise
        _say_why(uri, error)
        return None
    out.flush()
    return written


def find_file(uri: str, *, timeout_sec: Optional[float] = None) -> List[Dict[str, Any]]:
    """Who provides a file: a list of {"node", "size", "complete"}, empty if nobody does; after
    `timeout_sec`, who has answered by then."""
    found = []
    try:
        for event in _api.events("/v1/find", {"uri": uri.strip()}, "providers", timeout_sec):
            if event.get("event") == "provider":
                found.append({key: event[key] for key in ("node", "size", "complete")})
    except NotFoundError as error:
        _say_why(uri, error)
    except TimedOutError:
        if timeout_sec is None:
            raise
    return found


def read_dir(uri: str) -> Optional[Dict[str, Any]]:
    """What a sha1dir, or a directory in it, holds: {"files": {name: {"size", "sha1"}}, "dirs":
    {name: the same again}}. None if nobody provides it, or it has no such directory."""
    if not uri.strip().startswith("sha1dir://"):
        raise UsageError(f"not a sha1dir:// URI: {uri}")
    try:
        directory = Source().named(uri).directory
    except NotFoundError as error:
        _say_why(uri, error)
        return None
    if directory is None:
        return None
    member(uri, directory, "files")
    member(uri, directory, "dirs")
    return dict(directory)
