"""Share files peer to peer by their SHA-1, through the kp2p daemon on this computer.

    import kachery_p2p as kp
    uri = kp.store_npy(array)        # here
    array = kp.load_npy(uri)         # on any computer in a common channel

load_* return None when nobody provides the file; why() and the logger "kachery_p2p" say why, and
with missing="raise" it is an exception. Everything else that goes wrong raises a subclass of Error,
which is also FileNotFoundError, PermissionError or TimeoutError where it is that. Where no daemon
runs, files still go into the storage of this computer, and what is there is loaded. The daemon is
found as the commands find it: KACHERY_P2P_API_PORT, KACHERY_P2P_CONFIG_DIR (default ~/.kachery-p2p).
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from ._daemon import (get_channels, get_node_id, join_channel, leave_channel, peers, start_daemon,
                      status, stop_daemon)
from ._errors import (AbsentError, CanceledError, CannotConnectError, ClosedError, Error, FailedError,
                      LimitReachedError, LoadFileError, NoDaemonError, NotFoundError,
                      OutOfSpaceError, OverQuotaError, PortInUseError, RefusedError,
                      Sha1CollisionError, StorageUnavailableError, TimedOutError,
                      UnauthorizedError, UnavailableError, UsageError, VerificationFailedError)
from ._find import find_file, read_dir
from ._load import (cat_file, load_bytes, load_file, load_json, load_npy, load_object, load_pkl,
                    load_text, open)
from ._load_files import load_files
from ._manage import cancel_transfer, gc, list_files, pin, remove, transfers, unpin, verify
from ._options import why
from ._store import (link_file, store_dir, store_file, store_json, store_npy, store_object,
                     store_pkl, store_text)

__version__ = "0.1.0"

__all__ = [
    "AbsentError", "CanceledError", "CannotConnectError", "ClosedError", "Error", "FailedError",
    "LimitReachedError", "LoadFileError", "NoDaemonError", "NotFoundError", "OutOfSpaceError",
    "OverQuotaError", "PortInUseError", "RefusedError", "Sha1CollisionError",
    "StorageUnavailableError", "TimedOutError",
    "UnauthorizedError", "UnavailableError", "UsageError", "VerificationFailedError",
    "cancel_transfer", "cat_file", "find_file", "gc", "get_channels", "get_node_id",
    "join_channel", "leave_channel", "link_file", "list_files", "load_bytes", "load_file",
    "load_files", "load_json", "load_npy", "load_object", "load_pkl", "load_text", "open", "peers",
    "pin", "read_dir", "remove", "start_daemon", "status", "stop_daemon", "store_dir", "store_file",
    "store_json", "store_npy", "store_object", "store_pkl", "store_text", "transfers", "unpin",
    "verify", "why",
]

if _TYPE_CHECKING:
    from . import aio as aio, fsspec as fsspec, pooch as pooch
else:
    def __getattr__(name: str) -> object:
        """kp.aio and the others, which take a while to import, once one is asked for; and what
        kachery_p2p had."""
        if name in ("aio", "fsspec", "pooch"):
            import importlib

            return importlib.import_module(f".{name}", __name__)
        from ._gone import gone

        try:
            return gone(name)
        except LookupError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
