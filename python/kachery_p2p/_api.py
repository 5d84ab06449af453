"""The HTTP API of the daemon (node/api/API.md): one connection per call, closed when it ends, which
cancels the work in the daemon if it is not done."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
from typing import Any, Dict, Iterator, Optional, Union

from ._errors import Error, FailedError, NoDaemonError, UsageError, error_of

Json = Dict[str, Any]
PathLike = Union[str, "os.PathLike[str]"]

_default_port = 20431
_connect_seconds = 5.0
_max_frame_bytes = 4 << 20


def config_dir() -> pathlib.Path:
    named = os.environ.get("KACHERY_P2P_CONFIG_DIR")
    return pathlib.Path(named) if named else pathlib.Path.home() / ".kachery-p2p"


def _first_line(path: pathlib.Path) -> str:
    try:
        return path.read_text().split("\n", 1)[0]
    except OSError:
        return ""


def _configured_port() -> int:
    try:
        return int(json.loads((config_dir() / "config.json").read_text())["api_port"])
    except (OSError, ValueError, KeyError, TypeError):
        return _default_port


def api_port() -> int:
    """Environment, then the port that a running daemon wrote down, then config.json."""
    named = os.environ.get("KACHERY_P2P_API_PORT")
    try:
        if named and int(named):
            return int(named)
    except ValueError:
        raise UsageError(f"KACHERY_P2P_API_PORT is not a port number: {named}") from None
    written = _first_line(config_dir() / "api-port")
    return int(written) if written.isdigit() else _configured_port()


def absolute_path(path: PathLike) -> str:
    """The path as the daemon takes it, which has another working directory and knows UTF-8 alone."""
    try:
        text = os.fspath(path)
        if text:
            text = os.path.abspath(text)
            text.encode()
            return text
    except (OSError, UnicodeEncodeError) as error:
        raise UsageError(f"{path!r}: {error}") from None
    raise UsageError("the path is empty")


@contextlib.contextmanager
def _answer(method: str, path: str, body: Optional[Json]) -> Iterator[http.client.HTTPResponse]:
    """The answer to a request, its status checked; without a limit of time, as the work has none."""
    port = api_port()
    headers = {"Authorization": "Bearer " + _first_line(config_dir() / "api-token")}
    content = b""
    if body is not None:
        content = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_connect_seconds)
    with contextlib.closing(connection):
        try:
            connection.connect()
            connection.sock.settimeout(None)
            connection.request(method, path, content, headers)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise NoDaemonError(f"no daemon answers at 127.0.0.1:{port}: {error}") from None
        if response.status != 200:
            raise _error_in(response.read())
        try:
            yield response
        except (OSError, http.client.HTTPException) as error:
            raise NoDaemonError(f"the daemon ended before its work was done: {error}") from error


def _error_in(line: Union[bytes, str]) -> Error:
    try:
        answer = _object(line)
    except FailedError as error:
        return error
    return error_of(str(answer.get("code", "")), str(answer.get("message", "")))


def _object(text: Union[bytes, str]) -> Json:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    raise FailedError("the daemon sent what is no answer")


def _line(text: bytes) -> Json:
    if not text.endswith(b"\n"):
        raise NoDaemonError("the daemon ended before its work was done")
    return _object(text)


def call(method: str, path: str, body: Optional[Json] = None) -> Json:
    """A plain call: the object that it answers with."""
    with _answer(method, path, body) as response:
        return _object(response.read())


def events(path: str, body: Json) -> Iterator[Json]:
    """A streamed call: its events, the last of which is "result". Raises what "error" says."""
    with _answer("POST", path, body) as response:
        while True:
            text = response.readline()
            event = _line(text)
            if event.get("event") == "error":
                raise _error_in(text)
            yield event
            if event.get("event") == "result":
                return


def result(path: str, body: Json) -> Json:
    """The last event of a streamed call."""
    last: Json = {}
    for last in events(path, body):
        pass
    return last


def frames(path: str, body: Json) -> Iterator[bytes]:
    """The bytes of a framed call, piece by piece. Raises what its last line says."""
    with _answer("POST", path, body) as response:
        while True:
            length = int.from_bytes(_exactly(response, 4), "little")
            if length == 0:
                break
            if length > _max_frame_bytes:
                raise error_of("failed", "the daemon sent what is no answer")
            yield _exactly(response, length)
        text = response.read()
        if _line(text).get("event") != "result":
            raise _error_in(text)


def _exactly(response: http.client.HTTPResponse, size: int) -> bytes:
    pieces = []
    while size:
        piece = response.read(size)
        if not piece:
            raise NoDaemonError("the daemon ended before its work was done")
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
