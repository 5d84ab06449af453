"""File systems that do not answer, as those of a server that is down. No signal and no time limit ends
a call that waits for one, so another thread makes the first call, and this one waits for that."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from typing import Dict

from ._ending import ending, stop
from ._errors import CanceledError, TimedOutError
from ._paths import PathLike, absolute_path

log = logging.getLogger("kachery_p2p")
_silent_seconds, _glance_seconds = 5.0, 0.2


class _Look:
    def __init__(self, path: str) -> None:
        self.answered = threading.Event()
        self._path = path

    def take(self) -> None:
        with contextlib.suppress(OSError):  # whoever works on it finds out what is wrong
            os.statvfs(self._path)
        with _lock:
            _looks.pop(self._path, None)
        self.answered.set()


_lock = threading.Lock()
_looks: Dict[str, _Look] = {}  # those that wait: one for each path, however often it is asked for


def _in_child() -> None:
    """None of those threads is in a forked process."""
    global _lock
    _lock = threading.Lock()
    _looks.clear()


os.register_at_fork(after_in_child=_in_child)


def reach(path: str, what: str) -> None:
    """Waits until the file system of `path`, which is called `what`, answers."""
    with _lock:
        look = _looks.get(path)
        if look is None:
            look = _looks[path] = _Look(path)
            try:
                threading.Thread(target=look.take, name="kachery_p2p reach", daemon=True).start()
            except RuntimeError:  # no more threads can be had
                del _looks[path]
                return
    deadline, stopping = ending.get(), stop.get()
    began, told = time.monotonic(), False
    while not look.answered.wait(deadline.within(_glance_seconds)):
        if deadline.passed():
            raise TimedOutError(f"{what} does not answer (waited {deadline.seconds:g} s)")
        if stopping and stopping.called:
            raise CanceledError("it was called off")
        if not told and time.monotonic() - began > _silent_seconds:
            told = True
            log.warning("%s does not answer yet", what)


def reached_path(path: PathLike) -> str:
    """A place that the caller names, by its whole path, when its file system answers."""
    whole = absolute_path(path)
    reach(whole, f"the file system of {whole}")
    return whole
