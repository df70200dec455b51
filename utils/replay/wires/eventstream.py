"""AWS's binary event stream: how the frames of a ``converse_stream`` answer are laid out.

A frame is a prelude (length of the frame, length of its headers, checksum of both), headers, a payload, and a
checksum of all that.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

_TEXT = 7
"""the type of header values that are texts"""
_PRELUDE, _CHECKSUM = 12, 4
_LONGEST = 16 * 2**20
"""bytes of a frame"""
_BROKEN = "a frame of the stream is broken"


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one frame with headers that are texts."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    length = _PRELUDE + len(head) + len(payload) + _CHECKSUM
    prelude = struct.pack(">II", length, len(head))
    told = prelude + _checksum(prelude) + head + payload
    return told + _checksum(told)


def next_frame(received: bytearray) -> bytes | None:
    """Take the first whole frame out of what was received; ``None`` while it is not whole.

    Raises ValueError for bytes that are not a frame, or were changed on the way.
    """
    if len(received) < _PRELUDE:
        return None
    prelude = bytes(received[: _PRELUDE - _CHECKSUM])
    (length,) = struct.unpack_from(">I", prelude)
    if bytes(received[_PRELUDE - _CHECKSUM : _PRELUDE]) != _checksum(prelude) or length > _LONGEST:
        raise ValueError(_BROKEN)
    if len(received) < length:
        return None
    found = bytes(received[:length])
    if found[-_CHECKSUM:] != _checksum(found[:-_CHECKSUM]):
        raise ValueError(_BROKEN)
    del received[:length]
    return found


def told_by(found: bytes) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the headers of a whole frame that are texts, and its payload; empty where it has none.

    Raises ValueError for a frame that is laid out in another way.
    """
    _, size = struct.unpack_from(">II", found)
    headers, at = {}, _PRELUDE
    try:
        while at < _PRELUDE + size:
            named = found[at]
            name = found[at + 1 : at + 1 + named].decode()
            at += 1 + named
            kind, length = struct.unpack_from(">BH", found, at)
            if kind != _TEXT:
                raise ValueError(_BROKEN)
            headers[name] = found[at + 3 : at + 3 + length].decode()
            at += 3 + length
        payload = found[_PRELUDE + size : -_CHECKSUM]
        data = json.loads(payload) if payload else {}
    except (IndexError, struct.error, RecursionError) as error:
        raise ValueError(_BROKEN) from error
    if not isinstance(data, dict):
        raise ValueError(_BROKEN)
    return headers, data


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack(f">B{len(key)}sBH{len(text)}s", len(key), key, _TEXT, len(text), text)


def _checksum(data: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(data))
