"""What a class did, in numbers: per exercise and per check. Counted on checks, not on what people gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from grader.results.result import Result, SubmissionStatus
from grader.results.sizes import CHECKS, EXERCISES
from utils.results import CheckResult, ExerciseResult
from utils.views.words import exercise_mark

RAN: frozenset[SubmissionStatus] = frozenset({"graded", "timeout", "crashed"})


@dataclass(slots=True)
class CheckCount:
    """How often one check passed, and what it said when it did not."""

    title: str
    passed: int = 0
    asked: int = 0
    """how often it ran"""
    messages: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class ExerciseCount:
    """How often an exercise ended in which way, by the words of its mark."""

    title: str
    words: Counter[str] = field(default_factory=Counter)
    checks: dict[str, CheckCount] = field(default_factory=dict)
    """by the checks' names, in the order of the exercise"""


@dataclass(slots=True)
class LabCount:
    """One lab: who handed in, and how the exercises of those that ran ended."""

    title: str
    statuses: Counter[SubmissionStatus] = field(default_factory=Counter)
    exercises: dict[str, ExerciseCount] = field(default_factory=dict)
    """by number"""

    @property
    def ran(self) -> int:
        return sum(self.statuses[status] for status in RAN)


def count(results: Iterable[Result]) -> dict[str, LabCount]:
    """Return the numbers of each lab, by its name."""
    labs: dict[str, LabCount] = {}
    for result in results:
        lab = labs.setdefault(result.lab, LabCount(result.title))
        lab.statuses[result.status] += 1
        if result.status in RAN:
            for exercise in result.exercises:
                _add(lab, exercise)
    return dict(sorted(labs.items()))


def _add(lab: LabCount, exercise: ExerciseResult) -> None:
    if exercise.exercise not in lab.exercises and len(lab.exercises) >= EXERCISES:
        return  # of another course, or made up
    counted = lab.exercises.setdefault(exercise.exercise, ExerciseCount(exercise.title))
    counted.words[exercise_mark(exercise).word] += 1
    for check in exercise.checks:
        if check.check not in counted.checks and len(counted.checks) >= CHECKS:
            continue
        _add_check(counted.checks.setdefault(check.check, CheckCount(check.title)), check)


def _add_check(counted: CheckCount, check: CheckResult) -> None:
    if check.status in ("not begun", "not run"):
        return
    counted.asked += 1
    if check.status == "passed":
        counted.passed += 1
    elif check.message:
        counted.messages[check.message[:1_000]] += 1
