"""The lab's exercises and the case that its checks ask with."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Self

from utils.checks import values
from utils.checks.registry import LabChecks
from utils.checks.weather import City
from utils.mistakes import mistake

OF_TOOLS = (
    mistake(
        "AttributeError",
        r"'dict' object has no attribute '(name|args|id)'",
        "a tool call is a dict, and was read like an object.",
        'use its keys: call["name"], call["args"], call["id"].',
    ),
    mistake(
        "TypeError",
        r"'StructuredTool' object is not callable",
        "a tool was called like a function.",
        'give it what the call says: await tool.ainvoke(call["args"]).',
    ),
    mistake(
        "TypeError",
        r"list indices must be integers or slices, not str",
        "a list was read like a dict: tool_calls is a list, with one dict for each call.",
        "go through it, one call after the other.",
    ),
)
"""errors of Python's that people meet on the way from a call to its tool"""

LAB = LabChecks("async_graphs", "Do ten things at once")
LAB.exercise("3.1", "Make it asynchronous", function="build_async", points=3, mistakes=OF_TOOLS)
LAB.exercise("3.2", "Many questions, a few at a time", function="ask_many", points=4)
LAB.exercise("3.3", "The tools of one turn at once", function="take_action", points=3, mistakes=OF_TOOLS)
LAB.exercise("3.4", "Fan out and compare", function="build_fanout", points=4)
LAB.exercise("3.5", "Give up in time", function="ask_with_timeout", points=3)
LAB.exercise("3.6", "Several streams as one", function="interleave", points=3)
check = LAB.check


@dataclass(frozen=True, slots=True)
class Case:
    """What the checks of this lab ask with: other values, the same questions."""

    cities: tuple[City, City, City, City, City]
    """five cities; of the first three, and of the first four, the last by name is not the warmest"""
    thread: str
    other: str
    """another thread's id"""
    word: str
    """a word that only the recorded answers hold"""

    @classmethod
    def fresh(cls, rng: random.Random) -> Self:
        """Return a case with cities, threads and a word that nobody can know beforehand."""
        first, second, third, fourth, fifth = values.cities(rng, 5)
        while any(
            _last_by_name_is_warmest(some)
            for some in ((first, second, third), (first, second, third, fourth))
        ):
            first, second, third, fourth, fifth = values.cities(rng, 5)
        return cls(
            cities=(first, second, third, fourth, fifth),
            thread=values.thread_id(rng),
            other=values.thread_id(rng),
            word=values.word(rng),
        )


def _last_by_name_is_warmest(cities: tuple[City, ...]) -> bool:
    """Return whether ``max`` on pairs of name and temperature would happen to be right."""
    return max(cities, key=lambda city: city.name) == max(cities, key=lambda city: city.celsius)


LAB.example = Case(
    cities=(
        City("Rome", 17.2),
        City("Oslo", 3.4),
        City("Athens", 21.0),
        City("Berlin", 8.1),
        City("Madrid", 19.6),
    ),
    thread="trip",
    other="another trip",
    word="sunglasses",
)
