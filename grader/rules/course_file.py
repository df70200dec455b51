"""``OUT/course.toml``: the rules of a course, read and checked. The file is the instructor's.

It lies beside the results, as adjustments.csv does, because what makes grades out of them must not depend on
what somebody types. Each mistake is a sentence with the path of its key and what to write instead.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from grader.errors import UsageError
from grader.results.files import read_below
from grader.submissions.patterns import folded
from grader.submissions.safe_text import for_terminal
from grader.tables import text_of
from utils.checks.registry import LAB_NAME

NAME = "course.toml"
SHOWN = 10
"""mistakes that are told at a time"""

_DURATION = re.compile(r"(\d{1,4}) ?(min|h|d)")
_UNITS = {"min": 60, "h": 3_600, "d": 86_400}


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError and no sentence
        raise ValueError("no zone") from error
    except KeyError as error:
        raise ValueError("no zone") from error
    return name


def _moment(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        raise ValueError("a day without a time")
    if not isinstance(value, datetime):
        raise ValueError("no time")
    return value


def _duration(value: object) -> object:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("no duration")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


Moment = Annotated[datetime, BeforeValidator(_moment)]
"""written without an offset, it is of the course's time zone"""
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Percent = Annotated[float, Field(ge=0, le=100)]
Name = Annotated[str, Field(min_length=1)]
Counts = Literal["last", "best", "first", "last before due"]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Late(_Table):
    """What late work costs."""

    per: Literal["day", "hour"] = "day"
    """each that has begun costs"""
    off: Percent
    """percent of what the work earned"""
    most: Percent = 100.0
    """percent that it costs at most"""


class LabRules(_Table):
    """The rules of one lab."""

    due: Moment | None = None
    grace: Duration = timedelta()
    """within it late work costs nothing; beyond it, the time is counted from the due date"""
    last: Moment | None = None
    """what comes after it counts 0"""
    late: Late | None = None
    marked_late_days: Annotated[int, Field(ge=0, le=365)] = 0
    """days that a file counts as late which a platform only marks as late, and no time is known of"""
    counts: Counts = "last"
    weight: Annotated[float, Field(ge=0)] = 1.0
    missing: Literal["empty", "zero"] = "empty"
    """what counts where nothing was handed in"""


class Group(_Table):
    """People of whom one hand-in counts for all."""

    name: Name
    members: Annotated[list[Name], Field(min_length=1)]
    labs: list[Name] = []
    """empty for all"""


class Extension(_Table):
    """More time for one person or group."""

    student: str = ""
    group: str = ""
    lab: str = ""
    """empty for all"""
    until: Moment | None = None
    days: Annotated[int, Field(ge=1, le=365)] | None = None
    reason: str = ""
    """for the instructor: no student and no platform sees it"""


class Drop(_Table):
    """Labs that do not count into the total."""

    lowest: Annotated[int, Field(ge=0)] = 0


class CourseRules(_Table):
    """The whole file."""

    timezone: Annotated[str, AfterValidator(_zone)]
    every_lab: LabRules = LabRules()
    labs: dict[str, LabRules] = {}
    group: list[Group] = []
    extension: list[Extension] = []
    drop: Drop = Drop()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def lab(self, name: str) -> LabRules:
        """Return the rules of a lab: its own, and for the rest those of every lab."""
        own = self.labs.get(name, LabRules())
        return self.every_lab.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})

    def group_of(self, student: str, lab: str) -> Group | None:
        """Return the group in which somebody does a lab."""
        for group in self.group:
            if lab in (group.labs or [lab]) and student in group.members:
                return group
        return None


def read(out: Path) -> CourseRules | None:
    """Return the rules beside the results; ``None`` when there is no such file. Raises UsageError."""
    data = read_below(out, NAME)
    return None if data is None else parse(text_of(data, NAME, str(out / NAME)), str(out / NAME))


def parse(text: str, where: str = NAME) -> CourseRules:
    """Return the rules of a file's text. All that is wrong with it is one UsageError."""
    hint = "grader rules says what a class gets by a file; docs/grading.md has every key"
    try:
        plain = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        said = str(error)[:1].lower() + str(error)[1:]
        raise UsageError(f"the rules are not TOML: {said}", where=where, hint=hint) from error
    try:
        rules = CourseRules.model_validate(plain)
    except ValidationError as error:
        mistakes = [_mistake(one) for one in error.errors(include_url=False, include_context=False)]
    else:
        mistakes = list(_at_odds(rules))
        if not mistakes:
            return rules
    more = f"\n  and {len(mistakes) - SHOWN} more" if len(mistakes) > SHOWN else ""
    raise UsageError(
        "the rules cannot be used:\n  " + "\n  ".join(mistakes[:SHOWN]) + more, where=where, hint=hint
    )


_WRITE: Mapping[str, str] = {
    "timezone": 'write the name of a zone, such as timezone = "Europe/Berlin"',
    "due": "write a day and a time without quotes, such as 2026-11-03T23:59:00",
    "last": "write a day and a time without quotes, such as 2026-11-10T23:59:00",
    "until": "write a day and a time without quotes, such as 2026-11-05T23:59:00",
    "grace": 'write "15 min", "2 h" or "1 d"',
    "late": 'write { per = "day", off = 10, most = 50 }',
    "per": 'write "day" or "hour"',
    "off": "write percent between 0 and 100, such as 10",
    "most": "write percent between 0 and 100, such as 50",
    "marked_late_days": "write a whole number of days, such as 1",
    "counts": 'write "last", "best", "first" or "last before due"',
    "weight": "write a number that is 0 or more, such as 2",
    "missing": 'write "empty" or "zero"',
    "name": 'write a name in quotes, such as "Team 1"',
    "members": 'write ids as gradebook.csv has them, such as ["ada", "bob"]',
    "days": "write a whole number of days, such as 2",
    "student": "write an id as gradebook.csv has it, in quotes",
    "group": 'write [[group]] with name = "Team 1" and members = ["ada", "bob"]',
    "extension": "write [[extension]] with student or group, and with until or days",
    "lab": 'write the name of a lab in quotes, such as "01_persistence"',
    "labs": 'write tables such as [labs.01_persistence]; for a group a list such as ["01_persistence"]',
    "reason": "write a text in quotes",
    "lowest": "write a whole number, such as 1",
    "drop": "write { lowest = 1 }",
    "every_lab": "write a table [every_lab] with the keys of a lab",
}


def _mistake(error: Mapping[str, Any]) -> str:
    place = [step for step in error["loc"] if not _is_inner(step)]
    path, key = _path(place), next((str(step) for step in reversed(place) if isinstance(step, str)), "")
    if error["type"] == "extra_forbidden":
        return f"{path}: there is no such key; {_instead(place)}"
    if error["type"] == "missing":
        return f"{path} is missing; {_WRITE.get(key, 'write it')}"
    given = error["input"]
    shown = str(given) if isinstance(given, date) else for_terminal(repr(given), 60)
    what = "is a day without a time" if type(given) is date else "cannot be used"
    return f"{path}: {shown} {what}; {_WRITE.get(key, 'write a table')}"


def _is_inner(step: object) -> bool:
    """Return whether a step of a place is pydantic's own and not a key of the file."""
    return isinstance(step, str) and "[" in step


def _path(place: Sequence[str | int]) -> str:
    path = ""
    for step in place:
        path += f"[{step + 1}]" if isinstance(step, int) else f".{for_terminal(step, 40)}"
    return path.removeprefix(".") or "the file"


def _instead(place: Sequence[str | int]) -> str:
    names = [step for step in place[:-1] if isinstance(step, str)]
    model: type[BaseModel] = CourseRules
    if names:
        at: dict[str, type[BaseModel]] = {
            "labs": LabRules,
            "every_lab": LabRules,
            "group": Group,
            "extension": Extension,
            "drop": Drop,
        }
        model = Late if names[-1] == "late" else at.get(names[0], CourseRules)
    keys = list(model.model_fields)
    near = difflib.get_close_matches(str(place[-1]), keys, 1)
    return f"write {near[0]}" if near else f"the keys here are {', '.join(keys)}"


_TABLES: Mapping[str, type[BaseModel]] = {
    "labs": LabRules,
    "every_lab": LabRules,
    "group": Group,
    "extension": Extension,
    "drop": Drop,
}


def _at_odds(rules: CourseRules) -> Iterator[str]:
    """Yield what is well written and cannot be meant."""
    for lab in rules.labs:
        if not LAB_NAME.fullmatch(lab):
            path = f"labs.{for_terminal(lab, 40)}"
            yield f"{path}: this is not the name of a lab; write one such as labs.01_persistence"
    for name, own in rules.labs.items():
        yield from _dates_at_odds(f"labs.{name}", rules.lab(name), own.model_fields_set, rules.zone)
    names = [group.name for group in rules.group]
    for number, group in enumerate(rules.group, 1):
        if names.index(group.name) != number - 1:
            yield f"group[{number}].name: {group.name} is taken; give each group a name of its own"
        yield from _members_at_odds(rules, number, group)
    for number, one in enumerate(rules.extension, 1):
        path = f"extension[{number}]"
        if bool(one.student) == bool(one.group):
            yield f"{path}: it is for one person or one group; write student or group, and not both"
        if (one.until is None) == (one.days is None):
            yield f"{path}: it has one end; write until or days, and not both"
        if one.group and one.group not in names:
            yield f"{path}.group: there is no group {for_terminal(one.group, 40)}; {_near(one.group, names)}"


def _dates_at_odds(path: str, rules: LabRules, own: Collection[str], zone: ZoneInfo) -> Iterator[str]:
    if rules.due is None:
        for key, needs in (("late", rules.late is not None), ("counts", rules.counts == "last before due")):
            if needs and key in own:  # what holds for every lab may wait for the date of this one
                yield f"{path}.{key}: it needs a due date; write {path}.due"
    elif rules.last is not None and moment(rules.last, zone) < moment(rules.due, zone):
        yield f"{path}.last: it is before the due date; write a later time, or leave it out"


def _members_at_odds(rules: CourseRules, number: int, group: Group) -> Iterator[str]:
    for member in group.members:
        if list(map(folded, group.members)).count(folded(member)) > 1:
            yield f"group[{number}].members: {for_terminal(member, 40)} stands there twice; write each once"
            return
        for other in rules.group[: number - 1]:
            shared = not group.labs or not other.labs or set(group.labs) & set(other.labs)
            if shared and folded(member) in map(folded, other.members):
                yield (
                    f"group[{number}].members: {for_terminal(member, 40)} is in {other.name} already; "
                    "write each person into one group, or say with labs which group is for which lab"
                )


def _near(text: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(text, names, 1)
    return f"write {near[0]}" if near else f"the groups are {', '.join(names) or 'none'}"


def moment(at: datetime, zone: ZoneInfo) -> datetime:
    """Return a time with its zone: the course's where none was written."""
    return at if at.tzinfo else at.replace(tzinfo=zone)
