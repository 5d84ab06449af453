"""Share files peer to peer by their SHA-1, through the kp2p daemon on this computer.

    import kachery_p2p as kp
    uri = kp.store_npy(array)        # here
    array = kp.load_npy(uri)         # on any computer in a common channel

load_* return None when nobody provides the file; the logger "kachery_p2p" says why. Everything else
that goes wrong raises a subclass of Error. Where no daemon runs, files still go into the storage of
this computer, and what is there is loaded. The daemon is found as the commands find it:
KACHERY_P2P_API_PORT, KACHERY_P2P_CONFIG_DIR
(default ~/.kachery-p2p).
"""

from ._daemon import (get_channels, get_node_id, join_channel, leave_channel, start_daemon,
                      stop_daemon)
from ._errors import (CanceledError, CannotConnectError, ClosedError, Error, FailedError,
                      LimitReachedError, LoadFileError, NoDaemonError, NotFoundError, OutOfSpaceError, OverQuotaError,
                      PortInUseError, RefusedError, StorageUnavailableError, TimedOutError,
                      UnauthorizedError, UsageError, VerificationFailedError)
from ._load import (cat_file, find_file, load_bytes, load_file, load_json, load_npy, load_object,
                    load_pkl, load_text, read_dir)
from ._store import (link_file, store_dir, store_file, store_json, store_npy, store_object,
                     store_pkl, store_text)

__version__ = "0.1.0"

__all__ = [
    "CanceledError", "CannotConnectError", "ClosedError", "Error", "FailedError",
    "LimitReachedError", "LoadFileError", "NoDaemonError", "NotFoundError", "OutOfSpaceError", "OverQuotaError", "PortInUseError",
    "RefusedError", "StorageUnavailableError", "TimedOutError", "UnauthorizedError", "UsageError",
    "VerificationFailedError", "cat_file", "find_file", "get_channels", "get_node_id",
    "join_channel", "leave_channel", "link_file", "load_bytes", "load_file", "load_json",
    "load_npy", "load_object", "load_pkl", "load_text", "read_dir", "start_daemon", "stop_daemon", "store_dir",
    "store_file", "store_json", "store_npy", "store_object", "store_pkl", "store_text",
]
