"""What both a place of the caller's and the storage need of the file system."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
from typing import Any, Tuple, Union

# What file systems that do not flush directories say to that.
_unflushable = (errno.EINVAL, errno.EBADF, errno.EISDIR, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


def state(status: os.stat_result) -> Any:
    """What does not stay as it is when an open file is changed."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def temp_name(folder: str) -> str:
    return os.path.join(folder, secrets.token_hex(8) + ".kp2p-temp")


def open_temp(folder: str, rights: int = 0o666) -> Tuple[int, str]:
    """A new file that no sweep removes while it is open."""
    while True:
        path = temp_name(folder)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        fd = os.open(path, flags, rights)
        try:
            if locked(fd, path):
                return fd, path
        except BaseException:
            close_temp(fd, path)
            raise
        os.close(fd)  # a sweep came before the lock


def close_temp(fd: int, path: str) -> None:
    """Removes it, unless it has been renamed."""
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    finally:
        os.close(fd)


def locked(fd: int, path: str) -> bool:
    """Whether a sweep leaves it to us."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    with contextlib.suppress(FileNotFoundError):
        ours, there = os.fstat(fd), os.stat(path)
        # Some FUSE file systems number a file anew each time, which tells nothing.
        return os.path.samestat(ours, there) or os.fstat(fd).st_ino != ours.st_ino
    return False


def set_rights(file: Union[int, str, "os.PathLike[str]"], rights: int) -> None:
    """Unless the file system has its own."""
    try:
        os.chmod(file, rights)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS):
            raise


def flush_directory(path: str) -> None:
    try:
        fd = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # one may put files there and not look: nobody can
        return
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _unflushable:
            raise
    finally:
        os.close(fd)
