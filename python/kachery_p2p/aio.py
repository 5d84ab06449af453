"""The same calls for asyncio:

    from kachery_p2p import aio
    array, text = await asyncio.gather(aio.load_npy(uri), aio.load_text(other))

Each runs in a thread of its own, up to 256 at once. A task that is cancelled, or runs into
asyncio.timeout(), calls its work off in the daemon as well, and so does the end of the program.
why() is the task's own.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures.thread
import contextvars
import functools
import os
import sys
import threading
from types import TracebackType
from typing import (TYPE_CHECKING, Any, Callable, Coroutine, Iterable, List, Literal, Optional,
                    Protocol, Set, Type, TypeVar, cast, overload)

from . import _daemon, _find, _load, _load_files, _manage, _options, _store
from ._ending import Stop, stop
from ._file import BufferedFile
from ._options import Seconds, Wait, why
from ._paths import PathLike
from ._progress import Progress
from ._source import Index

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    _P = ParamSpec("_P")
    _Str = Coroutine[Any, Any, str]
    _MaybeStr = Coroutine[Any, Any, Optional[str]]
    _Bytes = Coroutine[Any, Any, bytes]
    _MaybeBytes = Coroutine[Any, Any, Optional[bytes]]
_Found = TypeVar("_Found")

__all__ = [
    "AsyncFile", "cancel_transfer", "cat_file", "find_file", "gc", "get_channels", "get_node_id",
    "join_channel", "leave_channel", "link_file", "list_files", "load_bytes", "load_file",
    "load_files", "load_json", "load_npy", "load_object", "load_pkl", "load_text", "open", "peers",
    "pin", "read_dir", "remove", "status", "stop_daemon", "store_dir", "store_file", "store_json",
    "store_npy", "store_object", "store_pkl", "store_text", "transfers", "unpin", "verify", "why",
]

_max_threads = 256
_glance_seconds = 0.1
_pool: Optional[concurrent.futures.ThreadPoolExecutor] = None
_pool_lock = threading.Lock()
_running: "Set[Stop]" = set()


def _threads() -> concurrent.futures.ThreadPoolExecutor:
    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = concurrent.futures.ThreadPoolExecutor(_max_threads, "kachery_p2p")
        return _pool


def _call_all_off() -> None:
    for one in list(_running):
        one.call()


# Before the interpreter waits for the threads, which it does before what atexit has: what is
# registered last comes first, and so this after the import of the pool. Where there is no such
# thing, it waits for what the threads do.
getattr(threading, "_register_atexit", atexit.register)(_call_all_off)


def _forked() -> None:
    """The threads, and whoever held the lock, are the parent's."""
    global _pool, _pool_lock
    _pool, _pool_lock = None, threading.Lock()
    _running.clear()


os.register_at_fork(after_in_child=_forked)


async def _run(call: Callable[[], _Found]) -> _Found:
    stopping = Stop()
    context = contextvars.copy_context()
    context.run(stop.set, stopping)
    loop = asyncio.get_running_loop()
    work: "asyncio.Future[_Found]" = loop.run_in_executor(_threads(), lambda: context.run(call))
    _running.add(stopping)
    try:
        # A loop that only waits does not learn that a notebook's cell is interrupted.
        while "ipykernel" in sys.modules and not work.done():
            await asyncio.wait([work], timeout=_glance_seconds)
        return await work
    except asyncio.CancelledError:
        stopping.call()
        work.cancel()
        raise
    finally:
        _running.discard(stopping)
        _options.take(context)


def _waited(call: "Callable[_P, _Found]") -> "Callable[_P, Coroutine[Any, Any, _Found]]":
    @functools.wraps(call)
    async def run(*arguments: "_P.args", **named: "_P.kwargs") -> _Found:
        return await _run(lambda: call(*arguments, **named))

    return run


class _Load(Protocol):
    """Types of load_file() and load_text(), which a ParamSpec has one of."""

    @overload
    def __call__(self, uri: PathLike, dest: Optional[PathLike] = None, *,
                 progress: Progress = None, timeout: Seconds = None, wait: Wait = None,
                 missing: Literal["raise"], p2p: bool = True, from_node: Optional[str] = None,
                 from_channel: Optional[str] = None) -> "_Str": ...
    @overload
    def __call__(self, uri: PathLike, dest: Optional[PathLike] = None, *,
                 progress: Progress = None, timeout: Seconds = None, wait: Wait = None,
                 missing: Literal["none", "raise"] = "none", p2p: bool = True,
                 from_node: Optional[str] = None,
                 from_channel: Optional[str] = None) -> "_MaybeStr": ...


class _LoadBytes(Protocol):
    @overload
    def __call__(self, uri: PathLike, start: Index = None, end: Index = None,
                 write_to_stdout: bool = False, *, progress: Progress = None,
                 timeout: Seconds = None, wait: Wait = None, missing: Literal["raise"],
                 p2p: bool = True, from_node: Optional[str] = None,
                 from_channel: Optional[str] = None) -> "_Bytes": ...
    @overload
    def __call__(self, uri: PathLike, start: Index = None, end: Index = None,
                 write_to_stdout: bool = False, *, progress: Progress = None,
                 timeout: Seconds = None, wait: Wait = None,
                 missing: Literal["none", "raise"] = "none", p2p: bool = True,
                 from_node: Optional[str] = None,
                 from_channel: Optional[str] = None) -> "_MaybeBytes": ...


class _LoadFiles(Protocol):
    @overload
    def __call__(self, uris: Iterable[PathLike], *, progress: Progress = None,
                 timeout: Seconds = None, wait: Wait = None, missing: Literal["raise"],
                 p2p: bool = True) -> Coroutine[Any, Any, List[str]]: ...
    @overload
    def __call__(self, uris: Iterable[PathLike], *, progress: Progress = None,
                 timeout: Seconds = None, wait: Wait = None,
                 missing: Literal["none"] = "none",
                 p2p: bool = True) -> Coroutine[Any, Any, List[Optional[str]]]: ...


cat_file = _waited(_load.cat_file)
cancel_transfer = _waited(_manage.cancel_transfer)
find_file = _waited(_find.find_file)
gc = _waited(_manage.gc)
get_channels = _waited(_daemon.get_channels)
get_node_id = _waited(_daemon.get_node_id)
join_channel = _waited(_daemon.join_channel)
leave_channel = _waited(_daemon.leave_channel)
link_file = _waited(_store.link_file)
list_files = _waited(_manage.list_files)
load_bytes = cast(_LoadBytes, _waited(_load.load_bytes))
load_file = cast(_Load, _waited(_load.load_file))
load_files = cast(_LoadFiles, _waited(_load_files.load_files))
load_json = _waited(_load.load_json)
load_npy = _waited(_load.load_npy)
load_object = load_json
load_pkl = _waited(_load.load_pkl)
load_text = cast(_Load, _waited(_load.load_text))
peers = _waited(_daemon.peers)
pin = _waited(_manage.pin)
read_dir = _waited(_find.read_dir)
remove = _waited(_manage.remove)
status = _waited(_daemon.status)
stop_daemon = _waited(_daemon.stop_daemon)
store_dir = _waited(_store.store_dir)
store_file = _waited(_store.store_file)
store_json = _waited(_store.store_json)
store_npy = _waited(_store.store_npy)
store_object = store_json
store_pkl = _waited(_store.store_pkl)
store_text = _waited(_store.store_text)
transfers = _waited(_manage.transfers)
unpin = _waited(_manage.unpin)
verify = _waited(_manage.verify)


class AsyncFile:
    """What open() gives, to be used in `async with`. One call at a time."""

    def __init__(self, file: BufferedFile) -> None:
        self._file = file

    async def read(self, size: int = -1) -> bytes:
        return await _run(lambda: self._file.read(size))

    async def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return await _run(lambda: self._file.seek(offset, whence))

    def tell(self) -> int:
        return self._file.tell()

    async def close(self) -> None:
        await _run(self._file.close)

    async def __aenter__(self) -> "AsyncFile":
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        await self.close()


class _Opening:
    """To be awaited, or used in `async with`, as other libraries' files are."""

    def __init__(self, opening: "Coroutine[Any, Any, BufferedFile]") -> None:
        self._opening = opening
        self._file: Optional[AsyncFile] = None

    async def _open(self) -> AsyncFile:
        self._file = AsyncFile(await self._opening)
        return self._file

    def __await__(self) -> Any:
        return self._open().__await__()

    async def __aenter__(self) -> AsyncFile:
        return await self._open()

    async def __aexit__(self, *_: object) -> None:
        if self._file:
            await self._file.close()


def open(uri: PathLike, *, timeout: Seconds = None, wait: Wait = None,
         p2p: bool = True) -> _Opening:
    """async with aio.open(uri) as file: ...; or file = await aio.open(uri)."""
    return _Opening(_run(lambda: _load.open(uri, timeout=timeout, wait=wait, p2p=p2p)))
