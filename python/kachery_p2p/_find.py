"""Who provides a file, and what is in a directory."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from . import _api
from ._ending import Deadline
from ._errors import NotFoundError, TimedOutError, UsageError
from ._options import Options, Seconds, Wait, absent, asked, seconds
from ._paths import PathLike, as_uri
from ._source import Source, copied, member


def find_file(uri: PathLike, timeout_sec: Seconds = None, *,
              timeout: Seconds = None) -> List[Dict[str, Any]]:
    """Who provides a file: a list of {"node", "label", "size", "complete"}, empty if nobody does; after
    `timeout` seconds (kachery_p2p called it `timeout_sec`), who has answered by then."""
    asked()
    given = seconds("timeout", timeout_sec if timeout is None else timeout)
    providers = []
    try:
        for event in _api.events("/v1/find", {"uri": as_uri(uri)}, "providers", Deadline(given)):
            if event.get("event") == "provider":
                providers.append({key: event[key]
                                  for key in ("node", "label", "size", "complete")})
    except NotFoundError as error:
        absent(uri, error)
    except TimedOutError:
        if given is None:
            raise
    return providers


def read_dir(uri: PathLike, *, p2p: bool = True, timeout: Seconds = None,
             wait: Wait = None) -> Optional[Dict[str, Any]]:
    """What a sha1dir, or a directory in it, holds: {"files": {name: {"size", "sha1"}}, "dirs":
    {name: the same again}}. None if nobody provides it, or it has no such directory."""
    if not as_uri(uri).startswith("sha1dir://"):
        raise UsageError(f"not a sha1dir:// URI: {uri}")

    def work(source: Source) -> Optional[Dict[str, Any]]:
        directory = source.named(uri).directory
        if directory is None:
            return None
        member(str(uri), directory, "files")
        member(str(uri), directory, "dirs")
        return {key: copied(inner) for key, inner in directory.items()}

    return Options(p2p, None, timeout, wait).load(uri, work)
