"""Fresh cases for lab 3, "Do ten things at once"."""

from __future__ import annotations

import random

from grader.hidden import values
from utils.checks.async_graphs import Case
from utils.checks.weather import City


def cases(rng: random.Random) -> Case:
    """A case with cities, threads and a word that nobody can know beforehand."""
    first, second, third, fourth, fifth = values.cities(rng, 5)
    while any(
        _last_by_name_is_warmest(some) for some in ((first, second, third), (first, second, third, fourth))
    ):
        first, second, third, fourth, fifth = values.cities(rng, 5)
    return Case(
        cities=(first, second, third, fourth, fifth),
        thread=values.thread_id(rng),
        other=values.thread_id(rng),
        word=values.word(rng),
    )


def _last_by_name_is_warmest(cities: tuple[City, ...]) -> bool:
    """Whether ``max`` on pairs of name and temperature would happen to be right."""
    return max(cities, key=lambda city: city.name) == max(cities, key=lambda city: city.celsius)
