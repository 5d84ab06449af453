"""The HTTP API of the daemon (node/api/API.md). A connection serves one call at a time, and another
one afterwards; it is closed where a call is given up, which cancels the work in the daemon."""

from __future__ import annotations

import atexit
import collections
import contextlib
import contextvars
import hmac
import http.client
import json
import os
import pathlib
import secrets
import socket
import struct
import threading
import time
from typing import (Any, Callable, ContextManager, Deque, Dict, Iterator, List, NamedTuple, Optional,
                    Tuple, Union)

from ._errors import (CanceledError, ClosedError, Error, FailedError, NoDaemonError, TimedOutError,
                      UnauthorizedError, UsageError, error_of)

Json = Dict[str, Any]
HTTPResponse = http.client.HTTPResponse
PathLike = Union[str, "os.PathLike[str]"]

_default_port = 20431
_answer_seconds = 60.0  # to take us in, and to begin an answer
_durable_seconds = 600.0  # to have on the disk what was uploaded
_max_frame_bytes = 4 << 20
_idle_seconds = 30.0  # half of what the daemon waits before it closes such a connection
_max_idle = 32


class Stop:
    """Calls off, from another thread, what is asked for in the context that has it in `stop`."""

    def __init__(self) -> None:
        self._called = threading.Event()
        self._socket: Optional[socket.socket] = None

    @property
    def called(self) -> bool:
        return self._called.is_set()

    def sleep(self, seconds: float) -> None:
        """Or until it is called."""
        if self._called.wait(seconds):
            raise CanceledError("it was called off")

    def call(self) -> None:
        self._called.set()
        if self._socket:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def watch(self, watched: Optional[socket.socket]) -> None:
        self._socket = watched
        if self.called and watched:
            self.call()


stop: "contextvars.ContextVar[Optional[Stop]]" = contextvars.ContextVar("stop", default=None)


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
        self.key = (str(self.directory), self.where)

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
            response.read()  # to the end of the answer, for the next
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
        stopping = stop.get()
        if stopping and stopping.called:
            return CanceledError("it was called off")
        if isinstance(error, (ConnectionRefusedError, FileNotFoundError)):
            return NoDaemonError(f"nothing answers at {self.where}: {error}")
        if isinstance(error, socket.timeout):
            return TimedOutError(f"the daemon does not answer (waited {_answer_seconds:.0f} s)")
        if isinstance(error, (ConnectionError, http.client.IncompleteRead)):
            return ClosedError(f"the daemon ended before its work was done: {error}")
        if isinstance(error, OSError):
            return FailedError(f"{self.where}: {error}")
        return self.no_answer()


class _Link(NamedTuple):
    """A connection that has proven what it must, and since when it waits for a call."""

    http: http.client.HTTPConnection
    headers: Dict[str, str]
    since: float = 0.0

    @property
    def fresh(self) -> bool:
        return self.since == 0.0

    def still_open(self) -> bool:
        """Also: nothing has come that nobody asked for."""
        if self.http.sock is None or time.monotonic() - self.since > _idle_seconds:
            return False
        try:
            self.http.sock.settimeout(0)
            self.http.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False


_idle: Dict[Tuple[str, str], Deque[_Link]] = {}


def _drop_idle() -> None:
    """Of a forked process, whose parent goes on using them, and at the end."""
    for links in list(_idle.values()):
        for link in links:
            link.http.close()
    _idle.clear()


os.register_at_fork(after_in_child=_drop_idle)
atexit.register(_drop_idle)


def _link(way: _Way, seconds: float, used: bool) -> _Link:
    """One that has served before, if there is any and it may be one."""
    links = _idle.setdefault(way.key, collections.deque())
    while used:
        try:
            link = links.pop()
        except IndexError:
            break
        if link.still_open():
            return link
        link.http.close()
    connection = way.connection()
    try:
        connection.connect()
        connection.auto_open = 0  # another connection would have proven nothing
        assert connection.sock is not None
        connection.sock.settimeout(seconds)
        return _Link(connection, way.headers(connection))
    except BaseException:
        connection.close()
        raise


def _keep(way: _Way, link: _Link, response: HTTPResponse) -> bool:
    """For the next call, if this one's answer has been read to its end."""
    links = _idle.setdefault(way.key, collections.deque())
    if response.will_close or not response.isclosed() or len(links) >= _max_idle:
        return False
    links.append(link._replace(since=time.monotonic()))
    return True


class Deadline:
    """When a call must be over, if ever."""

    def __init__(self, seconds: Optional[float]) -> None:
        self.seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds

    def left(self) -> Optional[float]:
        return None if self._end is None else max(self._end - time.monotonic(), 0.001)

    def within(self, seconds: float) -> float:
        left = self.left()
        return seconds if left is None else min(left, seconds)

    def passed(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end

    def error(self) -> Error:
        return TimedOutError(f"it took longer than {self.seconds:g} s")


never = Deadline(None)


class _Request(NamedTuple):
    method: str
    path: str
    body: Any
    headers: Dict[str, str]
    upload: bool = False

    def ask(self, way: _Way, deadline: Deadline) -> Tuple[_Link, HTTPResponse]:
        """The beginning of the answer. A connection that was closed while it waited is not used."""
        while True:
            link = _link(way, deadline.within(_answer_seconds), used=not self.upload)
            try:
                return link, self._ask(link, deadline)
            except socket.timeout:
                link.http.close()
                raise
            except (OSError, http.client.HTTPException):
                link.http.close()
                if link.fresh:
                    raise
            except BaseException:
                link.http.close()
                raise

    def _ask(self, link: _Link, deadline: Deadline) -> HTTPResponse:
        stopping = stop.get()
        if stopping:
            stopping.watch(link.http.sock)
        assert link.http.sock is not None
        link.http.sock.settimeout(deadline.within(_answer_seconds))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            link.http.request(self.method, self.path, self.body, {**link.headers, **self.headers})
        # A daemon that refuses what is still being sent has said why.
        if self.upload and link.http.sock:
            link.http.sock.settimeout(_durable_seconds)
        return link.http.getresponse()


@contextlib.contextmanager
def _answer(request: _Request, port: Optional[int], deadline: Deadline) -> Iterator["_Response"]:
    """The answer to a request, its status checked. It begins in good time; the work has no limit
    but the deadline."""
    way = _Way(port)
    link = None
    try:
        link, response = request.ask(way, deadline)
        if response.status != 200:
            raise _refusal(way, response)
        if link.http.sock:
            link.http.sock.settimeout(deadline.left())
        yield _Response(response, way, link.http.sock, deadline)
        if _keep(way, link, response):
            link = None
    except Error:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise (deadline.error() if deadline.passed() else way.error(error)) from error
    finally:
        stopping = stop.get()
        if stopping:
            stopping.watch(None)
        if link:
            link.http.close()


class _Response(NamedTuple):
    http: HTTPResponse
    way: _Way
    socket: Optional[socket.socket]
    deadline: Deadline

    def in_time(self) -> HTTPResponse:
        if self.socket and self.deadline.seconds is not None:
            self.socket.settimeout(self.deadline.left())
        return self.http

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
            raise self.way.error(ConnectionResetError("it was cut off"))
        event = self.object(text)
        if event.get("event") == "error":
            raise error_of(event)
        return event

    def promised(self, answer: Json, key: str) -> Json:
        if key and key not in answer:
            raise self.way.no_answer()
        return answer

    def exactly(self, size: int) -> bytes:
        pieces: List[bytes] = []
        while size:
            piece = self.in_time().read(size)
            if not piece:
                raise self.way.error(ConnectionResetError("it was cut off"))
            pieces.append(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _refusal(way: _Way, response: HTTPResponse) -> Error:
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


def events(path: str, body: Json, promised: str, deadline: Deadline = never) -> Iterator[Json]:
    """A streamed call: its events, the last of which is "result". Raises what "error" says."""
    with _asked("POST", path, body, None, deadline) as response:
        while True:
            event = response.line(response.in_time().readline())
            if event.get("event") == "result":
                response.in_time().read()
                yield response.promised(event, promised)
                return
            yield event


def result(path: str, body: Json, promised: str, deadline: Deadline = never,
           tell: Callable[[Json], object] = bool) -> Json:
    """The last event of a streamed call; the others are told."""
    last: Json = {}
    for last in events(path, body, promised, deadline):
        tell(last)
    return last


def frames(path: str, body: Json, promised: str, deadline: Deadline = never) -> Iterator[bytes]:
    """The bytes of a framed call, piece by piece. Raises what its last line says."""
    with _asked("POST", path, body, None, deadline) as response:
        while True:
            length = int.from_bytes(response.exactly(4), "little")
            if length == 0:
                break
            if length > _max_frame_bytes:
                raise response.way.no_answer()
            yield response.exactly(length)
        event = response.line(response.in_time().read())
        if event.get("event") != "result":
            raise response.way.no_answer()
        response.promised(event, promised)


def upload(name: str, size: int, blocks: Iterator[bytes]) -> Json:
    """Hands bytes over to be stored under a name, percent-encoded."""
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
    request = _Request("POST", f"/v1/upload?name={name}", blocks, headers, upload=True)
    with _answer(request, None, never) as response:
        return response.promised(response.object(response.http.read()), "uri")


def _asked(method: str, path: str, body: Optional[Json], port: Optional[int] = None,
           deadline: Deadline = never) -> ContextManager[_Response]:
    content = b"" if body is None else json.dumps(body).encode()
    headers = {} if body is None else {"Content-Type": "application/json"}
    return _answer(_Request(method, path, content, headers), port, deadline)
