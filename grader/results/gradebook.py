"""``OUT/gradebook.csv``: one row for each student and lab, for spreadsheets and for what imports grades.

Columns
  student_id, name, lab
  score       final points, with people's adjustments, and as the course's rules have them. Empty, never 0,
              while there is none: ``missing`` and
              ``unreadable`` had nothing to judge, ``tampered`` waits for a person, and an ``error`` is the
              grader's own. ``timeout`` and ``crashed`` have the points of what did run.
  max_score
  status      graded, timeout, crashed, unreadable, tampered, error or missing
  exercises   final points of each that was judged, such as ``1.1=3/3 1.2=1/3``; one column for all, because
              labs differ and a column for each would have holes
  flags       kinds of what a person should look at, see report.html
  late        ``late`` or empty
  adjusted    who decided what and why, such as ``1.2=3 (R. Miller: the cell was right)``
  reason      why it is not ``graded``
  sandbox     ``unsandboxed`` when it ran without one, else empty
  work        points of the work, with people's adjustments and before the rules; as ``score`` without rules
  handed_in   when it came, in the course's time zone; empty where that is not known, or there are no rules
  rules       which rule did what, such as ``2 days late (…): 20 % off.``
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from grader.results.adjustments import WHOLE_LAB, Adjusted, Adjustment
from grader.results.files import write_below
from grader.results.result import Result
from grader.submissions.safe_text import write_table
from utils.views.words import number

NAME = "gradebook.csv"
COLUMNS = (
    "student_id",
    "name",
    "lab",
    "score",
    "max_score",
    "status",
    "exercises",
    "flags",
    "late",
    "adjusted",
    "reason",
    "sandbox",
    "work",
    "handed_in",
    "rules",
)
UNSANDBOXED = "unsandboxed"

Row = tuple[Result, Adjusted]
Cells = tuple[str | float | None, ...]


def write_gradebook(out: Path, rows: Iterable[Row]) -> None:
    """Write the table, in the order of the rows."""
    write_below(out, NAME, gradebook(rows).encode())


def gradebook(rows: Iterable[Row]) -> str:
    """Return the table as CSV; no text of it is a formula, none has a second line."""
    stream = io.StringIO()
    write_table(stream, [COLUMNS, *(_cells(result, final) for result, final in rows)])
    return stream.getvalue()


def _cells(result: Result, final: Adjusted) -> Cells:
    return (
        result.student,
        result.name,
        result.lab,
        rounded(final.counts),
        rounded(final.max_points),
        result.status,
        points_in_words(final),
        " ".join(sorted({flag.kind for flag in result.flags})),
        "late" if result.late else "",
        "; ".join(in_words(one) for one in final.adjustments),
        result.reason,
        UNSANDBOXED if result.sandbox == "none" else "",
        rounded(final.points),
        final.ruled.handed_in if final.ruled else "",
        " ".join(final.ruled.said) if final.ruled else "",
    )


def points_in_words(final: Adjusted) -> str:
    """Return the points of each exercise that was judged, such as ``1.1=3/3 1.2=1/3``."""
    return " ".join(
        f"{score.exercise.exercise}={number(score.points)}/{number(score.exercise.max_points)}"
        for score in final.exercises
        if score.points is not None
    )


def in_words(one: Adjustment) -> str:
    """Return a decision on points, such as ``1.2=3 (R. Miller: the cell was right)``."""
    points = "" if one.points is None else f"={number(one.points)}"
    return f"{_about(one)}{points} ({one.author}: {one.reason})"


def comment_in_words(one: Adjustment) -> str:
    """Return a comment for the student on one line, such as ``1.2 “Close the file.” (R. Miller)``."""
    return f"{_about(one)} “{' '.join(one.comment.split())}” ({one.author})"


def _about(one: Adjustment) -> str:
    return "lab" if one.exercise == WHOLE_LAB else one.exercise


def rounded(points: float | None) -> float | int | None:
    """Return points as a person would write them: sums of thirds have a long tail."""
    if points is None:
        return None
    rounded = round(float(points), 4)
    return int(rounded) if rounded.is_integer() else rounded
