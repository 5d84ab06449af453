"""What becomes of a call whose daemon ends: another may come, as after an upgrade."""

from __future__ import annotations

import logging
import math
from typing import Callable, Optional, TypeVar

from ._ending import Deadline, sleep, stop
from ._errors import AbsentError, CanceledError, ClosedError, Error, NoDaemonError, NotFoundError

log = logging.getLogger("kachery_p2p")
_first_pause, _longest_pause = 0.2, 2.0
_Found = TypeVar("_Found")


def outlasting(work: Callable[[], _Found], wait: Optional[float], deadline: Deadline,
               moved: Callable[[], object] = lambda: None, met: bool = False) -> _Found:
    """What `work` gives, asked again, of the next daemon, for `wait` seconds after one ended, if
    that is given. That none is there is an outage, too, if one has been `met`. What `moved` says
    changes when something has come: what follows is another outage."""
    outage, reached, pause = None, moved(), _first_pause
    while True:
        try:
            return work()
        except (CanceledError, ClosedError, NoDaemonError, NotFoundError) as error:
            if moved() != reached:
                outage, reached = None, moved()
            if wait is None or _is_for_good(error, met, outage is not None):
                raise
            if outage is None:
                log.warning("%s; waiting for another one", error)
                outage, pause = Deadline(None if math.isinf(wait) else wait), _first_pause
            if outage.passed() and isinstance(error, NotFoundError):
                raise
            if outage.passed():
                raise NoDaemonError("the daemon ended before its work was done, and none that does "
                                    f"it came within {wait:g} s: {error}") from error
        sleep(deadline.within(outage.within(pause)))
        if deadline.passed():
            raise deadline.error()
        pause = min(1.5 * pause, _longest_pause)


def _is_for_good(error: Error, met: bool, is_outage: bool) -> bool:
    """The next daemon may not have met the others yet."""
    stopping = stop.get()
    if isinstance(error, AbsentError) or (stopping and stopping.called):
        return True
    ended = isinstance(error, (CanceledError, ClosedError)) or (
        met and isinstance(error, NoDaemonError))
    return not ended and not is_outage
