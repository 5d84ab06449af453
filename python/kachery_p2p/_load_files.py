"""Many files that are loaded at once."""

from __future__ import annotations

import os
from typing import Dict, Iterable, List, Literal, Optional, Union, overload

from ._errors import AbsentError, Error, NotFoundError, UsageError
from ._options import Options, Seconds, Wait
from ._paths import PathLike
from ._progress import Progress
from ._source import Named, Source


@overload
def load_files(uris: Iterable[PathLike], *, progress: Progress = None, timeout: Seconds = None,
               wait: Wait = None, missing: Literal["raise"], p2p: bool = True) -> List[str]: ...
@overload
def load_files(uris: Iterable[PathLike], *, progress: Progress = None, timeout: Seconds = None,
               wait: Wait = None, missing: Literal["none"] = "none",
               p2p: bool = True) -> List[Optional[str]]: ...
def load_files(uris: Iterable[PathLike], *, progress: Progress = None, timeout: Seconds = None,
               wait: Wait = None, missing: Literal["none", "raise"] = "none",
               p2p: bool = True) -> Union[List[str], List[Optional[str]]]:
    """The paths of many verified files, in their order, as load_file() gives each: small ones come
    together, in a fraction of the time. In place of one that nobody provides there is None; why()
    says more of one of these. One that fails keeps none of the others away: what there is to raise
    is raised when all have been tried. `timeout` and `wait` are for all of them, and `progress` is
    told of the bytes of all, whose sum is not known (0) until the end."""
    if isinstance(uris, (str, bytes, os.PathLike)):
        raise UsageError("load_files() takes several URIs; of one it is load_file()")
    wanted = list(uris)
    files: Dict[int, Named] = {}
    paths: List[Optional[str]] = [None] * len(wanted)
    absent: Dict[int, Error] = {}  # for good

    def work(source: Source) -> bool:
        failed: Dict[int, Error] = {}
        for index, uri in enumerate(wanted):
            if index in files or index in absent:
                continue
            try:
                files[index] = source.named(uri)
            except AbsentError as error:
                absent[index] = error
            except NotFoundError as error:
                failed[index] = error
            else:
                if files[index].directory is not None:
                    raise UsageError(f"it is a directory: {uri}")
        left = [index for index in files if paths[index] is None]
        for number, found in source.paths([files[index] for index in left]):
            if isinstance(found, str):
                paths[left[number]] = found
            else:
                failed[left[number]] = found
        for index in sorted(failed, key=lambda each: isinstance(failed[each], NotFoundError)):
            raise failed[index]
        for index in sorted(absent):
            raise absent[index]
        return True

    Options(p2p, progress, timeout, wait, missing).load(f"{len(wanted)} files", work)
    return paths
