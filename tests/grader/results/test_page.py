"""Who takes too much room on a page is shortened; nobody else is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from grader.results.page import _share, as_many, fit_all, fitting, list_of, size

WAYS = [lambda n: "x" * n if n < 500 else None, lambda n: "x" * (n // 2), lambda n: "x" * min(n, 5)]


@given(st.lists(st.integers(0, 1_000), max_size=30), st.integers(0, 10_000))
def test_all_fit_where_they_can_and_only_long_ones_are_shortened(sizes, room):
    texts = fit_all(sizes, WAYS, room)
    if 5 * len(sizes) <= room:
        assert sum(map(size, texts)) <= room
    whole = [number for number, text in zip(sizes, texts, strict=True) if size(text) == number]
    cut = [number for number, text in zip(sizes, texts, strict=True) if size(text) < number]
    if sum(sizes) <= room and max(sizes, default=0) < 500:
        assert cut == []
    if cut and whole:
        assert max(min(number, 500) for number in cut) >= min(whole)


@given(st.lists(st.integers(0, 100), max_size=9), st.integers(0, 500))
def test_a_share_is_as_large_as_it_can_be(sizes, room):
    share = _share(sizes, room)
    assert sum(min(one, share) for one in sizes) <= room or share == 0
    if sum(sizes) > room:
        assert sum(min(one, share + 1) for one in sizes) > room
    else:
        assert share >= max(sizes, default=0)


def test_parts_are_taken_until_there_is_no_room():
    assert fitting(["a", "bc"], 5) == "a\nbc"
    assert fitting(["a", "bc"], 4) is None
    assert fitting(["é"], 2) is None
    assert as_many(["a", "bc", "d"], 5) == ["a", "bc"]
    assert as_many(["abc"], 2) == []


def test_no_more_parts_are_made_than_there_is_room_for():
    made = []

    def parts():
        for number in range(1_000):
            made.append(number)
            yield "x" * 9

    assert fitting(parts(), 95) is None
    assert len(made) == 10
    assert len(as_many(parts(), 95)) == 9


def test_a_list_says_how_much_it_leaves_out():
    assert list(list_of(["<li>a</li>"], 0)) == ['<ul class="kit-list">', "<li>a</li>", "</ul>"]
    assert list(list_of([], 1_000))[1] == "<li>and 1,000 more</li>"
