"""Who is expected: a list of the course, and how it is matched with what was handed in."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from grader.errors import UsageError
from grader.submissions.columns import Columns, columns_of, person_of
from grader.submissions.layout import Found
from grader.submissions.patterns import folded
from grader.submissions.person_names import in_any_order, letters, turned, without_accents
from grader.submissions.safe_text import for_terminal
from grader.submissions.submission import MIB
from grader.submissions.times import MOODLE
from grader.tables import Row, read_text, rows_of

MOST = 5 * MIB
SHOWN = 5
"""problems that are named; the rest is counted"""

_K = TypeVar("_K")
_V = TypeVar("_V")

HINT = (
    "give the list that Canvas, Moodle, Gradescope or nbgrader exports, or a CSV in UTF-8 with the columns "
    "student_id, name and email; only the first is needed"
)


@dataclass(frozen=True, slots=True)
class Student:
    """One row of the roster."""

    id: str
    name: str = ""
    email: str = ""
    line: int = 0
    """in the file, from 1"""
    known_as: tuple[str, ...] = ()
    """further ids that the list has: a platform's number, a login"""
    handed_in: str = ""
    """when something was handed in, in ISO 8601, where the list is of one assignment and says so"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One person and one lab: what is expected, what came, or both."""

    student: str
    """the roster's id; a stranger's own"""
    lab: str
    status: Literal["handed in", "missing", "stranger"]
    """`stranger`: handed in by someone who is not on the roster; graded all the same"""
    name: str = ""
    email: str = ""
    found: Found | None = None
    """None when missing"""
    known_by: str = ""
    """``id``, ``email`` or ``name``: by what the submission was found to be this student's"""


def read_roster(path: Path) -> tuple[Student, ...]:
    """Return the students in the order of the file. What is wrong with it is one UsageError with lines."""
    text = read_text(path, "the roster", "--roster", MOST, HINT)
    rows = list(rows_of(text))
    if not rows:
        raise UsageError("the roster is empty", where=str(path), hint=HINT)
    head, *body = rows
    if head.problem:
        message = f"the roster cannot be used: line {head.line}: {head.problem}"
        raise UsageError(message, where=str(path), hint=HINT)
    columns = columns_of(head.cells)
    if columns is None:
        shown = ", ".join(for_terminal(cell, 30) for cell in head.cells[:10])
        message = f"the roster needs one column that names students, such as student_id; it has: {shown}"
        raise UsageError(message, where=str(path), hint=HINT)
    students: list[Student] = []
    problems = [*_problems(body, columns, len(head.cells), students)]
    if problems:
        more = f"\n  and {len(problems) - SHOWN:,} more" if len(problems) > SHOWN else ""
        message = "the roster cannot be used:\n  " + "\n  ".join(problems[:SHOWN]) + more
        raise UsageError(message, where=str(path), hint="correct these lines")
    return tuple(students)


def _problems(rows: Iterable[Row], columns: Columns, width: int, students: list[Student]) -> Iterator[str]:
    """Fill the students; yield what is wrong with the rows."""
    seen: dict[str, int] = {}
    for row in rows:
        line = row.line
        if row.problem:
            yield f"line {line}: {row.problem}"
            continue
        if len(row.cells) > width:
            what = f"{len(row.cells)} cells under {width} columns"
            yield f"line {line}: {what}; a name with a comma in it needs quotes"
            continue
        person = person_of(columns, [_composed(cell) for cell in row.cells])
        if person is None:
            continue
        if not person.id:
            yield f"line {line}: no student_id"
        elif person.id in seen:
            yield f"line {line}: {for_terminal(person.id, 60)} is already in line {seen[person.id]}"
        else:
            seen[person.id] = line
            students.append(
                Student(person.id, person.name, person.email, line, person.known_as, person.handed_in)
            )


# Matching


def join(roster: Sequence[Student], found: Sequence[Found], labs: Sequence[str]) -> tuple[Entry, ...]:
    """Return one entry for each student and lab, and one for each thing that a stranger handed in.

    Who handed in is known by the id, else by the address, else by the name that a platform wrote; each
    only where one student and one submission fit each other and nothing else does. The order is that of
    the roster, then that of the strangers.
    """
    known = _matched(roster, found)
    taken = {one for one, _ in known.values()}
    entries = [
        _entry(student, lab, *known.get((student.id, lab), (None, ""))) for student in roster for lab in labs
    ]
    if len(labs) == 1:  # a list with times is of one assignment
        entries = [_dated(entry, student) for entry, student in zip(entries, roster, strict=True)]
    strangers = [one for one in found if one not in taken]
    return (*entries, *(Entry(one.student, one.lab, "stranger", one.name, found=one) for one in strangers))


def _entry(student: Student, lab: str, found: Found | None, way: str) -> Entry:
    status: Literal["handed in", "missing"] = "handed in" if found else "missing"
    return Entry(student.id, lab, status, student.name, student.email, found, way)


def _dated(entry: Entry, student: Student) -> Entry:
    if entry.found is None or entry.found.handed_in or not student.handed_in:
        return entry
    return replace(entry, found=replace(entry.found, handed_in=student.handed_in, told_by=MOODLE))


def _matched(roster: Sequence[Student], found: Sequence[Found]) -> dict[tuple[str, str], tuple[Found, str]]:
    """Return what fits each student and lab, and by which way it was known; the surest way goes first."""
    known: dict[tuple[str, str], tuple[Found, str]] = {}
    left = list(found)
    for way, of_student, of_found in _WAYS:
        students = _unique((key, student.id) for student in roster for key in of_student(student))
        claims = [
            ((student, one.lab), one)
            for one in left
            for student in {students[key] for key in of_found(one) if key in students}
            if (student, one.lab) not in known
        ]
        for place, one in _unique(claims).items():
            known[place] = one, way
        taken = {one for one, _ in known.values()}
        left = [one for one in left if one not in taken]
    return known


def _unique(pairs: Iterable[tuple[_K, _V]]) -> dict[_K, _V]:
    """Return the pairs whose key occurs with one value only."""
    values: dict[_K, set[_V]] = defaultdict(set)
    for key, value in pairs:
        values[key].add(value)
    return {key: next(iter(found)) for key, found in values.items() if len(found) == 1}


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _ids(student: Student) -> set[str]:
    return {folded(name) for name in student.known_as}


def _login(student: Student) -> set[str]:
    """Return what stands before the @ of an address: platforms make logins of it."""
    return {folded(student.email).partition("@")[0]} - {""}


def _named(names: Callable[[str], set[str]]) -> Callable[[Student], set[str]]:
    return lambda student: names(student.name)


def _written(names: Callable[[str], set[str]]) -> Callable[[Found], set[str]]:
    """Return how a platform, or where none did a folder, names who handed in."""
    return lambda one: names(one.name or one.student)


def _together(name: str) -> set[str]:
    return {letters(name)} - {""}


_WAYS: tuple[tuple[str, Callable[[Student], set[str]], Callable[[Found], set[str]]], ...] = (
    ("id", lambda student: {student.id}, lambda one: {one.student}),
    ("id", lambda student: {student.id}, lambda one: {_composed(one.student)}),
    ("id", lambda student: {folded(student.id)}, lambda one: {folded(one.student)}),
    ("id", _ids, lambda one: {folded(one.student)}),
    ("email", lambda student: {folded(student.email)} - {""}, lambda one: {folded(one.student)}),
    ("email", _login, lambda one: {folded(one.student)}),
    ("name", _named(turned), _written(_together)),
    ("name", _named(in_any_order), _written(in_any_order)),
    ("name", _named(without_accents(turned)), _written(without_accents(_together))),
    ("name", _named(without_accents(in_any_order)), _written(without_accents(in_any_order))),
)
"""how a student and a submission are found to fit, the surest way first"""
