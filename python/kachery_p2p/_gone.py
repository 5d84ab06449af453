"""What kachery_p2p had and this package has not: scripts that name it run until they use it, and are
told what to use."""

from __future__ import annotations

import functools
from typing import Dict

from ._errors import UsageError

_feeds = ("feeds are no part of kp2p: store what they hold as files (store_json), and hand on the "
          "URIs")
_values = "values by a name are no part of kp2p: keep them in a file of your own, such as a URI a line"
_advice: Dict[str, str] = {
    **dict.fromkeys(("Feed", "Subfeed", "create_feed", "delete_feed", "get_feed_id", "load_feed",
                     "load_subfeed", "watch_for_new_messages"), _feeds),
    **dict.fromkeys(("delete", "get", "get_string", "set"), _values),
    "ShellScript": "subprocess.run() is what Python has for it",
    "TemporaryDirectory": "tempfile.TemporaryDirectory is what Python has for it",
    "TestDaemon": "start_daemon() in a `with` block is one",
    "cli": "the commands are kp2p-load and so on, and kachery-p2p WORD",
}


@functools.lru_cache(maxsize=None)
def gone(name: str) -> type:
    """A class, as it may stand in annotations. LookupError if there was no such thing."""
    advice = _advice[name]

    def refuse(*_: object, **__: object) -> None:
        raise UsageError(f"kachery_p2p.{name}: {advice}")

    return type(name, (), {"__new__": refuse, "__doc__": advice, "__module__": "kachery_p2p"})
