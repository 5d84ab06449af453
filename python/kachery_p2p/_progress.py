"""How far a load is: a bar of tqdm, or whatever the caller makes of it."""

from __future__ import annotations

import contextlib
import importlib
import warnings
from typing import Any, Callable, Dict, Iterator, Optional, Union

from ._errors import UsageError

# Bytes that are here and proven, of how many (0: not known yet), from how many providers.
Callback = Callable[[int, int, int], object]
Progress = Union[None, bool, Callback]


class Shown:
    """What is told of one load. At its end it is told once more, that all is here."""

    def __init__(self, show: Optional[Callback]) -> None:
        self._show = show
        self._last = (-1, -1)
        self._most = 0
        self._providers = 0

    def event(self, event: Dict[str, Any]) -> None:
        if event.get("event") == "progress":
            done, size = int(event.get("verified_bytes", 0)), int(event.get("size_bytes", 0))
            # Between two chunks, and at the end, there is none: what is new came from the last ones.
            self._providers = int(event.get("providers", 0)) or self._providers
            self.now(done, size)

    def now(self, done: int, size: int) -> None:
        self._most = max(self._most, done)
        if self._show and self._last != (done, size):
            self._last = (done, size)
            self._show(done, size, self._providers)

    def most(self) -> int:
        """Bytes, of all that was ever told."""
        return self._most


@contextlib.contextmanager
def shown(progress: Progress, name: str) -> Iterator[Shown]:
    if progress is None or progress is False:
        yield Shown(None)
    elif progress is True:
        with _bar(name) as show:
            yield Shown(show)
    elif callable(progress):
        yield Shown(progress)
    else:
        raise UsageError(f"progress= is True, False or a function, not {progress!r}")


@contextlib.contextmanager
def _bar(name: str) -> Iterator[Optional[Callback]]:
    """In a terminal or a notebook, whichever this is."""
    try:
        with warnings.catch_warnings():  # a notebook without ipywidgets gets a bar of text
            warnings.filterwarnings("ignore", message="IProgress not found")
            tqdm = importlib.import_module("tqdm.auto").tqdm
    except ImportError:
        warnings.warn("progress=True needs tqdm, which is not installed", stacklevel=2)
        yield None
        return
    with tqdm(desc=name, unit="B", unit_scale=True, unit_divisor=1024) as bar:
        def show(done: int, size: int, providers: int) -> None:
            bar.total = size or None
            bar.set_postfix(providers=providers, refresh=False)
            bar.update(done - bar.n)

        yield show
