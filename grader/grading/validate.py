"""``grader validate``: does this machine grade a lab as it was meant to be graded?

The solution must get everything, the released lab nothing, and each exercise alone exactly its points.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from grader.errors import GraderError
from grader.grading.host import Host
from grader.grading.judge import judge
from grader.grading.lab_spec import TAG, LabSpec
from grader.grading.supervisor import Plan, supervisor
from grader.release.course import Course
from grader.results.result import Result
from grader.results.store import from_json, to_json
from grader.sandbox.jails import Jails
from grader.submissions import Submission, Unreadable, read_notebook
from utils.checks.run import not_run
from utils.providers import Provider


@dataclass(frozen=True, slots=True)
class Expected:
    """A submission whose points are known."""

    what: str
    submission: Submission
    points: Mapping[str, float]
    """by exercise; those that are not named earn nothing"""


def expected(course: Course, spec: LabSpec) -> Iterator[Expected]:
    """Yield what is graded to validate a lab."""
    solution, released = (_read(course, folder, spec.lab) for folder in ("solutions", "labs"))
    full = {number: exercise.points for number, exercise in spec.checks.exercises.items()}
    yield Expected("the solution", solution, full)
    yield Expected("the released lab", released, {})
    for number, points in full.items():
        solved = {cell.id: cell for cell in solution.cells if f"{TAG}{number}" in cell.tags}
        cells = tuple(solved.get(cell.id, cell) for cell in released.cells)
        yield Expected(f"{number} alone", replace(released, cells=cells), {number: points})


def validate(
    course: Course,
    labs: Sequence[LabSpec],
    provider: Provider,
    plan: Plan,
    seconds: float,
    note: Callable[[str], None],
) -> Iterator[tuple[LabSpec, Expected, Result]]:
    """Yield what was graded with its result, in order. Raises GraderError when this machine cannot grade."""
    every = [(spec, one) for spec in labs for one in expected(course, spec)]
    secret = secrets.token_bytes()

    def work(task: int, again: bool, jails: Jails) -> Mapping[str, Any]:
        spec, one = every[task]
        host = Host(jails, provider, "bubblewrap" if plan.sandboxed else "none", second_try=again)
        return {"result": to_json(judge(_blank(spec), one.submission, spec, host, secret, seconds))}

    waiting: dict[int, Result] = {}
    with supervisor(work, plan, note) as judges:
        given = 0
        for outcome in judges.outcomes(len(every)):
            if outcome.value is None:
                what = f"{every[outcome.task][1].what} could not be judged: {outcome.problem}"
                raise GraderError(what, where=every[outcome.task][0].lab)
            waiting[outcome.task] = from_json(outcome.value["result"])
            while given in waiting:
                yield (*every[given], waiting.pop(given))
                given += 1


def _blank(spec: LabSpec) -> Result:
    exercises = tuple(not_run(exercise) for exercise in spec.checks.exercises.values())
    return Result("", spec.lab, spec.checks.title, "graded", exercises)


def wrong_with(one: Expected, result: Result) -> list[str]:
    """Return sentences on what came out otherwise than expected; empty if nothing did."""
    wrong = [
        f"{exercise.exercise} earns {exercise.points:g} instead of {one.points.get(exercise.exercise, 0):g}"
        for exercise in result.exercises
        if exercise.points != one.points.get(exercise.exercise, 0)
    ]
    if result.status != "graded":
        wrong.append(f"it is {result.status}: {result.reason}")
    return wrong + [f"it is flagged: {flag.what}" for flag in result.flags]


def _read(course: Course, folder: str, lab: str) -> Submission:
    read = read_notebook(course.root / folder, f"{lab}.ipynb")
    if isinstance(read, Unreadable):
        raise GraderError(f"it cannot be read: {read.what}", where=f"{folder}/{lab}.ipynb", hint=read.do)
    return read
