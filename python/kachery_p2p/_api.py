"""The HTTP API of the daemon (node/api/API.md). A call that is given up closes its connection, which
cancels the work in the daemon."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import socket
from typing import (Any, Callable, ContextManager, Dict, Generator, Iterator, List, NamedTuple,
                    Optional, Sequence, Tuple)

from . import _link
from ._ending import Deadline, never, stop
from ._errors import Error, UsageError, about_uri, error_of
from ._link import Link, Way, keep, link_to, max_answer_bytes

Json = Dict[str, Any]
HTTPResponse = http.client.HTTPResponse

_durable_seconds = 600.0  # to have on the disk what was uploaded


class _Request(NamedTuple):
    method: str
    path: str
    body: Any
    headers: Dict[str, str]
    upload: bool = False
    about: str = ""  # the URI that is asked for

    def ask(self, way: Way, deadline: Deadline) -> Tuple[Link, HTTPResponse]:
        """The beginning of the answer. A connection that was closed while it waited is not used."""
        while True:
            link = link_to(way, deadline.within(_link.answer_seconds), used=not self.upload)
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

    def _ask(self, link: Link, deadline: Deadline) -> HTTPResponse:
        stopping = stop.get()
        if stopping:
            stopping.watch(link.http.sock)
        assert link.http.sock is not None
        link.http.sock.settimeout(deadline.within(_link.answer_seconds))
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
    way = Way(port)
    link = None
    try:
        link, response = request.ask(way, deadline)
        if response.status != 200:
            raise _refusal(way, response, request.about)
        if link.http.sock:
            link.http.sock.settimeout(deadline.left())
        yield _Response(response, way, link.http.sock, deadline, request.about)
        if keep(way, link, response):
            link = None
    except Error:
        raise
    except (OSError, http.client.HTTPException) as error:
        told = deadline.error() if deadline.passed() else way.error(error)
        raise about_uri(told, request.about) from error
    finally:
        stopping = stop.get()
        if stopping:
            stopping.watch(None)
        if link:
            link.http.close()


class _Response(NamedTuple):
    http: HTTPResponse
    way: Way
    socket: Optional[socket.socket]
    deadline: Deadline
    about: str

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
            raise self.cut_off()
        event = self.object(text)
        if event.get("event") == "error":
            raise error_of(event, self.about)
        return event

    def cut_off(self) -> Error:
        return about_uri(self.way.error(ConnectionResetError("it was cut off")), self.about)

    def promised(self, answer: Json, key: str) -> Json:
        if key and key not in answer:
            raise self.way.no_answer()
        return answer

    def exactly(self, size: int) -> bytes:
        pieces: List[bytes] = []
        while size:
            piece = self.in_time().read(size)
            if not piece:
                raise self.cut_off()
            pieces.append(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _refusal(way: Way, response: HTTPResponse, about: str) -> Error:
    try:
        answer = json.loads(response.read(max_answer_bytes))
    except (ValueError, RecursionError):
        answer = None
    if response.status == 401 or not isinstance(answer, dict) or "code" not in answer:
        return way.no_answer()
    return error_of(answer, about)


def call(method: str, path: str, body: Optional[Json] = None, promised: str = "",
         port: Optional[int] = None) -> Json:
    """A plain call: the object that it answers with, which has the key `promised`."""
    with _asked(method, path, body, port) as response:
        return response.promised(response.object(response.http.read()), promised)


def events(path: str, body: Optional[Json], promised: str,
           deadline: Deadline = never, about: str = "") -> Iterator[Json]:
    """A streamed call, without a body a GET: its events, the last of which is "result". Raises what
    "error" says."""
    method = "GET" if body is None else "POST"
    with _asked(method, path, body, None, deadline, about) as response:
        while True:
            event = response.line(response.in_time().readline())
            if event.get("event") == "result":
                response.in_time().read()
                yield response.promised(event, promised)
                return
            yield event


def result(path: str, body: Json, promised: str, deadline: Deadline = never,
           tell: Callable[[Json], object] = bool, about: str = "") -> Json:
    """The last event of a streamed call; the others are told."""
    last: Json = {}
    for last in events(path, body, promised, deadline, about):
        tell(last)
    return last


def frames(path: str, body: Json, promised: str, deadline: Deadline = never,
           about: str = "") -> Iterator[bytes]:
    """The bytes of a framed call, piece by piece. Raises what its last line says."""
    with _asked("POST", path, body, None, deadline, about) as response:
        event = yield from _pieces(response)
        response.promised(event, promised)


def _pieces(response: "_Response") -> Generator[bytes, None, Json]:
    while True:
        length = int.from_bytes(response.exactly(4), "little")
        if length == 0:
            break
        if length > max_answer_bytes:
            raise response.way.no_answer()
        yield response.exactly(length)
    event = response.line(response.in_time().read())
    if event.get("event") != "result":
        raise response.way.no_answer()
    return event


def ranges(body: Json, spans: Sequence[Tuple[int, int]],
           deadline: Deadline = never, about: str = "") -> List[bytes]:
    """The bytes of many ranges, in one call."""
    asked_bytes = sum(end - start for start, end in spans)
    content = bytearray()
    body = {**body, "ranges": [list(span) for span in spans]}
    with _asked("POST", "/v1/cat", body, None, deadline, about) as response:
        pieces = _pieces(response)
        try:
            while len(content) <= asked_bytes:
                content += next(pieces)
            raise response.way.no_answer()  # it sends more than was asked for
        except StopIteration as end:
            lengths = end.value.get("ranges")
        if not isinstance(lengths, list) or len(lengths) != len(spans):
            raise response.way.no_answer()
    ends = list(itertools.accumulate(map(int, lengths), initial=0))
    return [bytes(content[begin:end]) for begin, end in zip(ends, ends[1:])]


def upload(name: str, size: int, blocks: Iterator[bytes]) -> Json:
    """Hands bytes over to be stored under a name, percent-encoded."""
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
    request = _Request("POST", f"/v1/upload?name={name}", blocks, headers, upload=True)
    with _answer(request, None, never) as response:
        return response.promised(response.object(response.http.read()), "uri")


def _asked(method: str, path: str, body: Optional[Json], port: Optional[int] = None,
           deadline: Deadline = never, about: str = "") -> ContextManager[_Response]:
    try:
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:  # half of a character, as of a file's name that is no UTF-8
        raise UsageError(f"not UTF-8: {error.object!r}") from None
    headers = {} if body is None else {"Content-Type": "application/json"}
    about = about or str((body or {}).get("uri", ""))
    return _answer(_Request(method, path, content, headers, about=about), port, deadline)
