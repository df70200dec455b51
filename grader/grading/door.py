"""The door: everything that comes out of a jail is cut and counted here, before anything else looks at it.

What a process says is a claim by the code that it ran. The limits that it keeps by itself, so that no honest
answer is refused, are kept here once more, where nobody inside can change them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from grader.jail.absent import MOST as MOST_ABSENT
from grader.jail.names import MOST as MOST_NAMES
from grader.jail.outputs import MAX_NAME, MAX_TEXT
from grader.jail.traffic import TRAFFIC
from utils.lab.facts import MAX_IDENTIFIER, error_facts
from utils.lab.lab import CheckpointRow, Died
from utils.lab.plain import MAX_MESSAGE
from utils.observed.checkpoints import MOST_ROWS, MOST_TEXT
from utils.replay.log import Traffic

MAX_WHY = 100
"""letters of the reason for which a cell was stopped"""
MOST_CELLS = 1_000
"""cells that are said to define one name"""
MAX_LETTERS, MAX_ITEMS = 1_000_000, 50_000
"""of all that a recorded model was asked in one check; an honest one's traffic is a hundredth of that"""
STATUSES = ("ok", "error", "timeout", "skipped")


class Tampered(Exception):
    """What came is nothing that the process would say by itself."""


def cell_run_of(frame: Mapping[str, Any], number: int, id: str) -> tuple[str, str, str, tuple[str, ...]]:
    """Return a cell's status, the reason for it, its error, and modules that it lacks. Raises Tampered."""
    match frame:
        case {
            "kind": "cell",
            "number": n,
            "id": i,
            "status": str(status),
            "why": str(why),
            "error": error,
            "absent": list(absent),
        } if len(absent) <= MOST_ABSENT and all(map(_is_module, absent)):
            if n == number and i == id and status in STATUSES:
                return status, why[:MAX_WHY], _named(error), tuple(absent)
    raise Tampered("something came that no cell says")


def doubled_of(frame: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return names that several cells define, with the cells' numbers. Raises Tampered."""
    match frame:
        case {"kind": "finished", "twice": dict(twice)} if len(twice) <= MOST_NAMES:
            if all(_are_numbers(cells) for cells in twice.values()):
                return {name: cells for name, cells in twice.items() if len(name) <= MAX_IDENTIFIER}
    raise Tampered("something came that no run says at its end")


def answer_of(frame: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    """Return the frame of the answer to the question of that number. Raises Tampered."""
    match frame:
        case {"kind": "answer", "number": n, "answer": dict(answer), "timeout": str(timeout)}:
            if n == number and type(n) is int:
                return {"answer": _answer(answer), "timeout": timeout[:MAX_WHY]}
    raise Tampered("an answer came to what nobody asked")


def traffic_of(told: Any) -> Traffic:
    """Return what the recorded model was asked. Raises Died when it is more than checks could ask for."""
    match told:
        case {"left_out": 0, "traffic": dict(traffic)}:
            with contextlib.suppress(TooMuch, ValidationError):
                return TRAFFIC.validate_python(_bounded(traffic))
        case {"left_out": int(number), "traffic": dict()}:
            msg = f"{number} requests more than are kept: something asks without end"
            raise Died("crashed", msg)
    raise Died("crashed", "what the recorded model was asked is far too much to look at")


def rows_of(frame: Mapping[str, Any]) -> tuple[CheckpointRow, ...] | None:
    """Return the rows of a checkpoint file; ``None`` if it is not one, or not of that form."""
    match frame:
        case {"rows": list(rows)} if len(rows) <= MOST_ROWS and all(map(_is_row, rows)):
            return tuple(CheckpointRow(*row) for row in rows)
    return None


def _is_row(row: Any) -> bool:
    return (
        isinstance(row, list)
        and len(row) == 3
        and all(isinstance(text, str) and len(text) <= MOST_TEXT for text in row[:2])
        and (row[2] is None or (isinstance(row[2], str) and len(row[2]) <= MOST_TEXT))
    )


class TooMuch(Exception):
    """Texts or lists are longer than anything that a check asks for."""


def _bounded(plain: dict[str, Any]) -> dict[str, Any]:
    """Return JSON as it is. Raises TooMuch when its texts are longer, or its items more, than is sensible."""
    letters = items = 0
    level: list[Any] = [plain]
    while level:
        inner: list[Any] = []
        for item in level:
            if isinstance(item, str):
                letters += len(item)
            elif isinstance(item, dict):
                letters += sum(map(len, item))
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        items += len(level)
        if letters > MAX_LETTERS or items > MAX_ITEMS:
            raise TooMuch
        level = inner
    return plain


def _answer(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with its errors cut; its values are cut by what decodes them."""
    match answer:
        case {"error": dict(facts)}:
            return {"error": error_facts(facts)}
        case {"values": list(values)}:
            return {"values": [_answer(value) if isinstance(value, dict) else value for value in values]}
        case {"missing": str(name)}:
            return {"missing": name[:MAX_IDENTIFIER]}
        case {"bad": str(text)}:
            return {"bad": text[:MAX_MESSAGE]}
        case {"unfit": str(text)}:
            return {"unfit": text[:MAX_MESSAGE]}
    return answer


def _named(error: Any) -> str:
    match error:
        case {"ename": str(name), "evalue": str(value)}:
            return f"{name[:MAX_NAME]}: {value[:MAX_TEXT]}"[:500]
    return ""


def _is_module(name: Any) -> bool:
    return (
        isinstance(name, str)
        and len(name) <= MAX_IDENTIFIER
        and all(part.isidentifier() for part in name.split("."))
    )


def _are_numbers(cells: Any) -> bool:
    return (
        isinstance(cells, list)
        and len(cells) <= MOST_CELLS
        and all(
            isinstance(cell, str) and len(cell) <= 9 and cell.isascii() and cell.isdigit() for cell in cells
        )
    )
