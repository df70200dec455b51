"""What is known of a class: results, appeals and decisions, read again when their files have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from grader.errors import UsageError
from grader.results import decisions, store
from grader.results.adjustments import Adjustments, read
from grader.results.counts import LabCount, count
from grader.results.decisions import Decision
from grader.results.files import read_below
from grader.results.result import Result
from grader.review import appeals
from grader.review.people import shown_names
from grader.review.queue import SAMPLE, About, Filter, Item, decided_in, is_open, queue
from grader.tables import text_of


@dataclass(frozen=True, slots=True)
class Settings:
    """What was said at the start."""

    out: Path
    """the folder that grade wrote"""
    submissions: Path | None = None
    """what was handed in; None: no cells are shown"""
    anonymous: bool = False
    seed: str = "1"
    number: int = SAMPLE
    """looks of the sample"""
    labs: tuple[str, ...] = ()
    """only these; empty for all"""
    author: str = ""
    """who decides, until the page says somebody else"""


@dataclass(frozen=True, slots=True)
class Course:
    """Everything that was graded, at one moment."""

    results: Mapping[tuple[str, str], Result]
    """by student and lab"""
    everything: tuple[Result, ...]
    """also results of labs that are left out: decisions about them stay valid"""
    names: Mapping[str, str]
    """of students, as they are shown"""
    items: tuple[Item, ...]
    """the queue, in its order"""
    counts: Mapping[str, LabCount]
    problems: tuple[str, ...] = ()
    """files and lines that cannot be used"""

    def item(self, key: str) -> Item | None:
        """Return the item that an address names; None when there is none."""
        return next((item for item in self.items if item.key == key), None)


@dataclass(frozen=True, slots=True)
class State:
    """A course, and what people have decided about it so far."""

    course: Course
    file: Adjustments
    decided: Mapping[About, str]
    """when each decision that holds was taken, as far as it says so"""

    def is_open(self, item: Item) -> bool:
        """Return whether nobody has decided about it yet."""
        return is_open(item, self.decided)

    def wanted(self, chosen: Filter) -> list[Item]:
        """Return the items that somebody wants to see, open or not as they say."""
        found = self.matching(chosen)
        return found if chosen.state == "all" else [item for item in found if self.is_open(item)]

    def matching(self, chosen: Filter) -> list[Item]:
        """Return the items that somebody wants to see, open or not."""
        names = self.course.names
        return [item for item in self.course.items if chosen.wants(item, names[item.about[0]])]


class Room:
    """The marking room of one folder of results."""

    def __init__(self, settings: Settings) -> None:
        """Read everything once. Raises UsageError where there are no results."""
        self.settings = settings
        self.unwritten = 0
        """decisions that gradebook, feedback and report do not have yet"""
        self._stamp: object = None
        self._course: Course | None = None
        if not self.state().course.results:
            message = "there are no results" + (" of these labs" if settings.labs else "")
            hint = "name the folder that grade --out wrote"
            raise UsageError(message, where=str(settings.out), hint=hint)

    def state(self) -> State:
        """Return what there is now."""
        course = self._read()
        file = read(self.settings.out, course.everything)
        return State(course, file, decided_in(file))

    def decide(self, decision: Decision, when: str, seen: str) -> None:
        """Save a decision. Raises what `decisions.decide` raises; nothing is saved then."""
        decisions.decide(self.settings.out, self._read().everything, decision, when, seen=seen)
        self.unwritten += 1

    def _read(self) -> Course:
        appealed = read_below(self.settings.out, appeals.NAME)
        stamp = (_stamp_of(self.settings.out / store.FOLDER), appealed)
        if self._course is None or stamp != self._stamp:
            self._course, self._stamp = _course(self.settings, appealed), stamp
        return self._course


def _stamp_of(folder: Path) -> tuple[tuple[str, int], ...]:
    """Return what changes with every result that is written: they are moved into their folders."""
    try:
        return tuple(sorted((path.name, path.lstat().st_mtime_ns) for path in folder.iterdir()))
    except OSError:
        return ()


def _course(settings: Settings, appealed: bytes | None) -> Course:
    stored = store.read_all(settings.out)
    wanted = [one for one in stored.results if not settings.labs or one.lab in settings.labs]
    found = appeals.Appeals()
    if appealed is not None:
        where = str(settings.out / appeals.NAME)
        found = appeals.parse(text_of(appealed, appeals.NAME, where), stored.results, where)
    return Course(
        {(one.student, one.lab): one for one in wanted},
        stored.results,
        shown_names(wanted, anonymous=settings.anonymous, seed=settings.seed),
        queue(wanted, found.given, seed=settings.seed, number=settings.number),
        count(wanted),
        (*map(str, stored.problems), *found.problems),
    )


def unsandboxed(results: Sequence[Result]) -> int:
    """Return how many results are of work that ran with the grader's own rights."""
    return sum(1 for result in results if result.sandbox == "none")


def now() -> str:
    """Return the time of day here, as ``2026-11-28 14:30:05``."""
    return datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
