"""A notebook as data. No rule about what a lab or a solution is belongs here.

Read and written with the standard library: `nbformat` takes a second to import, and its reader repairs a
notebook silently (new ids, another format version), where a release must keep bytes or refuse them.
The tests hold the written bytes against nbformat's own writer and validator.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from grader.errors import UnreadableNotebook

Kind = Literal["code", "markdown", "raw"]

KINDS = ("code", "markdown", "raw")
MAX_BYTES = 64 * 1024 * 1024
"""A lab with all its outputs has a few megabytes; a larger file is an accident, or wants to be one."""

BROKEN = "restore the file, from version control for example"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell."""

    id: str
    """empty when the file has none"""
    kind: Kind
    source: str
    """lines end with ``\\n``, whatever the file had"""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    attachments: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[Mapping[str, Any], ...] = ()
    execution_count: int | None = None

    @property
    def tags(self) -> tuple[str, ...]:
        """The cell's tags; empty when they are not a list of texts."""
        tags = self.metadata.get("tags", ())
        return tuple(tags) if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags) else ()


@dataclass(frozen=True, slots=True)
class Notebook:
    """Cells in their order, and what is said about all of them."""

    cells: tuple[Cell, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)


def short_hash(text: str) -> str:
    """Return twelve hexadecimal digits of the text's sha256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def read(path: Path, where: str) -> Notebook:
    """Return the notebook at a path. ``where`` names it in errors."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            raise UnreadableNotebook("is not a regular file", where=where, hint="move it away")
        if status.st_size > MAX_BYTES:
            size = f"{status.st_size / 1024**2:.0f} MiB"
            raise UnreadableNotebook(f"is too large for a notebook ({size})", where=where, hint=BROKEN)
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreadableNotebook(f"cannot be read: {reason}", where=where, hint=BROKEN) from error
    return parse(data, where)


def parse(data: bytes, where: str) -> Notebook:
    """Return the notebook that the bytes of a file describe."""
    try:
        content = json.loads(data.decode("utf-8-sig"))
        json.dumps(content, ensure_ascii=False).encode("utf-8")  # half a surrogate pair could not be written
    except json.JSONDecodeError as error:
        message = f"is not a notebook: no valid JSON at line {error.lineno}, column {error.colno}"
        raise UnreadableNotebook(message, where=where, hint=BROKEN) from error
    except (UnicodeError, RecursionError, ValueError) as error:
        message = f"is not a notebook: {_reason(error)}"
        raise UnreadableNotebook(message, where=where, hint=BROKEN) from error
    try:
        return _notebook(content)
    except _Shape as error:
        raise UnreadableNotebook(f"is not a notebook: {error}", where=where, hint=BROKEN) from error


def dump(notebook: Notebook) -> bytes:
    """Return the bytes of the notebook's file, the same bytes for the same notebook."""
    content = {
        "cells": [_written(cell) for cell in notebook.cells],
        "metadata": notebook.metadata,
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True, separators=(",", ": "))
    return f"{text}\n".encode()


class _Shape(Exception):
    """The JSON is fine, but it is not a notebook."""


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "the text is not UTF-8"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _notebook(content: object) -> Notebook:
    if not isinstance(content, dict):
        raise _Shape("the JSON is not an object")
    if content.get("nbformat") != 4:
        raise _Shape("nbformat 4 is expected")
    cells, metadata = content.get("cells"), content.get("metadata", {})
    if not isinstance(cells, list):
        raise _Shape("it has no list of cells")
    if not isinstance(metadata, dict):
        raise _Shape("its metadata is not an object")
    return Notebook(tuple(_cell(number, cell) for number, cell in enumerate(cells, 1)), metadata)


def _cell(number: int, content: object) -> Cell:
    if not isinstance(content, dict) or content.get("cell_type") not in KINDS:
        raise _Shape(f"cell {number} is neither code, markdown nor raw")
    source = content.get("source")
    if isinstance(source, list) and all(isinstance(part, str) for part in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise _Shape(f"cell {number} has no source")
    name, count = content.get("id"), content.get("execution_count")
    return Cell(
        id=name if isinstance(name, str) else "",
        kind=cast("Kind", content["cell_type"]),
        source=source.replace("\r\n", "\n").replace("\r", "\n"),
        metadata=_mapping(content.get("metadata")),
        attachments=_mapping(content.get("attachments")),
        outputs=_outputs(content.get("outputs")),
        execution_count=count if type(count) is int else None,
    )


def _mapping(content: object) -> Mapping[str, Any]:
    return content if isinstance(content, dict) else {}


def _outputs(content: object) -> tuple[Mapping[str, Any], ...]:
    outputs = content if isinstance(content, list) else []
    return tuple(output for output in outputs if isinstance(output, dict))


def _written(cell: Cell) -> dict[str, Any]:
    content: dict[str, Any] = {
        "cell_type": cell.kind,
        "id": cell.id,
        "metadata": cell.metadata,
        "source": cell.source.splitlines(keepends=True),
    }
    if cell.kind == "code":
        content |= {"execution_count": cell.execution_count, "outputs": list(cell.outputs)}
    elif cell.attachments:
        content["attachments"] = cell.attachments
    return content
