"""``python -m grader grade``: a batch made of the command's options, graded, and told as it goes."""

from __future__ import annotations

import math
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.grading.batch import Batch, Graded, entries_of, grade
from grader.grading.course_rules import labs_with_attempts, write_all
from grader.grading.host import CELL_CPU, CELL_WALL
from grader.grading.lab_spec import digest, read_lab_spec
from grader.grading.progress import Progress
from grader.grading.secret import course_secret
from grader.grading.supervisor import Plan
from grader.grading.validate import validate, wrong_with
from grader.release.course import Course, find_course
from grader.release.labs import check_lab
from grader.release.rules import Page, broken_rules
from grader.results import store, strays
from grader.results.lines import as_json_line, lines, summary
from grader.results.result import Result
from grader.sandbox.bubblewrap import find_bubblewrap, missing_layers
from grader.sandbox.doctor import examine
from grader.submissions import read_roster
from grader.submissions.safe_text import for_terminal
from utils.providers import chosen_provider

SECRET = ".course-secret"  # noqa: S105 - the name of a file
SECONDS = 15.0
PATIENT = 300.0
"""seconds that validating may take for one submission: all of them are honest"""
NAMED = 5
WIDTH = 400
"""columns of a line: a terminal folds what is longer, and advice that is cut helps nobody"""
FINE = ("graded", "missing")
"""statuses that need nobody"""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What was typed."""

    submissions: Path = Path()
    out: Path = Path("grades")
    labs: tuple[str, ...] = ()
    student: str = ""
    show: bool = False
    exercise: str = ""
    """only this one is shown; empty for all"""
    roster: Path | None = None
    jobs: int | None = None
    seconds: float = SECONDS
    fresh: bool = False
    shard: str = ""
    sandbox: bool = True
    warm: bool = True
    as_json: bool = False
    secret: Path | None = None
    root: Path | None = None


def run(options: Options, say: Say, note: Say) -> int:
    """Grade, write results and views; return the exit code.

    ``say`` takes results, ``note`` everything else.
    """
    course = find_course(options.root, Path.cwd())
    batch = _batch(options, course)
    if options.sandbox:
        find_bubblewrap()  # said before anything is read
    _say_limits(batch, note)
    with _ended_politely():
        if options.show:
            return _show(batch, options.exercise, say, note)
        progress = Progress(len(entries_of(batch)[1]), sys.stderr)

        def tell(result: Result, new: bool) -> None:
            progress.clear()
            _tell(options, result, new, say)
            progress.step(new)

        def remark(text: str) -> None:
            progress.clear()
            note(f"note: {text}")

        graded = grade(batch, tell, remark)
        progress.clear()
    return _finish(options, graded, say, note)


@contextmanager
def _ended_politely() -> Iterator[None]:
    """Take SIGTERM for what Ctrl-C says: end what was started, and leave no folder behind."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _batch(options: Options, course: Course) -> Batch:
    if options.show and not options.student:
        raise UsageError("--show needs to know whose work", hint="add --student ID")
    if options.exercise and not options.show:
        raise UsageError("--exercise says what to show", hint="add --show, or leave --exercise out")
    if not 0 < options.seconds < math.inf:
        raise UsageError(
            f"--timeout {options.seconds:g}: give it more than zero seconds", hint="for example --timeout 30"
        )
    labs = _labs(options, course)
    return Batch(
        submissions=options.submissions,
        out=options.out,
        labs={lab: read_lab_spec(course, lab) for lab in labs},
        secret=course_secret(options.secret or course.root / SECRET),
        digest=digest(course),
        provider=chosen_provider(),
        roster=None if options.roster is None else read_roster(options.roster),
        student=options.student,
        seconds=options.seconds,
        jobs=options.jobs or usual_jobs(),
        fresh=options.fresh,
        shard=_shard(options.shard),
        sandbox="bubblewrap" if options.sandbox else "none",
        warm=options.warm,
        others=tuple(lab for lab in course.labs() if lab not in labs),
        earlier=labs_with_attempts(options.out, labs),
    )


def _labs(options: Options, course: Course) -> tuple[str, ...]:
    """Return the labs that were named; all of them, if none was. Raises UsageError."""
    known = course.labs()
    for lab in options.labs:
        if lab not in known:
            raise UsageError(f"there is no lab {lab!r}", hint=f"the labs are: {', '.join(known)}")
    return options.labs or tuple(known)


def usual_jobs() -> int:
    """Return how many submissions are graded at a time: one more than cores, as each waits a little."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + 1


def _shard(text: str) -> tuple[int, int]:
    if not text:
        return 1, 1
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(
            f"--shard {text}: name a part and the number of parts", hint="the second of four is --shard 2/4"
        )
    return int(found[1]), int(found[2])


def _say_limits(batch: Batch, note: Say) -> None:
    note(
        f"limits: {CELL_CPU:g} s of processor time and {CELL_WALL:g} s for each cell and question, "
        f"{batch.seconds:g} s for all cells of a submission and for all its answers, {batch.jobs} at a time"
    )
    if batch.sandbox == "none":
        note("NO SANDBOX: submissions can read and write whatever you can. Every result is stamped.")
        return
    for layer in missing_layers():
        note(f"note: this machine lacks {layer}")


def _tell(options: Options, result: Result, new: bool, say: Say) -> None:
    if options.as_json:
        say(as_json_line(result))
    elif new or result.status not in FINE:
        for line in lines(result, WIDTH):
            say(line)


def _finish(options: Options, graded: Graded, say: Say, note: Say) -> int:
    for problem in graded.problems:
        note(f"note: {problem}")
    for failure in graded.failed:
        note(f"error: {for_terminal(failure, WIDTH)}")
    stored = store.read_all(options.out)
    strays.write(options.out, graded.handed.strays)
    problems = [
        *map(str, stored.problems),
        *_alike(stored.results),
        *_older(options, graded, stored.results),
    ]
    views = write_all(options.out, stored, graded.handed.strays, problems)
    for text in (*views.problems, *views.notes):
        note(f"note: {text}")
    if graded.handed.strays:
        note(f"note: {len(graded.handed.strays)} files were not graded; report.html says which and why")
    if not graded.results:
        note("nothing was handed in here for these labs")
    unchanged = len(graded.results) - graded.afresh
    if unchanged:
        note(f"{unchanged} unchanged since the last time; --fresh grades them again")
    note(summary([result for result in graded.results if not result.attempt], options.out))
    fine = all(result.status in FINE for result in graded.results)
    return 0 if fine and not graded.failed else 1


def _alike(results: Sequence[Result]) -> Iterator[str]:
    """Yield sentences on files that are the same, byte by byte, for more than one student."""
    same: dict[str, list[str]] = {}
    for result in results:
        if result.submission and result.points > 0:
            same.setdefault(result.submission, []).append(result.student)
    for students in same.values():
        if len(students) > 1:
            yield f"{_named(students)} handed in the same file, byte by byte"


def _older(options: Options, graded: Graded, results: Sequence[Result]) -> Iterator[str]:
    """Yield a sentence on results of students who have nothing in the folder any more."""
    if options.student or options.shard:
        return
    now = {(result.student, result.lab) for result in graded.results}
    labs = {lab for _, lab in now}
    old = [r.student for r in results if r.lab in labs and (r.student, r.lab) not in now]
    if old:
        yield f"results of earlier runs are kept for {_named(old)}; delete them in results/ if not wanted"


def _named(students: Sequence[str]) -> str:
    shown = [for_terminal(student, 40) for student in students[:NAMED]]
    more = len(students) - NAMED
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _show(batch: Batch, exercise: str, say: Say, note: Say) -> int:
    from grader.grading.show import show  # noqa: PLC0415 - for one submission at a time

    known = [number for spec in batch.labs.values() for number in spec.checks.exercises]
    if exercise and exercise not in known:
        raise UsageError(f"there is no exercise {exercise!r}", hint=f"the exercises are: {', '.join(known)}")
    for text in show(batch, note, exercise):
        say(text)
    return 0


def doctor(say: Say) -> int:
    """Try what grading needs on this machine; the exit code."""
    findings = examine()
    for finding in findings:
        word = "ok" if finding.ok else "MISSING" if finding.needed else "note"
        say(f"{word:<8}{finding.what}: {finding.said}")
        if not finding.ok and finding.do:
            say(f"{'':<8}{finding.do}")
    bad = [finding for finding in findings if finding.needed and not finding.ok]
    say("this machine can grade" if not bad else "this machine cannot grade yet")
    return 1 if bad else 0


def validate_labs(options: Options, say: Say, note: Say) -> int:
    """Tell the rules that labs break, then grade what has known points; return the exit code."""
    course = find_course(options.root, Path.cwd())
    labs = [read_lab_spec(course, lab) for lab in _labs(options, course)]
    pages = [Page(spec.lab, course.solution(spec.lab), spec.checks, course.root) for spec in labs]
    broken = [rule for page in pages for rule in broken_rules(page)]
    for rule in broken:
        say(str(rule))
    refused = [problem for spec in labs for problem in check_lab(course, spec.lab)]
    for problem in refused:
        say(f"{problem} (refused by: release)")
    plan = Plan(options.jobs or usual_jobs(), PATIENT, options.sandbox, options.warm)
    wrong_points = False
    with _ended_politely():
        for spec, one, result in validate(course, labs, chosen_provider(), plan, options.seconds, note):
            wrong = wrong_with(one, result)
            wrong_points = wrong_points or bool(wrong)
            say(f"{spec.lab}  {one.what:<18} {result.points:g}  {'; '.join(wrong) or 'as it should be'}")
    if broken:
        note(
            "1 rule of the house is broken"
            if len(broken) == 1
            else f"{len(broken)} rules of the house are broken"
        )
    if refused:
        note("the release has something to say; python -m grader release --check says the same")
    note("some points are not what they should be" if wrong_points else "every lab is graded as it should be")
    return 1 if broken or refused or wrong_points else 0


def views(out: Path, note: Say) -> int:
    """Write gradebook, feedback and report again; the exit code."""
    if not (out / store.FOLDER).is_dir():
        raise UsageError(
            "there are no results", where=str(out), hint="name the folder that grade --out wrote"
        )
    stored = store.read_all(out)
    problems = [*map(str, stored.problems), *_alike(stored.results)]
    written = write_all(out, stored, strays.read(out), problems)
    for text in (*written.problems, *written.notes):
        note(f"note: {text}")
    note(summary(stored.results, out))
    return 1 if stored.problems or written.problems else 0
