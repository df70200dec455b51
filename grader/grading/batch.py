"""A class graded: who handed in what, what of it is new, and each result written as soon as it is there."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from grader.errors import GraderError, UsageError
from grader.grading.attempt import Terms
from grader.grading.judge import Verdict, judge
from grader.grading.paper import Paper
from grader.hidden.seed import fresh_case, rng_for
from grader.results import store
from grader.results.model import Result, Sandbox
from grader.results.scrub import scrubbed
from grader.sandbox.child import Child, Guard, Start
from grader.submissions import (
    Entry,
    Found,
    Handed,
    Stray,
    Student,
    Submission,
    Unreadable,
    find_submissions,
    join,
)
from grader.submissions.files import opened_folder
from grader.submissions.patterns import which_lab
from grader.submissions.reader import read_notebook
from utils.checks.run import not_run

MOST_FAILURES = 3
"""submissions for which no process could be started, until it is taken for the machine's fault"""
STRANGER = "is not on the roster; graded all the same"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be graded, and how."""

    submissions: Path
    out: Path
    papers: Mapping[str, Paper]
    """by the lab's name"""
    secret: bytes
    digest: str
    """over everything but the submissions (``paper.digest``)"""
    roster: tuple[Student, ...] | None = None
    student: str = ""
    """only this one; empty for all"""
    seconds: float = 15.0
    jobs: int = 1
    fresh: bool = False
    """grade again what has not changed, too"""
    shard: tuple[int, int] = (1, 1)
    """this machine's part, counted from 1, and the number of parts"""
    sandbox: Sandbox = "bubblewrap"
    others: tuple[str, ...] = ()
    """labs of the course that are not graded now"""
    provider: str = "openai"
    """whose models the work is judged with"""


@dataclass(frozen=True, slots=True)
class Graded:
    """What came of an order."""

    results: tuple[Result, ...]
    """in the order of the roster, or of the names"""
    handed: Handed
    afresh: int
    """how many were graded now; the others had not changed"""
    problems: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    """why no process could be started for a submission; it has no result"""


class Interrupted(Exception):
    """The run was stopped from outside; every result so far is written."""


class Starting:
    """A way to start processes that can be stopped: what runs then is ended, and nothing new starts."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._alive: dict[int, Child] = {}
        self._lock = threading.Lock()
        self._stopped = False

    def __call__(self, module: str, *, guard: Guard | None = None) -> Child:
        """The started process (see ``Start``). Raises Interrupted once this was stopped."""
        self.check()
        child = self._start(module, guard=guard)
        with self._lock:
            self._alive[id(child)] = child
            child.after_end(lambda: self._forget(child))
            if self._stopped:
                child.kill()
        return child

    def check(self) -> None:
        """Raise Interrupted once this was stopped: what was ended half-way is no result."""
        if self._stopped:
            raise Interrupted

    def stop(self) -> None:
        """End everything that was started and is still there."""
        self._stopped = True
        with self._lock:
            for child in self._alive.values():
                child.kill()

    def _forget(self, child: Child) -> None:
        with self._lock:
            self._alive.pop(id(child), None)


def grade(
    order: Order,
    terms: Callable[[Paper, Start], Terms],
    start: Start,
    tell: Callable[[Result, bool], None],
) -> Graded:
    """Grade what is new and write each result at once.

    ``tell`` is called with each result in order, and with whether it was graded now. Raises UsageError for
    an order that cannot work, GraderError when this machine cannot grade, KeyboardInterrupt once everything
    that was started is ended.
    """
    handed, entries = entries_of(order)
    problems: list[str] = []
    results: list[Result] = []
    failed: list[str] = []
    afresh = 0
    store.tidy(order.out)
    starting = Starting(start)
    every = {paper.lab: terms(paper, starting) for paper in order.papers.values()}
    with ThreadPoolExecutor(order.jobs, "grading") as pool:
        waiting: list[Future[tuple[Result, bool, str]]] = [
            pool.submit(_one, order, entry, every[entry.lab], starting) for entry in entries
        ]
        try:
            for entry, future in zip(entries, waiting, strict=True):
                try:
                    result, new, problem = future.result()
                except GraderError as error:
                    failed.append(f"{entry.student}, {entry.lab}: {error}")
                    if len(failed) >= MOST_FAILURES:
                        raise
                    continue
                results.append(result)
                afresh += new
                problems += [problem] if problem else []
                tell(result, new)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            starting.stop()
            raise
    return Graded(tuple(results), handed, afresh, tuple(problems), tuple(failed))


def entries_of(order: Order) -> tuple[Handed, tuple[Entry, ...]]:
    """Everyone who is to be graded, in an order that is always the same."""
    if order.out.resolve().is_relative_to(order.submissions.resolve()):
        message = "the results cannot lie among the submissions"
        raise UsageError(message, where=str(order.out), hint="name another folder with --out")
    labs = tuple(order.papers)
    handed = _without(order.others, find_submissions(order.submissions, labs))
    if order.roster is None:
        entries = tuple(Entry(one.student, one.lab, "handed in", one.name, found=one) for one in handed.found)
    else:
        entries = join(order.roster, handed.found, labs)
    if order.student:
        entries = tuple(entry for entry in entries if entry.student == order.student)
        if not entries:
            message = f"nobody called {order.student!r} has handed anything in"
            raise UsageError(message, hint="--student takes the name of the folder, or the roster's id")
    part, parts = order.shard
    return handed, tuple(entry for entry in entries if _part(entry.student, parts) == part - 1)


def _without(others: Sequence[str], handed: Handed) -> Handed:
    """What was handed in, less the files that are called like another lab of the course."""
    kept, strays = [], list(handed.strays)
    for one in handed.found:
        name = PurePosixPath(one.path).name
        other = which_lab(name, others) if others and not which_lab(name, [one.lab]) else None
        if other is None:
            kept.append(one)
        else:
            strays.append(Stray(one.path, f"is called like another lab, {other.lab}", one.student, other.lab))
    return Handed(tuple(kept), tuple(sorted(strays, key=lambda stray: (stray.path, stray.why))))


def _part(student: str, parts: int) -> int:
    """Which part a student falls into: the same on every machine, whoever else there is."""
    digest = hashlib.sha256(student.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % parts


def _one(order: Order, entry: Entry, terms: Terms, starting: Starting) -> tuple[Result, bool, str]:
    """A result, whether it is new, and what was wrong with the one that was stored before."""
    starting.check()
    read = read_entry(order, entry.found)
    blank = _blank(order, entry, read)
    problem = ""
    if not order.fresh:
        try:
            stored = store.read(order.out, entry.student, entry.lab)
        except GraderError as error:
            stored, problem = None, str(error)
        if stored is not None and stored.inputs == blank.inputs:
            return stored, False, problem
    result = blank
    if isinstance(read, Submission):
        result = scrubbed(_judged(order, blank, read, terms))
    starting.check()
    store.write(order.out, result)
    return result, True, problem


def read_entry(order: Order, found: Found | None) -> Submission | Unreadable | None:
    """The cells of what somebody handed in, why there are none, or ``None`` if nothing was handed in."""
    if found is None:
        return None
    if found.problem:
        what, _, do = found.problem.partition(". ")
        return Unreadable("shape", what, do)
    with opened_folder(order.submissions) as folder:
        return read_notebook(folder, found.path)


def _blank(order: Order, entry: Entry, read: Submission | Unreadable | None) -> Result:
    """The result of someone of whose work nothing has been run."""
    paper, found = order.papers[entry.lab], entry.found
    notes = found.notes if found is not None else ()
    if entry.status == "stranger" and order.roster is not None:
        notes = (*notes, f"{entry.student} {STRANGER}.")
    result = Result(
        entry.student,
        entry.lab,
        paper.checks.title,
        "missing",
        tuple(not_run(exercise) for exercise in paper.checks.exercises.values()),
        reason="Nothing was handed in.",
        name=entry.name or (found.name if found is not None else ""),
        path=found.path if found is not None else "",
        late=found.late if found is not None else False,
        sandbox=order.sandbox,
        notes=notes,
    )
    if isinstance(read, Unreadable):
        reason, do = (text and f"{text.rstrip('.')}." for text in (read.what, read.do))
        result = replace(result, status="unreadable", reason=reason, do=do, submission=read.sha256)
    elif isinstance(read, Submission):
        result = replace(
            result, status="graded", reason="", notes=(*notes, *read.notes), submission=read.sha256
        )
    return replace(result, inputs=_inputs(order, result))


def _inputs(order: Order, result: Result) -> str:
    """A hash over everything that the result depends on; the secret goes in without coming out."""
    facts = (result, order.digest, order.seconds, order.provider)
    return hmac.digest(order.secret, repr(facts).encode("utf-8", "surrogatepass"), "sha256").hex()


def _judged(order: Order, blank: Result, submission: Submission, terms: Terms) -> Result:
    paper = order.papers[blank.lab]
    verdict = judged(paper, submission, terms, order.secret, order.seconds)
    return replace(
        blank,
        status=verdict.status,
        reason=verdict.reason,
        do=verdict.do,
        exercises=verdict.exercises,
        notes=(*blank.notes, *verdict.notes),
        losses=verdict.losses,
        flags=verdict.flags,
        lacking=verdict.lacking,
    )


def judged(
    paper: Paper,
    submission: Submission,
    terms: Terms,
    secret: bytes,
    seconds: float,
    note: Callable[[str, Any], None] | None = None,
) -> Verdict:
    """The verdict on a submission, asked with the case that belongs to it."""
    rng = rng_for(secret, submission.sha256.encode(), paper.lab)
    case = fresh_case(paper.slug, rng)
    return judge(submission, paper, terms, rng, case, seconds, note)
