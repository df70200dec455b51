"""What is shown of one student's work is cut before anything else is done to it, and does nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grader.grading import show
from grader.grading.batch import Batch
from grader.grading.show import CHARS, _Told
from tests.grader.results.made import LAB, partly
from utils.checks.registry import Exercise
from utils.providers import chosen_provider
from utils.replay.log import Request
from utils.replay.matching import Heard
from utils.results import CheckResult, ExerciseResult

HEAD = "student_id,lab,exercise,points,author,reason\n"
CHECKS = "graded: 3 points by its checks"
HOSTILE = "\x1b]0;owned\x07\u202e'\"1ef4f797-8335-6428-8001-8a1503f9b875 "
HUGE = HOSTILE * 100_000
DEEP: Any = "x"
for _ in range(90):
    DEEP = [DEEP, {"a": DEEP}] if len(str(DEEP)) < 1_000 else [DEEP]
ANSWERS = {
    "a text": {"value": HUGE},
    "texts": {"value": [HOSTILE] * 100_000},
    "names": {"value": {f"{HOSTILE}{n}": n for n in range(20_000)}},
    "numbers": {"value": [0] * 400_000},
    "what is nested": {"value": DEEP},
    "no value": {"odd": [HUGE]},
    "an error": {"error": {"type": HUGE, "message": [HUGE]}},
    "nothing": {},
}


def told(kind: str, what: Any) -> list[str]:
    """What is shown, once it was seen to be short and harmless."""
    lines: list[str] = []
    _Told(lines)(kind, what)
    for line in lines:
        assert len(line) < 2 * CHARS
        assert line.isprintable()
    return lines


@pytest.fixture
def scrubbed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long the texts were that were scrubbed."""
    lengths: list[int] = []
    real = show.scrub

    def scrub(text: str) -> str:
        lengths.append(len(text))
        return real(text)

    monkeypatch.setattr(show, "scrub", scrub)
    return lengths


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_of_an_answer_the_beginning_is_scrubbed_and_shown(answer: Any, scrubbed: list[int]) -> None:
    question = {"op": "call", "target": {"name": "ask"}, "args": []}
    asked, came = told("asked", (question, {"answer": answer}))
    assert asked == "  asked  ask()"
    assert came.startswith("  came   ")
    assert "1ef4f797" not in came
    assert max(scrubbed) <= 3 * CHARS + 1


def test_of_a_question_the_beginning_is_shown(scrubbed: list[int]) -> None:
    args = [HUGE, {"$object": 3}, {"$message": {"type": "human", "text": HUGE}}, [[HUGE] * 9]]
    question = {"op": "call", "target": {"ref": 3, "method": "invoke"}, "args": args, "kwargs": {"k": HUGE}}
    told("asked", (question, {"answer": {"value": None}, "timeout": ""}))
    told("asked", ({"op": "gather", "calls": [question] * 3}, {"answer": {"values": []}}))
    assert max(scrubbed) <= 3 * CHARS + 1


@pytest.mark.parametrize("timeout", [HUGE, [HUGE], {"a": [1] * 100_000}, 5, True])
def test_what_came_instead_of_an_answer_is_shown_in_short(timeout: Any) -> None:
    question = {"op": "next", "target": {"ref": 3}}
    (_, came) = told("asked", (question, {"timeout": timeout}))
    assert came.startswith("  came   nothing in time: ")


def test_of_what_the_model_was_asked_the_beginning_is_shown(scrubbed: list[int]) -> None:
    heard = tuple(Heard("user", HUGE) for _ in range(5))
    told("traffic", (Request(0, "model", 0, messages=heard), Request(1, "tool", 1, tool=HUGE, args=[HUGE])))
    assert max(scrubbed) <= 3 * CHARS + 1


def test_a_check_s_words_do_nothing_to_a_terminal() -> None:
    check = CheckResult("1.1", "a", HUGE, "failed", 0, 1, message=HUGE)
    assert len(told("result", ExerciseResult("1.1", "t", (check,)))) == 2


def test_questions_that_came_at_once_are_shown_one_by_one() -> None:
    saver = {"op": "call", "target": {"kit": "saver"}, "args": [], "keep": -1}
    ask = {"op": "call", "target": {"name": "ask"}, "args": [{"$object": -1}]}
    frame = {"answer": {"value": 1}, "timeout": ""}
    assert told("asked", ({"op": "series", "questions": [saver, ask]}, frame)) == [
        "  asked  the kit's saver()",
        "  asked  ask(<object -1>)",
        "  came   1",
    ]
    assert told("asked", ({"op": "end", "calls": []}, frame)) == []


def test_the_last_question_before_a_check_gave_up_has_a_cross() -> None:
    lines: list[str] = []
    note = _Told(lines)
    frame = {"answer": {"value": 1}, "timeout": ""}

    def ask(number: int) -> None:
        note("asked", ({"op": "call", "target": {"name": "ask"}, "args": [number]}, frame))

    for number, status in enumerate(("passed", "failed", "failed", "passed")):
        ask(number)
        if number == 1:
            ask(10)
        if number != 2:  # one that asks nothing has nothing to mark
            note("check", CheckResult("1.1", "a", "t", status, 0, 1))  # type: ignore[arg-type]
    assert [line for line in lines if "asked" in line] == [
        "  asked  ask(0)",
        "  asked  ask(1)",
        "✗ asked  ask(10)",
        "  asked  ask(2)",
        "  asked  ask(3)",
    ]


def test_of_the_other_exercises_nothing_is_shown() -> None:
    lines: list[str] = []
    note = _Told(lines, "1.2")
    question = ({"op": "call", "target": {"name": "ask"}, "args": []}, {"answer": {"value": 1}})
    for number in ("1.1", "1.2", "1.3"):
        note("exercise", Exercise(number, "t", "ask", 1))
        note("asked", question)
        note("result", ExerciseResult(number, "t", (CheckResult(number, "a", "t", "passed", 1, 1),)))
        note("asked", question)
    assert lines == ["", "1.2  t", "  asked  ask()", "  came   1", "  passed, 1 of 1: t"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "graded: 3 points"),
        (
            f"{HEAD}bob,{LAB},1.2,2,RM,=why\n",
            "graded: 3 points by its checks, 4 of 4 as people decided: 1.2=2 (RM: =why)",
        ),
        (f"{HEAD}zoe,{LAB},1.2,2,RM,why\n", "graded: 3 points"),
        (
            "a,b\n",
            "graded: 3 points by its checks; what people decided cannot be read: adjustments.csv needs",
        ),
    ],
)
def test_the_last_line_has_the_points_as_they_are_now(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "adjustments.csv").write_text(text)
    batch = Batch(tmp_path, tmp_path, {}, b"", "", chosen_provider())
    assert show._points(partly("bob"), batch).startswith(said)


def test_what_is_short_is_shown_as_it_is() -> None:
    question = {"op": "call", "target": {"name": "ask"}, "args": ["a", 2], "kwargs": {"k": [None]}}
    frame = {"answer": {"value": {"messages": ["é", True, 1.5]}}}
    assert told("asked", (question, frame)) == [
        '  asked  ask("a", 2, k=[null])',
        '  came   {"messages": ["é", true, 1.5]}',
    ]
    heard = (Heard("user", "It's"), Heard("assistant", "so"))
    assert told("traffic", (Request(0, "model", 0, messages=heard, status=200),)) == [
        "  model  model request 1, status 200: user: \"It's\" assistant: 'so'"
    ]
