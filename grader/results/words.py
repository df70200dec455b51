"""Words for how a submission ended, the same in every view."""

from __future__ import annotations

from collections.abc import Mapping

from grader.results.adjustments import Adjusted, Score
from grader.results.result import Result, SubmissionStatus
from utils.views.words import NOT_RUN, NOT_YET, PARTLY, PASSED, Mark, exercise_mark, number, score

STATUSES: tuple[SubmissionStatus, ...] = (
    "graded",
    "timeout",
    "crashed",
    "unreadable",
    "tampered",
    "error",
    "missing",
)
NO_SCORE = "–"

_MARKS: Mapping[SubmissionStatus, Mark] = {
    "timeout": Mark("!", "took too long", "bad"),
    "crashed": Mark("!", "crashed", "bad"),
    "unreadable": Mark("!", "unreadable", "bad"),
    "tampered": Mark("!", "tampered", "bad"),
    "error": Mark("!", "not judged", "bad"),
    "missing": Mark("·", "missing", "none"),
}


def is_right(result: Result) -> bool:
    """Return whether everything ran, every check passed and there is nothing to look at."""
    return (
        result.status == "graded"
        and not result.flags
        and not result.losses
        and bool(result.exercises)
        and all(exercise.passed for exercise in result.exercises)
    )


def needs_a_look(result: Result) -> bool:
    """Return whether a person should look: the submission was not graded as others are, or has flags."""
    return (
        bool(result.flags)
        or result.status not in ("graded", "missing")
        # A cell with an error is an everyday matter, and the kit's own fault never is.
        or any(loss.kind != "cell-error" for loss in result.losses)
        or any(check.status == "error" for exercise in result.exercises for check in exercise.checks)
    )


def result_mark(result: Result) -> Mark:
    """Return how the submission ended as a whole."""
    if result.status != "graded":
        return _MARKS[result.status]
    if result.exercises and all(exercise.passed for exercise in result.exercises):
        return PASSED
    return PARTLY if result.points > 0 else NOT_YET


def score_mark(one: Score) -> Mark:
    """Return how the exercise ended, as the final points say."""
    if one.points is None:
        return NOT_RUN
    if one.adjustment is None:
        return exercise_mark(one.exercise)
    if one.points >= one.exercise.max_points:
        return PASSED
    return PARTLY if one.points > 0 else NOT_YET


def total(final: Adjusted) -> str:
    """Return the score in words: ``12 of 20``, or ``– of 20`` while it is withheld."""
    return points(final.counts, final.max_points)


def points(got: float | None, most: float) -> str:
    """Return points in words: ``1 of 3``, or ``– of 3`` where there are none yet."""
    return f"{NO_SCORE} of {number(most)}" if got is None else score(got, most)
