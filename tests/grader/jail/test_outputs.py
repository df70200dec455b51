"""Outputs as plain data, within their bounds."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from grader.jail.outputs import Bounds, Output, Outputs, finished

MARK = {
    "output_type": "stream",
    "name": "stderr",
    "text": "\n[… this cell showed more than is kept]\n",
}


@pytest.fixture
def outputs() -> Outputs:
    made = Outputs(Bounds(cell=10, total=25, items=3), {})
    made.begin()
    return made


def stream(text: str, name: str = "stdout") -> Output:
    return {"output_type": "stream", "name": name, "text": text}


def test_pieces_of_one_stream_are_one_output(outputs: Outputs) -> None:
    for name, text in (("stdout", "a"), ("stdout", "b"), ("stderr", "c"), ("stdout", "d")):
        outputs.write(name, text)
    assert finished(outputs.end()) == [stream("ab"), stream("c", "stderr"), stream("d")]


def test_a_cell_is_cut_with_a_mark(outputs: Outputs) -> None:
    outputs.write("stdout", "x" * 8)
    outputs.write("stdout", "y" * 8)
    outputs.write("stdout", "z" * 8)
    assert finished(outputs.end()) == [stream("x" * 8 + "yy"), MARK]


def test_all_cells_together_are_bounded(outputs: Outputs) -> None:
    for _ in range(3):
        outputs.begin()
        outputs.write("stdout", "x" * 10)
        last = finished(outputs.end())
    assert last == [stream("x" * 5), MARK]


def test_many_small_outputs_are_bounded(outputs: Outputs) -> None:
    for _ in range(5):
        outputs.message("display_data", {"data": {}, "metadata": {}})
    assert len(finished(outputs.end())) == 3 + len([MARK])


def test_an_error_has_room_of_its_own(outputs: Outputs) -> None:
    outputs.write("stdout", "x" * 50)
    outputs.message("error", {"ename": "ValueError", "evalue": "told", "traceback": ["line"]})
    shown = finished(outputs.end())
    assert shown[1] == {
        "output_type": "error",
        "ename": "ValueError",
        "evalue": "told",
        "traceback": ["line"],
    }


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError


class Evil(dict):
    def items(self) -> Any:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        (2**70, hex(2**70)),
        (float("inf"), "inf"),
        (b"ab", "YWI="),
        ("\ud800", "\\ud800"),
        (Text("t"), "t"),
        (Evil(a=1), {"a": 1}),
        ({1: 2, "b": (3,)}, {"b": [3]}),
        ({5}, "<set>"),
        (object(), "<object>"),
    ],
)
def test_values_become_json_by_their_base_types(value: Any, plain: Any) -> None:
    outputs = Outputs(Bounds(), {})
    outputs.begin()
    outputs.message("display_data", {"data": value})
    (shown,) = finished(outputs.end())
    assert shown["data"] == plain
    json.dumps(shown, allow_nan=False).encode()


def test_a_value_in_itself_has_an_end() -> None:
    outputs = Outputs(Bounds(), {})
    outputs.begin()
    loop: list[Any] = []
    loop += [loop, loop]
    outputs.message("display_data", {"data": loop})
    assert len(json.dumps(finished(outputs.end()))) < 3_000_000


def test_a_thread_shows_in_the_cell_that_runs_meanwhile(outputs: Outputs) -> None:
    outputs.begin()
    thread = threading.Thread(target=outputs.write, args=("stdout", "here"))
    thread.start()
    thread.join()
    assert finished(outputs.end()) == [stream("here")]


def test_nothing_is_shown_outside_of_a_cell(outputs: Outputs) -> None:
    outputs.end()
    outputs.write("stdout", "lost")
    outputs.begin()
    assert finished(outputs.end()) == []
