"""Plain HTTP to this machine, a connection for each request: how the kit's parts ask the recorded model.

Requests, answers and errors are httpx2's, as in the OpenAI SDK; only connecting, sending and reading are done
here, for a third of the cost. Nothing is shared: any thread and any event loop may ask at any moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2

MOST_HEAD = 16 * 1024
"""bytes that an answer may have before its body"""
MOST_BODY = 16 * 1024 * 1024
"""bytes that its body may have"""
SECONDS = 30.0
"""that the service of a tool may be silent for"""
_AT_ONCE = 65_536
# A status, why, and headers; neither news before the answer nor a status that has no body.
_HEAD = re.compile(
    rb"HTTP/1\.1 ((?!204|304)[2-5]\d\d)(?: ([\t -~\x80-\xff]*))?\r\n"
    rb"((?:[\w!#$%&'*+.^`|~-]+:[\t -~\x80-\xff]*\r\n)*)\r\n"
)
_FRAMING = (b"content-length", b"transfer-encoding", b"content-encoding")
_LENGTH = re.compile(rb"\d{1,8}")
_FIRST_CHUNK = re.compile(rb"(?:([1-9a-fA-F][\da-fA-F]{0,6})|0\r\n)\r\n")
_NEXT_CHUNK = re.compile(rb"\r\n" + _FIRST_CHUNK.pattern)
_LONGEST = len(b"\r\nfffffff\r\n")


class _Reading:
    """One answer, out of bytes as they come.

    The process at the other end reads hostile requests, and one of them may have taken it over. So whatever
    the recorded model does not send is refused: another framing, a packed body, trailers, anything too long.
    """

    def __init__(self, request: httpx2.Request) -> None:
        self.request = request
        self._have = bytearray()
        self._room = MOST_BODY
        self._left = 0
        self._chunk: re.Pattern[bytes] | None = None
        """what the next chunk begins with; ``None`` when there is no next one"""

    def hear(self, data: bytes) -> None:
        """Take in what came; nothing at all is the end of the connection, and always too early."""
        if not data:
            raise self._refusal("the connection ended before the answer did")
        self._have += data

    def response(self, body: _Line) -> httpx2.Response | None:
        """Return the answer, its body still to come, or ``None`` while more has to be heard."""
        end = self._have.find(b"\r\n\r\n")
        if end < 0 and len(self._have) <= MOST_HEAD:
            return None
        found = _HEAD.fullmatch(self._have, 0, end + 4) if end >= 0 else None
        if found is None:
            raise self._refusal("the answer does not begin as HTTP does")
        status, reason, lines = found.groups(b"")
        del self._have[: end + 4]
        pairs = [line.split(b":", 1) for line in lines.splitlines()]
        headers = [(name, value.strip(b" \t")) for name, value in pairs]
        self._frame([(name.lower(), value) for name, value in headers if name.lower() in _FRAMING])
        extensions = {"reason_phrase": reason}
        return httpx2.Response(
            int(status), headers=headers, stream=body, request=self.request, extensions=extensions
        )

    def _frame(self, framing: list[tuple[bytes, bytes]]) -> None:
        match framing:
            case [(b"content-length", length)] if _LENGTH.fullmatch(length):
                self._expect(int(length))
            case [(b"transfer-encoding", b"chunked")]:
                self._chunk = _FIRST_CHUNK
            case _:
                raise self._refusal("the answer is packed, or does not say where it ends")

    def _expect(self, size: int) -> None:
        self._left = size
        self._room -= size
        if self._room < 0:
            raise self._refusal("the answer is too long")

    def piece(self) -> bytes | None:
        """Return a piece of the body, an empty one while more has to be heard, ``None`` at its end."""
        if not self._left and self._chunk is not None:
            self._begin_chunk(self._chunk)
        if not self._left and self._chunk is None:
            return None
        piece = bytes(self._have[: self._left])
        del self._have[: self._left]
        self._left -= len(piece)
        return piece

    def _begin_chunk(self, beginning: re.Pattern[bytes]) -> None:
        found = beginning.match(self._have)
        if found is not None:
            size = int(found[1] or b"0", 16)
            del self._have[: found.end()]
            self._chunk = _NEXT_CHUNK if size else None
            self._expect(size)
        elif len(self._have) >= _LONGEST:
            raise self._refusal("the answer is not in proper chunks")

    def _refusal(self, reason: str) -> httpx2.RemoteProtocolError:
        return httpx2.RemoteProtocolError(reason, request=self.request)


class _Line(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A connection for one request, and the body of the answer to it: in pieces as they come.

    At its end httpx2 closes it; whatever goes wrong before does so here.
    """

    def __init__(self, request: httpx2.Request) -> None:
        self._reading, self._socket = _Reading(request), socket.socket()
        self._address = (request.url.host, request.url.port)

    def ask(self, seconds: float | None) -> httpx2.Response:
        with self._closed_on_error(httpx2.ConnectError):
            self._socket.settimeout(seconds)
            self._socket.connect(self._address)
        with self._closed_on_error():
            with contextlib.suppress(OSError):  # who refuses a request may hang up before having heard it all
                self._socket.sendall(_said(self._reading.request))
            while (response := self._reading.response(self)) is None:
                self._reading.hear(self._socket.recv(_AT_ONCE))
        return response

    async def aask(self) -> httpx2.Response:
        loop = asyncio.get_running_loop()
        with self._closed_on_error(httpx2.ConnectError):
            self._socket.setblocking(False)
            await loop.sock_connect(self._socket, self._address)
        with self._closed_on_error():
            with contextlib.suppress(OSError):
                await loop.sock_sendall(self._socket, _said(self._reading.request))
            while (response := self._reading.response(self)) is None:
                self._reading.hear(await loop.sock_recv(self._socket, _AT_ONCE))
        return response

    def __iter__(self) -> Iterator[bytes]:
        with self._closed_on_error():
            while (piece := self._reading.piece()) is not None:
                if piece:
                    yield piece
                else:
                    self._reading.hear(self._socket.recv(_AT_ONCE))

    # An iterator and not a generator: that would need a loop to end it.
    def __aiter__(self) -> _Line:
        return self

    async def __anext__(self) -> bytes:
        with self._closed_on_error():
            while (piece := self._reading.piece()) is not None:
                if piece:
                    return piece
                received = asyncio.get_running_loop().sock_recv(self._socket, _AT_ONCE)
                self._reading.hear(await received)
        raise StopAsyncIteration

    def close(self) -> None:
        self._socket.close()

    async def aclose(self) -> None:
        self._socket.close()

    @contextlib.contextmanager
    def _closed_on_error(self, kind: type[httpx2.TransportError] = httpx2.ReadError) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._socket.close()
            told = httpx2.ReadTimeout if isinstance(error, TimeoutError) else kind
            raise told(str(error), request=self._reading.request) from error
        except BaseException:
            self._socket.close()
            raise


def send(request: httpx2.Request, seconds: float | None = None) -> httpx2.Response:
    """Return the answer to a request; its body is still to come, and has to be read or closed.

    ``seconds`` is how long the other end may be silent. Raises httpx2's TransportError, as reading does.
    """
    return _Line(request).ask(seconds)


async def asend(request: httpx2.Request) -> httpx2.Response:
    """Return the answer to a request, as ``send`` does, and never block the loop."""
    return await _Line(request).aask()


def _said(request: httpx2.Request) -> bytes:
    """Return a request as it goes over the line."""
    lines = [b"%b: %b\r\n" % header for header in request.headers.raw]
    first = b"%b %b HTTP/1.1\r\n" % (request.method.encode(), request.url.raw_path)
    return b"".join((first, *lines, b"\r\n", request.content))


def post(url: httpx2.URL | str, data: Mapping[str, Any]) -> httpx2.Response:
    """Return what the service of a tool answers to some JSON."""
    response = send(httpx2.Request("POST", url, json=data), SECONDS)
    response.read()
    return response


async def apost(url: httpx2.URL | str, data: Mapping[str, Any]) -> httpx2.Response:
    """Return the same, and never block the loop."""
    request = httpx2.Request("POST", url, json=data)
    try:
        async with asyncio.timeout(SECONDS):
            response = await asend(request)
            await response.aread()
    except TimeoutError as error:
        raise httpx2.ReadTimeout("", request=request) from error
    return response
