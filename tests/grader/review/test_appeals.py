"""What students object to is read kindly; what cannot be used is told by its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import UsageError
from grader.review.appeals import Appeal, parse
from tests.grader.results.made import HOSTILE, LAB
from tests.grader.review.rooms import a_class


def test_an_appeal_is_read_with_its_words_and_its_time() -> None:
    head = "words,student_id,lab,exercise,appealed_at"
    text = f'{head}\n"Why?\nIt ran.",bob,{LAB},"1,2",2026-11-28\n,ada,{LAB},*,\n'
    found = parse(text, a_class())
    assert found.problems == ()
    assert found.given == (
        Appeal("bob", LAB, "1.2", "Why?\nIt ran.", "2026-11-28"),
        Appeal("ada", LAB, "*"),
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("zoe,01_persistence,1.1", "no result of a student zoe"),
        ("bob,,1.1", "no lab"),
        ("bob,01_persistence,9.9", "no exercise 9.9"),
        ("bob,01_persistence", "no exercise"),
        ('bob,01_persistence,"1.1"x', "no CSV"),
    ],
)
def test_a_line_that_cannot_be_used_is_told_and_the_others_stand(line: str, words: str) -> None:
    found = parse(f"student_id,lab,exercise\n{line}\nada,{LAB},1.1\n", a_class())
    assert [one.student for one in found.given] == ["ada"]
    assert found.problems[0].startswith("appeals.csv, line 2: ")
    assert words in found.problems[0]


def test_other_columns_are_a_sentence() -> None:
    with pytest.raises(UsageError, match="needs one column student_id and one column exercise"):
        parse("student,lab\n", a_class())


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_words_are_short_and_visible(text: str) -> None:
    cell = text[:60_000].replace('"', '""')  # the csv module reads no longer cell than twice that
    (appeal,) = parse(f'student_id,lab,exercise,words\nbob,{LAB},1.2,"{cell}"\n', a_class()).given
    assert len(appeal.words) < 5_000
    assert not {"\x1b", "\u202e", "\x07"} & set(appeal.words)


@given(st.text(max_size=120))
def test_any_file_is_appeals_or_problems(text: str) -> None:
    parse(f"student_id,lab,exercise\n{text}", a_class())
