"""Files that others, or this computer, provide."""

from __future__ import annotations

import codecs
import functools
import io
import operator
import pickle
import sys
from typing import IO, Any, BinaryIO, Callable, Literal, Optional, TypeVar, Union, overload

from . import _dest
from ._errors import FailedError, UsageError
from ._file import BufferedFile, Ranges, opened
from ._listing import load_directory
from ._options import Options, Seconds, Wait, asked, mean_nothing, why
from ._paths import PathLike
from ._progress import Progress
from ._reach import reached_path
from ._source import Index, Named, Source, parsed

_Missing = Literal["none", "raise"]
_Value = TypeVar("_Value")


@overload
def load_file(uri: PathLike, dest: Optional[PathLike] = None, *, progress: Progress = None,
              timeout: Seconds = None, wait: Wait = None, missing: Literal["raise"],
              p2p: bool = True, from_node: Optional[str] = None,
              from_channel: Optional[str] = None) -> str: ...
@overload
def load_file(uri: PathLike, dest: Optional[PathLike] = None, *, progress: Progress = None,
              timeout: Seconds = None, wait: Wait = None, missing: _Missing = "none",
              p2p: bool = True, from_node: Optional[str] = None,
              from_channel: Optional[str] = None) -> Optional[str]: ...
def load_file(uri: PathLike, dest: Optional[PathLike] = None, *, progress: Progress = None,
              timeout: Seconds = None, wait: Wait = None, missing: _Missing = "none",
              p2p: bool = True, from_node: Optional[str] = None,
              from_channel: Optional[str] = None) -> Optional[str]:
    """The path of the verified file, which is read-only; copied to `dest` if given. A whole sha1dir
    needs `dest`, the directory to make. A device or FIFO at `dest` is written to, a link is followed,
    a file is replaced.

    Here and below: a hash alone is a URI; a path in place of one is a file of this computer. None if
    nobody provides it, or a sha1dir has no such name; why() says more; with `missing="raise"` it is a
    NotFoundError, which is a FileNotFoundError. `wait` is for how many seconds, or, if True, for ever,
    to wait for somebody who provides it, and for another daemon when this one ends. After `timeout`
    seconds it is a TimedOutError, which is a TimeoutError; what has come by then is kept.
    `progress=True` shows a bar (tqdm), a function is called with the bytes that are here, all bytes
    (0 until that is known) and the number of providers. With `p2p=False`, and where no daemon runs,
    only the storage is asked. `from_node` and `from_channel` are taken for the sake of scripts for
    kachery_p2p, and mean nothing, as whoever has the file is asked."""
    mean_nothing(from_node=from_node, from_channel=from_channel)

    def work(source: Source) -> str:
        named = source.named(uri)
        if dest is None:
            return source.path(named)
        to = reached_path(dest)
        if named.directory is not None:
            load_directory(source, named, to)
        else:
            _dest.refuse_file(to)
            source.path(named)
            _dest.write_file(to, source.cat(named))
        return to

    return Options(p2p, progress, timeout, wait, missing).load(uri, work)


@overload
def load_text(uri: PathLike, dest: Optional[PathLike] = None, *, progress: Progress = None,
              timeout: Seconds = None, wait: Wait = None, missing: Literal["raise"],
              p2p: bool = True, from_node: Optional[str] = None,
              from_channel: Optional[str] = None) -> str: ...
@overload
def load_text(uri: PathLike, dest: Optional[PathLike] = None, *, progress: Progress = None,
              timeout: Seconds = None, wait: Wait = None, missing: _Missing = "none",
              p2p: bool = True, from_node: Optional[str] = None,
              from_channel: Optional[str] = None) -> Optional[str]: ...
def load_text(uri: PathLike, dest: Optional[PathLike] = None, *, progress: Progress = None,
              timeout: Seconds = None, wait: Wait = None, missing: _Missing = "none",
              p2p: bool = True, from_node: Optional[str] = None,
              from_channel: Optional[str] = None) -> Optional[str]:
    """The content of a UTF-8 file, with line ends as open() gives them."""
    mean_nothing(from_node=from_node, from_channel=from_channel)

    def text(content: bytearray) -> str:
        return _decoded(uri, content).replace("\r\n", "\n").replace("\r", "\n")

    return _value(uri, dest, Options(p2p, progress, timeout, wait, missing), text)


def load_json(uri: PathLike, dest: Optional[PathLike] = None, *, progress: Progress = None,
              timeout: Seconds = None, wait: Wait = None, missing: _Missing = "none",
              p2p: bool = True, from_node: Optional[str] = None,
              from_channel: Optional[str] = None) -> Any:
    """The value in a JSON file."""
    mean_nothing(from_node=from_node, from_channel=from_channel)
    return _value(uri, dest, Options(p2p, progress, timeout, wait, missing),
                  lambda content: parsed(str(uri), content))


load_object = load_json


def load_npy(uri: PathLike, dest: Optional[PathLike] = None, *, progress: Progress = None,
             timeout: Seconds = None, wait: Wait = None, missing: _Missing = "none",
             mmap_mode: Optional[Literal["r", "c"]] = None, p2p: bool = True,
             from_node: Optional[str] = None, from_channel: Optional[str] = None) -> Any:
    """The numpy array in a .npy file. With `mmap_mode` it stays in the file, at `dest` or in the
    storage: "r" to be read, "c" to be changed in memory alone."""
    from . import _numpy

    mean_nothing(from_node=from_node, from_channel=from_channel)
    options = Options(p2p, progress, timeout, wait, missing)
    if mmap_mode is None:
        return _value(uri, dest, options, lambda content: _numpy.array(uri, content))
    mode = mmap_mode
    if mode not in ("r", "c"):
        raise UsageError(f'mmap_mode= is "r" or "c", as the file is shared, not {mode!r}')

    def work(source: Source) -> Any:
        named = source.named(uri)
        if dest is not None:
            to = reached_path(dest)
            _dest.refuse_file(to)
            _dest.write_file(to, source.cat(named))
            named = Named(to, path=to)
        with source.held(named) as file:
            return _numpy.mapped(uri, file, mode)

    return options.load(uri, work)


def load_pkl(uri: PathLike, dest: Optional[PathLike] = None, *, progress: Progress = None,
             timeout: Seconds = None, wait: Wait = None, missing: _Missing = "none",
             p2p: bool = True, from_node: Optional[str] = None,
             from_channel: Optional[str] = None) -> Any:
    """The object in a pickle. Unpickling runs whatever code the one who made the file put into it:
    the hash says that it is that one's file, not that it means well."""
    mean_nothing(from_node=from_node, from_channel=from_channel)

    def unpickled(content: bytearray) -> Any:
        try:
            return pickle.loads(content)
        except Exception as error:  # what is no pickle, or names what is not here, raises any
            raise FailedError(f"{uri!r} cannot be unpickled: {error}") from error

    return _value(uri, dest, Options(p2p, progress, timeout, wait, missing), unpickled)


def _value(uri: PathLike, dest: Optional[PathLike], options: Options,
           made: Callable[[bytearray], _Value]) -> Optional[_Value]:
    """What is made of the bytes of a file."""

    def work(source: Source) -> _Value:
        content = source.content(source.named(uri))
        if dest is not None:
            to = reached_path(dest)
            _dest.refuse_file(to)
            _dest.write_file(to, [content])
        return made(content)

    return options.load(uri, work)


def _decoded(uri: PathLike, content: bytearray) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FailedError(f"{uri!r}: {error}") from error


@overload
def load_bytes(uri: PathLike, start: Index = None, end: Index = None,
               write_to_stdout: bool = False, *, progress: Progress = None,
               timeout: Seconds = None, wait: Wait = None, missing: Literal["raise"],
               p2p: bool = True, from_node: Optional[str] = None,
               from_channel: Optional[str] = None) -> bytes: ...
@overload
def load_bytes(uri: PathLike, start: Index = None, end: Index = None,
               write_to_stdout: bool = False, *, progress: Progress = None,
               timeout: Seconds = None, wait: Wait = None, missing: _Missing = "none",
               p2p: bool = True, from_node: Optional[str] = None,
               from_channel: Optional[str] = None) -> Optional[bytes]: ...
def load_bytes(uri: PathLike, start: Index = None, end: Index = None,
               write_to_stdout: bool = False, *, progress: Progress = None,
               timeout: Seconds = None, wait: Wait = None, missing: _Missing = "none",
               p2p: bool = True, from_node: Optional[str] = None,
               from_channel: Optional[str] = None) -> Optional[bytes]:
    """The bytes from `start` up to, and without, `end`; written to standard output as well if that
    is asked for."""
    mean_nothing(from_node=from_node, from_channel=from_channel)
    content = io.BytesIO()
    options = Options(p2p, progress, timeout, wait, missing)
    if _cat(uri, start, end, content, options) is None:
        return None
    if write_to_stdout:
        out = _stdout()
        out.write(content.getbuffer())
        out.flush()
    return content.getvalue()


def cat_file(uri: PathLike, start: Index = None, end: Index = None,
             file: Optional[BinaryIO] = None, *, progress: Progress = None,
             timeout: Seconds = None, wait: Wait = None, missing: _Missing = "none",
             p2p: bool = True) -> Optional[int]:
    """Writes the bytes to `file` (default: standard output, of a notebook too) as they are verified,
    and returns how many there were. None, and nothing written, if nobody provides the file."""
    out = _stdout() if file is None else file
    return _cat(uri, start, end, out, Options(p2p, progress, timeout, wait, missing))


def _cat(uri: PathLike, start: Index, end: Index, out: Any, options: Options) -> Optional[int]:
    written = 0

    def work(source: Source) -> int:
        nonlocal written
        first = None if start is None and not written else operator.index(start or 0) + written
        for piece in source.cat(source.named(uri), first, end):
            out.write(piece)
            written += len(piece)
            source.progress.now(written, 0)
        out.flush()
        source.progress.now(written, written)
        return written

    done = options.load(uri, work)
    error = why()
    if done is None and written and error:  # None says that there is nothing of it
        asked()
        raise error
    return done


class _TextOut:
    """The standard output of a notebook, which takes text alone."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, piece: Any) -> None:
        self._text.write(self._decoder.decode(bytes(piece)))

    def flush(self) -> None:
        self._text.write(self._decoder.decode(b"", final=True))
        self._text.flush()


def _stdout() -> Any:
    if sys.stdout is None:  # as of pythonw, and under some servers
        raise UsageError("there is no standard output: name a file")
    sys.stdout.flush()
    return getattr(sys.stdout, "buffer", None) or _TextOut(sys.stdout)


@overload
def open(uri: PathLike, mode: Literal["rb"] = "rb", *, encoding: None = None,
         newline: None = None, timeout: Seconds = None, wait: Wait = None,
         p2p: bool = True) -> BufferedFile: ...
@overload
def open(uri: PathLike, mode: Literal["r", "rt"], *, encoding: Optional[str] = None,
         newline: Optional[str] = None, timeout: Seconds = None, wait: Wait = None,
         p2p: bool = True) -> io.TextIOWrapper: ...
def open(uri: PathLike, mode: str = "rb", *, encoding: Optional[str] = None,
         newline: Optional[str] = None, timeout: Seconds = None, wait: Wait = None,
         p2p: bool = True) -> Union[BufferedFile, io.TextIOWrapper]:
    """A file that can be read and sought in, whose bytes come, verified, as they are asked for. A
    NotFoundError, which is a FileNotFoundError, if nobody provides it. One without a manifest (up to
    20 MB, or stored --bare) comes whole, when it is opened."""
    if mode not in ("r", "rt", "rb"):
        raise UsageError(f"a file is opened to be read, not with mode {mode!r}")
    options = Options(p2p, None, timeout, wait, "raise")
    ranges = options.load(uri, lambda source: Ranges(source, source.named(uri)))
    assert ranges is not None
    again = functools.partial(open, str(uri), "rb", timeout=timeout, wait=wait, p2p=p2p)
    return opened(ranges, str(uri), mode, encoding, newline, again)
