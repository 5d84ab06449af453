"""The HTTP API of the daemon (node/api/API.md): one connection per call, closed when it ends, which
cancels the work in the daemon if it is not done."""

from __future__ import annotations

import contextlib
import hmac
import http.client
import json
import os
import pathlib
import secrets
import socket
import struct
import time
from typing import Any, ContextManager, Dict, Iterator, NamedTuple, Optional, Union

from ._errors import (ClosedError, Error, FailedError, NoDaemonError, TimedOutError,
                      UnauthorizedError, UsageError, error_of)

Json = Dict[str, Any]
PathLike = Union[str, "os.PathLike[str]"]

_default_port = 20431
_answer_seconds = 60.0  # to take us in, and to begin an answer
_durable_seconds = 600.0  # to have on the disk what was uploaded
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


def _named_port() -> Optional[int]:
    named = os.environ.get("KACHERY_P2P_API_PORT")
    try:
        return int(named or 0) or None
    except ValueError:
        raise UsageError(f"KACHERY_P2P_API_PORT is not a port number: {named}") from None


def _written_port() -> Optional[int]:
    written = _first_line(config_dir() / "api-port")
    return int(written) if written.isdigit() else None


def api_port() -> int:
    """Environment, then the port that a running daemon wrote down, then config.json."""
    return _named_port() or _written_port() or _configured_port()


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


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over the socket in the configuration directory, which only its owner can reach."""

    def __init__(self, path: str, port: int) -> None:
        super().__init__("127.0.0.1", port)
        self._path = path

    def connect(self) -> None:
        deadline = time.monotonic() + _answer_seconds
        pause = 0.005
        while True:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.sock.settimeout(_answer_seconds)
                self.sock.connect(self._path)
                self._check_owner()
                return
            except BlockingIOError:  # the queue of those who wait for the daemon is full
                self.sock.close()
                if time.monotonic() > deadline:
                    raise socket.timeout() from None
            except BaseException:
                self.sock.close()
                raise
            time.sleep(pause)
            pause = min(2 * pause, 0.2)

    def _check_owner(self) -> None:
        if hasattr(socket, "SO_PEERCRED"):
            peer = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            owner = struct.unpack("3i", peer)[1]
        else:
            owner = os.stat(self._path).st_uid
        if owner not in (0, os.geteuid()):
            raise UnauthorizedError(f"what answers at {self._path} belongs to another user")


class _Way:
    """To the daemon of this configuration: its Unix socket, unless another port was named."""

    def __init__(self, port: Optional[int] = None) -> None:
        self.directory = config_dir()
        self.port = port or api_port()
        path = self.directory / "api.sock"
        told = port or _named_port()
        here = path.is_socket() and told in (None, _written_port())
        self.path = str(path) if here else None
        self.where = self.path or f"127.0.0.1:{self.port}"

    def connection(self) -> http.client.HTTPConnection:
        if self.path:
            return _UnixConnection(self.path, self.port)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=_answer_seconds)

    def headers(self, connection: http.client.HTTPConnection) -> Dict[str, str]:
        """What shows who we are: nothing on the socket that only we can reach; over TCP a proof that
        we know the token, after the other side has proven the same."""
        if self.path:
            return {}
        try:
            token = bytes.fromhex(_first_line(self.directory / "api-token"))
        except ValueError:
            token = b""
        ours = secrets.token_bytes(32)
        connection.request("POST", "/v1/hello", json.dumps({"nonce": ours.hex()}),
                           {"Content-Type": "application/json"})
        response = connection.getresponse()
        try:
            answer = json.loads(response.read(_max_frame_bytes))
            tail = b"\0" + self.port.to_bytes(2, "big") + ours + bytes.fromhex(answer["nonce"])
            proof = bytes.fromhex(answer["proof"])
        except (ValueError, RecursionError, LookupError, TypeError):
            raise self.no_answer() from None
        expected = hmac.digest(token, b"kp2p api server" + tail, "sha256")
        if response.status != 200 or len(token) != 32 or not hmac.compare_digest(proof, expected):
            raise self.no_answer()
        return {"Authorization": "KP2P " +
                hmac.digest(token, b"kp2p api client" + tail, "sha256").hex()}

    def no_answer(self) -> Error:
        """Something answers, and not as the daemon does."""
        if self.path:
            return FailedError("the daemon sent what is no answer")
        return UnauthorizedError(
            f"what answers at {self.where} is not the daemon of {self.directory}")

    def error(self, error: Exception) -> Error:
        if isinstance(error, (ConnectionRefusedError, FileNotFoundError)):
            return NoDaemonError(f"nothing answers at {self.where}: {error}")
        if isinstance(error, socket.timeout):
            return TimedOutError(f"the daemon does not answer (waited {_answer_seconds:.0f} s)")
        if isinstance(error, (ConnectionError, http.client.IncompleteRead)):
            return ClosedError(f"the daemon ended before its work was done: {error}")
        if isinstance(error, OSError):
            return FailedError(f"{self.where}: {error}")
        return self.no_answer()


@contextlib.contextmanager
def _answer(method: str, path: str, body: Any, content_type: str, size: Optional[int] = None,
            port: Optional[int] = None) -> Iterator["_Response"]:
    """The answer to a request, its status checked. It begins in good time; the work has no limit."""
    way = _Way(port)
    connection = way.connection()
    with contextlib.closing(connection):
        try:
            connection.connect()
            connection.auto_open = 0  # another connection would have proven nothing
            headers = way.headers(connection)
            if content_type:
                headers["Content-Type"] = content_type
            if size is not None:
                headers["Content-Length"] = str(size)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body, headers)
            # A daemon that refuses what is still being sent has said why.
            if size is not None and connection.sock:
                connection.sock.settimeout(_durable_seconds)
            response = connection.getresponse()
            if response.status != 200:
                raise _refusal(way, response)
            if connection.sock:
                connection.sock.settimeout(None)
            yield _Response(response, way, connection.sock)
        except (OSError, http.client.HTTPException) as error:
            raise way.error(error) from error


class _Response(NamedTuple):
    http: http.client.HTTPResponse
    way: _Way
    socket: Optional[socket.socket]

    def object(self, text: bytes) -> Json:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
        raise self.way.no_answer()

    def line(self, text: bytes) -> Json:
        """A line of a stream. Raises what it says if that is an error."""
        if not text.endswith(b"\n"):
            raise ClosedError("the daemon ended before its work was done")
        event = self.object(text)
        if event.get("event") == "error":
            raise error_of(event)
        return event

    def promised(self, answer: Json, key: str) -> Json:
        if key and key not in answer:
            raise self.way.no_answer()
        return answer

    def exactly(self, size: int) -> bytes:
        pieces = []
        while size:
            piece = self.http.read(size)
            if not piece:
                raise ClosedError("the daemon ended before its work was done")
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


def _refusal(way: _Way, response: http.client.HTTPResponse) -> Error:
    try:
        answer = json.loads(response.read(_max_frame_bytes))
    except (ValueError, RecursionError):
        answer = None
    if response.status == 401 or not isinstance(answer, dict) or "code" not in answer:
        return way.no_answer()
    return error_of(answer)


def call(method: str, path: str, body: Optional[Json] = None, promised: str = "",
         port: Optional[int] = None) -> Json:
    """A plain call: the object that it answers with, which has the key `promised`."""
    with _asked(method, path, body, port) as response:
        return response.promised(response.object(response.http.read()), promised)


def events(path: str, body: Json, promised: str,
           seconds: Optional[float] = None) -> Iterator[Json]:
    """A streamed call: its events, the last of which is "result". Raises what "error" says, and
    TimedOutError when it takes longer than so many seconds."""
    deadline = None if seconds is None else time.monotonic() + seconds
    with _asked("POST", path, body) as response:
        while True:
            if deadline is not None and response.socket:
                response.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            event = response.line(response.http.readline())
            if event.get("event") == "result":
                yield response.promised(event, promised)
                return
            yield event


def result(path: str, body: Json, promised: str) -> Json:
    """The last event of a streamed call."""
    last: Json = {}
    for last in events(path, body, promised):
        pass
    return last


def frames(path: str, body: Json, promised: str) -> Iterator[bytes]:
    """The bytes of a framed call, piece by piece. Raises what its last line says."""
    with _asked("POST", path, body) as response:
        while True:
            length = int.from_bytes(response.exactly(4), "little")
            if length == 0:
                break
            if length > _max_frame_bytes:
                raise response.way.no_answer()
            yield response.exactly(length)
        event = response.line(response.http.read())
        if event.get("event") != "result":
            raise response.way.no_answer()
        response.promised(event, promised)


def upload(name: str, size: int, blocks: Iterator[bytes]) -> Json:
    """Hands bytes over to be stored under a name, percent-encoded."""
    with _answer("POST", f"/v1/upload?name={name}", blocks, "application/octet-stream",
                 size) as response:
        return response.promised(response.object(response.http.read()), "uri")


def _asked(method: str, path: str, body: Optional[Json],
           port: Optional[int] = None) -> ContextManager[_Response]:
    content = b"" if body is None else json.dumps(body).encode()
    return _answer(method, path, content, "" if body is None else "application/json", port=port)
