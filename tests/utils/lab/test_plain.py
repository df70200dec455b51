"""Values as JSON and back: what crosses, what stays, and who answers for it."""

from __future__ import annotations

import json
import math
import uuid
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from utils.lab.plain import (
    MAX_ALIKE,
    MAX_ALL_TEXT,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_KEY,
    MAX_TEXT,
    MAX_TYPE,
    Cut,
    Forged,
    Message,
    TooLarge,
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
    return read(json.loads(text))


def read(data: Any) -> Any:
    return decode(data, lambda number, kind: (number, kind), seen_message)


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


# What is forged: `encode` never wrote it

GOOD: dict[str, Any] = {
    "type": "ai",
    "text": "a",
    "content": "a",
    "id": None,
    "name": None,
    "status": None,
    "tool_calls": [{"id": "c", "name": "search", "args": {}}],
    "tool_call_id": None,
}
ODD: list[Any] = [None, True, 3, -1.5, "zz", [], ["zz"], [[]], [[1]], [[1, 2, 3]], [1, 2], {}, {"a": 1}]
FORMS = [
    *("$tuple", "$set", "$map", "$bytes", "$float", "$int", "$message", "$object", "$cut"),
    *("$", "$$", "$Tuple", "$x" * 500),
]


def forged(data: Any) -> bool:
    """Whether reading data says that it is forged; nothing else may go wrong."""
    try:
        read(data)
    except Forged as error:
        return len(str(error)) < 200
    return False


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_an_odd_thing_in_a_form_is_read_or_forged(form: str, odd: Any) -> None:
    for data in (
        {form: odd},
        [{form: odd}],
        {form: odd, "type": odd},
        {"$map": [[{form: odd}, {form: odd}]]},
    ):
        forged(data)
        assert forged({**data, "more": 1}) if isinstance(data, dict) else True


@pytest.mark.parametrize("field", [*GOOD, "more", "$cut"])
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_message_with_odd_fields_is_read_or_forged(field: str, odd: Any) -> None:
    forged({"$message": {**GOOD, field: odd}})
    forged({"$message": {key: value for key, value in GOOD.items() if key != field}})


@pytest.mark.parametrize(
    "data",
    [
        {"$map": 5},
        {"$map": [1]},
        {"$map": [[1, 2, 3]]},
        {"$map": {"a": 1}},
        {"$tuple": "ab"},
        {"$set": {"a": 1}},
        {"$bytes": 3},
        {"$bytes": "a"},
        {"$bytes": "a\n=="},
        {"$bytes": "é"},
        {"$int": "zz"},
        {"$int": ""},
        {"$int": 5},
        {"$int": "too small"},
        {"$float": []},
        {"$float": "1.5"},
        {"$float": "infinity"},
        {"$object": "1"},
        {"$object": True},
        {"$object": 1.0},
        {"$object": 1, "type": 5},
        {"$object": 1, "type": "t" * (MAX_TYPE + 1)},
        {"$cut": 5},
        {"$cut": "as it likes"},
        {"$tuple": [], "$set": []},
        {"$tuple": [], "more": 1},
        {"$unheard": 1},
        {"a": 1, "$b": 2},
        {"$message": []},
        {"$message": {**GOOD, "text": 5}},
        {"$message": {**GOOD, "id": ["1"]}},
        {"$message": {**GOOD, "tool_calls": 5}},
        {"$message": {**GOOD, "tool_calls": [5]}},
        {"$message": {**GOOD, "more": 5}},
    ],
    ids=lambda data: json.dumps(data)[:60],
)
def test_what_no_encoder_writes_is_forged(data: Any) -> None:
    assert forged(data)
    assert forged({"a": [{"$tuple": [data]}]})
    assert forged({"$map": [[1, data]]})
    assert forged({"$map": [[data, 1]]})
    assert forged({"$set": [data]})
    assert forged({"$message": {**GOOD, "content": [data]}})


@pytest.mark.parametrize(
    "make",
    [
        lambda n: {"$int": hex(n * (2**61 - 1))},
        lambda n: {"$tuple": [{"$int": hex(n * (2**61 - 1))}, "a"]},
        lambda n: {"$tuple": [{"$set": [{"$int": hex(5 + n * (2**61 - 1))}]}]},
    ],
    ids=["numbers", "tuples", "sets"],
)
def test_keys_that_were_made_to_have_one_hash_are_forged(make: Any) -> None:
    alike = [make(n) for n in range(1, 1_000)]
    assert forged({"$set": alike})
    assert forged({"$map": [[key, 1] for key in alike]})
    few = alike[:MAX_ALIKE]
    assert len(read({"$set": few})) == MAX_ALIKE
    # What is in a value of its own is compared with nothing else.
    assert len(read([{"$map": [[1, n]]} for n in range(1_000)])) == 1_000
    assert len(read({"$set": list(range(4_000))})) == 4_000


DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*FORMS, *GOOD, "a"]), inner, max_size=3)
        | st.tuples(st.sampled_from(FORMS), inner).map(lambda pair: dict([pair]))
        | st.tuples(st.sampled_from(sorted(GOOD)), inner).map(
            lambda pair: {"$message": {**GOOD, pair[0]: pair[1]}}
        )
        | st.lists(st.lists(inner, min_size=2, max_size=2), max_size=3).map(lambda pairs: {"$map": pairs})
    ),
    max_leaves=30,
)


@given(DATA)
def test_any_json_is_a_value_or_forged(data: Any) -> None:
    forged(data)


def nested(levels: int, inside: Any, around: Any) -> Any:
    for _ in range(levels):
        inside = around(inside)
    return inside


NESTS = {
    "lists": lambda inner: [inner],
    "mappings": lambda inner: {"a": inner},
    "tuples": lambda inner: {"$tuple": [inner]},
    "sets": lambda inner: {"$set": [inner]},
    "values of pairs": lambda inner: {"$map": [[1, inner]]},
    "keys": lambda inner: {"$map": [[inner, 1]]},
    "keys of keys, with quotes": lambda inner: {"$map": [[{"'": inner}, 1]]},
    "messages": lambda inner: {"$message": {**GOOD, "tool_calls": [], "content": inner}},
}


@pytest.mark.parametrize("around", NESTS.values(), ids=NESTS)
def test_what_is_nested_is_read_up_to_the_depth_that_crosses(around: Any) -> None:
    """The counts are the encoder's: a mapping of pairs has three levels of JSON and is one level here."""
    whole = nested(MAX_DEPTH, "x", around)
    deeper = 2 if around({}) == {"$map": [[{"'": {}}, 1]]} else 1
    read(nested(MAX_DEPTH // deeper, "x", around))
    read(nested(MAX_DEPTH // deeper, {"$cut": "too deep"}, around))
    for levels in (MAX_DEPTH // deeper + 1, 26, 90):
        with pytest.raises(TooLarge, match="levels deep"):
            read(nested(levels, "x", around))
    assert len(json.dumps(whole)) < 5_000


@pytest.mark.parametrize(
    "key", [[], {}, {"a": "'\""}, ["x" * 100_000], {"$message": GOOD}], ids=lambda key: repr(key)[:20]
)
def test_a_key_that_no_mapping_can_have_is_a_few_letters(key: Any) -> None:
    """Where a repr stood for it, quotes doubled at each level."""
    for levels in range(6):
        deep = nested(levels, key, lambda inner: {"$map": [[inner, 1]]})
        (found,) = read({"$map": [[deep, 1]]})
        assert isinstance(found, str)
        assert len(found) <= MAX_KEY


def test_keys_that_python_can_have_come_back_as_they_were() -> None:
    keys = [(frozenset({1}),), ((frozenset({("a", frozenset())}), 2), b"x"), frozenset({(1, (2,))})]
    for key in keys:
        assert same({key: 1}, crossed({key: 1}))
        assert crossed({key}) == {key}


def test_what_is_more_than_crosses_is_too_large() -> None:
    for data in (
        [0] * MAX_ITEMS,
        {"$tuple": [0] * MAX_ITEMS},
        {"$map": [[n, 0] for n in range(MAX_ITEMS // 2)]},
        {str(n): 0 for n in range(MAX_ITEMS)},
        [[0] * 70 for _ in range(70 + 1)],
        [{"$message": GOOD}] * 500,
        "x" * (MAX_TEXT + 2),
        {"x" * (MAX_TEXT + 2): 1},
        ["x" * MAX_TEXT] * 21,
        {"$bytes": "QUJD" * (MAX_TEXT // 3 + 2)},
        [{"$bytes": "QUJD" * (MAX_TEXT // 3)}] * 21,
        {"$int": "f" * (MAX_ITEMS + 4)},
    ):
        with pytest.raises(TooLarge):
            read(data)
    assert len(read([0] * (MAX_ITEMS - 1))) == MAX_ITEMS - 1
    assert len(read("x" * (MAX_TEXT + 1))) == MAX_TEXT + 1


def test_reading_looks_at_each_value_once() -> None:
    asked: list[int] = []

    def look_up(number: int, kind: str) -> int:
        asked.append(number)
        return number

    wide = [{"$object": n} for n in range(1_000)]
    decode({"a": wide, "b": {"$map": [[1, wide]]}}, look_up, seen_message)
    assert len(asked) == 2_000
    asked.clear()
    with pytest.raises(TooLarge):
        decode([{"$tuple": wide}] * 100, look_up, seen_message)
    assert len(asked) <= MAX_ITEMS


# What crosses can be read, whatever was cut

BIG: dict[str, Any] = {
    "number": 1 << 20_000,
    "nan": math.nan,
    "bytes": b"b" * MAX_TEXT,
    "text": "x" * MAX_TEXT,
    "halves of letters": "\udcff" * MAX_TEXT,
    "object": object(),
    "message": HumanMessage("x" * 90_000),
    "calls": AIMessage("", tool_calls=[{"name": "n", "args": {}, "id": "1"}] * 9),
}
SHAPES: dict[str, Callable[[Any, int], Any]] = {
    "list": lambda inner, count: [inner] * count,
    "numbered": lambda inner, count: dict.fromkeys(range(count), inner),
    "named": lambda inner, count: {"k" * 999 + str(n): inner for n in range(count)},
    "deep": lambda inner, count: nested(count % 15, inner, lambda one: (one,)),
}
DEEP_NUMBERS = ("deep", ("numbered", "", 51), 57)
"""a mapping whose keys are all cut, as they are too deep; none is a number made to look like another"""
RECIPES = st.recursive(
    st.sampled_from(["", *BIG]),
    lambda inner: st.tuples(st.sampled_from(sorted(SHAPES)), inner, st.integers(0, 90)),
    max_leaves=4,
)


def made(recipe: Any) -> Any:
    if isinstance(recipe, str):
        return BIG.get(recipe, recipe)
    shape, inner, count = recipe
    return SHAPES[shape](made(inner), count)


@settings(max_examples=60, deadline=None)
@given(RECIPES)
@example(DEEP_NUMBERS)
def test_whatever_was_cut_can_be_read_and_is_no_more_than_is_promised(recipe: Any) -> None:
    data = json.loads(json.dumps(encode(made(recipe), lambda _: 1)))
    read(data)
    found = list(nodes(data))
    assert len(found) <= MAX_ITEMS
    letters = sum(len(one) for one in found if isinstance(one, str))
    assert letters <= MAX_ALL_TEXT + 2 * MAX_ITEMS


def nodes(data: Any) -> Iterator[Any]:
    """The values that data holds, each form once, and the keys of mappings among the last ones."""
    todo = [data]
    while todo:
        one = todo.pop()
        if isinstance(one, dict) and "$map" in one:
            todo += [item for pair in one["$map"] for item in pair]
        elif isinstance(one, dict) and "$message" in one:
            todo += one["$message"].values()
        elif isinstance(one, dict) and "$tuple" in one:
            todo += one["$tuple"]
        elif isinstance(one, dict) and not any(key.startswith("$") for key in one):
            todo += one.values()
        elif isinstance(one, list):
            todo += one
        yield one


def test_words_of_a_message_cross_as_text_whatever_was_put_there() -> None:
    message = HumanMessage("a")
    message.id = uuid.UUID(int=1)  # type: ignore[assignment]
    message.name = 5  # type: ignore[assignment]
    assert crossed(message) == Message("human", "a", content="a", id=str(uuid.UUID(int=1)), name="5")


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
