"""What a check says of a student's work: plain data, drawn elsewhere (``utils.views``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["passed", "failed", "error", "timeout", "memory", "crashed", "not begun", "not run"]
"""``not begun``: the cell is as the student was given it; ``not run``: the check was not asked"""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check of one exercise ended."""

    exercise: str
    """number of the exercise, such as ``1.2``"""
    check: str
    """stable name of the check within its exercise"""
    title: str
    """one line that says what the check looks at"""
    status: Status
    points: float
    max_points: float
    message: str = ""
    """what is wrong, in the author's words; empty when the check passed"""
    called: str = ""
    """the call that was made, in the author's words"""
    returned: str = ""
    """what came back: made by the student's code, so views escape it and graded feedback omits it"""
    expected: str = ""
    why: str = ""
    """why it matters, in the author's words"""
    detail: str = ""
    """more for a person who looks closer (an error's text, say); never shown in graded feedback"""


@dataclass(frozen=True, slots=True)
class ExerciseResult:
    """The checks of one exercise, in the order in which they ran."""

    exercise: str
    title: str
    checks: tuple[CheckResult, ...]

    @property
    def points(self) -> float:
        return sum(check.points for check in self.checks)

    @property
    def max_points(self) -> float:
        return sum(check.max_points for check in self.checks)

    @property
    def passed(self) -> bool:
        return all(check.status == "passed" for check in self.checks)


@dataclass(frozen=True, slots=True)
class LabResult:
    """All exercises of a lab, in the lab's order; one nobody checked yet has checks that are ``not run``."""

    lab: str
    exercises: tuple[ExerciseResult, ...]
    title: str = ""
    """what people call the lab; empty where its name will do"""

    @property
    def points(self) -> float:
        return sum(exercise.points for exercise in self.exercises)

    @property
    def max_points(self) -> float:
        return sum(exercise.max_points for exercise in self.exercises)
