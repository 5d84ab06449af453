"""The storage of this computer, straight on its files (node/store/layout.hpp), where no daemon runs:
what is in it is found and checked against its hash, and files are put in."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import pathlib
import stat
from typing import IO, Callable, Dict, Iterable, Iterator, Optional, Tuple, TypeVar

from . import _mounts
from ._dest import naming
from ._errors import Error, FailedError, StorageUnavailableError, error_of_system
from ._files import close_temp, flush_directory, open_temp, set_rights, state
from ._folders import Folders
from ._names import named_content
from ._paths import configured, home, local_path, make_private, named_path
from ._reach import reach

_Found = TypeVar("_Found")
_block_bytes = 1 << 20
_manifest_threshold_bytes = 20_000_000  # files above this have a manifest, as with kachery
_piece_bytes = 16 * 1024
_piece_list_bytes = 4096 * 20  # of so many SHA-1s


def root_folder(make: bool) -> pathlib.Path:
    named = os.environ.get("KACHERY_STORAGE_DIR") or local_path(configured("storage_dir", str) or "")
    root = named_path(named) if named else home() / "kachery-storage"
    reach(str(root), f"the storage {root}")
    if make and not named:
        try:
            make_private(root)
        except FileExistsError:
            pass
        except OSError as error:
            raise StorageUnavailableError(f"the storage cannot be made: {error}") from None
    if not root.is_dir():
        raise StorageUnavailableError(f"the storage is missing: {root}")
    away = _mounts.why_away(root)
    if away:
        raise StorageUnavailableError(f"the storage cannot be used: {root}: {away}")
    if make:
        _mounts.remember(root)
    return root


def _place(root: pathlib.Path, sha1: str) -> pathlib.Path:
    return root / "sha1" / sha1[:2] / sha1[2:4] / sha1[4:6] / sha1


def find(sha1: str) -> Optional["Reader"]:
    """A file whose bytes have this hash, now; None if none has."""
    return _first(sha1, _opened_if)


def named(found: "Reader", sha1: str, name: str) -> str:
    """The path of what find() has found, which ends in this name if it is in the storage."""
    if not name:
        return found.path
    root = root_folder(make=False)
    place = _place(root, sha1.lower())
    return named_content(root, place, name) if found.path == str(place) else found.path


def content(sha1: str) -> Optional[bytearray]:
    """The bytes that have this hash; None if no file has them."""
    return _first(sha1, _content_if)


def _first(sha1: str, look: Callable[[str, str], Optional[_Found]]) -> Optional[_Found]:
    """At the places where it may be. What is there and cannot be read is not said to be absent."""
    try:
        place = _place(root_folder(make=False), sha1.lower())
    except StorageUnavailableError:
        return None
    trouble = None
    for is_link in (False, True):
        path = None
        try:
            path = _linked(place) if is_link else str(place)
            if path and is_link:
                reach(path, f"the file system of {path}")
            found = look(path, sha1.lower()) if path else None
        except Error:  # that nothing answers
            raise
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            trouble = trouble or error_of_system(path or f"{place}.link", error)
            continue
        if found is not None:
            return found
    if trouble:
        raise trouble
    return None


def opened_if(path: str, sha1: str) -> Optional["Reader"]:
    """The file, open, if it is there and has this hash."""
    with contextlib.suppress(OSError):
        return _opened_if(path, sha1.lower())
    return None


def content_if(path: str, sha1: str) -> Optional[bytearray]:
    """The bytes of a file, if it is there and these have this hash."""
    with contextlib.suppress(OSError):
        return _content_if(path, sha1.lower())
    return None


def _content_if(path: str, sha1: str) -> Optional[bytearray]:
    with Reader(path, os.O_NONBLOCK) as file:
        found = file.content()
    good = found is not None and hashlib.sha1(found).hexdigest() == sha1
    return found if good else None


def _opened_if(path: str, sha1: str) -> Optional["Reader"]:
    file = Reader(path, os.O_NONBLOCK)  # what is no file is not waited for
    good = False
    try:
        good = file.hashes_to(sha1)
    finally:
        if not good:
            file.close()
    return file if good else None


def _linked(place: pathlib.Path) -> Optional[str]:
    try:
        told = json.loads(place.with_name(place.name + ".link").read_bytes())
        return local_path(str(told["path"]))
    except (ValueError, LookupError, TypeError):
        return None


class Reader:
    """One open file: what is given is of the file that was hashed, whatever has its name by then."""

    def __init__(self, path: str, flags: int = 0) -> None:
        self.path = path
        self._file = io.FileIO(path, "rb", opener=lambda name, usual: os.open(name, usual | flags))
        self._before = os.fstat(self._file.fileno())
        self._hashed = False

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def close(self) -> None:
        self._file.close()

    def fileno(self) -> int:
        return self._file.fileno()

    @property
    def size(self) -> int:
        return self._before.st_size

    def content(self) -> Optional[bytearray]:
        """All of it as it is now; None of what is no file, or a shorter one by now."""
        if not stat.S_ISREG(self._before.st_mode):
            return None
        found = bytearray(self.size)
        view, at = memoryview(found), 0
        while at < len(found):
            got = self._file.readinto(view[at:])
            if not got:
                return None
            at += got
        return found

    def read(self, start: int, end: int) -> bytes:
        """A range, by any thread."""
        pieces = []
        while start < end:
            piece = os.pread(self.fileno(), end - start, start)
            if not piece:
                break
            pieces.append(piece)
            start += len(piece)
        self._unchanged(start >= min(end, self.size))
        return b"".join(pieces)

    def hashes_to(self, sha1: str) -> bool:
        if not stat.S_ISREG(self._before.st_mode):
            return False
        found = hashlib.sha1()
        for block in iter(lambda: self._file.read(_block_bytes) or b"", b""):
            found.update(block)
        self._hashed = True
        return found.hexdigest() == sha1

    def range(self, start: int, end: Optional[int]) -> Iterator[bytes]:
        """The last of the bytes are held back until it is sure that none are missing and, where the
        file has been hashed, that it has not changed since."""
        self._file.seek(start)
        size = self._before.st_size
        at, last = start, b""
        end = size if end is None else end
        while at < end:
            block = self._file.read(min(end - at, _block_bytes))
            if not block:
                break
            if last:
                yield last
            at += len(block)
            last = block
        self._unchanged(at >= min(end, size))
        if last:
            yield last

    def _unchanged(self, whole: bool) -> None:
        other = self._hashed and state(os.fstat(self._file.fileno())) != state(self._before)
        if other or not whole:
            raise changed(self.path, "read")

    def flush(self) -> None:
        os.fsync(self._file.fileno())


def changed(path: str, doing: str) -> FailedError:
    return FailedError(f"{path}: it changed while it was being {doing}")


def blocks(file: IO[bytes], size: int, path: str) -> Iterator[bytes]:
    """The bytes of a file. The last of them are held back until it is sure that it did not change
    meanwhile: without them nothing is stored. A file without a path cannot change."""
    before = os.fstat(file.fileno()) if path else None
    left, last = size, b""
    while left:
        block = file.read(min(left, _block_bytes))
        if not block:
            break
        if last:
            yield last
        left -= len(block)
        last = block
    if left or (before and state(os.fstat(file.fileno())) != state(before)):
        raise changed(path, "stored")
    if last:
        yield last


def put(content: Iterable[bytes],
        source: Optional[IO[bytes]] = None) -> Tuple[str, Optional[str]]:
    """Stores a file, for those who may read `source`; the hashes of it and of its manifest. Durable
    when it returns. What is there already under the hash stays."""
    root = root_folder(make=True)
    with naming(str(root)), _Writer(root, source) as writer:
        for block in content:
            writer.write(block)
        sha1 = writer.finish()
        return sha1, put_manifest(sha1, writer.size, writer.fileno(), source)


def put_content(content: Iterable[bytes], source: Optional[IO[bytes]] = None) -> str:
    """The same, without a manifest."""
    root = root_folder(make=True)
    with naming(str(root)), _Writer(root, source) as writer:
        for block in content:
            writer.write(block)
        return writer.finish()


def put_manifest(sha1: str, size: int, fd: int, source: Optional[IO[bytes]]) -> Optional[str]:
    """Of an open file, if it is large enough to have one."""
    if size <= _manifest_threshold_bytes:
        return None
    chunks, pieces = [], bytearray()
    chunk_bytes = _manifest_chunk_bytes(size)
    for start in range(0, size, chunk_bytes):
        end = min(start + chunk_bytes, size)
        found = hashlib.sha1(os.pread(fd, end - start, start)).hexdigest()
        chunks.append({"start": start, "end": end, "sha1": found})
    for start in range(0, size, _block_bytes):
        block = memoryview(os.pread(fd, _block_bytes, start))
        for at in range(0, len(block), _piece_bytes):
            pieces += hashlib.sha1(block[at:at + _piece_bytes]).digest()
    lists = [put_content([bytes(pieces[at:at + _piece_list_bytes])], source)
             for at in range(0, len(pieces), _piece_list_bytes)]
    manifest = {"size": size, "sha1": sha1, "chunks": chunks,
                "pieces": {"size": _piece_bytes, "lists": lists}}
    return put_content([json.dumps(manifest, separators=(",", ":")).encode()], source)


def _manifest_chunk_bytes(size: int) -> int:
    """As in proto/file/manifest.hpp."""
    mib = 1 << 20
    return min(max(-(-(size // 2000) // mib) * mib, mib), 20_000_000)


def put_link(sha1: str, text: bytes) -> None:
    """Says where the content of this hash lies."""
    root = root_folder(make=True)
    with naming(str(root)), _Writer(root, None) as writer:
        writer.write(text)
        writer.finish_link(sha1)


class _Writer:
    """A file under construction, which nobody sweeps while it is locked."""

    def __init__(self, root: pathlib.Path, source: Optional[IO[bytes]]) -> None:
        self._root = root
        self._folders = Folders(root)
        self._rights = self._folders.file_rights
        if source is not None:
            self._rights &= os.fstat(source.fileno()).st_mode | 0o600
        self.size = 0
        self._whole = hashlib.sha1()
        self._folders.make(root / "sha1")
        self._fd, self._path = open_temp(str(root / "sha1"), self._rights)
        try:
            self._folders.give(self._fd)
            if self._folders.shared:
                set_rights(self._fd, self._rights)
        except BaseException:
            close_temp(self._fd, self._path)
            raise

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *_: object) -> None:
        close_temp(self._fd, self._path)

    def write(self, block: bytes) -> None:
        self._whole.update(block)
        self.size += len(block)
        part = memoryview(block)
        while part:
            part = part[os.write(self._fd, part):]

    def fileno(self) -> int:
        return self._fd

    def finish(self) -> str:
        sha1 = self._whole.hexdigest()
        place = self._flushed(sha1)
        set_rights(self._fd, stat.S_IMODE(os.fstat(self._fd).st_mode) & ~0o222)  # (node/store/layout.hpp)
        self._settle(place, sha1)
        flush_directory(str(place.parent))
        return sha1

    def finish_link(self, sha1: str) -> None:
        place = self._flushed(sha1)
        os.rename(self._path, place.with_name(sha1 + ".link"))
        flush_directory(str(place.parent))

    def _flushed(self, sha1: str) -> pathlib.Path:
        os.fsync(self._fd)
        place = _place(self._root, sha1)
        for directory in (place.parents[2], place.parents[1], place.parent):
            self._folders.make(directory)
        return place

    def _settle(self, place: pathlib.Path, sha1: str) -> None:
        try:
            os.link(self._path, place)
            os.unlink(self._path)  # at once, as it is a change of the file to those who read it
            return
        except FileExistsError:
            if _holds(place, sha1):
                return
        except OSError:
            # Some file systems give a file one name only, and say so in many ways. Of any other
            # trouble the next call tells.
            pass
        os.rename(self._path, place)


def _holds(place: pathlib.Path, sha1: str) -> bool:
    """Whether these bytes are there, for good: whoever put them there may not have come to that."""
    with contextlib.suppress(OSError):
        found = _opened_if(str(place), sha1)
        if found:
            with found:
                found.flush()
            return True
    return False
