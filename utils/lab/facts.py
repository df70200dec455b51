"""What is told of an error that a student's code raised, and how much of it there can be.

The student's side tells no more than this. What comes from there is a claim, so it is cut to the same bounds
where it arrives: at the grader's door, and in the judge's own `StudentError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from utils.lab.plain import MAX_MESSAGE, MAX_TYPE

MAX_BASES = 40
"""classes that an error is told to be of"""
MAX_TRACE = 3
"""steps of an error's way through the notebook, the innermost ones"""
MAX_SOURCE = 200
"""letters of a line of the notebook"""
MAX_IDENTIFIER = 100
"""letters of a name of the notebook; no function has a longer one"""
_MAX_LINE = 1_000_000


def error_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``type``, ``bases``, ``message`` and ``trace``, cut to what is ever told of an error.

    What is not of the right form is left out: errors are read while something else is already wrong.
    """
    return {
        "type": _text(facts.get("type"), MAX_TYPE),
        "bases": [_text(base, MAX_TYPE) for base in _list(facts.get("bases"))[:MAX_BASES]],
        "message": _text(facts.get("message"), MAX_MESSAGE),
        "trace": [_step(step) for step in _list(facts.get("trace"))[-MAX_TRACE:]],
    }


def _step(step: Any) -> dict[str, Any]:
    """Return where in the notebook an error passed: ``function``, ``line`` (0: unknown) and ``source``."""
    facts: Mapping[str, Any] = step if isinstance(step, dict) else {}
    line = facts.get("line")
    return {
        "function": _text(facts.get("function"), MAX_TYPE),
        "line": line if type(line) is int and 0 < line < _MAX_LINE else 0,
        "source": _text(facts.get("source"), MAX_SOURCE),
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any, most: int) -> str:
    return value[:most] if isinstance(value, str) else ""
