"""Writes what was loaded to a place of the caller's: beside it first, renamed into place when it is
whole and on the disk. A device or FIFO is written to; a link is followed; the rights are those that
the umask leaves, or of the file that is replaced. As kp2p-load --dest does it (cmd/dest/file_destination.hpp).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import stat
import time
from typing import Any, BinaryIO, Callable, Dict, Iterable, Iterator, Optional

from ._errors import Error, error_of_system
from ._files import flush_directory, locked, open_temp, set_rights, temp_name
from ._paths import local_path

Bytes = Iterable[bytes]
_hole_bytes = 64 << 10
_temp = re.compile(r"[0-9a-f]{16}\.kp2p-temp")
_swept: Dict[str, float] = {}  # when each folder was
_sweep_seconds, _most_swept = 60, 1000
_of_name = (errno.ENOENT, errno.EINVAL, errno.EILSEQ)
_no_such_name = "the file system there takes no such name"
_irreplaceable = (errno.EBUSY, errno.EEXIST, errno.EPERM, errno.EACCES, errno.EOPNOTSUPP)
_opened = re.compile(r"/dev/(stdout|stderr|fd/\d+)|/proc/self/(fd/\d+)")


@contextlib.contextmanager
def naming(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, Error):  # it says so already
            raise
        raise error_of_system(path, error) from error


def refuse_file(dest: str) -> None:
    """Raises what can be known before anything is loaded: it is a directory, or has none."""
    with naming(dest):
        if os.path.isdir(dest):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if _status(dest) is None:
            _must_be_writable(os.path.dirname(dest))


def write_file(dest: str, pieces: Bytes) -> None:
    with naming(dest):
        opened = _opened.fullmatch(dest)
        if opened:
            name = opened[1] or opened[2]
            fd = {"stdout": 1, "stderr": 2}.get(name)
            if fd is None:
                fd = int(name[len("fd/"):])
            _write_through(os.dup(fd), pieces)
            return
        status = _status(dest)
        if status and not stat.S_ISREG(status.st_mode):
            _write_through(os.open(dest, os.O_WRONLY | os.O_NOCTTY), pieces)
            return
        to = os.path.realpath(dest)
        folder = os.path.dirname(to)
        _sweep(folder)
        with _temp_file(folder) as (file, temp):
            _write_sparse(file, pieces)
            if status:
                set_rights(temp, stat.S_IMODE(status.st_mode) & 0o777)
            os.fsync(file.fileno())
            _replace(temp, to)
        flush_directory(folder)


def _replace(temp: str, to: str) -> None:
    try:
        os.replace(temp, to)
    except OSError as error:
        if error.errno in _of_name and os.path.exists(temp):
            raise OSError(error.errno, f"{error.strerror}; {_no_such_name}: give it another") from None
        if error.errno not in _irreplaceable or not os.path.lexists(to):
            raise
        why = ("what is mounted there, or in use, cannot be replaced" if error.errno == errno.EBUSY
               else "no file can be renamed over it there: remove it first, or name another")
        raise OSError(error.errno, f"{error.strerror}; {why}") from None


def holds(dest: str, listing: Dict[str, Any]) -> bool:
    """Whether a directory that is not empty holds exactly this. FileExistsError if it is another."""
    with naming(dest):
        if not os.path.lexists(dest) or (os.path.isdir(dest) and not os.listdir(dest)):
            _must_be_writable(os.path.dirname(os.path.realpath(dest)))
            return False
        if os.path.isdir(dest) and _same(pathlib.Path(dest), listing):
            return True
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def write_directory(dest: str, listing: Dict[str, Any], get: Callable[[str, str], Bytes]) -> None:
    """`get` gives the bytes of a file by its path in the directory and its SHA-1. The names have been
    checked."""
    with naming(dest):
        to = os.path.realpath(dest)
        folder = os.path.dirname(to)
        _sweep(folder)
        with _temp_directory(folder) as temp:
            _fill(temp, listing, get)
            if os.path.isdir(to):
                set_rights(temp, stat.S_IMODE(os.stat(to).st_mode))
            try:
                os.rename(temp, to)
            except OSError:
                if not holds(dest, listing):  # another load may have been first
                    raise
        flush_directory(folder)


def _status(path: str) -> Optional[os.stat_result]:
    try:
        return os.stat(path)
    except FileNotFoundError:
        if os.path.islink(path):
            raise
        return None


def _must_be_writable(folder: str) -> None:
    os.stat(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _write_through(fd: int, pieces: Bytes) -> None:
    with open(fd, "wb", buffering=0) as file:
        for piece in pieces:
            left = memoryview(piece)
            while left:
                left = left[file.write(left) or 0:]
        with contextlib.suppress(OSError):  # what is no disk cannot be flushed
            os.fsync(file.fileno())


def _write_sparse(file: BinaryIO, pieces: Bytes) -> None:
    """Long runs of zeros become holes."""
    zeros = bytes(_hole_bytes)
    for piece in pieces:
        for at in range(0, len(piece), _hole_bytes):
            part = piece[at:at + _hole_bytes]
            if part == zeros:
                file.seek(_hole_bytes, os.SEEK_CUR)
            else:
                file.write(part)
    file.truncate(file.tell())
    file.flush()


@contextlib.contextmanager
def _temp_file(folder: str) -> Iterator[Any]:
    fd, temp = open_temp(folder)
    with open(fd, "w+b") as file:
        try:
            yield file, temp
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temp)


@contextlib.contextmanager
def _temp_directory(folder: str) -> Iterator[str]:
    while True:
        temp = temp_name(folder)
        os.mkdir(temp)
        try:
            fd = os.open(temp, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        try:
            if not locked(fd, temp):
                continue
            try:
                yield temp
            finally:
                shutil.rmtree(temp, ignore_errors=True)
            return
        finally:
            os.close(fd)


def _sweep(folder: str) -> None:
    """Removes what killed writers left; that of living ones is locked. Once in a while, as it takes as
    long as there is much in the folder."""
    now = time.monotonic()
    if now - _swept.get(folder, -_sweep_seconds) < _sweep_seconds:
        return
    if len(_swept) >= _most_swept:
        _swept.clear()
    _swept[folder] = now
    try:
        entries = os.scandir(folder or ".")
    except PermissionError:  # one may put files there and not look
        return
    for entry in entries:
        if not _temp.fullmatch(entry.name) or entry.is_symlink():
            continue
        with contextlib.suppress(OSError):
            fd = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    os.unlink(entry.path)
            finally:
                os.close(fd)


@contextlib.contextmanager
def _making(name: str) -> Iterator[None]:
    """An entry in a directory that is new."""
    try:
        yield
    except FileExistsError as error:
        raise OSError(errno.EEXIST, f"{name}: {error.strerror}; the file system there takes this for the "
                      "name of another file of the directory, as where capital letters are the same as "
                      "small ones: load it to another file system") from None
    except OSError as error:
        why = f"; {_no_such_name}: load it to another file system" if error.errno in _of_name else ""
        raise OSError(error.errno, f"{name}: {error.strerror}{why}") from None


def _fill(folder: str, listing: Dict[str, Any], get: Callable[[str, str], Bytes],
          inside: str = "") -> None:
    for name, file in listing["files"].items():
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with _making(inside + name):
            fd = os.open(os.path.join(folder, local_path(name)), flags, 0o666)
        with open(fd, "w+b") as out:
            _write_sparse(out, get(inside + name, file["sha1"]))
            os.fsync(out.fileno())
    for name, inner in listing["dirs"].items():
        path = os.path.join(folder, local_path(name))
        with _making(inside + name):
            os.mkdir(path)
        _fill(path, inner, get, f"{inside}{name}/")
    flush_directory(folder)


def _same(folder: pathlib.Path, listing: Dict[str, Any]) -> bool:
    files, dirs = listing["files"], listing["dirs"]
    names = os.listdir(folder)
    if set(names) != set(map(local_path, (*files, *dirs))):
        return False
    return (all(_has(folder / local_path(name), file) for name, file in files.items()) and
            all(not path.is_symlink() and path.is_dir() and _same(path, inner)
                for path, inner in ((folder / local_path(name), inner)
                                    for name, inner in dirs.items())))


def _has(path: pathlib.Path, wanted: Dict[str, Any]) -> bool:
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode) or status.st_size != wanted["size"]:
        return False
    sha1 = hashlib.sha1()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            sha1.update(block)
    return sha1.hexdigest() == str(wanted["sha1"]).lower()
