"""Fresh cases for lab 4, "Ask before you act"."""

from __future__ import annotations

import random

from grader.hidden import values
from utils.checks.human_in_the_loop import Case
from utils.checks.human_in_the_loop.desk import ASKED_FIRST


def cases(rng: random.Random) -> Case:
    """A case with cities, threads, a word and an order of calls that nobody can know beforehand."""
    first, second, third = values.cities(rng, 3)
    begin = rng.choice(ASKED_FIRST)
    two, three, four, five, six, seven = rng.sample([n for n in range(7) if n != begin], 6)
    return Case(
        cities=(first, second, third),
        thread=values.thread_id(rng),
        other=values.thread_id(rng),
        word=values.word(rng),
        order=(begin, two, three, four, five, six, seven),
    )
