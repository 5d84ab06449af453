"""Arrays into and out of .npy files. Imported only where numpy is wanted."""

from __future__ import annotations

import inspect
import io
import os
from typing import IO, Any, Literal

import numpy

from ._errors import FailedError, UsageError
from ._paths import PathLike
from ._storage import Reader

_head_bytes = 1 << 20
# Newer versions refuse the names of some hundred columns, which older ones took.
_long_heads: Any = ({"max_header_size": _head_bytes}
                    if "max_header_size" in inspect.signature(numpy.load).parameters else {})


def write(file: IO[bytes], array: Any) -> None:
    """What numpy makes an array of. A mask has no place in the file: what it hides would come to
    light, as if it were good."""
    if isinstance(array, numpy.ma.MaskedArray):
        raise UsageError("a .npy file holds no mask: store array.filled(value), or array.data and "
                         "array.mask")
    made = numpy.asarray(array)
    if made.dtype.hasobject:
        raise UsageError(f"a .npy file holds no objects of Python, and of {type(array).__name__} numpy "
                         "makes an array of objects: store_pkl() stores it as it is")
    numpy.save(file, made, allow_pickle=False)


def array(uri: PathLike, content: bytearray) -> Any:
    """Uses the bytes as they lie, without a copy, where the header says where they begin."""
    try:
        head = io.BytesIO(bytes(memoryview(content)[:_head_bytes]))
        try:
            shape, in_columns, kind = _header(head)
        except (ValueError, LookupError):
            return numpy.load(io.BytesIO(content), allow_pickle=False, **_long_heads)
        if kind.hasobject:
            raise ValueError("it holds objects of Python")
        return numpy.ndarray(shape, kind, content, head.tell(), order="F" if in_columns else "C")
    except Exception as error:  # numpy's, and those of what it reads with
        raise FailedError(f"{uri!r} is not an array: {error}") from error


def _header(head: io.BytesIO) -> Any:
    formats: Any = numpy.lib.format
    readers = {(1, 0): formats.read_array_header_1_0, (2, 0): formats.read_array_header_2_0}
    return readers[formats.read_magic(head)](head, **_long_heads)


def mapped(uri: PathLike, file: Reader, mode: Literal["r", "c"]) -> Any:
    """Of the file that is open, whatever has its name by now."""
    path = f"/dev/fd/{file.fileno()}"
    try:
        found = numpy.load(path if os.path.exists(path) else file.path, mmap_mode=mode,
                           allow_pickle=False, **_long_heads)
    except Exception as error:
        raise FailedError(f"{uri!r} is not an array: {error}") from error
    if isinstance(found, numpy.memmap):
        found.filename = file.path  # the other name ends with this call
    return found
