"""Fresh cases for lab 2, "Show it as it happens"."""

from __future__ import annotations

import random

from grader.hidden import values
from utils.checks.streaming import Case
from utils.checks.streaming.lab import CALLS

ERRORS = ("ArithmeticError", "LookupError", "OSError", "RuntimeError", "TypeError", "ValueError")
TICKS = 8


def cases(rng: random.Random) -> Case:
    """A case with cities, times, errors and an order of calls that nobody can know beforehand."""
    first, second, third = values.cities(rng, 3)
    return Case(
        cities=(first, second, third),
        thread=values.thread_id(rng),
        word=values.word(rng),
        order=tuple(rng.sample(range(CALLS), CALLS)),
        ticks=tuple(rng.randint(1, 16) / 8 for _ in range(TICKS)),
        error=rng.choice(ERRORS),
        after=rng.randint(3, 5),
    )
