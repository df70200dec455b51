"""The template of a notebook: a text in which a line begins each cell.

Such a line is ``%% KIND ID TAG TAG …``, as in ``%% code ex-5-1 exercise:5.1``. What follows, up to the next
one, is the cell's source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

from grader.release.notebook import KINDS, Cell, Kind, Notebook
from grader.release.stubs import KERNEL

_BEGINS = re.compile(r"^%% ", re.MULTILINE)


def notebook_of(text: str, title: str) -> Notebook:
    """Return the notebook that a text describes. Raises ValueError for a line that begins no cell."""
    metadata: dict[str, Any] = {"kernelspec": KERNEL["kernelspec"], "language_info": {"name": "python"}}
    return Notebook(tuple(_cells(text)), metadata | {"title": title})


def _cells(text: str) -> Iterator[Cell]:
    before, *pieces = _BEGINS.split(text)
    if before.strip():
        raise ValueError("something stands before the first cell")
    for piece in pieces:
        head, _, source = piece.partition("\n")
        words = head.split()
        if len(words) < 2 or words[0] not in KINDS:
            raise ValueError(f"'%% {head}' begins no cell")
        kind, name, *tags = words
        yield Cell(name, cast("Kind", kind), source.strip("\n"), {"tags": tags} if tags else {})
