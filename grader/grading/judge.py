"""One submission, judged: its cells are run in a jail, its exercises asked from outside."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from grader.grading.copied import is_copied
from grader.grading.flags import scan
from grader.grading.host import Host
from grader.grading.lab_spec import TAG, LabSpec, hash_of
from grader.grading.notebook_process import CellRun
from grader.grading.scan.source import TooMuch, parsed
from grader.grading.secret import rng_for
from grader.grading.submission_run import SubmissionRun
from grader.jail.job import DEMO
from grader.jail.names import names_in
from grader.results.result import Flag, Loss, Result, SubmissionStatus
from grader.submissions import CodeCell, Submission
from utils.checks.registry import Exercise, LabChecks
from utils.checks.run import missing_message, not_run, run_exercise
from utils.lab.lab import Lab
from utils.results import CheckResult, ExerciseResult

EXAMPLE_SECONDS = 10.0
MOST_ERRORS = 3
"""cells with errors that are named one by one: where the first of all fails, so do most that follow"""
ENDED: Mapping[str, str] = {
    "timeout": "A question was not answered in time, so the process was asked no more of this exercise.",
    "crashed": "The process ended while this exercise was asked; a new one answered the other exercises.",
    "memory": "This exercise used more memory than a submission may have.",
}

_NO_NETWORK = (
    "This cell asks the network, and there is none while the grader runs it.",
    "Everything that the lab needs is recorded: leave the request out, or keep its answer in the notebook.",
)
ONLY_HERE: Mapping[str, tuple[str, str]] = {
    "StdinNotImplementedError": (
        "This cell waits for input, and nobody types while the grader runs it.",
        "Write the value into the cell instead of calling input() or getpass().",
    ),
    "TclError": (
        "This cell opens a window, and the grader has no display.",
        "Show it in the notebook instead.",
    ),
    **dict.fromkeys(("gaierror", "ConnectError", "ConnectionError", "URLError"), _NO_NETWORK),
}
"""what happens to a cell in the grader only, by the name of the error: what it means and what to do"""

Note = Callable[[str, Any], None]
"""is told of what is asked and what comes back: its kind, and the thing itself"""


def judge(
    blank: Result,
    submission: Submission,
    spec: LabSpec,
    host: Host,
    secret: bytes,
    seconds: float,
    note: Note | None = None,
) -> Result:
    """Return what running and asking a submission gave.

    ``blank`` says whose it is. It is asked with fresh questions, which follow from the course's secret and
    the submission. ``seconds`` are for all its cells, and as many for all its answers. ``note`` is told of
    everything that is asked and comes back. Raises Interruption when its processes could not be started, or
    were disturbed.
    """
    rng = rng_for(secret, submission.sha256.encode(), spec.lab)
    case = spec.checks.fresh_case(rng)
    needed = [cell.number for cell in submission.cells if _exercise_of(cell, spec.checks)]
    run = SubmissionRun(host, _spared(spec, submission, needed), submission.cells, rng, seconds, needed, note)
    try:
        run.run_cells()
        lab = Lab(run, run, host.provider.name)
        exercises = tuple(
            _asked(exercise, lab, case, run, note) for exercise in spec.checks.exercises.values()
        )
        run.exhaust()
        status, reason, do = _status(run)
        run.extend(EXAMPLE_SECONDS)
        learnt = _only_the_example(spec.checks, exercises, lab, run, rng)
    finally:
        run.end()
    lacking = {exercise.exercise for exercise in exercises if not exercise.passed}
    packages = list(_packages(run, spec.checks))
    doubled = _doubled(run, spec.checks)
    return replace(
        blank,
        status=status,
        reason=reason,
        do=do,
        exercises=exercises,
        notes=(
            *blank.notes,
            *(text for text, number in doubled if number not in lacking),
            *(f"Cell {loss.cell}: {loss.what}" for loss in packages if not lacking),
        ),
        losses=(
            *_nothing_found(spec.checks, exercises),
            *(packages if lacking else ()),
            *_losses(run, spec.checks, submission.cells),
            *_lost_questions(exercises),
            *(Loss("defined-twice", text, exercise=number) for text, number in doubled if number in lacking),
        ),
        flags=(*_tampered(run), *learnt, *scan(submission.cells, spec.released)),
        lacking=(*host.lacking, *run.lacking),
    )


def _spared(spec: LabSpec, submission: Submission, needed: Collection[int]) -> LabSpec:
    """Return the lab with only its demonstrations spare, where more than the exercises was changed.

    Who writes cells around a lab's own may well look at what those show.
    """
    others = (cell for cell in submission.cells if cell.number not in needed)
    if {hash_of(cell) for cell in others} <= spec.spare.given:
        return spec
    return replace(spec, spare=replace(spec.spare, given=frozenset()))


def _asked(exercise: Exercise, lab: Lab, case: Any, run: SubmissionRun, note: Note | None) -> ExerciseResult:
    if run.over:
        return not_run(exercise)
    if note is None:
        return run_exercise(exercise, lab, case)
    note("exercise", exercise)
    result = run_exercise(exercise, lab, case, lambda check: note("check", check))
    note("result", result)
    return result


def _only_the_example(
    checks: LabChecks, exercises: Sequence[ExerciseResult], lab: Lab, run: SubmissionRun, rng: random.Random
) -> list[Flag]:
    """Return flags for exercises that answer the printed example and no fresh question."""
    found = []
    for result in exercises:
        if run.over or result.passed or any(check.status in ENDED for check in result.checks):
            continue
        exercise = checks.exercises[result.exercise]
        if is_copied(checks, exercise, lab, rng) and not run.over:
            what = (
                f"Exercise {exercise.number} answers what the notebook prints, and no other question like it."
            )
            found.append(Flag("only-the-example", what))
    return found


def _status(run: SubmissionRun) -> tuple[SubmissionStatus, str, str]:
    if run.tampered:
        reason = "What came out of its process was not what the process says by itself."
        return "tampered", reason, "Look at the flags and the code, then set the points in adjustments.csv."
    if run.over == "timeout":
        reason = "Its time was used up before everything had been asked."
        return "timeout", reason, "The losses below say where the time went; --timeout grants more."
    if run.over == "crashed":
        reason = "Its process ended again and again, so not everything could be asked."
        return "crashed", reason, "The losses below name the cells and exercises."
    return "graded", "", ""


def _tampered(run: SubmissionRun) -> list[Flag]:
    if not run.tampered:
        return []
    return [Flag("forged-message", "Something wrote to the grader's own connection.", shown=run.tampered)]


def _losses(run: SubmissionRun, checks: LabChecks, cells: Sequence[CodeCell]) -> list[Loss]:
    lost = [
        Loss(
            loss.kind,
            loss.what,
            loss.do,
            _exercise_of(next(cell for cell in cells if cell.number == loss.cell), checks),
            loss.cell,
            loss.shown,
        )
        for loss in run.losses
    ]
    failed = [_lost_cell(cell, checks) for cell in run.cell_runs if cell.went_wrong]
    # A student who tries something out in a demonstration loses nothing; cells before it may not have run.
    tried = {cell.cell.number for cell in run.cell_runs if DEMO in cell.cell.tags}
    failed = [loss for loss in failed if loss.exercise or loss.kind != "cell-error" or loss.cell not in tried]
    errors = [loss for loss in failed if loss.kind == "cell-error"]
    if len(errors) > MOST_ERRORS:
        what = f"This cell and {len(errors) - 1} later ones ended with an error."
        failed = [loss for loss in failed if loss not in errors[1:]]
        failed = [replace(loss, what=what) if loss is errors[0] else loss for loss in failed]
    return lost + failed


def _lost_cell(cell: CellRun, checks: LabChecks) -> Loss:
    number, exercise = cell.cell.number, _exercise_of(cell.cell, checks)
    if cell.status == "timeout":
        what, do = "This cell took too long and was stopped.", "What it defines after that point is missing."
        return Loss("cell-timeout", what, do, exercise, number, cell.why)
    what, do = "This cell ended with an error.", "Restart the kernel and run all cells to see it."
    what, do = ONLY_HERE.get(cell.error.partition(":")[0], (what, do))
    return Loss("cell-error", what, do, exercise, number, cell.error)


def _packages(run: SubmissionRun, checks: LabChecks) -> Iterator[Loss]:
    """Yield a loss for each cell that imports what the grader does not have."""
    for cell in run.cell_runs:
        if cell.absent:
            packages = ", ".join(dict.fromkeys(name.partition(".")[0] for name in cell.absent))
            lines = "that line was" if len(cell.absent) == 1 else "those imports were"
            what = f"The grader has the packages of the lab only, and not {packages}; {lines} left out."
            do = "What the exercises ask for needs no other package: do without it there."
            yield Loss("package", what, do, _exercise_of(cell.cell, checks), cell.cell.number)


def _exercise_of(cell: CodeCell, checks: LabChecks) -> str:
    """Return the number of the exercise that a cell belongs to, by its tag or by what it defines; or ""."""
    try:
        tree = parsed(cell.source)
    except TooMuch:
        tree = None
    names = set() if tree is None else names_in(tree)
    for exercise in checks.exercises.values():
        if f"{TAG}{exercise.number}" in cell.tags or not names.isdisjoint(exercise.functions):
            return exercise.number
    return ""


def _lost_questions(exercises: Sequence[ExerciseResult]) -> list[Loss]:
    ended = [check for result in exercises for check in result.checks if check.status in ENDED]
    return [_lost_question(check) for check in ended]


def _lost_question(check: CheckResult) -> Loss:
    kind: Any = check.status
    return Loss(kind, ENDED[check.status], exercise=check.exercise, shown=check.returned)


def _nothing_found(checks: LabChecks, exercises: Sequence[ExerciseResult]) -> list[Loss]:
    """Return a loss where no function of the lab is there: a person should see why."""
    for result in exercises:
        exercise = checks.exercises[result.exercise]
        if result.checks[0].message not in map(missing_message, exercise.functions):
            return []
    what = "At the end of the notebook none of this lab's functions is there."
    return [
        Loss("nothing-found", what, "Is it another lab's notebook, or does a cell delete what was defined?")
    ]


def _doubled(run: SubmissionRun, checks: LabChecks) -> list[tuple[str, str]]:
    """Return sentences on functions that several cells define, with the exercises' numbers."""
    functions = {
        name: exercise.number for exercise in checks.exercises.values() for name in exercise.functions
    }
    return [
        (f"{name} is defined in cells {', '.join(cells)}; the last one counts.", functions[name])
        for name, cells in sorted(run.twice.items())
        if name in functions
    ]
