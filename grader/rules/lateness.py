"""How late something came, and what that costs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from grader.results.result import Result
from grader.rules.course_file import CourseRules, Extension, LabRules, moment
from grader.submissions.patterns import canvas
from utils.views.plain import plural
from utils.views.words import number

MARKED = "The platform marks it as late; by how much is not known"
_SECONDS = {"day": 86_400, "hour": 3_600}


@dataclass(frozen=True, slots=True)
class Deadline:
    """What holds for one person and lab."""

    due: datetime | None
    last: datetime | None
    """what comes later counts 0"""
    said: tuple[str, ...] = ()
    """the extension, in a sentence"""


@dataclass(frozen=True, slots=True)
class Timing:
    """What the rules on time make of one hand-in."""

    at: datetime | None
    """when it came; None where that is not known"""
    percent: float = 0.0
    """what is taken off"""
    in_time: bool | None = None
    """whether it came by the due date, grace and extension included; None where nobody knows"""
    too_late: bool = False
    """whether it came after the last date"""
    said: tuple[str, ...] = ()


def deadline(rules: CourseRules, student: str, lab: str) -> Deadline:
    """Return a person's dates for a lab; of several extensions the longest holds."""
    own = rules.lab(lab)
    zone = rules.zone
    due = None if own.due is None else moment(own.due, zone)
    last = None if own.last is None else moment(own.last, zone)
    if due is None:
        return Deadline(None, last)
    latest = max((_until(one, due, rules) for one in _extensions(rules, student, lab)), default=due, key=_utc)
    if _utc(latest) <= _utc(due):
        return Deadline(due, last)
    more = _utc(latest) - _utc(due)
    said = f"Due later by an extension: {shown(latest, rules)} instead of {shown(due, rules)}."
    return Deadline(latest, None if last is None else last + more, (said,))


def timing(result: Result, student: str, rules: CourseRules) -> Timing:
    """Return what the rules on time make of a hand-in that counts for a student."""
    own, dates = rules.lab(result.lab), deadline(rules, student, result.lab)
    at = came(result, rules)
    if result.status == "missing" or (dates.due is None and dates.last is None):
        return Timing(at)
    if at is None:
        return _not_known(result, own, dates)
    if dates.last is not None and _utc(at) > _utc(dates.last):
        said = f"It came at {shown(at, rules)}, after the last date, {shown(dates.last, rules)}: it counts 0."
        return Timing(at, 100.0, in_time=False, too_late=True, said=(*dates.said, said))
    if dates.due is None:
        return Timing(at)
    late = _utc(at) - _utc(dates.due)
    if late <= timedelta():
        return Timing(at, in_time=True, said=dates.said)
    if late <= own.grace:
        return Timing(
            at, in_time=True, said=(*dates.said, "It is late within the time of grace: nothing is off.")
        )
    return Timing(
        at, *_cost(own, late, f"came {shown(at, rules)}, due {shown(dates.due, rules)}", dates.said)
    )


def came(result: Result, rules: CourseRules) -> datetime | None:
    """Return when something was handed in; ``None`` where nothing says it."""
    try:
        return moment(datetime.fromisoformat(result.handed_in), rules.zone)
    except ValueError:
        return None


def shown(at: datetime, rules: CourseRules) -> str:
    """Return a time as people of the course read it: in its zone, to the minute."""
    return f"{at.astimezone(rules.zone):%Y-%m-%d %H:%M}"


def _cost(
    own: LabRules, late: timedelta, when: str, before: tuple[str, ...]
) -> tuple[float, bool, bool, tuple[str, ...]]:
    unit = "day" if own.late is None else own.late.per
    begun = math.ceil(late.total_seconds() / _SECONDS[unit])
    percent, what = _percent(own, begun)
    return percent, False, False, (*before, f"{plural(begun, unit)} late ({when}): {what}.")


def _percent(own: LabRules, begun: int) -> tuple[float, str]:
    if own.late is None or not own.late.off:
        return 0.0, "nothing is off"
    percent = min(begun * own.late.off, own.late.most)
    most = ", the most there is" if begun * own.late.off > own.late.most else ""
    return percent, f"{number(percent)} % off{most}"


def _not_known(result: Result, own: LabRules, dates: Deadline) -> Timing:
    if result.late and dates.said:
        # A platform's mark is by the platform's own date: who has more time may have been within it.
        return Timing(None, said=(*dates.said, f"{MARKED}: nothing is off."))
    if result.late:
        if own.late is None or not own.marked_late_days:
            return Timing(
                None, said=("The platform marks it as late; by how much is not known: nothing is off.",)
            )
        days = own.marked_late_days
        percent, what = _percent(own, days if own.late.per == "day" else 24 * days)
        said = f"It counts as {plural(days, 'day')} late: {what}."
        return Timing(None, percent, in_time=False, said=(f"{MARKED}.", said))
    if any(canvas(part) for part in result.path.split("/")):
        return Timing(
            None, in_time=True, said=("When it came is not known; Canvas does not mark it as late.",)
        )
    return Timing(None, said=("When it came is not known, so no rule on time was applied.",))


def _extensions(rules: CourseRules, student: str, lab: str) -> Iterator[Extension]:
    group = rules.group_of(student, lab)
    for one in rules.extension:
        of_group = group is not None and one.group == group.name
        own = one.student == student if one.student else of_group
        if own and one.lab in ("", lab):
            yield one


def _until(one: Extension, due: datetime, rules: CourseRules) -> datetime:
    return due + timedelta(days=one.days or 0) if one.until is None else moment(one.until, rules.zone)


def _utc(at: datetime) -> datetime:
    # Between two times of one zone Python counts what clocks on the wall show, also where they are changed.
    return at.astimezone(UTC)
