"""Many files that are loaded at once."""

from __future__ import annotations

import os
from typing import Dict, Iterable, List, Literal, Optional, Union, overload

from ._errors import AbsentError, Error, NotFoundError, UsageError
from ._options import Options, Seconds, Wait
from ._paths import PathLike, as_uri
from ._progress import Progress
from ._source import Named, Sizes, Source


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
    lost: Dict[int, Error] = {}  # for good
    sizes = Sizes()

    def name(source: Source) -> Dict[int, Error]:
        """Those that are not known yet; what fails of these."""
        failed: Dict[int, Error] = {}
        unlisted: Dict[str, Error] = {}  # directories, of which each is asked for once
        for index, uri in enumerate(wanted):
            if index in files or index in lost:
                continue
            directory = as_uri(uri)[:len("sha1dir://") + 40]
            try:
                if directory in unlisted:
                    raise unlisted[directory]
                files[index] = source.named(uri)
                if files[index].directory is not None:
                    raise UsageError(f"it is a directory: {uri}")
            except (AbsentError, UsageError) as error:
                files.pop(index, None)
                lost[index] = error
            except NotFoundError as error:
                failed[index] = unlisted[directory] = error
        return failed

    def work(source: Source) -> bool:
        failed = name(source)
        left = {index: named for index, named in files.items() if paths[index] is None}
        for index, found in source.paths(left, sizes):
            if isinstance(found, str):
                paths[index] = found
            else:
                failed[index] = found
        if not failed:
            source.progress.now(sizes.all, sizes.all)
        errors: List[Error] = [*failed.values(), *lost.values()]
        # What waiting does not mend comes first, unless it is that there is nothing to wait for.
        errors.sort(key=lambda one: isinstance(one, NotFoundError) + isinstance(one, AbsentError))
        if errors:
            raise errors[0]
        return True

    Options(p2p, progress, timeout, wait, missing).load(f"{len(wanted)} files", work)
    return paths
