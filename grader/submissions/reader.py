"""Code cells out of any file, within bounds of time and memory.

The JSON is read with the standard library. `nbformat` follows links, repairs silently, raises six kinds of
exception and takes seconds on large files. Outputs are never looked at, and no file makes this raise.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grader.submissions.files import opened_folder, read_bytes
from grader.submissions.sniff import DOWNLOAD, SAVE_AGAIN, by_bytes, by_encoding, by_text
from grader.submissions.submission import CodeCell, Kind, Limits, Submission, Unreadable

LIMITS = Limits()
DIGITS = 1_000
"""of a whole number; more would only be there to keep the grader busy"""
TAGS, TAG_CHARS = 50, 80

CLEAR = "Ask the student to clear all outputs, save, and hand it in again"

_HALF = re.compile("[\ud800-\udfff]")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TYPES = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}


def read_notebook(folder: int | Path, name: str, limits: Limits = LIMITS) -> Submission | Unreadable:
    """Return the code cells of a file below a folder, or why there are none.

    ``folder`` is a path or an open descriptor, ``name`` a path relative to it with forward slashes.
    """
    if isinstance(folder, Path):
        with opened_folder(folder) as descriptor:
            return read_notebook(descriptor, name, limits)
    data = read_bytes(folder, name, limits.size)
    return data if isinstance(data, Unreadable) else parse_notebook(data, limits)


def parse_notebook(data: bytes, limits: Limits = LIMITS) -> Submission | Unreadable:
    """Return the code cells that the bytes of a file describe, or why there are none."""
    digest = hashlib.sha256(data).hexdigest()
    try:
        return _submission(_content(data, limits), limits, digest, len(data))
    except _Refused as refused:
        return replace(refused.unreadable, sha256=digest)
    except RecursionError:
        unreadable = _too_deep(limits)
    except MemoryError:
        unreadable = _too_complex()
    return replace(unreadable, sha256=digest)


class _Refused(Exception):
    """Carries the reason out of the JSON decoder, too."""

    def __init__(self, unreadable: Unreadable) -> None:
        super().__init__(unreadable.what)
        self.unreadable = unreadable


def _refuse(kind: Kind, what: str, do: str = SAVE_AGAIN) -> _Refused:
    return _Refused(Unreadable(kind, what, do))


# From bytes to JSON


def _content(data: bytes, limits: Limits) -> object:
    if known := by_bytes(data):
        raise _Refused(known)
    if _too_many(data, limits) and _too_many(_without_strings(data, limits), limits):
        raise _Refused(_too_complex())
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Refused(by_encoding(data, error)) from error
    try:
        content = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _Refused(by_text(text, error)) from error
    if _deeper(content, limits.depth):
        raise _Refused(_too_deep(limits))
    return content


def _too_many(data: bytes, limits: Limits) -> bool:
    """Return whether there could be more values than are allowed. Signs inside of strings count, too."""
    return (
        data.count(b",") > limits.values
        or data.count(b":") > limits.objects
        or data.count(b"[") + data.count(b"{") > limits.objects
    )


def _without_strings(data: bytes, limits: Limits) -> bytes:
    """Return the JSON without what stands between quotes: exact, and four times as slow as a look at it."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    if data.count(b'"') > 2 * (limits.values + limits.objects):
        raise _Refused(_too_complex())
    return b"".join(data.split(b'"')[::2])


def _too_complex() -> Unreadable:
    what = (
        "The file has hundreds of thousands of cells, lines of output or other values, more than is allowed"
    )
    return Unreadable("complex", what, CLEAR)


def _too_deep(limits: Limits) -> Unreadable:
    return Unreadable("deep", f"The JSON is nested more than {limits.depth} levels deep", CLEAR)


def _whole(digits: str) -> int:
    if len(digits) > DIGITS:
        raise _refuse("number", f"The file has a number with more than {DIGITS:,} digits", CLEAR)
    # All that is used is the number of the format. The time for long ones grows with their square.
    return int(digits) if len(digits) < 10 else 0


def _no_number(name: str) -> None:
    article = "an" if name == "Infinity" else "a"
    raise _refuse("number", f"The file has {article} {name} where JSON wants a number", CLEAR)


_DECODER = json.JSONDecoder(parse_int=_whole, parse_constant=_no_number)


def _deeper(content: object, depth: int) -> bool:
    level: list[Any] = [content]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer if type(outer) is list else ())
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True


# From JSON to cells


@dataclass(slots=True)
class _Left:
    """What may still come, and what was mended so far."""

    source: int
    mended: int = 0


def _submission(content: object, limits: Limits, digest: str, size: int) -> Submission:
    cells = _cells(content)
    if len(cells) > limits.cells:
        what = f"The notebook has {len(cells):,} cells, more than the {limits.cells:,} allowed"
        raise _refuse("cells", what, "Ask the student to remove the cells that do not belong to the lab")
    left = _Left(limits.source)
    code = [_code(number, cell, left, limits) for number, cell in enumerate(cells, 1)]
    notes = [f"{left.mended:,} characters that are not text (half a surrogate pair) were replaced"]
    return Submission(
        cells=tuple(cell for cell in code if cell),
        sha256=digest,
        size=size,
        notes=tuple(notes) if left.mended else (),
    )


def _cells(content: object) -> list[Any]:
    if not isinstance(content, dict):
        found = _TYPES.get(type(content), "null")
        raise _refuse("shape", f"The file is JSON, but {found} and not a notebook", DOWNLOAD)
    version = content.get("nbformat", 4)
    if version in (1, 2, 3) or "worksheets" in content:
        what = "The notebook is in a format from before 2015 (nbformat 3 or older)"
        do = "Open it in JupyterLab and save it, or run: jupyter nbconvert --to notebook --nbformat 4 FILE"
        raise _refuse("version", what, do)
    if isinstance(version, bool) or version != 4:
        raise _refuse("version", "The notebook is in a format that is not known (nbformat 4 is expected)")
    cells = content.get("cells")
    if not isinstance(cells, list):
        raise _refuse("shape", "The file is JSON, but no notebook: it has no list of cells", DOWNLOAD)
    return cells


def _code(number: int, cell: object, left: _Left, limits: Limits) -> CodeCell | None:
    if not isinstance(cell, dict):
        raise _refuse("cells", f"Cell {number} is not a cell but {_TYPES.get(type(cell), 'null')}")
    kind = cell.get("cell_type")
    if kind == "markdown" or kind == "raw":
        return None
    if kind != "code":
        raise _refuse("cells", f"Cell {number} is neither code, Markdown nor raw")
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise _refuse("cells", f"Cell {number} has no source, or one that is not text")
    left.source -= len(source)
    if left.source < 0:
        what = f"The code cells have more than {limits.source:,} characters, up to cell {number}"
        raise _refuse(
            "source", what, "Ask the student to load data from a file instead of pasting it into a cell"
        )
    name = cell.get("id")
    return CodeCell(
        number=number,
        id=name if isinstance(name, str) and _ID.fullmatch(name) else None,
        source=_text(source, left).replace("\r\n", "\n").replace("\r", "\n"),
        tags=_tags(cell.get("metadata"), left),
    )


def _text(source: str, left: _Left) -> str:
    """Return the source with U+FFFD for every half of a surrogate pair, which nothing can write."""
    if source.isascii():
        return source
    whole, halves = _HALF.subn("\ufffd", source)
    left.mended += halves
    return whole


def _tags(metadata: object, left: _Left) -> tuple[str, ...]:
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    if not isinstance(tags, list):
        return ()
    words = [tag for tag in tags[:TAGS] if isinstance(tag, str) and len(tag) <= TAG_CHARS]
    return tuple(_text(word, left) for word in words)
