"""Lists of students as platforms export them: which column says what.

Canvas's gradebook (``lib/gradebook_exporter.rb``), Moodle's grading worksheet and list of participants,
Gradescope's roster, nbgrader's students, and a list of one's own. Titles are compared without capitals, and
with spaces for underscores and hyphens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.submissions.times import said_by_moodle

_IDS = ("student id", "identifier", "id", "sid", "id number", "username", "user name", "login id")
"""titles of the column that names a student, the surest first"""
_OTHER_IDS = (*_IDS, "sis user id", "sis login id", "integration id", "lms user id", "student number")
_NAMES = ("name", "student", "full name", "display name", "student name")
_GIVEN = ("first name", "given name", "given names", "first")
_FAMILY = ("last name", "family name", "surname", "last")
_EMAILS = ("email", "email address", "e mail", "e mail address", "mail")
_HANDED_IN = ("last modified (submission)",)
_CANVAS = frozenset({"student", "id", "section"})
_NOBODY = frozenset({"points possible", "student, test", "test student"})
"""rows of Canvas's gradebook that are no student"""
_PARTICIPANT = re.compile(r"[^\d]{0,40}([0-9]{1,19})")
_APART = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a list of students says what: positions in its rows."""

    id: int
    others: tuple[int, ...]
    """further columns that name a student: numbers, logins"""
    name: int | None
    given: int | None
    family: int | None
    email: int | None
    canvas: bool
    """whether it is Canvas's gradebook, which has rows that are no students"""
    moodle: bool
    """whether it is Moodle's worksheet, which writes ``Participant 4411``"""
    handed_in: int | None = None
    """when something was handed in, which Moodle's worksheet has for its one assignment"""


@dataclass(frozen=True, slots=True)
class Person:
    """What one row says of a student."""

    id: str
    name: str
    email: str
    known_as: tuple[str, ...]
    """further ids"""
    handed_in: str = ""
    """when, in ISO 8601; empty where the list does not say"""


def columns_of(titles: Sequence[str]) -> Columns | None:
    """Return where a list says what; ``None`` when no column, or more than one of a kind, names students."""
    plain = [_APART.sub(" ", title.strip().casefold()) for title in titles]
    named = next((title for title in _IDS if title in plain), None)
    email = _first(plain, _EMAILS)
    if named is None and email is None:
        return None
    at = plain.index(named) if named is not None else email
    assert at is not None
    if plain.count(plain[at]) > 1:
        return None
    others = tuple(i for i, title in enumerate(plain) if title in _OTHER_IDS and i != at)
    return Columns(
        at,
        others,
        _first(plain, _NAMES),
        _first(plain, _GIVEN),
        _first(plain, _FAMILY),
        email,
        canvas=set(plain) >= _CANVAS,
        moodle=named == "identifier",
        handed_in=_first(plain, _HANDED_IN),
    )


def person_of(columns: Columns, cells: Sequence[str]) -> Person | None:
    """Return what a row says; ``None`` for a row of Canvas's that is no student."""
    cell = dict(enumerate(text.strip() for text in cells))
    name = _at(cell, columns.name) or " ".join(
        filter(None, (_at(cell, columns.given), _at(cell, columns.family)))
    )
    named = _at(cell, columns.id)
    if columns.canvas and (name.casefold() in _NOBODY or not (name or named)):
        return None
    if columns.moodle and (number := _PARTICIPANT.fullmatch(named)):
        named = number[1]
    others = tuple(other for i in columns.others if (other := _at(cell, i)))
    at = said_by_moodle(_at(cell, columns.handed_in))
    return Person(named or next(iter(others), ""), name, _at(cell, columns.email), others, at)


def _at(cell: Mapping[int, str], column: int | None) -> str:
    return "" if column is None else cell.get(column, "")


def _first(titles: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((titles.index(title) for title in wanted if title in titles), None)
