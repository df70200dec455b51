"""A server that says what a test tells it to, byte by byte, and keeps what it heard."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SECONDS = 20.0
"""after which something hangs"""


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    line: str
    headers: Mapping[str, str]
    """names in small letters"""
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


class Reset:
    """A step of a script: hang up so that the other end gets an error and not an end."""


class Gone:
    """A step of a script: wait until the client has closed its end."""


Step = bytes | threading.Event | Reset | Gone
Script = tuple[Step, ...]


def answer(status: int = 200, body: Any = b"", reason: str = "OK", **headers: str) -> bytes:
    """Return a whole answer; what is not bytes is told as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"Content-Type": "application/json", "Content-Length": str(len(content)), "Connection": "close"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content


def chunked(*pieces: bytes, end: bool = True, kind: str = "text/event-stream") -> bytes:
    """Return an answer in chunks, without its last one if it is not to end."""
    lines = ("HTTP/1.1 200 OK", f"Content-Type: {kind}", "Transfer-Encoding: chunked", "Connection: close")
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return head + b"".join(map(chunk, pieces)) + (b"0\r\n\r\n" if end else b"")


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


class Scripted:
    """The server. Connections get its scripts by order of arrival, the last one again and again."""

    def __init__(self) -> None:
        self.heard: list[Request] = []
        self.scripts: list[Script] = []
        self.asked = threading.Event()
        """set when a first request has come"""
        self.closed_early = threading.Event()
        """set when a client went away that was waited for with ``Gone``"""
        self.failures: list[str] = []
        self._ended = False
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def say(self, *script: Step) -> None:
        """Let the next connection hear this."""
        self.scripts.append(script)

    def close(self) -> None:
        """Stop, and fail if a client has kept a connection open."""
        self._ended = True
        socket.create_connection(self._listener.getsockname()).close()
        for thread in self._threads:
            thread.join(2 * SECONDS)
            assert not thread.is_alive()
        self._listener.close()
        assert self.failures == []

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._ended:
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(SECONDS)
        with connection, contextlib.suppress(ConnectionError):
            try:
                request = _read(connection)
                with self._lock:
                    self.heard.append(request)
                    script = self.scripts[min(len(self.heard), len(self.scripts)) - 1]
                self.asked.set()
                for step in script:
                    self._do(connection, step)
                connection.shutdown(socket.SHUT_WR)
                _drain(connection)
            except TimeoutError:
                self.failures.append("a client kept its connection open")
            except OSError:  # already hung up
                pass

    def _do(self, connection: socket.socket, step: Step) -> None:
        match step:
            case bytes():
                connection.sendall(step)
            case threading.Event():
                assert step.wait(SECONDS)
            case Reset():
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()
            case Gone():
                with contextlib.suppress(ConnectionError):
                    _drain(connection)
                self.closed_early.set()


def _read(connection: socket.socket) -> Request:
    came = b""
    while b"\r\n\r\n" not in came:
        came += _some(connection)
    head, _, content = came.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(content) < int(headers.get("content-length", "0")):
        content += _some(connection)
    return Request(first, headers, content)


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    if not data:
        raise ConnectionAbortedError
    return data


def _drain(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


@contextlib.contextmanager
def serving() -> Iterator[Scripted]:
    """Serve for as long as the block runs."""
    server = Scripted()
    try:
        yield server
    finally:
        server.close()
