"""``grader validate``: does this machine grade a lab as it was meant to be graded?

The solution must get everything, the released lab nothing, and each exercise alone exactly its points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from grader.errors import GraderError
from grader.grading.batch import Starting, judged
from grader.grading.judge import TAG, Verdict
from grader.grading.machine import Machine
from grader.grading.paper import Paper
from grader.release.course import Course
from grader.submissions import Submission, Unreadable, read_notebook


@dataclass(frozen=True, slots=True)
class Expected:
    """A submission whose points are known."""

    what: str
    submission: Submission
    points: Mapping[str, float]
    """by exercise; those that are not named earn nothing"""


def expected(course: Course, paper: Paper) -> Iterator[Expected]:
    """What is graded to validate a lab."""
    solution, released = (_read(course, folder, paper.lab) for folder in ("solutions", "labs"))
    full = {number: exercise.points for number, exercise in paper.checks.exercises.items()}
    yield Expected("the solution", solution, full)
    yield Expected("the released lab", released, {})
    for number, points in full.items():
        solved = {cell.id: cell for cell in solution.cells if f"{TAG}{number}" in cell.tags}
        cells = tuple(solved.get(cell.id, cell) for cell in released.cells)
        yield Expected(f"{number} alone", replace(released, cells=cells), {number: points})


def validate(
    course: Course, papers: Sequence[Paper], ready: Machine, secret: bytes, seconds: float, jobs: int
) -> Iterator[tuple[Paper, Expected, Verdict]]:
    """What was graded, with the verdicts, in order."""
    starting = Starting(ready.start)
    with ThreadPoolExecutor(jobs) as pool:

        def asked(paper: Paper, one: Expected) -> Callable[[], Verdict]:
            terms = ready.terms(paper, starting)
            return pool.submit(judged, paper, one.submission, terms, secret, seconds).result

        waiting = [(paper, one, asked(paper, one)) for paper in papers for one in expected(course, paper)]
        try:
            for paper, one, verdict in waiting:
                yield paper, one, verdict()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            starting.stop()
            raise


def wrong_with(one: Expected, verdict: Verdict) -> list[str]:
    """Sentences on what came out otherwise than expected; none if nothing did."""
    wrong = [
        f"{exercise.exercise} earns {exercise.points:g} instead of {one.points.get(exercise.exercise, 0):g}"
        for exercise in verdict.exercises
        if exercise.points != one.points.get(exercise.exercise, 0)
    ]
    if verdict.status != "graded":
        wrong.append(f"it is {verdict.status}: {verdict.reason}")
    return wrong + [f"it is flagged: {flag.what}" for flag in verdict.flags]


def _read(course: Course, folder: str, lab: str) -> Submission:
    read = read_notebook(course.root / folder, f"{lab}.ipynb")
    if isinstance(read, Unreadable):
        raise GraderError(f"it cannot be read: {read.what}", where=f"{folder}/{lab}.ipynb", hint=read.do)
    return read
