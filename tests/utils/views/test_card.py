"""The card of an exercise says what happened, what was expected and why it matters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import pytest

from utils.results import CheckResult, ExerciseResult, Status
from utils.views.card import ExerciseView, exercise_html, exercise_text
from utils.views.plain import width

PASSED = CheckResult("1.2", "text", "The answer comes back as text", "passed", 1, 1)
FAILED = CheckResult(
    "1.2",
    "only-new",
    "Only the new question goes in",
    "failed",
    0,
    1,
    message="The second request carried the first question twice.",
    called='ask(agent, "t-1", "What about in la?")',
    returned="'What is the weather in sf?'\n'What is the weather in sf?'",
    expected="one question more than before: `What about in la?`",
    why="The checkpointer keeps the conversation already; what goes in is added to it.",
    detail="Traceback (most recent call last):\nKeyError: 'messages'",
)
CARD = ExerciseResult("1.2", "Ask a question", (PASSED, FAILED))
Read = Callable[[str], Any]


def test_the_text_form_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    half = CheckResult("1.2", "blocks", "Blocks become one string", "failed", 0.5, 1.5, "One block was lost.")
    late = CheckResult(
        "1.2", "late", "An unknown thread starts afresh", "timeout", 0, 1, "No answer within 5 s."
    )
    skipped = CheckResult("1.2", "id", "A thread's id may be a number", "not run", 0, 1)
    result = replace(CARD, checks=(PASSED, FAILED, half, late, skipped))
    golden(exercise_text(result), "card")


def test_the_first_line_holds_number_title_and_points() -> None:
    first = exercise_text(CARD).split("\n")[0]
    assert first.startswith("1.2 Ask a question ")
    assert first.endswith(" 1 of 2 points")
    assert len(first) == 80


@pytest.mark.parametrize("status", get_args(Status))
def test_every_way_to_end_has_a_word_and_a_shape(status: Status, read_html: Read) -> None:
    result = replace(CARD, checks=(replace(FAILED, status=status),))
    text, page = exercise_text(result), read_html(exercise_html(result))
    word = {"failed": "not yet", "timeout": "took too long", "memory": "ran out of memory"}.get(
        status, status
    )
    assert f" {word} " in text
    assert word in page.words


def test_a_failed_check_with_points_is_partly_done() -> None:
    assert "◐ partly" in exercise_text(replace(CARD, checks=(replace(FAILED, points=0.5),)))


def test_a_passed_check_explains_nothing(read_html: Read) -> None:
    result = replace(CARD, checks=(replace(FAILED, status="passed", message="", points=1),))
    assert "Came back" not in exercise_text(result)
    assert "dl" not in read_html(exercise_html(result)).seen


def test_html_holds_the_message_before_the_terms_and_the_detail_folded(read_html: Read) -> None:
    page = read_html(exercise_html(CARD))
    words = [word.strip() for word in page.words if word.strip()]
    order = [FAILED.message, "Called", "Came back", "Expected", "Why it matters", "Details"]
    assert [word for word in words if word in order] == order
    assert page.labels == ["Exercise 1.2 Ask a question: 1 of 2 points"]
    assert page.seen.count("details") == page.seen.count("summary") == 1


def test_an_empty_field_takes_no_room() -> None:
    result = replace(CARD, checks=(replace(FAILED, called="", detail=""),))
    assert "Called" not in exercise_text(result) + exercise_html(result)
    assert "Details" not in exercise_text(result) + exercise_html(result)


@pytest.mark.parametrize("field", ["message", "called", "returned", "expected", "why", "detail", "title"])
def test_hostile_text_stays_text_in_every_field(field: str, hostile: str, read_html: Read) -> None:
    changed: dict[str, Any] = {field: hostile}
    result = replace(CARD, checks=(replace(FAILED, **changed),))
    read_html(exercise_html(result))
    text = exercise_text(result)
    assert not {"\x1b", "\u202e", "\x00", "\r", "\x9b"} & set(text + exercise_html(result))
    assert len(text) < 20_000
    assert all(width(line) <= 80 for line in text.split("\n"))


def test_a_hostile_title_of_the_exercise_stays_text(hostile: str, read_html: Read) -> None:
    read_html(exercise_html(replace(CARD, exercise=hostile, title=hostile)))
    assert all(width(line) <= 80 for line in exercise_text(replace(CARD, title=hostile)).split("\n"))


def test_jupyter_gets_both_forms_the_same_each_time() -> None:
    bundle = ExerciseView(CARD)._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle == ExerciseView(replace(CARD))._repr_mimebundle_()
    assert repr(ExerciseView(CARD)) == bundle["text/plain"]


def test_an_exercise_without_checks_has_a_card() -> None:
    assert exercise_text(ExerciseResult("9.9", "Nothing", ())).strip().endswith("0 of 0 points")


def test_what_an_earlier_check_has_said_is_not_said_twice():
    one = CheckResult("1.4", "a", "A", "failed", 0, 1, "Wrong.", "f()", "1", "2", "because", "line 3")
    two = CheckResult("1.4", "b", "B", "failed", 0, 1, "Wrong.", "f()", "1", "2", "because", "line 3")
    other = CheckResult("1.4", "c", "C", "failed", 0, 1, "Wrong.", "f()", "7", "2", "because")
    result = ExerciseResult("1.4", "Read", (one, two, other))
    for shown in (exercise_text(result), exercise_html(result)):
        assert shown.count("The same as above.") == 1
        assert shown.count("Wrong.") == 2
        assert shown.count("line 3") == 1


def test_an_exercise_that_nobody_began_is_one_calm_line() -> None:
    checks = (
        CheckResult("1.2", "a", "one", "not begun", 0, 1, message="ask is not written yet."),
        CheckResult("1.2", "b", "two", "not run", 0, 1),
    )
    view = ExerciseView(ExerciseResult("1.2", "Ask a question", checks))
    assert "– not begun" in view.text()
    assert "Expected" not in view.text()
    assert "kit-bad" not in view.html()


def test_a_note_stands_before_the_checks_and_is_announced() -> None:
    checks = (CheckResult("1.2", "a", "one", "passed", 1, 1),)
    view = ExerciseView(ExerciseResult("1.2", "Ask", checks), "The newest version <b>did not</b> run.")
    assert view.text().index("did not") < view.text().index("passed")
    assert 'role="alert">The newest version &lt;b&gt;did not&lt;/b&gt; run.</p>' in view.html()
