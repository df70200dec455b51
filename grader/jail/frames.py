"""JSON objects over a stream socket, each behind its length; both ends use this.

The other end may be hostile: sizes, nesting and waits are bounded, nothing is unpickled, and descriptors
that arrive with the bytes are closed, unless they were asked for.
"""

from __future__ import annotations

import array
import json
import re
import select
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

MAX_FRAME = 16 * 2**20
"""bytes; an answer's text is cut by its letters, and a letter takes up to six of them"""
MAX_DEPTH = 100
MAX_ITEMS = 500_000
"""how many values one frame may hold: a small frame must not become a large memory"""
_HEADER = struct.Struct("!I")
_STEP = 64 * 2**10
_DESCRIPTORS = 253
"""as many as Linux lets through with one message"""
# A string without an end counts up to where the frame ends: looked at once, not once for each quote in it.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)

_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


class FrameError(Exception):
    """The other end cannot be talked to any further."""


class FrameTooLarge(FrameError):
    """A frame is longer, or holds more values, than is allowed."""


class NotJson(FrameError):
    """A frame is not one JSON object of sensible depth."""


class Closed(FrameError):
    """The other end is gone."""


class TimedOut(FrameError):
    """Nothing, or only a part of a frame, came or went in time."""


class Channel:
    """One end of a connection. After any error but TimedOut there is no use in going on."""

    def __init__(self, sock: socket.socket, *, max_frame: int = MAX_FRAME) -> None:
        self._socket = sock
        self._max_frame = max_frame
        self._have = bytearray()
        self._expected = 0
        self._granted: list[int] = []
        # Waiting is done by select(), so that a deadline holds for each byte that comes alone.
        sock.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def detach(self) -> None:
        """Let go of the connection without closing it."""
        self._socket.detach()

    @property
    def holds_bytes(self) -> bool:
        """Whether something has been read already that no frame was made of."""
        return bool(self._have)

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._socket.close()

    def send(
        self, message: Mapping[str, Any], deadline: float | None = None, *, descriptors: Sequence[int] = ()
    ) -> None:
        """Send an object whole, by a time of the monotonic clock. After TimedOut half of it may be gone.

        ``descriptors`` go with its first byte; this process keeps its own.
        """
        left = memoryview(packed(message, self._max_frame))
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        while left:
            try:
                sent = self._socket.sendmsg(
                    [left[:_STEP]], rights if descriptors else (), getattr(socket, "MSG_NOSIGNAL", 0)
                )
            except BlockingIOError:
                self._wait(deadline, writing=True)
            except (OSError, ValueError) as error:
                raise _gone(error) from error
            else:
                left, descriptors = left[sent:], ()

    def receive_granted(
        self, count: int, deadline: float | None = None
    ) -> tuple[dict[str, Any], tuple[int, ...]]:
        """Return the next object with exactly so many descriptors, which are the caller's to close.

        Raises NotJson when more or fewer came.
        """
        message, granted = self.receive_with(count, deadline)
        if len(granted) == count:
            return message, granted
        for number in granted:
            socket.close(number)
        msg = f"a frame without the {count} descriptors that belong to it"
        raise NotJson(msg)

    def receive_with(
        self, most: int, deadline: float | None = None
    ) -> tuple[dict[str, Any], tuple[int, ...]]:
        """Return the next object with the descriptors that came with it, which are the caller's to close.

        What comes beyond ``most`` is closed.
        """
        self._expected = most
        try:
            message = self.receive(deadline)
            granted, self._granted = tuple(self._granted), []
        finally:
            self._expected = 0
            for number in self._granted:
                socket.close(number)
            self._granted = []
        return message, granted

    def receive(self, deadline: float | None = None) -> dict[str, Any]:
        """Return the next object, by a time of the monotonic clock; what came by then is kept for later."""
        self._fill(_HEADER.size, deadline)
        (size,) = _HEADER.unpack_from(self._have)
        if size > self._max_frame:
            msg = f"a frame of {size} bytes, and at most {self._max_frame} are taken"
            raise FrameTooLarge(msg)
        self._fill(_HEADER.size + size, deadline)
        body = bytes(self._have[_HEADER.size : _HEADER.size + size])
        del self._have[: _HEADER.size + size]
        return unpacked(body)

    def _fill(self, size: int, deadline: float | None) -> None:
        while len(self._have) < size:
            try:
                data = self._read(min(_STEP, size - len(self._have)))
            except (BlockingIOError, InterruptedError):
                self._wait(deadline, writing=False)
            except (OSError, ValueError) as error:
                raise _gone(error) from error
            else:
                if not data:
                    msg = "the other end closed the connection"
                    raise Closed(msg)
                self._have += data
            if deadline is not None and len(self._have) < size and time.monotonic() >= deadline:
                _late()

    def _read(self, size: int) -> bytes:
        room = socket.CMSG_SPACE(_DESCRIPTORS * array.array("i").itemsize)
        data, ancillary, _, _ = self._socket.recvmsg(size, room, getattr(socket, "MSG_CMSG_CLOEXEC", 0))
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                numbers = array.array("i")
                numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
                for number in numbers:
                    if len(self._granted) < self._expected:
                        self._granted.append(number)
                    else:
                        socket.close(number)
        return data

    def _wait(self, deadline: float | None, *, writing: bool) -> None:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            _late()
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT if writing else select.POLLIN)
        if not poll.poll(None if left is None else max(1, left * 1000)):
            _late()


def packed(message: Mapping[str, Any], max_frame: int = MAX_FRAME) -> bytes:
    """Return a frame's bytes."""
    try:
        body = json.dumps(message, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"this cannot be written as JSON: {error}"
        raise NotJson(msg) from error
    if len(body) > max_frame:
        msg = f"a frame of {len(body)} bytes, and at most {max_frame} are sent"
        raise FrameTooLarge(msg)
    return _HEADER.pack(len(body)) + body


def unpacked(body: bytes) -> dict[str, Any]:
    """Return the object that a frame's body holds."""
    if _marks(body) > MAX_ITEMS and _marks(_STRING.sub(b"", body)) > MAX_ITEMS:
        msg = f"a frame of more than {MAX_ITEMS} values"
        raise FrameTooLarge(msg)
    try:
        message = json.loads(body.decode("utf-8"), parse_constant=_no_number)
        if _HALF.search(body):
            # Half a character, spelled out, is JSON and yet can be written to no file.
            json.dumps(message, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:  # bytes that are no UTF-8 and huge numbers as well
        msg = f"a frame that is no JSON: {type(error).__name__}"
        raise NotJson(msg) from None
    if not isinstance(message, dict):
        msg = "a frame that is not an object"
        raise NotJson(msg)
    _check_depth(message)
    return message


def _marks(body: bytes) -> int:
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def _no_number(name: str) -> NoReturn:
    msg = f"{name} is no JSON"
    raise ValueError(msg)


def _check_depth(message: dict[str, Any]) -> None:
    level: list[Any] = [message]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    msg = f"a frame that is nested more than {MAX_DEPTH} levels deep"
    raise NotJson(msg)


def _gone(error: Exception) -> Closed:
    return Closed(f"the connection is gone: {error}")


def _late() -> NoReturn:
    msg = "no whole frame in time"
    raise TimedOut(msg)
