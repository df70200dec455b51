"""Lab 4: its exercises, and what their checks ask with."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Self

from utils.checks import values
from utils.checks.registry import LabChecks
from utils.checks.weather import City
from utils.mistakes import mistake

NO_MESSAGES = mistake(
    "KeyError",
    r"^'messages'$",
    "the thread has no messages: nobody has used it, and the snapshot's values are an empty dict.",
    "look at the snapshot's next first; it is empty where nothing waits.",
)
ASKING = (
    mistake(
        "KeyError",
        r"^'(message|args)'$",
        "the decision has no such key: only reject and respond have a message, and only edit has args.",
        "look at decision['type'] first, and read the key where that type has it.",
    ),
    mistake(
        "TypeError",
        r"(string|list) indices must be integers",
        "a text or a list was read like a dict.",
        "tool_calls is a list of calls; a call is a dict with id, name and args, a decision one with a type.",
    ),
    mistake(
        "InvalidUpdateError",
        r"Expected dict, got \[",
        "the node returned a list, and a node returns what changes in the state.",
        'put the list into a dict: {"messages": [message]}.',
    ),
    mistake(
        "InvalidUpdateError|TypeError",
        r"Expected dict, got <coroutine|No synchronous function provided",
        "a node is async def, and the check runs this graph with invoke.",
        "write def, and call the model and the tool with invoke.",
    ),
)

LAB = LabChecks("human_in_the_loop", "Ask before you act")
LAB.exercise("4.1", "See what waits", function="pending", points=3, mistakes=(NO_MESSAGES,))
LAB.exercise("4.2", "Approve or stop", function="approve", others=("stop",), points=4)
LAB.exercise("4.3", "Edit what it wants to do", function="edit", points=3)
LAB.exercise("4.4", "Answer instead of the tool", function="mock_answer", points=3)
LAB.exercise("4.5", "Ask before the tool", function="ask_first", points=3, mistakes=ASKING)
LAB.exercise("4.6", "Guard the tools", function="build_guarded", points=4, mistakes=ASKING)
check = LAB.check

ASKED_FIRST = (2, 3, 4, 5, 6)
"""which of the seven calls may come first: one that is asked about, or the order of results says less"""


@dataclass(frozen=True, slots=True)
class Case:
    """What the checks of this lab ask with: other values, the same questions."""

    cities: tuple[City, City, City]
    """three cities with different temperatures"""
    thread: str
    other: str
    """another thread's id"""
    word: str
    """a word that only recorded results and answers hold"""
    order: tuple[int, int, int, int, int, int, int]
    """in which order the seven calls of one message come; the first is one that a person is asked about"""

    @classmethod
    def fresh(cls, rng: random.Random) -> Self:
        """Return a case with cities, threads, a word and an order of calls that nobody can know before."""
        first, second, third = values.cities(rng, 3)
        begin = rng.choice(ASKED_FIRST)
        two, three, four, five, six, seven = rng.sample([n for n in range(7) if n != begin], 6)
        return cls(
            cities=(first, second, third),
            thread=values.thread_id(rng),
            other=values.thread_id(rng),
            word=values.word(rng),
            order=(begin, two, three, four, five, six, seven),
        )


LAB.example = Case(
    cities=(City("San Francisco", 20.5), City("Los Angeles", 15.1), City("Oslo", 3.4)),
    thread="trip",
    other="another trip",
    word="sunglasses",
    order=(2, 4, 0, 6, 3, 1, 5),
)
