"""The words and symbols for how a check or an exercise ended, the same in every view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from utils.results import CheckResult, ExerciseResult, Status

Tone = Literal["good", "part", "bad", "none"]


@dataclass(frozen=True, slots=True)
class Mark:
    """How something ended: a shape, a word and a colour that say the same thing."""

    symbol: str
    word: str
    tone: Tone


PASSED = Mark("✓", "passed", "good")
PARTLY = Mark("◐", "partly", "part")
NOT_YET = Mark("✗", "not yet", "bad")
NOT_BEGUN = Mark("–", "not begun", "none")
NOT_RUN = Mark("·", "not run", "none")

_MARKS: dict[Status, Mark] = {
    "passed": PASSED,
    "failed": NOT_YET,
    "error": Mark("!", "error", "bad"),
    "timeout": Mark("!", "took too long", "bad"),
    "memory": Mark("!", "ran out of memory", "bad"),
    "crashed": Mark("!", "crashed", "bad"),
    "not begun": NOT_BEGUN,
    "not run": NOT_RUN,
}


def check_mark(check: CheckResult) -> Mark:
    """Return how the check ended; a failed one that earned points is `partly`."""
    if check.status == "failed" and check.points > 0:
        return PARTLY
    return _MARKS[check.status]


def exercise_mark(exercise: ExerciseResult) -> Mark:
    """Return how the exercise ended as a whole: passed, partly, not yet, not begun, not run."""
    statuses = {check.status for check in exercise.checks}
    if statuses <= {"not begun", "not run"}:
        return NOT_BEGUN if "not begun" in statuses else NOT_RUN
    if exercise.passed:
        return PASSED
    return PARTLY if exercise.points > 0 else NOT_YET


def number(points: float) -> str:
    """Return points without a needless fraction: ``2``, ``1.5``, ``0.33``."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def score(points: float, max_points: float, unit: str = "") -> str:
    """Return a score in words: ``1 of 2``, or with a unit ``1 of 2 points``."""
    text = f"{number(points)} of {number(max_points)}"
    if not unit:
        return text
    return f"{text} {unit}" if max_points == 1 else f"{text} {unit}s"
