"""Whether code runs because a check asks a function something, or because a person does.

A process knows it, and not a context alone: a thread that a function begins has an empty context.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from utils.errors import ExerciseError

_ASKED: ContextVar[bool] = ContextVar("asked by a check", default=False)
"""true in all that a question has begun, also when the question is over"""


class _Open:
    """How many questions are open in this process."""

    lock = threading.Lock()
    count = 0

    @classmethod
    def change(cls, by: int) -> None:
        with cls.lock:
            cls.count += by


@contextmanager
def asking() -> Iterator[None]:
    """Mark what runs in this process during the block, and in tasks begun there, as asked by a check."""
    token = _ASKED.set(True)
    _Open.change(1)
    try:
        yield
    finally:
        _Open.change(-1)
        _ASKED.reset(token)


def refuse_when_asked(view: str) -> None:
    """Raise ExerciseError where a check asks: what the view does by itself is what the exercise is about."""
    if _ASKED.get() or _Open.count:
        msg = f"{view}() does for a person what this function is to do itself"
        raise ExerciseError(msg, hint="use the graph's own methods; the pictures are for looking at")
