"""Names of people as names of files: no two alike, none that does something, and back again.

Like the percent signs in a web address. Capital letters are written that way, too, because many disks
take ``Alice`` and ``alice`` for one name, and so is everything outside of ASCII, because some take an
``é`` in one piece and an ``e`` with an accent for one.
"""

from __future__ import annotations

import hashlib
import re

LONGEST = 200
"""Disks allow 255 bytes; the rest is for endings."""

_SHORTENED = re.compile(r"(?P<head>.*)%~(?P<hash>[0-9a-f]{32})", re.DOTALL)
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-.@")
_NOT_FIRST = frozenset(b"-.@")  # an option, a hidden file, a formula
_NOT_LAST = frozenset(b".")  # Windows drops it
# What Windows keeps for devices, with any ending.
_DEVICE = re.compile(rb"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.DOTALL)


def safe_name(name: str) -> str:
    """Return the name as one that can stand on any disk, in a command and in a list of files.

    Only a name that would be too long is shortened, with a hash of the whole in its place.
    """
    data = name.encode("utf-8", "surrogatepass")
    last = len(data) - 1
    first_is_taken = _DEVICE.fullmatch(data) is not None
    quoted = "".join(
        chr(byte)
        if byte in _PLAIN
        and not (at == 0 and (first_is_taken or byte in _NOT_FIRST))
        and not (at == last and byte in _NOT_LAST)
        else f"%{byte:02x}"
        for at, byte in enumerate(data)
    )
    if len(quoted) <= LONGEST:
        return quoted or "%"
    # A letter that is cut in two stays unreadable here, and so what: the hash tells names apart.
    head = quoted[: LONGEST - 34].rsplit("%", 1)
    kept = "%".join(head) if len(head) == 1 or len(head[1]) >= 2 else head[0]
    return f"{kept}%~{hashlib.sha256(data).hexdigest()[:32]}"


def original_name(safe: str) -> str | None:
    """Return the name that :func:`safe_name` was given; None when it was shortened, or is not from there."""
    if _SHORTENED.fullmatch(safe):
        return None
    try:
        data = re.sub(rb"%([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), safe.encode("ascii"))
        name = "" if safe == "%" else data.decode("utf-8", "surrogatepass")
    except UnicodeError:
        return None
    return name if safe_name(name) == safe else None
