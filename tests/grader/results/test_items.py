"""How hard an exercise was, and how well it tells people apart."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.results.items import FEW, items_of, telling
from tests.grader.results.made import LAB, RESULTS, check, exercise, not_graded, result


def test_an_exercise_that_the_better_ones_solve_tells_them_apart() -> None:
    assert telling([0, 0, 1, 1], [1, 2, 4, 5]) == pytest.approx(0.8944, abs=1e-4)
    assert telling([1, 1, 0, 0], [2, 3, 3, 4]) == pytest.approx(-0.8944, abs=1e-4)


def test_its_own_points_do_not_speak_for_it() -> None:
    assert telling([0, 1, 0, 1], [0, 1, 0, 1]) is None


@pytest.mark.parametrize(("points", "totals"), [([1, 1], [1, 2]), ([1], [1]), ([], [])])
def test_what_never_differs_tells_nothing(points: list[float], totals: list[float]) -> None:
    assert telling(points, totals) is None


def test_below_ten_people_there_is_no_figure() -> None:
    few = items_of(result(f"s{at}") for at in range(FEW - 1))[LAB]
    assert [(one.people, one.share, one.telling) for one in few] == [(FEW - 1, None, None)] * 2
    enough = items_of(result(f"s{at}") for at in range(FEW))[LAB]
    assert [(one.people, one.share, one.telling) for one in enough] == [(FEW, 1.0, None)] * 2


def test_only_work_that_ran_is_counted_and_what_is_worth_nothing_is_left_out() -> None:
    people = [
        result(f"s{at}", exercises=(exercise("1.1"), exercise("0.0", check(max_points=0, points=0))))
        for at in range(FEW)
    ]
    people += [not_graded(status, f"n{status}") for status in ("missing", "unreadable", "tampered", "error")]
    (one,) = items_of(people)[LAB]
    assert (one.exercise, one.people) == ("1.1", FEW)


@given(st.lists(RESULTS, max_size=3))
def test_any_results_have_figures_within_their_bounds(results: list) -> None:
    for items in items_of([one for one in results for _ in range(FEW)]).values():
        for item in items:
            assert item.share is None or -1e-9 <= item.share <= 1 + 1e-9 or math.isinf(item.share)
            assert item.telling is None or -1 <= item.telling <= 1
