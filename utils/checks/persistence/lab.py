"""The lab's exercises and the case that its checks ask with."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Self

from utils.checks import values
from utils.checks.registry import LabChecks
from utils.checks.weather import City

LAB = LabChecks("persistence", "Keep the conversation")
LAB.exercise("1.1", "Build the graph", function="build_agent", points=5)
LAB.exercise("1.2", "Ask a question", function="ask", points=2)
LAB.exercise("1.3", "Keep it on disk", function="open_saver", points=3)
LAB.exercise("1.4", "Go on after a crash", function="resume", points=3)
LAB.exercise("1.5", "Read the history", function="history", points=3)
LAB.exercise("1.6", "Go back and ask differently", function="rewind", points=4)
check = LAB.check


@dataclass(frozen=True, slots=True)
class Case:
    """What the checks of this lab ask with: other values, the same questions."""

    cities: tuple[City, City, City]
    """three cities with different temperatures"""
    thread: str
    other: str
    """another thread's id"""
    word: str
    """a word that only the recorded answers hold"""

    @classmethod
    def fresh(cls, rng: random.Random) -> Self:
        """Return a case with cities, threads and a word that nobody can know beforehand."""
        first, second, third = values.cities(rng, 3)
        return cls(
            cities=(first, second, third),
            thread=values.thread_id(rng),
            other=values.thread_id(rng),
            word=values.word(rng),
        )


LAB.example = Case(
    cities=(City("San Francisco", 20.5), City("Los Angeles", 15.1), City("Oslo", 3.4)),
    thread="trip",
    other="someone else",
    word="sunglasses",
)
