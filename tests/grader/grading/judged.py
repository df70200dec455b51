"""Submissions judged as the grader does it, in jails, several at a time: a table of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from grader.grading.host import CELL_WALL, Host
from grader.grading.judge import Note, judge
from grader.grading.lab_spec import LabSpec, read_lab_spec
from grader.grading.supervisor import Plan, supervisor
from grader.release.course import REPOSITORY, Course
from grader.results.result import Result
from grader.results.store import from_json, to_json
from grader.sandbox.jails import Jails
from grader.submissions import CodeCell, Submission, read_notebook
from utils.checks.run import not_run
from utils.providers import chosen_provider

SECRET = b"a secret of tests, always the same"
COURSE = Course(REPOSITORY)
LAB = "01_persistence"
SECONDS = 60.0
"""the machine may be busy with other tests; a limit of time is tested by itself"""
DEADLINE = 600.0
WORKERS = 4


def spec(lab: str = LAB) -> LabSpec:
    return read_lab_spec(COURSE, lab)


def released(lab: str = LAB) -> Submission:
    """The lab as students get it."""
    return _read("labs", lab)


def solution(lab: str = LAB) -> Submission:
    return _read("solutions", lab)


def _read(folder: str, lab: str) -> Submission:
    read = read_notebook(Path(COURSE.root) / folder, f"{lab}.ipynb")
    assert isinstance(read, Submission), read
    return read


def of_cells(*sources: str) -> Submission:
    """A submission of code cells only."""
    cells = tuple(CodeCell(number, None, source) for number, source in enumerate(sources, 1))
    return Submission(cells, "".join(sources).encode().hex()[:64], 0)


def judge_one(
    lab: LabSpec, submission: Submission, host: Host, seconds: float = SECONDS, note: Note | None = None
) -> Result:
    """The result of nobody's submission."""
    exercises = tuple(not_run(exercise) for exercise in lab.checks.exercises.values())
    blank = Result("", lab.lab, lab.checks.title, "graded", exercises)
    return judge(blank, submission, lab, host, SECRET, seconds, note)


def supervised(
    works: Mapping[str, Callable[[Host], dict[str, Any]]],
    *,
    warm: bool = True,
    notes: list[str] | None = None,
    cell_wall: float = CELL_WALL,
) -> dict[str, dict[str, Any]]:
    """What each of these functions gives when a judge's process calls it with what a submission is given."""
    names, provider = list(works), chosen_provider()

    def work(task: int, again: bool, jails: Jails) -> dict[str, Any]:
        return works[names[task]](Host(jails, provider, second_try=again, cell_wall=cell_wall))

    told: list[str] = [] if notes is None else notes
    found: dict[str, dict[str, Any]] = {}
    with supervisor(work, Plan(WORKERS, DEADLINE, warm=warm), told.append) as judges:
        for outcome in judges.outcomes(len(names)):
            assert outcome.value is not None, f"{names[outcome.task]}: {outcome.problem}"
            found[names[outcome.task]] = dict(outcome.value)
    assert notes is not None or not told, told
    return found


def judge_all(
    submissions: Mapping[str, Submission], seconds: float = SECONDS, lab: str = LAB, *, warm: bool = True
) -> dict[str, Result]:
    """The results by name."""
    judging = spec(lab)

    def one(submission: Submission) -> Callable[[Host], dict[str, Any]]:
        return lambda host: {"result": to_json(judge_one(judging, submission, host, seconds))}

    works = {name: one(submission) for name, submission in submissions.items()}
    patient = {} if seconds < SECONDS else {"cell_wall": SECONDS}
    judged = supervised(works, warm=warm, **patient)
    return {name: from_json(value["result"]) for name, value in judged.items()}


def points(result: Result) -> dict[str, float]:
    """Points by exercise, of those that earned any."""
    return {exercise.exercise: exercise.points for exercise in result.exercises if exercise.points}


def told(result: Result) -> str:
    """What a failing test prints of a result."""
    lines: list[Iterable[str]] = [
        (f"{c.exercise} {c.check} {c.status} {c.points:g}", c.message, c.returned, c.detail)
        for exercise in result.exercises
        for c in exercise.checks
        if c.status != "passed"
    ]
    facts = [result.status, result.reason, *map(str, result.losses), *map(str, result.flags)]
    return "\n".join([*facts, *(" | ".join(line) for line in lines)])
