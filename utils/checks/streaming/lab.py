"""The lab's exercises and the case that its checks ask with."""

from __future__ import annotations

from dataclasses import dataclass

from utils.checks.registry import LabChecks
from utils.checks.weather import City

LAB = LabChecks("streaming", "Show it as it happens")
LAB.exercise("2.1", "Tell each step", function="steps", points=3)
LAB.exercise("2.2", "Show the answer's text", function="tokens", points=4)
LAB.exercise("2.3", "Measure a stream", function="measure", points=3)
LAB.exercise("2.4", "Report progress", function="search_slowly", others=("show",), points=3)
LAB.exercise("2.5", "Survive a tool", function="take_action", points=3)
LAB.exercise("2.6", "Survive a dropped line", function="resilient_stream", points=4)
check = LAB.check

CALLS = 10
"""tool calls in one message of the model, in exercise 2.5"""


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
    """seconds between the items of a fed stream: eight, all multiples of an eighth"""
    error: str
    """which of Python's errors a tool raises, besides a KeyError"""
    after: int
    """how many pieces come before a stream is held or dropped"""


LAB.example = Case(
    cities=(City("San Francisco", 20.5), City("Los Angeles", 15.1), City("Oslo", 3.4)),
    thread="trip",
    word="sunglasses",
    order=(2, 0, 5, 7, 4, 1, 8, 6, 9, 3),
    ticks=(0.5, 0.25, 0.75, 0.125, 1.0, 0.375, 0.25, 0.5),
    error="RuntimeError",
    after=4,
)
