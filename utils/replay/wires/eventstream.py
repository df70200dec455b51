"""AWS's binary event stream: how the frames of a ``converse_stream`` answer are laid out.

A frame is a prelude (length of the frame, length of its headers, checksum of both), headers, a payload, and a
checksum of all that.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

_TEXT = 7
"""the type of header values that are texts"""
_PRELUDE, _CHECKSUM = 12, 4


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one frame with headers that are texts."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    length = _PRELUDE + len(head) + len(payload) + _CHECKSUM
    prelude = struct.pack(">II", length, len(head))
    told = prelude + _checksum(prelude) + head + payload
    return told + _checksum(told)


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack(f">B{len(key)}sBH{len(text)}s", len(key), key, _TEXT, len(text), text)


def _checksum(data: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(data))
