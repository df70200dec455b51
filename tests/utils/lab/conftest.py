"""A server that says what a test tells it to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.utils.lab.scripted import Scripted, serving


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with serving() as server:
        yield server


@pytest.fixture
def in_threads() -> Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]]:
    """Calls a function with each of some values, in a thread each, at the same time."""

    def run(work: Callable[[Any], Any], values: Iterable[Any]) -> list[Any]:
        given = list(values)
        with ThreadPoolExecutor(len(given)) as pool:
            return list(pool.map(work, given))

    return run
