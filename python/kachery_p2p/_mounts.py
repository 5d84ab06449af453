"""On which file system each storage was when it was last used, so that nothing is written beneath
one that was unmounted: what the commands keep, node/settings/storage_mounts.hpp."""

from __future__ import annotations

import contextlib
import os
import pathlib
from typing import Dict, Optional

from ._paths import config_dir, give_to_owner, make_private

_max_storages = 64


def why_away(storage: pathlib.Path) -> Optional[str]:
    real = os.path.realpath(storage)
    mount = _known().get(os.fsencode(real))
    if mount is None or mount == _mount_of(real):
        return None
    if any(os.path.lexists(os.path.join(real, part)) for part in ("sha1", "kp2p")):
        return None
    return (f"it is empty, and not where it was last used, which was mounted at {os.fsdecode(mount)}; "
            f"mount that again, or, to begin anew here, mkdir {storage / 'sha1'}")


def remember(storage: pathlib.Path) -> None:
    real = os.path.realpath(storage)
    known, name, mount = _known(), os.fsencode(real), _mount_of(real)
    if known.get(name, b"/") == mount:
        return
    known.pop(name, None)
    if mount != b"/":
        known[name] = mount
    path = config_dir() / "storage-mounts"
    beside = f"{path}.{os.getpid()}"
    with contextlib.suppress(OSError):
        with contextlib.suppress(FileExistsError):
            make_private(config_dir())
        with contextlib.suppress(FileNotFoundError):  # of one that was killed
            os.unlink(beside)
        with open(beside, "xb") as file:
            give_to_owner(config_dir(), file.fileno())
            for storage_mount in list(known.items())[-_max_storages:]:
                file.write(b"%b\0%b\0" % storage_mount)
        os.replace(beside, path)


def _known() -> Dict[bytes, bytes]:
    try:
        parts = (config_dir() / "storage-mounts").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(zip(parts[:-1:2], parts[1:-1:2]))


def _mount_of(directory: str) -> bytes:
    """The highest directory above it that is on its file system."""
    device = os.stat(directory).st_dev
    while directory != "/" and os.stat(os.path.dirname(directory)).st_dev == device:
        directory = os.path.dirname(directory)
    return os.fsencode(directory)
