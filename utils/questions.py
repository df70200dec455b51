"""Whether code runs because a check asks a function something, or because a person does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from utils.errors import ExerciseError

_ASKED: ContextVar[bool] = ContextVar("asked by a check", default=False)


@contextmanager
def asking() -> Iterator[None]:
    """Mark what runs in this block, and in tasks begun there, as asked by a check."""
    token = _ASKED.set(True)
    try:
        yield
    finally:
        _ASKED.reset(token)


def refuse_when_asked(view: str) -> None:
    """Raise ExerciseError where a check asks: what the view does by itself is what the exercise is about."""
    if _ASKED.get():
        msg = f"{view}() does for a person what this function is to do itself"
        raise ExerciseError(msg, hint="use the graph's own methods; the pictures are for looking at")
