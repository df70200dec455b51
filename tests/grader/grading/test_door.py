"""What comes out of a jail is cut and counted before anything looks at it, whatever it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.grading import door
from grader.grading.door import Tampered, answer_of, cell_run_of, doubled_of, rows_of, traffic_of
from utils.lab.facts import MAX_BASES, MAX_TRACE
from utils.lab.lab import CheckpointRow, Died
from utils.lab.plain import MAX_MESSAGE, MAX_TYPE
from utils.observed.checkpoints import MOST_ROWS
from utils.replay.log import Traffic

LONG = "x" * 1_000_000
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=30,
)


def letters(value: Any) -> int:
    return len(json.dumps(value))


# Cells


def cell(**other: Any) -> dict[str, Any]:
    return {
        "kind": "cell",
        "number": 0,
        "id": "1",
        "status": "ok",
        "why": "",
        "error": None,
        "absent": [],
        **other,
    }


def test_a_cells_texts_are_cut():
    error = {"ename": LONG, "evalue": LONG}
    status, why, shown, _ = cell_run_of(cell(status="error", why=LONG, error=error), 0, "1")
    assert (status, len(why)) == ("error", door.MAX_WHY)
    assert len(shown) <= 500


@pytest.mark.parametrize(
    "other",
    [
        *({"number": 1}, {"id": "2"}, {"status": "passed"}, {"status": 1}, {"why": None}, {"kind": "answer"}),
        *(
            {"absent": None},
            {"absent": [1]},
            {"absent": ["<b>"]},
            {"absent": ["a" * 200]},
            {"absent": ["a"] * 11},
        ),
    ],
)
def test_what_no_cell_says_is_tampered(other: dict[str, Any]):
    with pytest.raises(Tampered, match="no cell says"):
        cell_run_of(cell(**other), 0, "1")


# The end of the cells


@pytest.mark.parametrize(
    "twice",
    [
        {"a": 5},
        {"a": ["x"]},
        {"a": ["1", 2]},
        {"a": ["1" * 50]},
        {"a": ["1"] * 100_000},
        {f"name{n}": ["1", "2"] for n in range(10_000)},
        ["a"],
        None,
    ],
)
def test_names_that_no_notebook_has_are_tampered(twice: Any):
    with pytest.raises(Tampered, match="at its end"):
        doubled_of({"kind": "finished", "twice": twice})


def test_names_are_kept_with_their_cells_and_endless_ones_are_dropped():
    twice = {"ask": ["1", "4"], LONG: ["1", "2"]}
    assert doubled_of({"kind": "finished", "twice": twice}) == {"ask": ["1", "4"]}


# Answers


def answered(answer: Any, other: Any = ()) -> Any:
    frame = {"kind": "answer", "number": 7, "answer": answer, "timeout": "", **dict(other)}
    return answer_of(frame, 7)["answer"]


def test_an_answer_is_one_to_its_question():
    assert answered({"value": 3}) == {"value": 3}
    for other in ({"number": 8}, {"number": True}, {"answer": []}, {"timeout": None}, {"kind": "cell"}):
        with pytest.raises(Tampered, match="nobody asked"):
            answered({"value": 3}, other)


def test_an_error_is_cut_to_what_the_kit_tells_of_one():
    step = {"function": LONG, "line": 10**30, "source": LONG, "more": LONG}
    facts = {"type": LONG, "bases": [LONG] * 5_000, "message": LONG, "trace": [step] * 5_000, "more": LONG}
    error = answered({"error": facts})["error"]
    assert set(error) == {"type", "bases", "message", "trace"}
    assert (len(error["type"]), len(error["bases"]), len(error["message"]), len(error["trace"])) == (
        MAX_TYPE,
        MAX_BASES,
        MAX_MESSAGE,
        MAX_TRACE,
    )
    assert letters(error) < 10_000


@pytest.mark.parametrize(
    "facts", [{}, {"type": 5, "bases": 7, "message": [], "trace": {}}, {"trace": [None]}]
)
def test_an_error_of_another_form_is_an_error_without_a_name(facts: Any):
    error = answered({"error": facts})["error"]
    assert (error["type"], error["message"]) == ("", "")


def test_texts_of_other_answers_are_cut_as_well():
    assert letters(answered({"missing": LONG})) < 200
    assert letters(answered({"bad": LONG})) < 3_000
    assert letters(answered({"unfit": LONG})) < 3_000
    errors = answered({"values": [{"error": {"message": LONG}}, 5]})["values"]
    assert letters(errors) < 3_000


@given(JSON)
def test_whatever_comes_is_cut_or_tampered_and_nothing_else(value: Any):
    for look in (
        lambda: answered(value),
        lambda: answered({"error": value}),
        lambda: answered({"values": value}),
        lambda: doubled_of({"kind": "finished", "twice": value}),
        lambda: cell_run_of(cell(error=value), 0, "1"),
        lambda: cell_run_of(cell(absent=value), 0, "1"),
        lambda: rows_of({"rows": value}),
    ):
        try:
            look()
        except Tampered:
            continue


# Checkpoint files


def test_rows_are_three_short_texts_each():
    assert rows_of({"rows": [["t", "2", "1"], ["t", "1", None]]}) == (
        CheckpointRow("t", "2", "1"),
        CheckpointRow("t", "1", None),
    )


@pytest.mark.parametrize(
    "rows",
    [
        None,
        "abc",
        [["t", "1"]],
        [["t", None, "1"]],
        [["t", "1", 5]],
        [[LONG, "1", None]],
        [["t", "1", LONG]],
        [["t", "1", None]] * (MOST_ROWS + 1),
    ],
)
def test_rows_of_another_form_are_those_of_no_checkpoint_file(rows: Any):
    assert rows_of({"rows": rows}) is None
    assert rows_of({}) is None


# The recorded model's traffic


def test_traffic_is_data():
    assert traffic_of({"left_out": 0, "traffic": {"requests": [], "misses": [], "peaks": {}}}) == Traffic()


def test_more_requests_than_are_kept_are_said():
    with pytest.raises(Died, match="5 requests more than are kept"):
        traffic_of({"left_out": 5, "traffic": {}})


@given(JSON)
def test_traffic_of_another_form_ends_the_question_and_nothing_else(value: Any):
    for told in (value, {"left_out": 0, "traffic": value}, {"left_out": 0, "traffic": {"requests": value}}):
        try:
            traffic_of(told)
        except Died:
            continue
