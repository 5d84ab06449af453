"""What the storage of the daemon holds, and what is under way."""

from __future__ import annotations

import warnings
from typing import Any, Dict, List, Optional

from . import _api
from ._ending import Deadline
from ._options import Seconds, seconds
from ._paths import PathLike, as_uri
from ._progress import Progress, shown


def list_files() -> List[Dict[str, Any]]:
    """What was stored, linked or loaded, the latest first: {"uri", "name", "kind": "stored",
    "linked" or "loaded", "pinned", "size", "time"}. What was loaded, and is not pinned, gives way
    when room is needed. Here and in gc() and verify(), a warning says which part of the storage could
    not be read."""
    keys = ("uri", "name", "kind", "pinned", "size", "time")
    files = []
    for event in _api.events("/v1/files", None, "files"):
        if event.get("event") == "file":
            files.append({key: event.get(key) for key in keys})
        _warn_of_unread(event)
    return files


def remove(uri: PathLike) -> Dict[str, int]:
    """A file, or a directory and its files, out of the storage: {"files", "bytes"} that it had. A
    NotFoundError if it is not there, a UsageError if it is pinned."""
    return _numbers(_api.call("POST", "/v1/remove", {"uri": as_uri(uri)}, "files"))


def pin(uri: PathLike) -> None:
    """It stays in the storage, whatever room is needed. A NotFoundError if it is not there."""
    _api.call("POST", "/v1/pin", {"uri": as_uri(uri)})


def unpin(uri: PathLike) -> None:
    """It need not stay any more."""
    _api.call("POST", "/v1/unpin", {"uri": as_uri(uri)})


def gc(max_bytes: int = 0, *, dry_run: bool = False) -> Dict[str, int]:
    """What was loaded, is not pinned and was used longest ago goes, until what is left takes so many
    bytes: {"files", "bytes"} that went, or would have with `dry_run`."""
    body = {"max": int(max_bytes), "dry_run": dry_run}
    done = _api.call("POST", "/v1/gc", body, "files")
    _warn_of_unread(done)
    return _numbers(done)


def verify(uri: Optional[PathLike] = None, *, repair: bool = False, progress: Progress = None,
           timeout: Seconds = None) -> Dict[str, Any]:
    """Reads and hashes all that is in the storage, or what `uri` names: {"files", "bytes", "damaged",
    "repaired", "missing", "away", "removed", "absent", "events"}. What has gone bad is set aside; with
    `repair` it is fetched from others, as is what was set aside before, or has vanished, and has not
    come again, which is "missing" otherwise. A linked file that is not there, as on a disk that is not
    mounted, is "away"; what remove() took out of a directory that is stored is "removed", and what of
    one that `uri` names was not loaded, or gave way, "absent". `events` says of each what became of it,
    {"event": "damaged", "repaired", "lost", "missing" or "away", "uri", ...}."""
    body: Dict[str, Any] = {"repair": repair}
    if uri is not None:
        body["uri"] = as_uri(uri)
    seen: List[Dict[str, Any]] = []
    with shown(progress, "verify") as show:
        def tell(event: Dict[str, Any]) -> None:
            show.event(event)
            if event.get("event") in ("damaged", "repaired", "lost", "missing", "away"):
                seen.append(event)

        done = _api.result("/v1/verify", body, "files", Deadline(seconds("timeout", timeout)), tell)
        show.now(int(done.get("bytes", 0)), int(done.get("bytes", 0)))
    _warn_of_unread(done)
    return {**_numbers(done), "events": seen}


def transfers() -> List[Dict[str, Any]]:
    """What is being loaded, and given to others: {"id", "kind": "load" or "give", "sha1", "name",
    "nodes", "bytes", "size", "seconds", "bytes_per_second"}."""
    return list(_api.call("GET", "/v1/transfers", None, "transfers")["transfers"])


def cancel_transfer(number: int) -> None:
    """Ends one, by its "id"; what came is kept. A NotFoundError if there is none of this number."""
    _api.call("DELETE", "/v1/transfers", {"id": int(number)})


def _warn_of_unread(done: Dict[str, Any]) -> None:
    if done.get("unread"):
        warnings.warn(f"not all of the storage could be read: {done['unread']}", stacklevel=3)


def _numbers(answer: Dict[str, Any]) -> Dict[str, int]:
    return {key: value for key, value in answer.items() if isinstance(value, int)}
