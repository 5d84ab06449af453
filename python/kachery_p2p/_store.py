"""Files into the storage of this computer, from where others in our channels can load them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import re
import shutil
import stat
import tempfile
from typing import IO, Any, Optional
from urllib.parse import quote

from . import _api, _put, _storage
from ._dest import naming
from ._errors import NoDaemonError, UsageError
from ._paths import PathLike, told_path
from ._reach import reached_path

_hash = re.compile(r"(sha1(?:dir)?://[0-9a-fA-F]{40})[^?]*(\?.*)?", re.S)


def store_file(path: PathLike, basename: Optional[str] = None) -> str:
    """Copies a file into the storage and returns its URI, which ends in `basename` if given. The
    daemon gets the bytes, so that it need not see the file; where none runs they go straight into
    the storage. A FIFO, or what the kernel makes up in /proc, is read to its end first."""
    whole = reached_path(path)
    with naming(whole):
        mode = os.stat(whole).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode) and not os.path.isdir(whole):
            raise UsageError(f"{whole}: it is no file")  # reading it might never end
    name = basename or os.fsencode(os.path.basename(whole)).decode("utf-8", "surrogateescape")
    with naming(whole), open(whole, "rb") as file:
        if not stat.S_ISFIFO(mode) and not os.path.realpath(whole).startswith(("/proc/", "/sys/")):
            return _upload(file, name, whole)
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(file, copy)
            return _upload(copy, "file" if name.isdigit() and not basename else name)


def link_file(path: PathLike, basename: Optional[str] = None) -> str:
    """Like store_file(), but leaves the content where it is: when it changes it is not provided
    any more."""
    ending = None if basename is None else "/" + _quoted(basename)
    uri = _put_path(reached_path(path), link=True)
    match = _hash.fullmatch(uri)
    if ending is None or match is None:
        return uri
    return match.group(1) + ending + (match.group(2) or "")


def store_dir(path: PathLike, label: Optional[str] = None) -> str:
    """Copies all files of a directory into the storage and returns its sha1dir:// URI."""
    ending = None if label is None else "." + _quoted(label)
    whole = reached_path(path)
    with naming(whole):
        if not stat.S_ISDIR(os.stat(whole).st_mode):
            raise UsageError(f"{whole}: it is no directory")
    uri = _put_path(whole)
    match = _hash.fullmatch(uri)
    if ending is None or match is None:
        return uri
    return match.group(1) + ending


def store_text(text: str, basename: Optional[str] = "file.txt") -> str:
    """Stores text as UTF-8."""
    if not isinstance(text, str):
        raise TypeError(f"text is a str, not {type(text).__name__}")
    try:
        content = text.encode()
    except UnicodeEncodeError as error:  # half of a character
        raise UsageError(f"not UTF-8: {error}") from None
    return _upload(io.BytesIO(content), basename or "file.txt")


def store_json(object: Any, basename: Optional[str] = "file.json",
               indent: Optional[int] = None) -> str:
    """Stores what json.dumps() makes of a value, without blanks unless `indent` is given."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(object, separators=separators, indent=indent)
    return store_text(text, basename or "file.json")


store_object = store_json


def store_npy(array: Any, basename: Optional[str] = "file.npy") -> str:
    """Stores a numpy array, or what numpy makes one of, as a .npy file, which holds neither objects
    nor a mask."""
    from . import _numpy

    with tempfile.TemporaryFile() as file:
        _numpy.write(file, array)
        return _upload(file, basename or "file.npy")


def store_pkl(object: Any, basename: Optional[str] = "file.pkl") -> str:
    """Stores an object as a pickle; see load_pkl() about who may load it."""
    with tempfile.TemporaryFile() as file:
        pickle.dump(object, file)
        return _upload(file, basename or "file.pkl")


def _upload(file: IO[bytes], name: str, path: str = "") -> str:
    quoted = _quoted(name)
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    with contextlib.suppress(NoDaemonError):
        return str(_api.upload(quoted, size, _storage.blocks(file, size, path))["uri"])
    file.seek(0)
    sha1, manifest = _storage.put(_storage.blocks(file, size, path), file if path else None)
    return _file_uri(sha1, quoted, manifest)


def _put_path(whole: str, link: bool = False) -> str:
    with naming(whole):
        status = os.stat(whole)
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise UsageError(f"{whole}: it is no file")
    body = {"path": told_path(whole), "link": link, "device": status.st_dev, "inode": status.st_ino}
    with contextlib.suppress(NoDaemonError):
        return str(_api.result("/v1/store", body, "uri")["uri"])
    if link:
        sha1, manifest = _put.link(whole)
        return _file_uri(sha1, _quoted(told_path(os.path.basename(whole))), manifest)
    name = told_path(os.path.basename(os.path.realpath(whole)))
    return f"sha1dir://{_put.directory(whole)}" + (f".{_quoted(name)}" if name else "")


def _file_uri(sha1: str, name: str, manifest: Optional[str]) -> str:
    return f"sha1://{sha1}/{name}" + (f"?manifest={manifest}" if manifest else "")


def _quoted(name: str) -> str:
    """A name as it stands in a URI, where it cannot be any. It may be an argument of the program, or a
    file's name, and have bytes that are no UTF-8."""
    if not isinstance(name, str):
        raise TypeError(f"a name is a str, not {type(name).__name__}: {name!r}")
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise UsageError(f"not a name: {name!r}")
    try:
        return quote(name.encode("utf-8", "surrogateescape"), safe="")
    except UnicodeError:
        raise UsageError(f"not UTF-8: {name!r}") from None
