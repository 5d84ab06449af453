"""One exception class per error code of the HTTP API. Where Python has an exception for the same
thing (FileNotFoundError, PermissionError, TimeoutError, ConnectionError, ValueError) it is that one
too."""

from __future__ import annotations

import errno
from typing import Any, ClassVar, Dict, List, Optional, Type


class Error(Exception):
    """What went wrong, in words. `code` is the same for every program that uses the daemon.
    `findings` is what led there, the nearest cause first: dicts of "stage", "code", "message",
    "advice" and, where it makes sense, "node", "path" and "ms"."""

    code = "failed"
    findings: List[Dict[str, Any]] = []
    _errno: ClassVar[Optional[int]] = None

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        if self._errno is not None:
            setattr(self, "errno", self._errno)


class FailedError(Error):
    """Anything that has no class of its own."""


class UsageError(Error, ValueError):
    """A malformed argument, URI or channel name."""

    code = "usage"


class NoDaemonError(Error, ConnectionError):
    """No daemon answers."""

    code = "no_daemon"
    _errno = errno.ECONNREFUSED


class UnauthorizedError(Error, PermissionError):
    """What answers is not the daemon of this configuration, or does not know us."""

    code = "unauthorized"
    _errno = errno.EACCES


class NotFoundError(Error, FileNotFoundError):
    """Nobody reachable provides the file. load_* return None instead."""

    code = "not_found"
    _errno = errno.ENOENT


class AbsentError(NotFoundError):
    """It is known that there is no such thing: a sha1dir has no such name, or this computer no such
    file. Nobody will come to have it."""


class UnavailableError(FailedError):
    """A file that a directory has cannot be had now. No FileNotFoundError, nor any OSError, which
    some who read directories take for a file that is not in them."""

    code = "not_found"


class VerificationFailedError(Error):
    """What was sent is wrong, and no honest provider is left."""

    code = "verification_failed"


class OutOfSpaceError(Error, OSError):
    """The storage or the destination is full."""

    code = "out_of_space"
    _errno = errno.ENOSPC


class StorageUnavailableError(Error, OSError):
    """The storage is missing, or cannot be read or written."""

    code = "storage_unavailable"
    _errno = errno.EIO


class PortInUseError(Error):
    """Another process holds the port."""

    code = "port_in_use"


class CannotConnectError(Error, ConnectionError):
    """A peer is known but could not be connected to."""

    code = "cannot_connect"
    _errno = errno.EHOSTUNREACH


class TimedOutError(Error, TimeoutError):
    """It took longer than its limit; of a file: whoever gave it has stopped. What came is kept."""

    code = "timed_out"
    _errno = errno.ETIMEDOUT


class ClosedError(Error, ConnectionError):
    """The daemon ended before its work was done."""

    code = "closed"
    _errno = errno.ECONNRESET


class CanceledError(Error):
    """The daemon was stopped meanwhile."""

    code = "canceled"


class LimitReachedError(Error):
    """A bound that protects the node was hit."""

    code = "limit_reached"


class RefusedError(Error):
    """The peer does not share with us."""

    code = "refused"


class OverQuotaError(Error):
    """The storage would take more than its quota."""

    code = "over_quota"


class Sha1CollisionError(Error):
    """It is part of an attack on SHA-1: there is another content with the same hash."""

    code = "sha1_collision"


LoadFileError = Error  # as kachery_p2p called it


class _NoFile(FailedError, FileNotFoundError):
    """A file of this computer that was named is not there."""

    _errno = errno.ENOENT


class _Denied(FailedError, PermissionError):
    _errno = errno.EACCES


class _Exists(FailedError, FileExistsError):
    _errno = errno.EEXIST


class _IsDirectory(FailedError, IsADirectoryError):
    _errno = errno.EISDIR


class _NotDirectory(FailedError, NotADirectoryError):
    _errno = errno.ENOTDIR


_classes: Dict[str, Type[Error]] = {kind.code: kind for kind in Error.__subclasses__()}
_of_system = (_NoFile, _Denied, _Exists, _IsDirectory, _NotDirectory)
_no_space = (errno.ENOSPC, errno.EDQUOT)
_exhausted = {errno.EMFILE: "this process has no file descriptors left (ulimit -n): close files that it has "
                            "open, or raise the limit",
              errno.ENFILE: "this computer has no file descriptors left (fs.file-max)"}


def exhaustion(error: OSError) -> Optional[Error]:
    """What has nothing to do with the place at which it was noticed."""
    words = _exhausted.get(error.errno or 0)
    return FailedError(words) if words else None


def error_of_system(path: str, error: OSError) -> Error:
    """An error of the system as one of this package, which names the place."""
    exhausted = exhaustion(error)
    if exhausted:
        return exhausted
    kind: Type[Error] = OutOfSpaceError if error.errno in _no_space else FailedError
    for one in _of_system:
        if isinstance(error, one.__bases__[1]):
            kind = one
    return kind(f"{path}: {error.strerror or error}")


def about_uri(error: Error, uri: str) -> Error:
    """One that names what it is about, but of a daemon that is not there."""
    if uri and not isinstance(error, NoDaemonError):
        error.args = (f"{uri}: {error}",)
    return error


def error_of(answer: Dict[str, Any], about: str = "") -> Error:
    """The exception for an error that the daemon sent, which names the URI that it is about. An unknown
    code is a FailedError."""
    code = str(answer.get("code", ""))
    words = str(answer.get("message", "")) or code
    within = str(answer.get("about", ""))  # of a directory, the file that it is about
    error = _classes.get(code, FailedError)(": ".join(filter(None, (about, within, words))))
    findings = answer.get("findings")
    if isinstance(findings, list):
        error.findings = [finding for finding in findings if isinstance(finding, dict)]
    return error
