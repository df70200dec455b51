"""One exercise of one student's, with all that a person needs to decide about it. Data only."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.results import decisions
from grader.results.adjustments import WHOLE_LAB, Adjustment, Score, adjusted
from grader.results.result import Flag, Loss, Result
from grader.review.handed_in import HandedIn, handed_in
from grader.review.queue import KINDS, Filter, Item, mistake_key
from grader.review.room import Room, State
from utils.results import CheckResult, ExerciseResult

MISTAKES = 5
"""of an exercise that are shown"""
COMMENTS = 6
"""comments given before that can be taken again"""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What a check said to several people."""

    key: str
    lab: str
    exercise: str
    title: str
    message: str
    times: int
    asked: int
    """how often the check ran"""
    here: bool = False
    """whether it is this student's, too"""


@dataclass(frozen=True, slots=True)
class Look:
    """What is shown of one item."""

    item: Item
    name: str
    """of the student, as it is shown"""
    result: Result
    why: tuple[str, ...]
    exercise: ExerciseResult | None
    """None for the whole lab"""
    scores: tuple[Score, ...]
    """of all exercises of the lab, as they are now"""
    points: float | None
    """as they are now; None while nobody has given any"""
    checks_points: float
    max_points: float
    checks: tuple[CheckResult, ...]
    """those that did not pass, then the others"""
    flags: tuple[Flag, ...]
    losses: tuple[Loss, ...]
    cells: HandedIn
    mistakes: tuple[Mistake, ...]
    comments: tuple[str, ...]
    """given before for this exercise, the most frequent first"""
    history: tuple[Adjustment, ...]
    current: Adjustment | None
    version: str
    place: int
    """among those that were asked for, from 1; 0 where it is none of them"""
    places: int
    before: str
    """the key of the one before; empty at the beginning"""
    after: str
    show: str
    """the command that asks again and shows everything; empty for anonymous students"""


def look_at(room: Room, state: State, item: Item, chosen: Filter) -> Look:
    """Return everything about one item; where it stands follows from what was asked for."""
    student, lab, number = item.about
    course = state.course
    result = course.results[student, lab]
    final = adjusted(result, state.file.given)
    score = next((one for one in final.exercises if one.exercise.exercise == number), None)
    exercise = score.exercise if score else None
    places = _places(state, item, chosen)
    return Look(
        item,
        course.names[student],
        result,
        tuple(KINDS[kind] for kind in item.kinds),
        exercise,
        final.exercises,
        score.points if score else final.points,
        exercise.points if exercise else result.points,
        exercise.max_points if exercise else result.max_points,
        _checks(result, exercise),
        result.flags,
        tuple(loss for loss in result.losses if exercise is None or loss.exercise in ("", number)),
        handed_in(room.settings.submissions, result, number),
        tuple(mistakes(state, lab, number, item))[:MISTAKES],
        _comments(state, lab, number),
        decisions.lines_about(state.file, item.about),
        decisions.current(state.file, item.about),
        decisions.version(state.file, item.about),
        places.index(item.key) + 1 if item.key in places else 0,
        len(places),
        _beside(places, item, -1),
        _beside(places, item, 1),
        "" if room.settings.anonymous else _show(room, result, number),
    )


def neighbour(state: State, item: Item, chosen: Filter, step: int) -> str:
    """Return the key of the next item in one direction, also where the item itself is done meanwhile."""
    return _beside(_places(state, item, chosen), item, step)


def _places(state: State, item: Item, chosen: Filter) -> list[str]:
    """Return the keys of what is wanted, in order, and of the item itself where it is done meanwhile."""
    return [
        one.key
        for one in state.matching(chosen)
        if one.key == item.key or chosen.state == "all" or state.is_open(one)
    ]


def _beside(places: Sequence[str], item: Item, step: int) -> str:
    """Return the key one step on or back; of an item that is none of them, the first one is the next."""
    if item.key not in places:
        return places[0] if places and step > 0 else ""
    at = places.index(item.key) + step
    return places[at] if 0 <= at < len(places) else ""


def mistakes(state: State, lab: str, exercise: str, item: Item | None = None) -> Iterator[Mistake]:
    """Yield what checks said most, of one exercise or of a whole lab; an item's own come first."""
    counted = state.course.counts.get(lab)
    exercises = counted.exercises.items() if counted else ()
    found = [
        Mistake(
            key, lab, number, check.title, message, times, check.asked, bool(item and key in item.mistakes)
        )
        for number, one in exercises
        if exercise in (number, WHOLE_LAB, "")
        for name, check in one.checks.items()
        for message, times in check.messages.items()
        for key in [mistake_key(lab, number, name, message)]
    ]
    yield from sorted(found, key=lambda one: (not one.here, -one.times, one.exercise, one.title, one.message))


def _checks(result: Result, exercise: ExerciseResult | None) -> tuple[CheckResult, ...]:
    """Return an exercise's checks, what did not pass first; of a whole lab only what did not."""
    if exercise is None:
        every = [check for one in result.exercises for check in one.checks]
        return tuple(check for check in every if check.status not in ("passed", "not run"))
    return tuple(sorted(exercise.checks, key=lambda check: check.status == "passed"))


def _comments(state: State, lab: str, exercise: str) -> tuple[str, ...]:
    said = Counter(
        one.comment for one in state.file.given if one.comment and (one.lab, one.exercise) == (lab, exercise)
    )
    return tuple(text for text, _ in said.most_common(COMMENTS))


def _show(room: Room, result: Result, exercise: str) -> str:
    where = str(room.settings.submissions or "SUBMISSIONS")
    only = [] if exercise == WHOLE_LAB else ["--exercise", exercise]
    words = ["grader", "grade", where, "--out", str(room.settings.out), "--lab", result.lab]
    return shlex.join([*words, "--student", result.student, *only, "--show"])
