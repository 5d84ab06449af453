"""A connection to the daemon, which shows who both are, serves one call at a time, and waits for the
next one."""

from __future__ import annotations

import atexit
import collections
import contextlib
import errno
import hmac
import http.client
import io
import json
import os
import pathlib
import secrets
import socket
import stat
import struct
import time
import weakref
from typing import Any, Deque, Dict, NamedTuple, Optional, Tuple

from ._ending import Deadline, stop
from ._errors import (CanceledError, ClosedError, Error, FailedError, NoDaemonError, TimedOutError,
                      UnauthorizedError, UsageError, exhaustion)
from ._paths import config_dir, configured, local_path, named_path

answer_seconds = 60.0  # to take us in, and to begin an answer
max_answer_bytes = 4 << 20
_default_port = 20431
_idle_seconds = 30.0  # half of what the daemon waits before it closes such a connection
_max_idle = 32
# What a sandbox says that has no network, not even within this computer.
_without_network = {errno.EAFNOSUPPORT, errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL,
                    errno.EPERM, errno.EACCES}


def _first_line(path: pathlib.Path) -> str:
    try:
        return path.read_text("utf-8").split("\n", 1)[0]
    except (OSError, ValueError):
        return ""


def _named_socket() -> Optional[str]:
    """Where the daemon of several users is found."""
    named = os.environ.get("KACHERY_P2P_API_SOCKET")
    if not named:
        named = local_path(configured("api_socket", str) or "")
    return str(named_path(named)) if named else None


def _named_port() -> Optional[int]:
    named = os.environ.get("KACHERY_P2P_API_PORT")
    return _port(named, "KACHERY_P2P_API_PORT") if named else None


def _port(given: Any, what: str) -> Optional[int]:
    """None for 0."""
    try:
        number = int(given)
    except (ValueError, TypeError):
        number = -1
    if not 0 <= number < 1 << 16 or isinstance(given, bool):
        raise UsageError(f"{what} is not a port number: {given}")
    return number or None


def _configured_port() -> Optional[int]:
    return _port(configured("api_port", int) or 0, '"api_port" in config.json')


def _written_port() -> Optional[int]:
    written = _first_line(config_dir() / "api-port")
    return int(written) if written.isdigit() else None


def api_port() -> int:
    """Environment, then the port that a running daemon wrote down, then config.json."""
    return _named_port() or _written_port() or _configured_port() or _default_port


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket, whose rights say who can reach it."""

    def __init__(self, path: str, port: int) -> None:
        super().__init__("127.0.0.1", port)
        self._path = path

    def connect(self) -> None:
        deadline = time.monotonic() + answer_seconds
        pause = 0.005
        while True:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.sock.settimeout(answer_seconds)
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
        if owner in (0, os.geteuid()):
            return
        directory = os.stat(os.path.dirname(self._path) or ".")  # where nobody else can put a socket
        if owner != directory.st_uid or directory.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise UnauthorizedError(f"what answers at {self._path} belongs to another user")


class _InTime(io.RawIOBase):
    """What comes out of a socket until a time, in place of it for an HTTPResponse: whoever sends a
    byte now and then would else keep it for ever."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._socket = sock
        self._deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._deadline.passed():
            raise socket.timeout()
        self._socket.settimeout(self._deadline.left())
        return self._socket.recv_into(buffer)


class Way:
    """To the daemon of this configuration: its Unix socket, unless another port was named."""

    def __init__(self, port: Optional[int] = None) -> None:
        self.directory = config_dir()
        port = None if port is None else _port(port, "api_port=")
        self.port = port or api_port()
        path = self.directory / "api.sock"
        told = port or _named_port()
        here = path.is_socket() and told in (None, _written_port())
        self.path = (None if port else _named_socket()) or (str(path) if here else None)
        self.where = self.path or f"127.0.0.1:{self.port}"
        # Nobody says so: it is the usual one, where the daemon of another user may be.
        self._guessed = not (told or _written_port() or _configured_port())
        self.key = (str(self.directory), self.where)

    def connection(self) -> http.client.HTTPConnection:
        if self.path:
            return UnixConnection(self.path, self.port)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=answer_seconds)

    def connect(self, connection: http.client.HTTPConnection) -> None:
        try:
            connection.connect()
        except OSError as error:
            if not self.path and error.errno in _without_network:
                raise NoDaemonError(f"{self.where}: {error}") from error
            raise

    def headers(self, connection: http.client.HTTPConnection, seconds: float) -> Dict[str, str]:
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
        deadline = Deadline(seconds)
        connection.response_class = lambda sock, **told: (  # type: ignore[assignment]
            http.client.HTTPResponse(_InTime(sock, deadline), **told))  # type: ignore[arg-type]
        try:
            response = connection.getresponse()
            del connection.response_class
            answer = json.loads(response.read(max_answer_bytes))
            response.read()  # to the end of the answer, for the next
            tail = b"\0" + self.port.to_bytes(2, "big") + ours + bytes.fromhex(answer["nonce"])
            proof = bytes.fromhex(answer["proof"])
        except (ConnectionError, http.client.IncompleteRead) as error:
            raise self._closed() from error
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
        said = f"what answers at {self.where} is not the daemon of {self.directory}"
        return NoDaemonError(said) if self._guessed else UnauthorizedError(said)

    def _closed(self) -> Error:
        said = (f"what answers at {self.where} closed the connection before it had shown that it is "
                f"the daemon of {self.directory}")
        if self._guessed:
            return NoDaemonError(said)
        return ClosedError(said)

    def _elsewhere(self) -> str:
        """That the last daemon was another computer's, if it has not said that it ended: both have one
        file system, and the socket and the port in it are of no use here."""
        host = _first_line(self.directory / "lock")
        if host in ("", socket.gethostname()) or _written_port() is None:
            return ""
        return (f"; the daemon of {self.directory} was started on {host}: each computer needs a "
                "configuration directory of its own (KACHERY_P2P_CONFIG_DIR)")

    def error(self, error: Exception) -> Error:
        stopping = stop.get()
        if stopping and stopping.called:
            return CanceledError("it was called off")
        if isinstance(error, (ConnectionRefusedError, FileNotFoundError)):
            return NoDaemonError(f"nothing answers at {self.where}; kp2p-start-daemon starts one"
                                 f"{self._elsewhere()}")
        if isinstance(error, socket.timeout):
            return TimedOutError(f"the daemon does not answer (waited {answer_seconds:.0f} s)")
        if isinstance(error, (ConnectionError, http.client.IncompleteRead)):
            return ClosedError("the daemon ended before its work was done")
        if isinstance(error, OSError):
            return exhaustion(error) or FailedError(f"{self.where}: {error}")
        return self.no_answer()


class Link(NamedTuple):
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


idle: Dict[Tuple[str, str], Deque[Link]] = {}
_open: "weakref.WeakSet[socket.socket]" = weakref.WeakSet()


def drop_idle() -> None:
    for links in list(idle.values()):
        for link in links:
            link.http.close()
    idle.clear()


def _leave_to_parent() -> None:
    """Of a forked process: with a second end of them here the parent could close none, which calls off
    its work, and two would share an answer."""
    for one in list(_open):
        with contextlib.suppress(OSError):
            os.close(one.detach())
    idle.clear()


os.register_at_fork(after_in_child=_leave_to_parent)
atexit.register(drop_idle)


def link_to(way: Way, seconds: float, used: bool) -> Link:
    """One that has served before, if there is any and it may be one."""
    links = idle.setdefault(way.key, collections.deque())
    while used:
        try:
            link = links.pop()
        except IndexError:
            break
        if link.still_open():
            return link
        link.http.close()
    connection = way.connection()
    connection.auto_open = 0  # another connection would have proven nothing
    try:
        way.connect(connection)
        assert connection.sock is not None
        _open.add(connection.sock)
        connection.sock.settimeout(seconds)
        return Link(connection, way.headers(connection, seconds))
    except BaseException:
        connection.close()
        raise


def keep(way: Way, link: Link, response: http.client.HTTPResponse) -> bool:
    """For the next call, if this one's answer has been read to its end."""
    links = idle.setdefault(way.key, collections.deque())
    if response.will_close or not response.isclosed() or len(links) >= _max_idle:
        return False
    links.append(link._replace(since=time.monotonic()))
    return True
