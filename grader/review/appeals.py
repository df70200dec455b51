"""``appeals.csv``: what students object to. Written by people, or by a form; nothing here writes it.

Columns: student_id, lab, exercise, and where wanted words and appealed_at, such as ``2026-11-28 14:30``. An
appeal is open until somebody has decided about the exercise; one with a time is open again where the decision
is older than the appeal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.errors import UsageError
from grader.results.adjustments import Known, Unusable, composed, exercise_of
from grader.results.result import Result
from grader.submissions.patterns import folded
from grader.submissions.safe_text import unguarded
from grader.tables import Row, rows_of
from utils.views.plain import clean

NAME = "appeals.csv"
COLUMNS = ("student_id", "lab", "exercise")
WORDS, WHEN = "words", "appealed_at"
CHARS = 4_000


@dataclass(frozen=True, slots=True)
class Appeal:
    """What one student objects to."""

    student: str
    lab: str
    exercise: str
    """a number, or ``*``"""
    words: str = ""
    """the student's own"""
    when: str = ""


@dataclass(frozen=True, slots=True)
class Appeals:
    """What the file says; a student's later words about an exercise are in the later appeal."""

    given: tuple[Appeal, ...] = ()
    problems: tuple[str, ...] = ()


def parse(text: str, results: Sequence[Result], where: str = NAME) -> Appeals:
    """Return the appeals of a file's text. Raises UsageError when its columns are not there."""
    rows = rows_of(text)
    head = next(rows, Row(0, COLUMNS))
    columns = [folded(cell) for cell in head.cells]
    if wrong := [column for column in COLUMNS if columns.count(column) != 1]:
        message = f"{NAME} needs one column {' and one column '.join(wrong)}"
        hint = f"write it as CSV in UTF-8 with the columns {', '.join((*COLUMNS, WORDS, WHEN))}"
        raise UsageError(message, where=where, hint=hint)
    known = Known(results)
    appeals: list[Appeal] = []
    problems: list[str] = []
    for row in rows:
        cells = dict(zip(columns, map(composed, row.cells), strict=False))
        try:
            if row.problem:
                raise Unusable(row.problem)
            appeals.append(_appeal(cells, known))
        except Unusable as error:
            problems.append(f"{NAME}, line {row.line}: {error}")
    return Appeals(tuple(appeals), tuple(problems))


def _appeal(cells: dict[str, str], known: Known) -> Appeal:
    for column in COLUMNS:
        if not cells.get(column):
            raise Unusable(f"no {column}")
    result = known.result(known.student(cells["student_id"]), cells["lab"])
    exercise, _ = exercise_of(cells["exercise"], result)
    words = clean(unguarded(cells.get(WORDS, "")), chars=CHARS, lines=80)
    return Appeal(result.student, result.lab, exercise, words, cells.get(WHEN, ""))
