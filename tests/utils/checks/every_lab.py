"""What tests need of every lab alike: its checks, its tables of solutions, its notebook, a judgement."""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.release.course import Course
from tests.utils.checks.authored import Authored
from tests.utils.checks.variants import Table, Variant, solves
from utils.checks.parts import load_parts
from utils.checks.registry import LabChecks, load_checks, slug_of
from utils.checks.run import run_exercise
from utils.lab.lab import Lab
from utils.results import ExerciseResult

ROOT = Path(__file__).resolve().parents[3]
RUNS = int(os.environ.get("CHECK_RUNS", "1"))
"""how often a right solution is judged; more by hand, when a check changes"""
PARTS = load_parts()
MakeLab = Callable[..., Lab]


@dataclass(frozen=True)
class Judged:
    """One lab and the solutions that its checks are tried with."""

    notebook: str
    checks: LabChecks
    right: Table
    wrong: Table

    @property
    def authored(self) -> Authored:
        """Its solution notebook, read once."""
        return _authored(self.notebook)

    @property
    def points(self) -> float:
        """All points of the lab."""
        return sum(exercise.points for exercise in self.checks.exercises.values())


@functools.cache
def _authored(notebook: str) -> Authored:
    return Authored.read(ROOT / "solutions" / f"{notebook}.ipynb")


def _judged(notebook: str) -> Judged:
    """The lab of a solution, with its tables, which are modules beside this one."""
    slug = slug_of(notebook)
    right, wrong = (
        importlib.import_module(f"tests.utils.checks.{slug}_{kind}") for kind in ("right", "wrong")
    )
    return Judged(notebook, load_checks(slug), right.TABLE, wrong.TABLE)


LABS = tuple(map(_judged, Course(ROOT).labs()))
OF = {number: lab for lab in LABS for number in lab.checks.exercises}
"""the lab of an exercise, by the exercise's number"""


def judge(checks: LabChecks, make_lab: MakeLab, variant: Variant, parts: Any = PARTS) -> ExerciseResult:
    """What a lab's checks say of a solution, asked with the printed example."""
    exercise = checks.find(variant.exercise)
    return run_exercise(exercise, make_lab(solves(exercise, variant), parts), checks.example)


def told(result: ExerciseResult) -> str:
    """What a failing test prints of a result."""
    return "\n".join(
        f"{check.check}: {check.status} {check.points:g} | {check.message} | {check.returned} {check.detail}"
        for check in result.checks
    )


def name_of(value: Judged | Variant | str) -> str:
    """How a test's name calls a lab, a solution or anything else."""
    if isinstance(value, Judged):
        return value.notebook
    return value.name if isinstance(value, Variant) else value
