"""Who is to be looked at, why, and in which order: appeals, flags, near misses, and a sample of the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from grader.results.adjustments import WHOLE_LAB, Adjustments
from grader.results.counts import RAN
from grader.results.result import Result
from grader.results.words import needs_a_look
from grader.review.appeals import Appeal
from utils.results import ExerciseResult

Kind = Literal["appeal", "flag", "edge", "sample"]
KINDS: Mapping[Kind, str] = {
    "appeal": "appeals",
    "flag": "flagged",
    "edge": "near the edge",
    "sample": "sample",
}
"""in the order in which they are worked through, with their words"""

EDGE = 0.5
"""share of its points from which an exercise that did not pass is near the edge"""
SAMPLE = 10
"""looks of the sample"""

About = tuple[str, str, str]
"""student, lab and exercise"""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that can be looked at: an exercise of one student's, or the whole lab."""

    about: About
    key: str
    """stands for it in addresses; says nothing"""
    kinds: tuple[Kind, ...] = ()
    """why it should be looked at; empty where nothing asks for it"""
    appeal: Appeal | None = None
    share: float = 0.0
    """of its points that its checks gave"""
    mistakes: frozenset[str] = frozenset()
    """what its checks said, as `mistake_key` has it"""


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the queue is wanted; an empty text wants everything."""

    kind: str = ""
    """one of `KINDS`; ``every`` also has what nothing asks for"""
    lab: str = ""
    exercise: str = ""
    mistake: str = ""
    find: str = ""
    """a part of the name that is shown"""
    state: Literal["open", "all"] = "open"

    def wants(self, item: Item, name: str) -> bool:
        """Return whether an item is wanted, open or not."""
        _, lab, exercise = item.about
        # Who looks for a name or a mistake wants whatever there is of it.
        asked_for = bool(item.kinds) or self.kind == "every" or bool(self.mistake or self.find)
        return (
            (self.kind in item.kinds if self.kind in KINDS else asked_for)
            and self.lab in ("", lab)
            and self.exercise in ("", exercise)
            and (not self.mistake or self.mistake in item.mistakes)
            and self.find.casefold() in name.casefold()
        )


def queue(
    results: Sequence[Result], appeals: Iterable[Appeal], *, seed: str, number: int = SAMPLE
) -> tuple[Item, ...]:
    """Return everything that can be looked at, in the order in which it is worked through.

    The sample of ``number`` follows from the seed: a student more changes one look of it at most.
    """
    appealed = {(one.student, one.lab, one.exercise): one for one in appeals}
    items = [item for result in results for item in _items(result, appealed, seed)]
    plain = [item for item in items if not item.kinds and item.about[2] != WHOLE_LAB]
    chosen = {item.key for item in sorted(plain, key=lambda item: item.key)[:number]}
    items = [
        item
        if item.key not in chosen
        else Item(item.about, item.key, ("sample",), None, item.share, item.mistakes)
        for item in items
    ]
    return tuple(sorted(items, key=_turn))


def decided_in(file: Adjustments) -> Mapping[About, str]:
    """Return when each decision that holds was taken, as far as the file says so."""
    return {(one.student, one.lab, one.exercise): one.when for one in file.given}


def is_open(item: Item, decided: Mapping[About, str]) -> bool:
    """Return whether nobody has decided about it yet, or only before a student objected."""
    when = decided.get(item.about)
    return when is None or bool(item.appeal and item.appeal.when and when < item.appeal.when)


def mistake_key(lab: str, exercise: str, check: str, message: str) -> str:
    """Return what stands for a check's message in addresses."""
    return _hash("mistake", lab, exercise, check, message)[:12]


def _items(result: Result, appealed: Mapping[About, Appeal], seed: str) -> Iterator[Item]:
    whole = (result.student, result.lab, WHOLE_LAB)
    if result.status == "missing" and not any(about[:2] == whole[:2] for about in appealed):
        return
    kinds: list[Kind] = ["appeal"] if whole in appealed else []
    kinds += ["flag"] if needs_a_look(result) else []
    yield _item(whole, kinds, appealed, _share(result.points, result.max_points), (), seed)
    for exercise in result.exercises:
        about = (result.student, result.lab, exercise.exercise)
        kinds = ["appeal"] if about in appealed else []
        share = _share(exercise.points, exercise.max_points)
        kinds += ["edge"] if result.status in RAN and not exercise.passed and share >= EDGE else []
        yield _item(about, kinds, appealed, share, _said(result.lab, exercise), seed)


def _item(
    about: About,
    kinds: Sequence[Kind],
    appealed: Mapping[About, Appeal],
    share: float,
    mistakes: Iterable[str],
    seed: str,
) -> Item:
    key = _hash("look", seed, *about)[:20]
    return Item(about, key, tuple(kinds), appealed.get(about), share, frozenset(mistakes))


def _said(lab: str, exercise: ExerciseResult) -> Iterator[str]:
    for check in exercise.checks:
        if check.status not in ("passed", "not begun", "not run") and check.message:
            yield mistake_key(lab, exercise.exercise, check.check, check.message[:1_000])


def _share(points: float, most: float) -> float:
    return points / most if most > 0 else 0.0


def _turn(item: Item) -> tuple[object, ...]:
    _, lab, exercise = item.about
    rank = list(KINDS).index(item.kinds[0]) if item.kinds else len(KINDS)
    # One exercise after the other, the nearest misses first; people in an order that says nothing.
    return rank, lab, exercise != WHOLE_LAB, exercise, -item.share if rank == 2 else 0, item.key


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
