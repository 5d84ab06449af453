"""A downloader for pooch, which gets files by their URI and leaves the rest to pooch:

    pooch.retrieve("sha1://HASH/data.h5", known_hash=None, downloader=Downloader(progressbar=True))
"""

from __future__ import annotations

from typing import Any

from . import _find, _load
from ._options import Seconds, Wait

__all__ = ["Downloader"]


class Downloader:
    """`progressbar`, `timeout` and `wait` are as load_file() has them, the first as `progress`."""

    def __init__(self, progressbar: bool = False, timeout: Seconds = None,
                 wait: Wait = None) -> None:
        self.progressbar = progressbar
        self.timeout = timeout
        self.wait = wait

    def __call__(self, url: str, output_file: Any, pooch: Any = None,
                 check_only: bool = False) -> Any:
        """To a path or an open file. Whether anybody provides it, if that is all to be known."""
        if check_only:
            return bool(_find.find_file(url, timeout=self.timeout))
        if hasattr(output_file, "write"):
            return _load.cat_file(url, file=output_file, progress=self.progressbar,
                                  timeout=self.timeout, wait=self.wait, missing="raise")
        return _load.load_file(url, output_file, progress=self.progressbar, timeout=self.timeout,
                               wait=self.wait, missing="raise")
