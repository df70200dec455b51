"""Values as JSON and back: what crosses, what stays, and who answers for it."""

from __future__ import annotations

import json
import math
from collections import OrderedDict, namedtuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from utils.lab.plain import (
    MAX_ALL_TEXT,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_TEXT,
    Cut,
    Message,
    decode,
    encode,
    real_message,
    seen_message,
)

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
KEYS = st.one_of(TEXT, st.integers(), st.booleans(), st.none(), st.tuples(st.integers(), TEXT))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    TEXT,
    st.binary(),
    st.frozensets(st.one_of(st.integers(), TEXT, st.frozensets(st.integers()))),
)
PLAIN = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=6),
        st.lists(inner, max_size=6).map(tuple),
        st.dictionaries(KEYS, inner, max_size=6),
        st.dictionaries(st.sampled_from(["$", "$tuple", "$object", "a"]), inner, max_size=3),
    ),
    max_leaves=40,
)


def crossed(value: Any) -> Any:
    """A value after it has crossed as JSON; objects come back as their number and type."""
    kept: list[Any] = []

    def keep(item: Any) -> int:
        kept.append(item)
        return len(kept)

    text = json.dumps(encode(value, keep), allow_nan=False)
    return decode(json.loads(text), lambda number, kind: (number, kind), seen_message)


def same(one: Any, two: Any) -> bool:
    """Equal, and of the same types all the way down."""
    if isinstance(one, list | tuple):
        return type(one) is type(two) and len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, dict):
        pairs = zip(one.items(), two.items(), strict=True)
        return all(same(a, c) and same(b, d) for (a, b), (c, d) in pairs)
    if isinstance(one, frozenset):
        return bool(one == two)
    return type(one) is type(two) and one == two


@given(PLAIN)
def test_plain_data_comes_back_as_it_was(value: Any) -> None:
    assert same(value, crossed(value))


@pytest.mark.parametrize("number", [2**53, 2**53 + 1, -(2**64), 10**4_000])
def test_integers_of_any_size_come_back_exactly(number: int) -> None:
    assert crossed(number) == number


def test_what_json_lacks_comes_back() -> None:
    assert math.isnan(crossed(math.nan))
    assert crossed((math.inf, -math.inf)) == (math.inf, -math.inf)
    assert crossed(bytearray(b"\x00\xff")) == b"\x00\xff"


def test_half_a_character_is_spelled_out() -> None:
    assert crossed("a\ud800b") == "a\\ud800b"


# What is too large or too deep


def test_what_is_too_large_is_cut_and_says_so() -> None:
    assert crossed([0] * (MAX_ITEMS + 1)) == Cut("too many items")
    assert crossed(dict.fromkeys(range(MAX_ITEMS + 1))) == Cut("too many items")
    assert crossed(1 << 1_000_000) == Cut("too large")
    text = crossed("x" * (MAX_TEXT + 1))
    assert (len(text), text[-1]) == (MAX_TEXT + 1, "…")


def test_many_long_texts_stay_bounded_together() -> None:
    told = crossed(["x" * MAX_TEXT] * 100)
    assert sum(map(len, told)) <= MAX_ALL_TEXT + 200


def test_what_is_too_deep_is_cut_and_says_so() -> None:
    value: Any = "bottom"
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    for _ in range(MAX_DEPTH):
        value = value[0] if isinstance(value, list) else value
    loop: list[Any] = []
    loop.append(loop)
    told = crossed(loop)
    for _ in range(MAX_DEPTH):
        told = told[0]
    assert told == [Cut("too deep")]


def test_the_answer_stays_small_whatever_comes() -> None:
    wide = [[0] * 100 for _ in range(4_000)]
    assert len(json.dumps(encode([wide] * 50, lambda _: 1))) < 1_000_000


# Subclasses


class Lying(str):
    def __str__(self) -> str:
        return "a lie"

    def __len__(self) -> int:
        return 0

    def encode(self, *_: Any) -> bytes:
        return b"a lie"


class LyingFloat(float):
    def __float__(self) -> float:
        return 1.0


class LyingList(list):
    def __iter__(self) -> Any:
        return iter(["a lie"])

    def __len__(self) -> int:
        return 0


class LyingTuple(tuple):
    def __iter__(self) -> Any:
        return iter(["a lie"])


class LyingDict(dict):
    def items(self) -> Any:
        return [("a", "lie")]


def test_a_subclass_cannot_answer_for_itself() -> None:
    point = namedtuple("point", "x y")
    assert crossed(Lying("true")) == "true"
    assert crossed(LyingFloat(2.5)) == 2.5
    assert crossed(LyingList(["true"])) == ["true"]
    assert crossed(LyingTuple(["true"])) == ("true",)
    assert crossed(LyingDict(a="true")) == {"a": "true"}
    assert crossed({Lying("true"): 1}) == {"true": 1}
    assert crossed(OrderedDict(b=1, a=2)) == {"b": 1, "a": 2}
    assert crossed(point(1, 2)) == (1, 2)
    assert crossed([True, 1]) == [True, 1]


def test_an_object_that_says_it_is_text_stays_an_object() -> None:
    class Pretender:
        __class__ = str  # type: ignore[assignment]

    assert crossed(Pretender()) == (1, "Pretender")


def test_other_objects_stay_and_are_named_by_their_type() -> None:
    assert crossed([object(), print]) == [(1, "object"), (2, "builtin_function_or_method")]
    assert crossed(type("N" * 200, (), {})()) == (1, "N" * 80)


# Messages


def test_messages_have_one_plain_form() -> None:
    call = {"name": "search", "args": {"query": "oslo"}, "id": "c1", "type": "tool_call"}
    told = crossed(
        [
            SystemMessage("be kind"),
            HumanMessage("hello", id="h1"),
            AIMessage(
                [{"type": "text", "text": "hi "}, {"type": "text", "text": "there"}], tool_calls=[call]
            ),
            ToolMessage("3 °C", tool_call_id="c1", name="search", status="error"),
        ]
    )
    assert told == [
        Message("system", "be kind", content="be kind"),
        Message("human", "hello", content="hello", id="h1"),
        Message(
            "ai",
            "hi there",
            content=[{"type": "text", "text": "hi "}, {"type": "text", "text": "there"}],
            tool_calls=({"id": "c1", "name": "search", "args": {"query": "oslo"}},),
        ),
        Message("tool", "3 °C", content="3 °C", name="search", status="error", tool_call_id="c1"),
    ]
    assert type(told[2].text) is str


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"type": "human", "text": "a", "id": "1"}, HumanMessage("a", id="1")),
        ({"type": "system", "text": "a"}, SystemMessage("a")),
        ({"type": "tool", "text": "a", "tool_call_id": "c"}, ToolMessage("a", tool_call_id="c")),
        ({"type": "ai", "content": "a", "text": "b"}, AIMessage("a")),
        ({"type": "unheard of", "text": "a"}, HumanMessage("a")),
    ],
    ids=["a person's", "the system's", "a tool's", "the model's", "of another kind"],
)
def test_a_plain_message_becomes_a_real_one(fields: Any, message: Any) -> None:
    assert real_message(fields) == message
