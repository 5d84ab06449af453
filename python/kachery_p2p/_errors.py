"""One exception class per error code of the HTTP API."""

from __future__ import annotations

from typing import Any, Dict, List, Type


class Error(Exception):
    """What went wrong, in words. `code` is the same for every program that uses the daemon.
    `findings` is what led there, the nearest cause first: dicts of "stage", "code", "message",
    "advice" and, where it makes sense, "node", "path" and "ms"."""

    code = "failed"
    findings: List[Dict[str, Any]] = []


class FailedError(Error):
    """Anything that has no class of its own."""


class UsageError(Error):
    """A malformed argument, URI or channel name."""

    code = "usage"


class NoDaemonError(Error):
    """No daemon answers."""

    code = "no_daemon"


class UnauthorizedError(Error):
    """What answers is not the daemon of this configuration, or does not know us."""

    code = "unauthorized"


class NotFoundError(Error):
    """Nobody reachable provides the file. load_* return None instead."""

    code = "not_found"


class VerificationFailedError(Error):
    """What was sent is wrong, and no honest provider is left."""

    code = "verification_failed"


class OutOfSpaceError(Error):
    """The storage or the destination is full."""

    code = "out_of_space"


class StorageUnavailableError(Error):
    """The storage is missing, or cannot be read or written."""

    code = "storage_unavailable"


class PortInUseError(Error):
    """Another process holds the port."""

    code = "port_in_use"


class CannotConnectError(Error):
    """A peer is known but could not be connected to."""

    code = "cannot_connect"


class TimedOutError(Error):
    """It took longer than its limit; of a file: whoever gave it has stopped. What came is kept."""

    code = "timed_out"


class ClosedError(Error):
    """The daemon ended before its work was done."""

    code = "closed"


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


LoadFileError = Error  # as kachery_p2p called it

_classes: Dict[str, Type[Error]] = {kind.code: kind for kind in Error.__subclasses__()}


def error_of(answer: Dict[str, Any]) -> Error:
    """The exception for an error that the daemon sent. An unknown code is a FailedError."""
    code = str(answer.get("code", ""))
    error = _classes.get(code, FailedError)(str(answer.get("message", "")) or code)
    findings = answer.get("findings")
    if isinstance(findings, list):
        error.findings = [finding for finding in findings if isinstance(finding, dict)]
    return error
