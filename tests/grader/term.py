"""A class of any size as Canvas, Moodle and nbgrader deliver it, with the names that real lists have.

Most hand in what costs nothing to judge, so that hundreds can be graded in minutes: every way of delivering,
every kind of name and every rule meets every kind of work somewhere.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.release.bundle import write_bundle
from grader.release.course import Course
from tests.grader.grading.running import ROOT, lean_right, tiny
from tests.grader.submissions.files import LAB
from utils.checks.registry import load_checks, slug_of

DUE = "2026-11-03T23:59:00"
RULES = f"""timezone = "Europe/Berlin"
[labs.{LAB}]
due = {DUE}
late = {{ per = "day", off = 10, most = 50 }}
marked_late_days = 1
counts = "best"
missing = "zero"
[[group]]
name = "Team 1"
members = {{members}}
[[extension]]
student = {{extended}}
days = 3
"""

NAMES = (
    "Ada Okafor", "van den Akker, Sem", "María-José de la Cruz", "王小明", "O’Brien, Jack",
    'Samantha "Sam" Taylor', "=Cem Yıldız", "+Plus One", "-Minus Two", "@At Three", "Two\nLines",
    "Nguyễn Thị Lan", "Łukasz Nowak", "Ludwig von und zu Ende", "Zoë, Mü;ller", "<b>Bold</b> & Co",
    "عمر الخيام", "Ｆull =Width", "N'Golo \\ Kanté",
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Somebody of the class: what they hand in, and what that has to give."""

    number: int
    name: str
    work: str
    """right, partly, untouched, tiny, broken or missing"""
    days_late: int = 0

    @property
    def id(self) -> str:
        """What a platform numbers people with."""
        return str(4_000 + self.number)

    @property
    def points(self) -> float | None:
        """The points of the work; None where nothing could be judged."""
        every = 20.0
        if self.work == "partly":
            return every - _points_of("1.2")
        return {"right": every, "untouched": 0.0, "tiny": 0.0}.get(self.work)


def people(size: int, first: int = 0) -> list[Person]:
    """So many people; names come again with another number behind, as in any large class."""
    works = ("right", "tiny", "missing", "partly", "broken", "untouched", "tiny")
    made = []
    for number in range(first, first + size):
        place = number - first
        # what runs costs seconds: a dozen of a class is enough
        work = works[place % len(works)] if place < 2 * len(works) else works[1 + 3 * (place % 2)]
        work = "missing" if place % 11 == 9 else work
        name = f"{NAMES[number % len(NAMES)]} {number}"
        made.append(Person(number, name, work, days_late=place % 4 if work in ("right", "partly") else 0))
    return made


def bundled(folder: Path) -> bytes:
    """The lab as students get it, out of the bundle."""
    write_bundle(Course(ROOT), folder)
    return (folder / "labs" / f"{LAB}.ipynb").read_bytes()


def file_of(person: Person, lab: bytes) -> bytes | None:
    """What somebody hands in; None for nothing."""
    right = lean_right()
    return {
        # nobody hands in the same bytes as another, which would be told
        "right": right + b" " * person.number,
        "partly": _without(right, lab, "ex-1-2") + b" " * person.number,
        "untouched": lab,
        "tiny": tiny(person.number),
        "broken": right[: 100 + person.number],
    }.get(person.work)


def _without(right: bytes, lab: bytes, cell_id: str) -> bytes:
    """The right work with one exercise as it was given."""
    given = {cell["id"]: cell["source"] for cell in json.loads(lab)["cells"]}
    notebook = json.loads(right)
    for cell in notebook["cells"]:
        if cell["id"] == cell_id:
            cell["source"] = given[cell_id]
    return json.dumps(notebook).encode()


def _points_of(exercise: str) -> float:
    return load_checks(slug_of(LAB)).exercises[exercise].points


def as_csv(rows: Sequence[Sequence[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerows(rows)
    return stream.getvalue()


def rows(data: str, key: str) -> dict[str, Mapping[str, str]]:
    """Rows of a table by a column of theirs; somebody who is there twice is an error."""
    found: dict[str, Mapping[str, str]] = {}
    for row in csv.DictReader(io.StringIO(data, newline="")):
        assert row[key] not in found, f"{row[key]} is there twice"
        found[row[key]] = row
    return found
