"""A class graded: who handed in what, what of it is new, and each result written as soon as it is there."""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from grader.errors import GraderError, UsageError
from grader.grading.host import Host
from grader.grading.judge import judge
from grader.grading.lab_spec import LabSpec
from grader.grading.supervisor import Outcome, Plan, supervisor
from grader.results import store
from grader.results.result import Result, Sandbox
from grader.results.scrub import scrubbed
from grader.sandbox.bubblewrap import missing_layers
from grader.sandbox.jails import Jails
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
from grader.submissions.absence import nobody_came
from grader.submissions.files import opened_folder
from grader.submissions.layout import NO_OWNER
from grader.submissions.nearest import in_words, nearest
from grader.submissions.patterns import which_lab
from grader.submissions.reader import read_notebook
from utils.checks.run import not_run
from utils.providers import Provider

STRANGER = "is not on the roster; graded all the same"
COLLECTED = ("handed_in", "told_by", "attempt")
"""fields of a result that say when something came: they change with what was collected, and points do not"""
COMPARED = 200
"""files of nobody that are compared with the roster: somebody's whole disk must not hold up a class"""
STARTS = 60.0
"""seconds beyond a submission's own that judging it may take: its processes start, on a busy machine"""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be graded, and how."""

    submissions: Path
    out: Path
    labs: Mapping[str, LabSpec]
    """by the lab's name"""
    secret: bytes
    digest: str
    """over everything but the submissions (``lab_spec.digest``)"""
    provider: Provider
    """whose models the work is judged with"""
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
    warm: bool = True
    """whether processes are forked from warm ones"""
    others: tuple[str, ...] = ()
    """labs of the course that are not graded now"""
    earlier: frozenset[str] = frozenset()
    """labs of which earlier attempts are graded, too: the course's rules may let them count"""

    @property
    def plan(self) -> Plan:
        """How its submissions are given to judges."""
        # A submission has its seconds for its cells, half of them once more, and as many for its answers;
        # twice them on top, on a machine that others keep busy.
        return Plan(self.jobs, 6 * self.seconds + STARTS, self.sandbox != "none", self.warm)

    def host(self, jails: Jails, *, again: bool) -> Host:
        """Return what one of its submissions is run on."""
        lacking = missing_layers() if self.sandbox != "none" else ()
        return Host(jails, self.provider, self.sandbox, lacking, again)


@dataclass(frozen=True, slots=True)
class Graded:
    """What came of a batch."""

    results: tuple[Result, ...]
    """in the order of the roster, or of the names"""
    handed: Handed
    afresh: int
    """how many were graded now; the others had not changed"""
    problems: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    """why no process could be started for a submission; it has no result"""


Tell = Callable[[Result, bool], None]
"""is told of each result, in order, and of whether it is new"""


def grade(batch: Batch, tell: Tell, note: Callable[[str], None]) -> Graded:
    """Grade what is new and write each result at once.

    Raises UsageError for a batch that cannot be graded, GraderError when this machine cannot, and
    KeyboardInterrupt once everything that was started is ended.
    """
    handed, entries = entries_of(batch)
    if warning := nobody_came(entries, handed, batch.submissions):
        note(warning)
    store.tidy(batch.out)
    collected = _Collected(batch, entries, tell)

    def work(task: int, again: bool, jails: Jails) -> Mapping[str, Any]:
        return _graded(batch, entries[task], batch.host(jails, again=again))

    with supervisor(work, batch.plan, note) as judges:
        for outcome in judges.outcomes(len(entries)):
            collected.take(outcome)
    results, afresh, problems, failed = collected.all()
    return Graded(results, handed, afresh, problems, failed)


class _Collected:
    """Writes results as they come, and tells of them in batch."""

    def __init__(self, batch: Batch, entries: Sequence[Entry], tell: Tell) -> None:
        self._batch = batch
        self._entries = entries
        self._tell = tell
        self._told = 0
        self._outcomes: dict[int, tuple[Result | None, bool]] = {}
        self._problems: dict[int, str] = {}
        self._failed: dict[int, str] = {}

    def take(self, outcome: Outcome) -> None:
        """Write a result and tell of all that no earlier one is awaited for."""
        number, entry = outcome.task, self._entries[outcome.task]
        result, new = None, True
        if outcome.cannot:
            self._failed[number] = f"{entry.student}, {entry.lab}: {outcome.problem}"
        elif outcome.value is None:
            result = self._not_judged(entry, outcome.problem)
        else:
            result, new = store.from_json(outcome.value["result"]), bool(outcome.value["new"])
            if outcome.value["moved"]:
                store.write(self._batch.out, result)
            if outcome.value["problem"]:
                self._problems[number] = str(outcome.value["problem"])
        if result is not None and new:
            store.write(self._batch.out, result)
        self._outcomes[number] = result, new
        while self._told in self._outcomes:
            result, new = self._outcomes[self._told]
            if result is not None:
                self._tell(result, new)
            self._told += 1

    def _not_judged(self, entry: Entry, problem: str) -> Result:
        """Return the result of a submission that brought down those who judged it."""
        blank = blank_result(self._batch, entry, None)
        reason = (
            f"It could not be judged: {problem.rstrip('.')}. That is the grader's fault, not the student's."
        )
        do = "Grade it again; if that does not help, send the notebook to the course's maintainers."
        return replace(blank, status="error", reason=reason, do=do, inputs="")

    def all(self) -> tuple[tuple[Result, ...], int, tuple[str, ...], tuple[str, ...]]:
        """Return the results, how many are new, what was wrong with stored ones, and what failed."""
        ordered = [self._outcomes[number] for number in sorted(self._outcomes)]
        return (
            tuple(result for result, _ in ordered if result is not None),
            sum(new for result, new in ordered if result is not None),
            tuple(self._problems[number] for number in sorted(self._problems)),
            tuple(self._failed[number] for number in sorted(self._failed)),
        )


def _graded(batch: Batch, entry: Entry, host: Host) -> Mapping[str, Any]:
    """Return a result as text, whether it is new, and what was wrong with the one that was stored before."""
    read = read_entry(batch, entry.found)
    blank = blank_result(batch, entry, read)
    problem = ""
    if not batch.fresh:
        try:
            stored = store.read(batch.out, entry.student, entry.lab, blank.attempt)
        except GraderError as error:
            stored, problem = None, str(error)
        if (stored is None or stored.inputs != blank.inputs) and entry.lab in batch.earlier:
            # What was the last attempt is an earlier one as soon as another came.
            known = store.read_attempts(batch.out, entry.student, entry.lab)
            stored = next((one for one in known if one.inputs == blank.inputs), None)
        if stored is not None and stored.inputs == blank.inputs:
            here = {name: getattr(blank, name) for name in COLLECTED}
            if not blank.handed_in:  # this time nobody said when it came; somebody did before
                here |= {name: getattr(stored, name) for name in ("handed_in", "told_by")}
            result = replace(stored, **here)
            moved = result != stored
            return {"result": store.to_json(result), "new": False, "moved": moved, "problem": ""}
    result = blank
    if isinstance(read, Submission):
        spec = batch.labs[entry.lab]
        result = scrubbed(judge(blank, read, spec, host, batch.secret, batch.seconds))
    return {"result": store.to_json(result), "new": True, "moved": False, "problem": problem}


def entries_of(batch: Batch) -> tuple[Handed, tuple[Entry, ...]]:
    """Return everyone who is to be graded, in an order that is always the same."""
    if batch.out.resolve().is_relative_to(batch.submissions.resolve()):
        message = "the results cannot lie among the submissions"
        raise UsageError(message, where=str(batch.out), hint="name another folder with --out")
    labs = tuple(batch.labs)
    handed = _without(batch.others, find_submissions(batch.submissions, labs))
    if batch.roster is None:
        entries = tuple(Entry(one.student, one.lab, "handed in", one.name, found=one) for one in handed.found)
    else:
        entries = join(batch.roster, handed.found, labs)
        handed = _with_nearest(batch.roster, handed)
    handed, entries = _with_earlier(batch.earlier, handed, entries)
    if batch.student:
        entries = tuple(entry for entry in entries if entry.student == batch.student)
        if not entries:
            message = f"nobody called {batch.student!r} has handed anything in"
            raise UsageError(message, hint="--student takes the name of the folder, or the roster's id")
    part, parts = batch.shard
    return handed, tuple(entry for entry in entries if _part(entry.student, parts) == part - 1)


def _with_earlier(
    labs: Collection[str], handed: Handed, entries: Sequence[Entry]
) -> tuple[Handed, tuple[Entry, ...]]:
    """Return everyone with the earlier attempts at these labs, which are then strays no more."""
    earlier: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for one in handed.earlier:
        if one.lab in labs:
            earlier[one.student, one.lab].append(one)
    every = []
    for entry in entries:
        if entry.found is not None:
            own = earlier.get((entry.found.student, entry.lab), ())
            every += [replace(entry, found=_beside(entry.found, one)) for one in own]
        every.append(entry)
    paths = {one.path for found in earlier.values() for one in found}
    strays = tuple(stray for stray in handed.strays if stray.path not in paths)
    return replace(handed, strays=strays), tuple(every)


def _beside(last: Found, earlier: Found) -> Found:
    """Return an earlier file with the time of the last one, if both lay in one folder and it has none.

    What was handed in together came together: a second file must not escape a due date.
    """
    together = last.path.rpartition("/")[0] == earlier.path.rpartition("/")[0]
    if earlier.handed_in or not together:
        return earlier
    return replace(earlier, handed_in=last.handed_in, told_by=last.told_by)


def _with_nearest(roster: Sequence[Student], handed: Handed) -> Handed:
    """Return what was handed in, where files of nobody name the people whom their names are most like."""
    strays = list(handed.strays)
    lost = [at for at, stray in enumerate(strays) if stray.why == NO_OWNER]
    for at in lost[:COMPARED]:
        if near := in_words(nearest([PurePosixPath(strays[at].path).stem], roster)):
            strays[at] = replace(strays[at], why=f"{strays[at].why}; {near}")
    return replace(handed, strays=tuple(strays))


def _without(others: Sequence[str], handed: Handed) -> Handed:
    """Return what was handed in, less the files that are called like another lab of the course."""
    kept, strays = [], list(handed.strays)
    for one in handed.found:
        name = PurePosixPath(one.path).name
        other = which_lab(name, others) if others and not which_lab(name, [one.lab]) else None
        if other is None:
            kept.append(one)
        else:
            strays.append(Stray(one.path, f"is called like another lab, {other.lab}", one.student, other.lab))
    strays.sort(key=lambda stray: (stray.path, stray.why))
    return replace(handed, found=tuple(kept), strays=tuple(strays))


def _part(student: str, parts: int) -> int:
    """Return the part of a student, from 0: it is the same on every machine and in every class."""
    digest = hashlib.sha256(student.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % parts


def read_entry(batch: Batch, found: Found | None) -> Submission | Unreadable | None:
    """Return the cells that somebody handed in, or why there are none; ``None`` if nothing was handed in."""
    if found is None:
        return None
    if found.problem:
        what, _, do = found.problem.partition(". ")
        return Unreadable("shape", what, do)
    with opened_folder(batch.submissions) as folder:
        return read_notebook(folder, found.path)


def blank_result(batch: Batch, entry: Entry, read: Submission | Unreadable | None) -> Result:
    """Return the result of someone of whose work nothing has been run."""
    spec, found = batch.labs[entry.lab], entry.found
    notes = found.notes if found is not None else ()
    if entry.status == "stranger" and batch.roster is not None:
        near = in_words(nearest([entry.student, entry.name], batch.roster))
        notes = (*notes, f"{entry.student} {STRANGER}{f'; {near}' if near else ''}.")
    result = Result(
        entry.student,
        entry.lab,
        spec.checks.title,
        "missing",
        tuple(not_run(exercise) for exercise in spec.checks.exercises.values()),
        reason="Nothing was handed in.",
        name=entry.name or (found.name if found is not None else ""),
        path=found.path if found is not None else "",
        late=found.late if found is not None else False,
        sandbox=batch.sandbox,
        notes=notes,
        handed_in=found.handed_in if found is not None else "",
        told_by=found.told_by if found is not None else "",
        attempt=found.attempt if found is not None else 0,
    )
    if isinstance(read, Unreadable):
        reason, do = (text and f"{text.rstrip('.')}." for text in (read.what, read.do))
        result = replace(result, status="unreadable", reason=reason, do=do, submission=read.sha256)
    elif isinstance(read, Submission):
        result = replace(
            result, status="graded", reason="", notes=(*notes, *read.notes), submission=read.sha256
        )
    return replace(result, inputs=_inputs(batch, result))


def _inputs(batch: Batch, result: Result) -> str:
    """Return a hash over all that the result depends on; the secret cannot be recovered from it."""
    judged = replace(result, **{name: type(getattr(result, name))() for name in COLLECTED})
    facts = (judged, batch.digest, batch.seconds, batch.provider.name)
    return hmac.digest(batch.secret, repr(facts).encode("utf-8", "surrogatepass"), "sha256").hex()
