"""What an export is made of, and what it gives: the same for every platform."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from grader.results.adjustments import Adjusted
from grader.results.gradebook import comment_in_words, in_words
from grader.results.result import UNTOLD, Result
from grader.submissions.roster import Student
from utils.views.words import number


@dataclass(frozen=True, slots=True)
class Grade:
    """One person's grade for one lab."""

    student: str
    name: str
    lab: str
    title: str
    """of the lab, for people"""
    points: float | None
    """``None`` while nobody has judged it: that is never a 0"""
    max_points: float
    comment: str
    """a line of text for the student"""
    late: bool
    path: str
    """of what was handed in, below the submissions' folder; empty where nothing was"""
    exercises: tuple[tuple[str, str, float | None, float], ...]
    """number, title, points and possible points of each exercise"""
    work: float | None = None
    """points before the course's rules"""
    handed_in: str = ""
    """when it came, in the course's time zone; empty where that is not known, or there are no rules"""
    due: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants exported."""

    grades: tuple[Grade, ...]
    """by student and lab"""
    fill: str | None = None
    """the text of the file that the platform gave"""
    columns: Mapping[str, str] = field(default_factory=dict)
    """the title of a lab's column in that file, where it cannot be told from the lab's name"""
    roster: tuple[Student, ...] = ()
    """names and addresses, where a list is at hand"""
    totals: Mapping[str, float] = field(default_factory=dict)
    """percent of the whole course by student, where its rules weigh the labs"""

    @property
    def labs(self) -> tuple[str, ...]:
        """Return the labs that there are grades of, in their order."""
        return tuple(sorted({grade.lab for grade in self.grades}))


@dataclass(frozen=True, slots=True)
class Exported:
    """Files for a platform, and what there is to say about them."""

    files: Mapping[str, bytes]
    """by name; one that is alone may be written under any name"""
    notes: tuple[str, ...] = ()


def grades_of(rows: Iterable[tuple[Result, Adjusted]]) -> tuple[Grade, ...]:
    """Return the grades of results with their final points."""
    return tuple(
        Grade(
            result.student,
            result.name,
            result.lab,
            result.title,
            None if final.counts is None else float(final.counts),
            float(final.max_points),
            comment_of(result, final),
            result.late,
            result.path,
            tuple(
                (one.exercise.exercise, one.exercise.title, one.points, one.exercise.max_points)
                for one in final.exercises
            ),
            None if final.points is None else float(final.points),
            final.ruled.handed_in if final.ruled else "",
            final.ruled.due if final.ruled else "",
        )
        for result, final in rows
    )


def comment_of(result: Result, final: Adjusted) -> str:
    """Return a line for the student: points or why there are none, decisions, comments, what rules did."""
    ruled = final.ruled.said if final.ruled else ()
    if final.points is None:
        reason = "" if result.status in UNTOLD else result.reason
        comments = (comment_in_words(one) for one in final.comments)
        return " ".join(filter(None, (reason, *comments, *ruled)))
    judged = [(one.exercise, one.points) for one in final.exercises if one.points is not None]
    said = [
        f"{exercise.exercise} {exercise.title}: {number(points)}/{number(exercise.max_points)}"
        for exercise, points in judged
    ]
    decided = (in_words(one) for one in final.adjustments)
    return "; ".join([*said, *decided, *(comment_in_words(one) for one in final.comments), *ruled])


def in_decimals(points: float) -> str:
    """Return points as tables take them: two decimals at most, none that say nothing."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def waiting(grades: Iterable[Grade]) -> list[str]:
    """Return who has no points yet, by name where there is one."""
    return sorted({grade.name or grade.student for grade in grades if grade.points is None})


def unknown(names: Sequence[str], what: str) -> tuple[str, ...]:
    """Return a note on people that are on one side only; none where there are none."""
    if not names:
        return ()
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return (f"{what}: {shown}",)
