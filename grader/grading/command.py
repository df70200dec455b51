"""``python -m grader grade``: an order made of the command's words, carried out, and told as it goes."""

from __future__ import annotations

import math
import os
import re
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.grading.batch import Graded, Order, grade
from grader.grading.machine import CELL_CPU, CELL_WALL, Machine, machine
from grader.grading.paper import digest, read_paper
from grader.grading.validate import validate, wrong_with
from grader.hidden.seed import course_secret
from grader.release.course import Course, find_course
from grader.results import store, strays
from grader.results.lines import as_json_line, lines, summary
from grader.results.model import Result
from grader.results.views import write_views
from grader.sandbox.doctor import examine
from grader.submissions import read_roster
from grader.submissions.safe_text import for_terminal
from utils.providers import chosen_provider

SECRET = ".course-secret"  # noqa: S105 - the name of a file
SECONDS = 15.0
NAMED = 5
WIDTH = 400
"""columns of a line: a terminal folds what is longer, and cut advice is none"""
FINE = ("graded", "missing")
"""statuses that need nobody"""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Words:
    """What was typed."""

    submissions: Path = Path()
    out: Path = Path("grades")
    labs: tuple[str, ...] = ()
    student: str = ""
    show: bool = False
    roster: Path | None = None
    jobs: int | None = None
    seconds: float = SECONDS
    fresh: bool = False
    shard: str = ""
    sandbox: bool = True
    as_json: bool = False
    secret: Path | None = None
    root: Path | None = None


def run(words: Words, say: Say, note: Say) -> int:
    """Grade, write results and views; the exit code. ``say`` takes results, ``note`` everything else."""
    course = find_course(words.root, Path.cwd())
    order = _order(words, course)
    with _ended_politely(), machine(sandboxed=words.sandbox) as ready:
        _say_limits(words, ready, order, note)
        if words.show:
            return _show(words, order, ready, say)
        progress = _Progress()
        graded = grade(
            order, ready.terms, ready.start, lambda result, new: _tell(words, result, new, say, progress)
        )
        progress.end()
    return _finish(words, graded, say, note)


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


def _order(words: Words, course: Course) -> Order:
    if words.show and not words.student:
        raise UsageError("--show needs to know whose work", hint="add --student ID")
    if not 0 < words.seconds < math.inf:
        raise UsageError(
            f"--timeout {words.seconds:g} is no time to work in", hint="give seconds, such as --timeout 30"
        )
    return Order(
        submissions=words.submissions,
        out=words.out,
        papers={lab: read_paper(course, lab) for lab in _labs(words, course)},
        secret=course_secret(words.secret or course.root / SECRET),
        digest=digest(course),
        roster=None if words.roster is None else read_roster(words.roster),
        student=words.student,
        seconds=words.seconds,
        jobs=words.jobs or _cores(),
        fresh=words.fresh,
        shard=_shard(words.shard),
        sandbox="bubblewrap" if words.sandbox else "none",
        others=tuple(lab for lab in course.labs() if lab not in _labs(words, course)),
        provider=chosen_provider().name,
    )


def _labs(words: Words, course: Course) -> tuple[str, ...]:
    """The labs that were named; all of them, if none was."""
    known = course.labs()
    for lab in words.labs:
        if lab not in known:
            raise UsageError(f"there is no lab {lab!r}", hint=f"the labs are: {', '.join(known)}")
    return words.labs or tuple(known)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _shard(text: str) -> tuple[int, int]:
    if not text:
        return 1, 1
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(
            f"--shard {text} is no part of anything", hint="the second of four parts is --shard 2/4"
        )
    return int(found[1]), int(found[2])


def _say_limits(words: Words, ready: Machine, order: Order, note: Say) -> None:
    note(
        f"limits: {CELL_CPU:g} s of processor time and {CELL_WALL:g} s for each cell and question, "
        f"{order.seconds:g} s for all cells of a submission and for all its answers, {order.jobs} at a time"
    )
    if not ready.sandboxed:
        note("NO SANDBOX: submissions can read and write whatever you can. Every result is stamped.")
    for layer in ready.lacking:
        note(f"note: this machine lacks {layer}")


def _tell(words: Words, result: Result, new: bool, say: Say, progress: _Progress) -> None:
    progress.clear()
    if words.as_json:
        say(as_json_line(result))
    elif new or result.status not in FINE:
        for line in lines(result, WIDTH):
            say(line)
    progress.step()


def _finish(words: Words, graded: Graded, say: Say, note: Say) -> int:
    for problem in graded.problems:
        note(f"note: {problem}")
    for failure in graded.failed:
        note(f"error: {for_terminal(failure, WIDTH)}")
    stored = store.read_all(words.out)
    strays.write(words.out, graded.handed.strays)
    views = write_views(
        words.out,
        stored.results,
        strays=graded.handed.strays,
        problems=[
            *map(str, stored.problems),
            *_alike(stored.results),
            *_older(words, graded, stored.results),
        ],
    )
    for text in (*views.problems, *views.notes):
        note(f"note: {text}")
    if graded.handed.strays:
        note(f"note: {len(graded.handed.strays)} files were not graded; report.html says which and why")
    if not graded.results:
        note("nothing was handed in here for these labs")
    unchanged = len(graded.results) - graded.afresh
    if unchanged:
        note(f"{unchanged} unchanged since the last time; --fresh grades them again")
    note(summary(graded.results, words.out))
    fine = all(result.status in FINE for result in graded.results)
    return 0 if fine and not graded.failed else 1


def _alike(results: Sequence[Result]) -> Iterator[str]:
    """Sentences on files that are the same, byte by byte, for more than one student."""
    same: dict[str, list[str]] = {}
    for result in results:
        if result.submission and result.points > 0:
            same.setdefault(result.submission, []).append(result.student)
    for students in same.values():
        if len(students) > 1:
            yield f"{_named(students)} handed in the same file, byte by byte"


def _older(words: Words, graded: Graded, results: Sequence[Result]) -> Iterator[str]:
    """A sentence on results of students who have nothing in the folder any more."""
    if words.student or words.shard:
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


class _Progress:
    """A line on a terminal's stderr that is written again and again; nothing where nobody looks."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._began = time.monotonic()
        self._done = 0

    def step(self) -> None:
        self._done += 1
        if self._on:
            sys.stderr.write(f"\r{self._done} done, {time.monotonic() - self._began:.0f} s\x1b[K")
            sys.stderr.flush()

    def clear(self) -> None:
        if self._on:
            sys.stderr.write("\r\x1b[K")

    def end(self) -> None:
        self.clear()


def _show(words: Words, order: Order, ready: Machine, say: Say) -> int:
    from grader.grading.show import show  # noqa: PLC0415 - for one submission at a time

    for text in show(order, ready):
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


def validate_labs(words: Words, say: Say, note: Say) -> int:
    """Grade what has known points; the exit code."""
    course = find_course(words.root, Path.cwd())
    papers = [read_paper(course, lab) for lab in _labs(words, course)]
    code = 0
    with _ended_politely(), machine(sandboxed=words.sandbox) as ready:
        judging = validate(
            course, papers, ready, secrets.token_bytes(), words.seconds, words.jobs or _cores()
        )
        for paper, one, verdict in judging:
            wrong = wrong_with(one, verdict)
            code = 1 if wrong else code
            points = sum(exercise.points for exercise in verdict.exercises)
            say(f"{paper.lab}  {one.what:<18} {points:g}  {'; '.join(wrong) or 'as it should be'}")
    note("every lab is graded as it should be" if not code else "some points are not what they should be")
    return code


def views(out: Path, note: Say) -> int:
    """Write gradebook, feedback and report again; the exit code."""
    if not (out / store.FOLDER).is_dir():
        raise UsageError(
            "there are no results", where=str(out), hint="name the folder that grade --out wrote"
        )
    stored = store.read_all(out)
    written = write_views(
        out,
        stored.results,
        strays=strays.read(out),
        problems=[*map(str, stored.problems), *_alike(stored.results)],
    )
    for text in (*written.problems, *written.notes):
        note(f"note: {text}")
    note(summary(stored.results, out))
    return 1 if stored.problems or written.problems else 0
