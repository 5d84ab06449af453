"""Paths as this program, another, and the daemon take them."""

from __future__ import annotations

import os
import pathlib
from typing import Union

from ._errors import UsageError

PathLike = Union[str, "os.PathLike[str]"]


def config_dir() -> pathlib.Path:
    named = os.environ.get("KACHERY_P2P_CONFIG_DIR")
    return pathlib.Path(named) if named else pathlib.Path.home() / ".kachery-p2p"


def absolute_path(path: PathLike) -> str:
    """The path as one with another working directory takes it."""
    try:
        text = os.fspath(path)
        if isinstance(text, bytes):
            text = os.fsdecode(text)
        if text and "\0" not in text:
            return os.path.abspath(text)
    except OSError as error:  # there is no working directory
        raise UsageError(f"{path!r}: {error}") from None
    raise UsageError(f"no path: {path!r}")


def path_for_daemon(path: PathLike) -> str:
    """The same, for one that knows UTF-8 alone."""
    text = absolute_path(path)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{path!r}: {error}") from None
    return text
