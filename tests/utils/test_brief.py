"""The beginning of a repr is what all of it would begin with, and takes no more work than it is long."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque, namedtuple
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.brief import brief


class Words(str):
    __slots__ = ()


class Loud(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return "LOUD"


class Many(list[Any]):
    pass


class Sorted(set[Any]):
    pass


class Colour(Enum):
    RED = 1


@dataclass
class Point:
    x: Any
    hidden: Any = field(default=1, repr=False)
    y: Any = 2


@dataclass(repr=False)
class Silent:
    x: int = 1


Pair = namedtuple("Pair", "a b")

TEXTS = st.text("ab'\"\\\n\x00\ud800é名🐍", max_size=9)
VALUES = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.binary(max_size=9)),
        *(TEXTS.map(Words), TEXTS.map(Loud), st.just(Colour.RED), st.just(Colour), st.just(Silent)),
        st.frozensets(st.integers(), max_size=3),
        st.sets(TEXTS, max_size=3),
        st.sets(st.integers(), max_size=2).map(Sorted),
        st.integers().map(complex),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.lists(inner, max_size=2).map(Many),
        st.lists(inner, max_size=2).map(deque),
        st.dictionaries(TEXTS | st.tuples(st.integers()), inner, max_size=3),
        st.dictionaries(TEXTS, inner, max_size=2).map(OrderedDict),
        st.dictionaries(TEXTS, st.integers(), max_size=2).map(Counter),
        st.builds(Point, inner, inner, inner),
        st.builds(Pair, inner, inner),
    ),
    max_leaves=20,
)


@given(VALUES, st.integers(1, 60) | st.just(500))
def test_it_is_what_the_whole_repr_begins_with(value: Any, most: int) -> None:
    whole = repr(value)
    assert brief(value, most) == (whole if len(whole) <= most else whole[: most - 1] + "…")


@pytest.mark.parametrize("end", ["", "'", '"', "'\"", "\"'"])
def test_what_decides_on_the_quotes_may_stand_at_the_end(end: str) -> None:
    for text in ("x" * 10_000 + end, "x" * 10_000 + end + "x" * 10_000, "\n" * 600 + end):
        assert brief(text) == repr(text)[:499] + "…"
        assert brief(text.encode()) == repr(text.encode())[:499] + "…"
        assert brief([text]) == repr([text])[:499] + "…"


def test_nothing_is_too_deep_or_without_an_end() -> None:
    deep: Any = "x"
    for _ in range(1_000_000):
        deep = [deep]
    assert brief(deep, 10) == "[[[[[[[[[…"
    while isinstance(deep, list):  # from outside to inside: Python would end it the other way round
        deep = deep.pop()
    loop: dict[str, Any] = {}
    loop["a"] = loop
    assert len(brief(loop)) == 500


def test_a_huge_number_is_written_in_another_way_and_cut() -> None:
    assert brief(1 << 20_000).startswith("0x1000")
    assert brief(10**4_000) == str(10**4_000)[:499] + "…"
