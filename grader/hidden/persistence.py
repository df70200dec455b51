"""Fresh cases for lab 1, "Keep the conversation"."""

from __future__ import annotations

import random

from grader.hidden import values
from utils.checks.persistence import Case


def cases(rng: random.Random) -> Case:
    """A case with cities, threads and a word that nobody can know beforehand."""
    first, second, third = values.cities(rng, 3)
    return Case(
        cities=(first, second, third),
        thread=values.thread_id(rng),
        other=values.thread_id(rng),
        word=values.word(rng),
    )
