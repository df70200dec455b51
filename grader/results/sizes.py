"""How much a result may hold, so that its file, the report and the feedback stay small.

What students' programs said is cut to `SAID`, `SHOWN` and, all of it together, `ALL_SAID`. Authors' words are
short by themselves; but some of them name what a program said, so they have a bound as well. `unusual` is for
files: it says what no grader would have written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from grader.results.result import Flag, Loss, Result
from utils.brief import cut
from utils.results import CheckResult, ExerciseResult

SAID = 2_000
"""letters of what a check called, of what came back, and of its details"""
SHOWN = 500
"""letters that a loss or a flag shows"""
ALL_SAID = 60_000
"""letters of all those together"""
WORDS = 2_000
"""letters of one text in authors' words"""
ALL_WORDS = 200_000
NUMBER = 500
"""letters of an exercise's number or a check's name"""
STUDENT = 131_072
"""letters of who it is, which are never cut: the longest cell of a roster"""
FACT = 5_000
"""letters of a name, a path or a hash"""
EXERCISES, CHECKS = 50, 50
"""exercises of a lab, and checks of an exercise"""
LOSSES, FLAGS, NOTES = 100, 100, 50
CELLS = 10_000
ATTEMPTS = 1_000
POINTS = 1_000
"""points of a lab; a real one has a few dozen"""
LOOK = 3
"""times as long as what is kept is the part of a text that is looked at"""
EDGE = 400
"""letters of the longest thing that is taken out of a text"""
OLDER = 12
"""times as much as now is what a file may hold: older graders cut later than this one"""

_T = TypeVar("_T")


def bounded(result: Result, tidied: Callable[[str], str] = str) -> Result:
    """Return the result with everything cut that is longer than a result may hold.

    ``tidied`` makes what a program said shorter, or leaves it; no text is given to it that is much longer
    than what is kept. A second time changes nothing. Who it is and which lab stay whole.
    """
    words, said = _Words(), _Said(tidied)
    word, heard = words.take, said.take
    left_out = [*_left_out(result.losses, LOSSES, "losses"), *_left_out(result.flags, FLAGS, "flags")]
    # First, so that there is room for them.
    notes = tuple(map(word, (*left_out, *result.notes)[:NOTES]))

    def check(one: CheckResult) -> CheckResult:
        return replace(
            one,
            exercise=cut(one.exercise, NUMBER),
            check=cut(one.check, NUMBER),
            title=word(one.title),
            message=word(one.message),
            expected=word(one.expected),
            why=word(one.why),
            called=heard(one.called),
            returned=heard(one.returned),
            detail=heard(one.detail),
        )

    def exercise(one: ExerciseResult) -> ExerciseResult:
        checks = tuple(map(check, one.checks[:CHECKS]))
        return replace(one, exercise=cut(one.exercise, NUMBER), title=word(one.title), checks=checks)

    def loss(one: Loss) -> Loss:
        what, do, number = word(one.what), word(one.do), cut(one.exercise, NUMBER)
        return replace(one, what=what, do=do, exercise=number, shown=heard(one.shown, SHOWN))

    def flag(one: Flag) -> Flag:
        return replace(one, kind=word(one.kind), what=word(one.what), shown=heard(one.shown, SHOWN))

    return replace(
        result,
        name=cut(result.name, FACT),
        path=cut(result.path, FACT),
        submission=cut(result.submission, FACT),
        inputs=cut(result.inputs, FACT),
        handed_in=cut(result.handed_in, FACT),
        told_by=cut(result.told_by, FACT),
        title=word(result.title),
        reason=word(result.reason),
        do=word(result.do),
        exercises=tuple(map(exercise, result.exercises[:EXERCISES])),
        losses=tuple(map(loss, result.losses[:LOSSES])),
        flags=tuple(map(flag, result.flags[:FLAGS])),
        notes=notes,
        lacking=tuple(map(word, result.lacking[:NOTES])),
    )


class _Words:
    """Takes in authors' words, as long as there is room."""

    def __init__(self) -> None:
        self._left = ALL_WORDS

    def take(self, text: str) -> str:
        kept = cut(text, min(WORDS, self._left))
        self._left -= len(kept)
        return kept


class _Said:
    """Takes in what a program said, as long as there is room."""

    def __init__(self, tidied: Callable[[str], str]) -> None:
        self._tidied = tidied
        self._left = ALL_SAID
        self._looked_at = LOOK * ALL_SAID
        """letters that may still be tidied"""

    def take(self, text: str, most: int = SAID) -> str:
        most = min(most, self._left)
        head = text[: min(LOOK * most + EDGE, self._looked_at)]
        self._looked_at -= len(head)
        tidy = self._tidied(head)
        if len(head) < len(text):
            # What stands at the cut may be a part of something that would have been taken out.
            tidy = f"{tidy[:-EDGE]}…"
        kept = self._tidied(cut(tidy, most))
        self._left -= len(kept)
        return kept


def _left_out(items: Sequence[object], most: int, what: str) -> Iterator[str]:
    if len(items) > most:
        yield f"{len(items) - most:,} more {what} are left out here."


# What is in a file


def unusual(result: Result) -> str:
    """Return what no grader would have written, with the place where it stands; empty if there is nothing."""
    return next(_unusual(result), "")


def _unusual(result: Result) -> Iterator[str]:
    if len(result.student) > STUDENT or len(result.lab) > STUDENT:
        yield "the name of the student or of the lab has no end"
    if not 0 <= result.attempt <= ATTEMPTS:
        yield "it is an attempt of a number that nobody reaches"
    for name, most in (
        ("exercises", EXERCISES),
        ("losses", OLDER * LOSSES),
        ("flags", OLDER * FLAGS),
        ("notes", OLDER * NOTES),
        ("lacking", OLDER * NOTES),
    ):
        if len(getattr(result, name)) > most:
            yield f"{name} has more than anybody reads"
    for at, exercise in enumerate(result.exercises):
        if len(exercise.checks) > CHECKS:
            yield f"exercises[{at}].checks has more than an exercise has"
        for number, check in enumerate(exercise.checks):
            yield from (f"exercises[{at}].checks[{number}] {what}" for what in _points(check))
    if result.max_points > POINTS:
        yield f"exercises are worth more than {POINTS:,} points"
    cells = (*(loss.cell for loss in result.losses), *(flag.cell for flag in result.flags))
    if not all(0 <= cell <= CELLS for cell in cells):
        yield "a loss or a flag is of a cell that no notebook has"
    if any(len(text) > OLDER * most for text, most in _texts(result)):
        yield "a text is longer than what is kept"
    if sum(len(text) for text, _ in _texts(result)) > OLDER * (ALL_SAID + ALL_WORDS):
        yield "its texts are longer than what is kept"


def _points(check: CheckResult) -> Iterator[str]:
    if check.max_points < 0 or check.points < 0:
        yield "has points below 0"
    if check.points > check.max_points:
        yield "has more points than it is worth"
    if check.status == "passed" and check.points != check.max_points:
        yield "has passed and has not all its points"
    if check.status not in ("passed", "failed") and check.points:
        yield f"has points, but it is {check.status}"


def _texts(result: Result) -> Iterator[tuple[str, int]]:
    """Yield every text but names, and how many letters are kept of it."""
    facts = (result.name, result.path, result.submission, result.inputs, result.handed_in, result.told_by)
    yield from ((text, FACT) for text in facts)
    for text in (result.title, result.reason, result.do, *result.notes, *result.lacking):
        yield text, WORDS
    for exercise in result.exercises:
        yield from ((text, WORDS) for text in (exercise.exercise, exercise.title))
        for check in exercise.checks:
            words = (check.exercise, check.check, check.title, check.message, check.expected, check.why)
            yield from ((text, WORDS) for text in words)
            yield from ((text, SAID) for text in (check.called, check.returned, check.detail))
    for loss in result.losses:
        yield from ((text, WORDS) for text in (loss.what, loss.do, loss.exercise))
        yield loss.shown, SHOWN
    for flag in result.flags:
        yield from ((text, WORDS) for text in (flag.kind, flag.what))
        yield flag.shown, SHOWN
