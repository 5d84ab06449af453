"""How a call ends before its answer does: in time, or called off."""

from __future__ import annotations

import contextlib
import contextvars
import socket
import threading
import time
from typing import Iterator, Optional

from ._errors import CanceledError, Error, TimedOutError


class Stop:
    """Calls off, from another thread, what is asked for in the context that has it in `stop`."""

    def __init__(self) -> None:
        self._called = threading.Event()
        self._socket: Optional[socket.socket] = None

    @property
    def called(self) -> bool:
        return self._called.is_set()

    def sleep(self, seconds: float) -> None:
        """Or until it is called."""
        if self._called.wait(seconds):
            raise CanceledError("it was called off")

    def call(self) -> None:
        self._called.set()
        if self._socket:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def watch(self, watched: Optional[socket.socket]) -> None:
        self._socket = watched
        if self.called and watched:
            self.call()


stop: "contextvars.ContextVar[Optional[Stop]]" = contextvars.ContextVar("stop", default=None)


def sleep(seconds: float) -> None:
    stopping = stop.get()
    if stopping:
        stopping.sleep(seconds)
    else:
        time.sleep(seconds)


class Deadline:
    """When a call must be over, if ever."""

    def __init__(self, seconds: Optional[float]) -> None:
        self.seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds

    def left(self) -> Optional[float]:
        return None if self._end is None else max(self._end - time.monotonic(), 0.001)

    def within(self, seconds: float) -> float:
        left = self.left()
        return seconds if left is None else min(left, seconds)

    def passed(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end

    def error(self) -> Error:
        return TimedOutError(f"it took longer than {self.seconds:g} s")


never = Deadline(None)
# Of what is being done in the context, for what waits there without being told of it.
ending: "contextvars.ContextVar[Deadline]" = contextvars.ContextVar("ending", default=never)


@contextlib.contextmanager
def ends(deadline: Deadline) -> Iterator[None]:
    """What is done here ends by then."""
    token = ending.set(deadline)
    try:
        yield
    finally:
        ending.reset(token)
