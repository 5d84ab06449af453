"""A file that is read in parts, which come when they are needed, and verified."""

from __future__ import annotations

import contextlib
import io
import os
import threading
from typing import Any, Callable, List, Optional, Tuple, Union

from . import _storage
from ._errors import ClosedError, FailedError, TimedOutError
from ._source import Named, Pieces, Source

_stream_bytes = 64 << 20  # the most that one call is asked for while the file is read through
_growth = 4  # how much more than was read at one go it is asked for
_least_ahead_bytes = 1 << 20
_skip_bytes = 1 << 20  # what is rather read and dropped than asked for anew
jump_bytes = 32 << 10  # what is read for a few bytes somewhere: two or three of the verified pieces
Span = Tuple[int, int]


class Ranges:
    """The bytes of one file, for any thread and any process that was forked. Read through from one
    place to the next it keeps one call open, so that the daemon gets what follows meanwhile, and more
    the longer that goes on; jumped about in, each is a call for what is read and no more."""

    def __init__(self, source: Source, named: Named, size: Optional[int] = None) -> None:
        self._source = source
        self._named = named
        self._here: Optional[_storage.Reader] = source.here(named)
        self.size = self._known_size(size)
        self._begin_alone()

    def _begin_alone(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._stream: Optional[Pieces] = None
        self._rest = memoryview(b"")
        self._at = -1  # where the stream goes on
        self._next = -1  # where the last range ended
        self._following = 0  # how many ranges followed upon each other until then,
        self._run_bytes = 0  # and their bytes

    def _leave_to_parent(self) -> None:
        """Of a forked process: the stream, and the thread that may be reading from it, are the
        parent's, whose bytes we would take away."""
        if self._process != os.getpid():
            self._begin_alone()

    def _known_size(self, told: Optional[int]) -> int:
        if self._here:
            return self._here.size
        return self._source.size(self._named) if told is None else told

    def read(self, start: int, end: int) -> bytes:
        end = min(end, self.size)
        if start >= end:
            return b""
        if self._here:
            return self._here.read(start, end)
        self._leave_to_parent()
        if not self._lock.acquire(blocking=False):  # the stream is another thread's
            return self._apart(start, end)
        try:
            if not self._stream or not self._at <= start <= self._at + _skip_bytes:
                self._begin(start, end)
            found = self._along(start, end) if self._stream else self._apart(start, end)
            self._next = end
            self._following += 1
            self._run_bytes += end - start
            return found
        except BaseException:
            self._drop()
            raise
        finally:
            self._lock.release()

    def _begin(self, start: int, end: int) -> None:
        """Two ranges on end can be one of a reader that jumps: a buffer divides what it is asked
        for. The third makes a stream."""
        self._drop()
        if start != self._next:
            self._following = self._run_bytes = 0
        if self._following >= 2:
            ahead = min(_stream_bytes, max(_least_ahead_bytes, _growth * self._run_bytes))
            self._stream = self._cat(start, min(self.size, max(end, start + ahead)))
            self._at = start

    def _cat(self, start: int, end: int) -> Pieces:
        return self._source.again().cat(self._named, start, end)

    def _apart(self, start: int, end: int) -> bytes:
        found = self._source.outlasting(lambda: b"".join(self._cat(start, end)))
        if len(found) < end - start:
            raise FailedError(f"{self._named.uri}: it has fewer bytes than was said")
        return found

    def _along(self, start: int, end: int) -> bytes:
        pieces: List[memoryview] = []
        while self._at < end:
            self._rest = self._rest or memoryview(self._more())
            if not self._rest:
                break
            piece = self._rest[:end - self._at]
            self._rest = self._rest[len(piece):]
            pieces.append(piece[max(start - self._at, 0):])
            self._at += len(piece)
        if self._at < end:
            start = max(start, self._at)
            self._drop()
            pieces.append(memoryview(self._apart(start, end)))
        return b"".join(pieces)

    def _more(self) -> bytes:
        """None at the end of what was asked for, or where the call was cut off in a long pause."""
        try:
            return next(self._stream, b"") if self._stream else b""
        except (ClosedError, TimedOutError):
            return b""

    def _drop(self) -> None:
        stream, self._stream, self._rest, self._at = self._stream, None, memoryview(b""), -1
        if stream is not None:
            stream.close()

    def close(self) -> None:
        self._leave_to_parent()
        with self._lock:
            self._drop()
            if self._here:
                self._here.close()


class RawFile(io.RawIOBase):
    """As io.FileIO is, to be wrapped in a buffer."""

    def __init__(self, ranges: Ranges, name: str) -> None:
        self._ranges = ranges
        self._position = 0
        self.name = name
        self.mode = "rb"

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        view = memoryview(buffer).cast("B")
        found = self._ranges.read(self._position, self._position + len(view))
        view[:len(found)] = found
        self._position += len(found)
        return len(found)

    def readall(self) -> bytes:
        """In one call; it would be read block by block."""
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        found = self._ranges.read(self._position, self._ranges.size)
        self._position += len(found)
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._ranges.size}
        if whence not in base or base[whence] + offset < 0:
            raise ValueError(f"there is no such place: {offset}, {whence}")
        self._position = base[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        if not self.closed:
            with contextlib.suppress(Exception):
                self._ranges.close()
        super().close()


class BufferedFile(io.BufferedIOBase):
    """What an io.BufferedReader does, and none itself: numpy before 1.25 reads from the descriptor of
    whatever is one, and here is none. Pickled, as for a worker in another process, it is opened anew
    there, at the same place; `again` does that."""

    def __init__(self, raw: RawFile, again: Callable[[], BufferedFile]) -> None:
        self.raw = raw
        self._again = again
        self._buffer = io.BufferedReader(raw, jump_bytes)
        self.name = raw.name
        self.mode = raw.mode

    def __repr__(self) -> str:
        return f"<kachery_p2p.open({self.name!r})>"

    def __reduce__(self) -> Any:
        return _opened_at, (self._again, self.tell())

    def __next__(self) -> bytes:
        return next(self._buffer)

    @property
    def closed(self) -> bool:
        return self._buffer.closed

    def close(self) -> None:
        self._buffer.close()

    def readable(self) -> bool:
        return self._buffer.readable()

    def seekable(self) -> bool:
        return self._buffer.seekable()

    def read(self, size: Optional[int] = -1) -> bytes:
        return self._buffer.read(size)

    def read1(self, size: int = -1) -> bytes:
        return self._buffer.read1(size)

    def readinto(self, buffer: Any) -> int:
        return self._buffer.readinto(buffer)

    def readinto1(self, buffer: Any) -> int:
        return self._buffer.readinto1(buffer)

    def readline(self, size: Optional[int] = -1) -> bytes:
        return self._buffer.readline(-1 if size is None else size)

    def peek(self, size: int = 0) -> bytes:
        return self._buffer.peek(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._buffer.seek(offset, whence)

    def tell(self) -> int:
        return self._buffer.tell()


def _opened_at(again: Callable[[], BufferedFile], position: int) -> BufferedFile:
    file = again()
    file.seek(position)
    return file


def opened(ranges: Ranges, name: str, mode: str, encoding: Optional[str], newline: Optional[str],
           again: Callable[[], BufferedFile]) -> Union[BufferedFile, io.TextIOWrapper]:
    raw = RawFile(ranges, name)
    if "b" in mode:
        return BufferedFile(raw, again)
    return io.TextIOWrapper(io.BufferedReader(raw, jump_bytes), encoding=encoding or "utf-8", newline=newline)
