"""What is made in a storage, with the rights that node/store/layout.hpp names."""

from __future__ import annotations

import contextlib
import os
import pathlib
import stat
from typing import Union

from ._files import flush_directory, set_rights


class Folders:
    def __init__(self, root: pathlib.Path) -> None:
        status = os.stat(root)
        # Of root's files in another user's storage that user could make nothing.
        self._owner = (status.st_uid, status.st_gid) if status.st_uid and not os.geteuid() else None
        # A directory that others may write to as well is shared: the umask does not count there.
        self.shared = bool(status.st_mode & 0o022)
        self._rights = stat.S_IMODE(status.st_mode)
        self.file_rights = status.st_mode & 0o666

    def give(self, made: Union[int, pathlib.Path]) -> None:
        if self._owner:
            with contextlib.suppress(OSError):
                if isinstance(made, int):
                    os.fchown(made, *self._owner)
                else:
                    os.lchown(made, *self._owner)

    def make(self, path: pathlib.Path) -> None:
        """One directory, unless it is there."""
        try:
            path.mkdir(mode=self._rights)
        except FileExistsError:
            return
        self.give(path)
        if self.shared:
            set_rights(path, self._rights)
        flush_directory(str(path.parent))
