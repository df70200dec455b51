"""Submissions judged as the grader does it, in jails, several at a time: a table of them at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from grader.grading.batch import judged
from grader.grading.judge import Verdict
from grader.grading.machine import machine
from grader.grading.paper import Paper, read_paper
from grader.release.course import REPOSITORY, Course
from grader.submissions import CodeCell, Submission, read_notebook

SECRET = b"a secret of tests, always the same"
COURSE = Course(REPOSITORY)
LAB = "01_persistence"
SECONDS = 60.0
"""the machine may be busy with other tests; a limit of time is tested by itself"""


def paper(lab: str = LAB) -> Paper:
    return read_paper(COURSE, lab)


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


def judge_all(
    submissions: Mapping[str, Submission], seconds: float = SECONDS, lab: str = LAB
) -> dict[str, Verdict]:
    """The verdicts by name."""
    judging = paper(lab)
    with machine() as ready, ThreadPoolExecutor(os.cpu_count()) as pool:
        terms = ready.terms(judging, ready.start)
        asked = {
            name: pool.submit(judged, judging, submission, terms, SECRET, seconds)
            for name, submission in submissions.items()
        }
        return {name: future.result() for name, future in asked.items()}


def points(verdict: Verdict) -> dict[str, float]:
    """Points by exercise, of those that earned any."""
    return {exercise.exercise: exercise.points for exercise in verdict.exercises if exercise.points}


def told(verdict: Verdict) -> str:
    """What a failing test prints of a verdict."""
    lines: list[Iterable[str]] = [
        (f"{c.exercise} {c.check} {c.status} {c.points:g}", c.message, c.returned, c.detail)
        for exercise in verdict.exercises
        for c in exercise.checks
        if c.status != "passed"
    ]
    facts = [verdict.status, verdict.reason, *map(str, verdict.losses), *map(str, verdict.flags)]
    return "\n".join([*facts, *(" | ".join(line) for line in lines)])
