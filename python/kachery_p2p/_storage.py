"""The storage of this computer, straight on its files (node/store/layout.hpp), where no daemon runs:
what is in it is found and checked against its hash, and files are put in."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import pathlib
import secrets
import stat
from typing import BinaryIO, Dict, Iterable, Iterator, List, Optional, Tuple

from . import _api
from ._dest import naming
from ._errors import StorageUnavailableError

_block_bytes = 1 << 20
_manifest_chunk_bytes = 20_000_000  # and files above this have a manifest, as with kachery


def _root(make: bool) -> pathlib.Path:
    named = os.environ.get("KACHERY_STORAGE_DIR") or _configured()
    root = pathlib.Path(named) if named else pathlib.Path.home() / "kachery-storage"
    if make and not named:
        with contextlib.suppress(FileExistsError):
            root.mkdir(mode=0o700)
    if not root.is_dir():
        raise StorageUnavailableError(f"the storage is missing: {root}")
    return root


def _configured() -> Optional[str]:
    try:
        return str(json.loads((_api.config_dir() / "config.json").read_text())["storage_dir"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _place(root: pathlib.Path, sha1: str) -> pathlib.Path:
    return root / "sha1" / sha1[:2] / sha1[2:4] / sha1[4:6] / sha1


def find(sha1: str) -> Optional[str]:
    """Where a file lies whose bytes have this hash, now; None if none does."""
    try:
        place = _place(_root(make=False), sha1.lower())
    except StorageUnavailableError:
        return None
    for path in (str(place), _linked(place)):
        with contextlib.suppress(OSError):
            if path and stat.S_ISREG(os.stat(path).st_mode) and _hash(path) == sha1.lower():
                return path
    return None


def _linked(place: pathlib.Path) -> Optional[str]:
    try:
        return str(json.loads(place.with_name(place.name + ".link").read_text())["path"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _hash(path: str) -> str:
    found = hashlib.sha1()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(_block_bytes), b""):
            found.update(block)
    return found.hexdigest()


def range_of(path: str, start: int, end: Optional[int]) -> Iterator[bytes]:
    with open(path, "rb") as file:
        file.seek(start)
        left = os.fstat(file.fileno()).st_size if end is None else end - start
        while left > 0:
            block = file.read(min(left, _block_bytes))
            if not block:
                return
            left -= len(block)
            yield block


def put(blocks: Iterable[bytes], source: Optional[BinaryIO] = None) -> Tuple[str, Optional[str]]:
    """Stores a file, for those who may read `source`; the hashes of it and of its manifest. Durable
    when it returns. What is there already under the hash stays."""
    root = _root(make=True)
    with naming(str(root)), _Writer(root, source) as writer:
        for block in blocks:
            writer.write(block)
        sha1 = writer.finish()
        chunks = writer.chunks
    if writer.size <= _manifest_chunk_bytes:
        return sha1, None
    manifest = {"size": writer.size, "sha1": sha1, "chunks": chunks}
    return sha1, put([json.dumps(manifest, separators=(",", ":")).encode()], source)[0]


class _Writer:
    """A file under construction, which nobody sweeps while it is locked."""

    def __init__(self, root: pathlib.Path, source: Optional[BinaryIO]) -> None:
        self._root = root
        rights = os.stat(root).st_mode
        # A directory that others may write to as well is shared: the umask does not count there.
        self._shared = bool(rights & 0o022)
        self._dir_rights = stat.S_IMODE(rights)
        self._rights = rights & 0o666
        if source is not None:
            self._rights &= os.fstat(source.fileno()).st_mode | 0o600
        self.size = 0
        self.chunks: List[Dict[str, object]] = []
        self._whole, self._chunk = hashlib.sha1(), hashlib.sha1()
        self._make_directory(root / "sha1")
        self._path = str(root / "sha1" / (secrets.token_hex(8) + ".kp2p-temp"))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        self._fd = os.open(self._path, flags, self._rights)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        if self._shared:
            os.fchmod(self._fd, self._rights)

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        os.close(self._fd)

    def write(self, block: bytes) -> None:
        view = memoryview(block)
        while view:
            at = self.size % _manifest_chunk_bytes
            part = view[:_manifest_chunk_bytes - at]
            self._whole.update(part)
            self._chunk.update(part)
            self.size += len(part)
            if self.size % _manifest_chunk_bytes == 0:
                self._end_chunk()
            view = view[len(part):]
            while part:
                part = part[os.write(self._fd, part):]

    def _end_chunk(self) -> None:
        start = (self.size - 1) // _manifest_chunk_bytes * _manifest_chunk_bytes
        self.chunks.append({"start": start, "end": self.size, "sha1": self._chunk.hexdigest()})
        self._chunk = hashlib.sha1()

    def finish(self) -> str:
        if self.size % _manifest_chunk_bytes:
            self._end_chunk()
        os.fsync(self._fd)
        sha1 = self._whole.hexdigest()
        place = _place(self._root, sha1)
        for directory in (place.parents[2], place.parents[1], place.parent):
            self._make_directory(directory)
        for _ in range(2):
            try:
                os.link(self._path, place)
            except FileExistsError:
                if _hash(str(place)) == sha1:
                    break
                os.unlink(place)  # it is not what its name says
            except OSError as error:  # some file systems give a file one name only
                if error.errno not in (errno.EPERM, errno.EOPNOTSUPP):
                    raise
                os.rename(self._path, place)
                break
            else:
                break
        _flush_directory(place.parent)
        return sha1

    def _make_directory(self, path: pathlib.Path) -> None:
        try:
            path.mkdir(mode=self._dir_rights)
        except FileExistsError:
            return
        if self._shared:
            path.chmod(self._dir_rights)
        _flush_directory(path.parent)


def _flush_directory(path: pathlib.Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
