"""Fresh cases for lab 3, "Do ten things at once"."""

from __future__ import annotations

import random

from grader.hidden import values
from utils.checks.async_graphs import Case


def cases(rng: random.Random) -> Case:
    """A case with cities, threads and a word that nobody can know beforehand."""
    first, second, third, fourth, fifth = values.cities(rng, 5)
    return Case(
        cities=(first, second, third, fourth, fifth),
        thread=values.thread_id(rng),
        other=values.thread_id(rng),
        word=values.word(rng),
    )
