"""The lab's exercises and the case that its checks ask with."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Self

from utils.checks import values
from utils.checks.registry import LabChecks
from utils.checks.weather import City

LAB = LabChecks("streaming", "Show it as it happens")
LAB.exercise("2.1", "Tell each step", function="steps", points=3)
LAB.exercise("2.2", "Show the model's words", function="tokens", points=4)
LAB.exercise("2.3", "Measure the wait", function="measure", points=3)
LAB.exercise("2.4", "Report progress", function="search_aloud", others=("show",), points=3)
LAB.exercise("2.5", "Survive a tool", function="take_action", points=3)
LAB.exercise("2.6", "Survive a dropped line", function="resilient_stream", points=4)
check = LAB.check

CALLS = 11
"""tool calls in one message of the model, in exercise 2.5"""

TICKS = 8
"""tokens of a run whose times are given"""
ERRORS = ("ArithmeticError", "LookupError", "OSError", "RuntimeError", "TypeError", "ValueError")
"""what a tool may raise"""


@dataclass(frozen=True, slots=True)
class Case:
    """What the checks of this lab ask with: other values, the same questions."""

    cities: tuple[City, City, City]
    """three cities with different temperatures"""
    thread: str
    word: str
    """a word that only the recorded answers hold"""
    order: tuple[int, ...]
    """in which order the calls of one message come"""
    ticks: tuple[float, ...]
    """seconds between the tokens of a run: eight, all multiples of an eighth"""
    error: str
    """which of Python's errors a tool raises, besides a KeyError"""
    after: int
    """how many pieces come before a stream is held or dropped"""

    @classmethod
    def fresh(cls, rng: random.Random) -> Self:
        """Return a case with cities, times, errors and an order of calls that nobody can know beforehand."""
        first, second, third = values.cities(rng, 3)
        return cls(
            cities=(first, second, third),
            thread=values.thread_id(rng),
            word=values.word(rng),
            order=tuple(rng.sample(range(CALLS), CALLS)),
            ticks=tuple(rng.randint(1, 16) / 8 for _ in range(TICKS)),
            error=rng.choice(ERRORS),
            after=rng.randint(3, 5),
        )


LAB.example = Case(
    cities=(City("San Francisco", 20.5), City("Los Angeles", 15.1), City("Oslo", 3.4)),
    thread="weekend",
    word="sunglasses",
    order=(2, 0, 5, 7, 10, 4, 1, 8, 6, 9, 3),
    ticks=(0.5, 0.25, 0.75, 0.125, 1.0, 0.375, 0.25, 0.5),
    error="RuntimeError",
    after=4,
)
