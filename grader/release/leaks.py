"""Solutions that students would get by another way: copied into a text, an output or a file of the kit.

Texts are compared without whitespace, so neither another indentation nor a quotation nor a comment hides a
copy. Short solutions are passed over: ``return state["messages"]`` stands in many places for good reasons.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from grader.errors import Problem
from grader.release.notebook import Cell, Notebook
from grader.release.stubs import SOLUTION_ONLY, SOLUTION_SHOWN, regions

MIN_LETTERS = 40
"""letters, without whitespace, from which on a solution is known by its text"""


@dataclass(frozen=True, slots=True)
class Secret:
    """A piece of a solution that no student may be given."""

    notebook: str
    """path of the solution, relative to the repository"""
    cell: str
    """id of the cell that it stands in"""
    text: str
    """without whitespace"""


def secrets_of(solution: Notebook, where: str) -> Iterator[Secret]:
    """Yield the solution regions and the cells for authors of a solution, those of some length.

    A cell that is tagged ``solution-shown`` keeps no secret: its author means students to read it elsewhere.
    """
    for cell in solution.cells:
        if SOLUTION_SHOWN in cell.tags:
            continue
        bodies = [cell.source] if SOLUTION_ONLY in cell.tags else regions(cell.source)
        for body in bodies if cell.kind == "code" or SOLUTION_ONLY in cell.tags else ():
            if len(text := squeezed(body)) >= MIN_LETTERS:
                yield Secret(where, cell.id, text)


def leaks_in_cells(notebook: Notebook, secrets: Sequence[Secret], where: str) -> Iterator[Problem]:
    """Yield each cell of a lab that holds a secret in its text, outputs or attachments."""
    for cell in notebook.cells:
        for place, text in _texts(cell):
            yield from _leaks(text, secrets, where, cell.id, place)


def leaks_in_text(text: str, secrets: Sequence[Secret], where: str) -> Iterator[Problem]:
    """Yield each secret that a file holds. ``where`` is the file's path."""
    yield from _leaks(text, secrets, where, "", "it")


def squeezed(text: str) -> str:
    """Return a text without whitespace, and without the ``>`` or ``#`` that begins its lines."""
    return re.sub(r"\s+", "", re.sub(r"^[ \t]*(?:[>#][ \t]*)+", "", text, flags=re.MULTILINE))


def _leaks(text: str, secrets: Iterable[Secret], where: str, cell: str, place: str) -> Iterator[Problem]:
    squeezed_text = squeezed(text)
    for secret in secrets:
        if secret.text in squeezed_text:
            what = f"{place} holds the solution of cell {secret.cell} in {secret.notebook}"
            do = f"Take it out, or tag {secret.cell} '{SOLUTION_SHOWN}' if students are meant to read it"
            yield Problem(where, cell, what, do)


def _texts(cell: Cell) -> Iterator[tuple[str, str]]:
    yield "its text", cell.source
    yield "its output", "\n".join(_strings(list(cell.outputs)))
    yield "its attachment", "\n".join(_strings(cell.attachments))


def _strings(value: Any) -> Iterator[str]:
    """Yield the texts in JSON; a list of texts is one text, as notebooks store it line by line."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        yield "".join(value)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
