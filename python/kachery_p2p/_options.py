"""What every load can be told: how long it may take, whether it waits for somebody who has the file,
who hears how far it is, and what becomes of a file that nobody has."""

from __future__ import annotations

import contextvars
import math
import os
import warnings
from typing import Any, Callable, NamedTuple, Optional, SupportsFloat, TypeVar, Union

from ._ending import Deadline, ends, sleep
from ._errors import AbsentError, NotFoundError, UsageError
from ._outage import log, outlasting
from ._paths import PathLike, as_uri
from ._progress import Progress, shown
from ._source import Source

Seconds = Optional[SupportsFloat]
Wait = Union[None, bool, SupportsFloat]  # True: for ever

_why: "contextvars.ContextVar[Optional[NotFoundError]]" = contextvars.ContextVar("why",
                                                                                default=None)
_Found = TypeVar("_Found")
_first_pause, _longest_pause = 0.5, 10.0
_longest_seconds = 1e9  # more than the clocks of the system can count is for ever


def why() -> Optional[NotFoundError]:
    """Why the last call of this thread, or asyncio task, found nothing: in words, with `findings`.
    None if it found what it was asked for, or has raised what there is to say."""
    return _why.get()


def asked() -> None:
    """What earlier calls did not find has no part in this one."""
    _why.set(None)


def take(context: contextvars.Context) -> None:
    """What was found in there is what this thread, or task, has found."""
    _why.set(context.get(_why))


def absent(uri: PathLike, error: NotFoundError) -> None:
    """What None alone does not tell, to why() and to who listens to the logger "kachery_p2p"."""
    codes = ", ".join(f"{one.get('stage')} {one.get('code')}" for one in error.findings)
    about = "" if str(uri) in str(error) else f"{uri}: "  # of a directory it is a file in it
    log.info("%s%s [%s]", about, error, codes or error.code)
    error.__cause__ = error.__context__ = None  # with all that was being worked with
    _why.set(error.with_traceback(None))


def mean_nothing(stacklevel: int = 3, **given: Any) -> None:
    names = [name for name, value in given.items() if value not in (None, False, "", 0)]
    if names:
        warnings.warn(f"without effect: {', '.join(names)}", stacklevel=stacklevel + 1)


class Options(NamedTuple):
    p2p: bool = True
    progress: Progress = None
    timeout: Seconds = None
    wait: Wait = None
    missing: str = "none"

    def load(self, uri: PathLike, work: Callable[[Source], _Found]) -> Optional[_Found]:
        """What `work` makes of a source. None, or the NotFoundError, if there is nobody who has
        the file, or comes to have it for as long as is waited."""
        if self.missing not in ("none", "raise"):
            raise UsageError(f'missing= is "none" or "raise", not {self.missing!r}')
        asked()
        deadline = Deadline(seconds("timeout", self.timeout))
        wait = math.inf if self.wait is True else seconds("wait", self.wait or None)
        patience = Deadline(None if wait == math.inf else wait or 0)
        pause, met = _first_pause, False
        with shown(self.progress, os.path.basename(as_uri(uri)).split("?")[0]) as progress, \
                ends(deadline):
            while True:
                source = Source(self.p2p, deadline, progress, wait)
                try:
                    return outlasting(lambda: work(source), wait, deadline, progress.most, met)
                except NotFoundError as error:
                    if isinstance(error, AbsentError) or patience.passed():
                        if self.missing == "raise":
                            raise
                        absent(uri, error)
                        return None
                met = self.p2p
                sleep(deadline.within(patience.within(pause)))
                if deadline.passed():
                    raise deadline.error()
                pause = min(1.5 * pause, _longest_pause)


def seconds(name: str, given: Seconds) -> Optional[float]:
    if given is None:
        return None
    try:
        number = float(given)
    except (TypeError, ValueError):
        number = math.nan
    if not number >= 0 or math.isinf(number):
        raise UsageError(f"{name}= is a number of seconds, not {given!r}")
    return min(number, _longest_seconds)
