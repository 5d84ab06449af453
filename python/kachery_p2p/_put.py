"""Directories and links into the storage of this computer, where no daemon runs: as kp2p-store and
kp2p-link do it (node/store/put/put_directory.cpp, node/store/link_file.hpp)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import stat
import warnings
from typing import IO, Any, Dict, List, NamedTuple, Optional, Tuple, Union

from . import _storage
from ._dest import naming
from ._errors import FailedError, UsageError
from ._files import state
from ._paths import told_path

_block_bytes = 1 << 20
_max_depth = 1000


def link(path: str) -> Tuple[str, Optional[str]]:
    """The hashes of a file, which stays where it is, and of its manifest."""
    with naming(path), _opened(path) as file:
        before = os.fstat(file.fileno())
        whole = hashlib.sha1()
        for block in iter(lambda: file.read(_block_bytes), b""):
            whole.update(block)
        sha1 = whole.hexdigest()
        manifest = _storage.put_manifest(sha1, before.st_size, file.fileno(), file)
        if state(os.fstat(file.fileno())) != state(before):
            raise _storage.changed(path, "stored")
        stamp = {"size": before.st_size, "mtime": before.st_mtime, "mtime_ns": before.st_mtime_ns}
        text = json.dumps({"path": told_path(path), "manifest_hash": manifest, "stat": stamp})
        _storage.put_link(sha1, text.encode())
        return sha1, manifest


def directory(path: str) -> str:
    """The hash of the listing."""
    with naming(path):
        root = str(pathlib.Path(path).resolve(strict=True))
        never = _never_shared(root)
        if never:
            raise FailedError(f"{path}: {never}")
        listing = _listed(path, _contents(path), root, [])
    text = json.dumps(listing)
    return _storage.put([text.encode()])[0]


def _opened(path: str) -> IO[bytes]:
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise UsageError(f"{path}: it is no file")
    return open(path, "rb")


class _Contents(NamedTuple):
    """What a directory has, and which it is."""

    names: List[str]
    place: Tuple[int, int]


def _contents(path: str) -> _Contents:
    status = os.stat(path)
    return _Contents(sorted(os.listdir(path), key=os.fsencode), (status.st_dev, status.st_ino))


def _listed(path: str, contents: _Contents, root: str,
            above: List[Tuple[int, int]]) -> Dict[str, Any]:
    above = above + [contents.place]
    listing: Dict[str, Dict[str, Any]] = {"files": {}, "dirs": {}}
    for name in contents.names:
        inner = os.path.join(path, name)
        why = _why_not(inner, name, root, above)
        entry: Union[None, _Contents, IO[bytes]] = None
        if not why:
            with naming(inner):
                try:
                    entry = _contents(inner) if os.path.isdir(inner) else _opened(inner)
                except (FileNotFoundError, NotADirectoryError):
                    why = "it is gone"
        if isinstance(entry, _Contents):
            listing["dirs"][told_path(name)] = _listed(inner, entry, root, above)
        elif entry:
            with naming(inner), entry as file:
                size = os.fstat(file.fileno()).st_size
                sha1 = _storage.put_content(_storage.blocks(file, size, inner), file)
            listing["files"][told_path(name)] = {"size": size, "sha1": sha1}
        else:
            warnings.warn(f"left out {inner}: {why}", stacklevel=2)
    return listing


def _why_not(path: str, name: str, root: str, above: List[Tuple[int, int]]) -> str:
    """Why an entry cannot be part of the directory."""
    try:
        told_path(name)
    except UsageError:
        return "its name is no UTF-8"
    try:
        target = str(pathlib.Path(path).resolve(strict=True))
        status = os.stat(path)
    except (OSError, RuntimeError) as error:  # the latter of a link to itself
        return f"it cannot be followed: {error}" if os.path.lexists(path) else "it is gone"
    if os.path.islink(path) and os.path.commonpath((root, target)) != root:
        return f"it is a link to {target}, outside"
    if stat.S_ISREG(status.st_mode):
        return ""
    if not stat.S_ISDIR(status.st_mode):
        return "neither a file nor a directory"
    if len(above) >= _max_depth:
        return "it is too deep"
    if (status.st_dev, status.st_ino) in above:
        return "it is a link to a directory that it is in"
    return _never_shared(path)


def _never_shared(path: str) -> str:
    """Why a directory is not given to others, with whatever it is in."""
    if all(os.path.isfile(os.path.join(path, name)) for name in ("key", "api-token")):
        return "it is the configuration directory of a node, with its keys and channels"
    with contextlib.suppress(OSError):
        if os.path.samefile(path, _storage.root_folder(make=False)):
            return "it is the storage itself"
    return ""
