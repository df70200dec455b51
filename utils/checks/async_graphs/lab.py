"""The lab's exercises and the case that its checks ask with."""

from __future__ import annotations

from dataclasses import dataclass

from utils.checks.registry import LabChecks
from utils.checks.weather import City

LAB = LabChecks("async_graphs", "Do ten things at once")
LAB.exercise("3.1", "Make it asynchronous", function="build_async", points=4)
LAB.exercise("3.2", "Many questions, a few at a time", function="ask_many", points=4)
LAB.exercise("3.3", "The tools of one turn at once", function="take_action", points=3)
LAB.exercise("3.4", "Fan out and compare", function="build_fanout", points=4)
LAB.exercise("3.5", "Give up in time", function="ask_with_timeout", points=3)
LAB.exercise("3.6", "Several streams as one", function="interleave", points=2)
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
