"""A term, from the bundle to the platform's own file: nobody is lost, doubled, or called by another name."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader import cli
from grader.submissions import safe_name
from grader.submissions.person_names import letters
from grader.submissions.safe_text import for_cell
from tests.grader.grading.running import course
from tests.grader.submissions.files import LAB
from tests.grader.term import DUE, RULES, Person, as_csv, bundled, file_of, people, rows

STRANGER = "9999"
TITLE = "Lab 1 (9911)"
FORMULA = ("=", "+", "-", "@", "＝", "＋")


@dataclass
class Section:
    """A part of the class, all of which one platform delivers."""

    folder: Path
    people: Sequence[Person]
    lab: bytes
    ids: Mapping[int, str]
    """who each person is to the grader, by number"""
    off: Callable[[Person], float]
    """percent that lateness costs somebody, as far as the platform tells"""
    fill: str = ""
    """the platform's own file"""
    earlier: int = 0
    """attempts that are graded beside the last ones"""

    @property
    def course(self) -> Path:
        """What grading depends on, as a copy: nobody's editor changes it between two runs."""
        return self.folder / "course"

    @property
    def out(self) -> Path:
        return self.folder / "grades"

    def hand_in(self, path: str, data: bytes) -> None:
        place = self.folder / "handed in" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)

    def who(self, fits: Callable[[Person], bool]) -> Person:
        return next(one for one in self.people if fits(one))

    @property
    def alone(self) -> Person:
        """Whose work counts for the group."""
        return self.who(lambda one: one.work == "right" and not one.days_late)

    @property
    def partner(self) -> Person:
        """Who handed nothing in and is in that group."""
        return self.who(lambda one: one.work == "missing")

    @property
    def extended(self) -> Person:
        return self.who(lambda one: one.days_late > 1 and one.work in ("right", "partly"))

    def counts(self, one: Person) -> float | None:
        """What somebody's work has to count."""
        if one is self.partner:
            return self.alone.points
        if one.work == "missing":
            return 0.0
        off = 0.0 if one is self.extended else self.off(one)
        return None if one.points is None else round(one.points * (100 - off) / 100, 4)

    def type(self, *words: object, code: int = 0) -> str:
        done = CliRunner().invoke(cli.app, [str(word) for word in words])
        assert done.exit_code == code, done.output
        return done.stderr

    def grade(self, roster: Path, code: int) -> str:
        words = ["grade", self.folder / "handed in", "--out", self.out, "--roster", roster, "--lab", LAB]
        more = ["--secret", self.course / "secret"]
        done = subprocess.run(
            [sys.executable, "-m", "grader", *map(str, (*words, *more))],
            cwd=self.course,
            env={**os.environ, "PYTHONPATH": str(self.course)},
            capture_output=True,
            text=True,
            check=False,
            timeout=3_000,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stderr


def came(one: Person) -> datetime:
    """When somebody handed in, on the clocks of the course."""
    late = timedelta(days=one.days_late - 1, hours=1) if one.days_late else timedelta(hours=-1)
    return datetime.fromisoformat(DUE) + late


def canvas(folder: Path, class_: Sequence[Person], lab: bytes) -> Section:
    ids = {one.number: one.id for one in class_}
    made = Section(folder, class_, lab, ids, lambda one: 10.0 if one.days_late else 0.0, earlier=1)
    book = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", TITLE]]
    book.append(["    Points Possible", "", "", "", "", "20"])
    for one in class_:
        book.append([one.name, one.id, f"u{one.id}", "", "S1, evening", ""])
        mark = "LATE_" if one.days_late else ""
        if (data := file_of(one, lab)) is not None:
            made.hand_in(f"{letters(one.name)}_{mark}{one.id}_8{one.id}_{LAB}.ipynb", data)
    again = made.alone  # a later attempt that is worse: the best counts
    made.hand_in(f"{letters(again.name)}_{again.id}_9{again.id}_{LAB}-1.ipynb", lab)
    made.hand_in(f"nobody_{STRANGER}_1_{LAB}.ipynb", b"")
    made.fill = as_csv([*book, ["Student, Test", "1", "", "", "", ""]])
    return made


def moodle(folder: Path, class_: Sequence[Person], lab: bytes) -> Section:
    ids = {one.number: one.id for one in class_}
    made = Section(folder, class_, lab, ids, lambda one: 10.0 * one.days_late)
    titles = ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade"]
    sheet = [[*titles, "Last modified (submission)", "Feedback comments"]]
    for one in class_:
        at = f"{came(one):%A, %-d %B %Y, %-I:%M %p}"
        data = file_of(one, lab)
        when = "-" if data is None else at
        sheet.append([f"Participant {one.id}", one.name, f"{one.id}@u.example", "", "", "20.00", when, ""])
        if data is not None:
            name = " ".join(one.name.replace("_", " ").replace("/", " ").split())
            made.hand_in(f"{name}_{one.id}_assignsubmission_file_/{LAB}.ipynb", data)
    made.hand_in(f"No Body_{STRANGER}_assignsubmission_file_/{LAB}.ipynb", b"")
    made.fill = as_csv(sheet)
    return made


def nbgrader(folder: Path, class_: Sequence[Person], lab: bytes) -> Section:
    ids = {one.number: one.name.replace("/", "∕") for one in class_}
    made = Section(folder, class_, lab, ids, lambda one: 10.0 * one.days_late)
    students = [["student_id", "name", "email"]]
    for one in class_:
        students.append([ids[one.number], one.name, f"{one.id}@u.example"])
        if (data := file_of(one, lab)) is not None:
            place = f"submitted/{ids[one.number]}/{LAB}"
            made.hand_in(f"{place}/{LAB}.ipynb", data)
            stamp = came(one) - timedelta(hours=1)  # Berlin in November
            made.hand_in(f"{place}/timestamp.txt", f"{stamp:%Y-%m-%d %H:%M:%S}.000000 UTC".encode())
    made.hand_in(f"submitted/{STRANGER}/{LAB}/{LAB}.ipynb", b"")
    made.fill = as_csv(students)
    return made


def book_of(section: Section) -> dict[str, Mapping[str, str]]:
    return rows((section.out / "gradebook.csv").read_text("utf-8"), "student_id")


def number(cell: str) -> float | None:
    return float(cell) if cell else None


def about(expected: Mapping[str, float | None]) -> dict[str, object]:
    """The points as platforms take them: two decimals."""
    return {
        who: None if points is None else pytest.approx(points, abs=0.005) for who, points in expected.items()
    }


@pytest.mark.jail
@pytest.mark.nightly
@pytest.mark.parametrize("deliver", [canvas, moodle, nbgrader], ids=lambda one: one.__name__)
@pytest.mark.parametrize("size", [10, 100])  # of each platform: a class of 30, and one of 300
def test_a_class_goes_from_the_bundle_to_grades_in_the_platform(
    tmp_path: Path, size: int, deliver: Callable[[Path, Sequence[Person], bytes], Section]
) -> None:
    lab = bundled(tmp_path / "bundle")
    section = deliver(tmp_path / "section", people(size, first=100 if deliver is moodle else 0), lab)
    roster = section.folder / "roster.csv"
    roster.write_text(section.fill, "utf-8", newline="")
    section.out.mkdir()
    course(section.course)
    members = [section.ids[one.number] for one in (section.alone, section.partner)]
    # a text of JSON's is one of TOML's
    texts = (json.dumps(members), json.dumps(section.ids[section.extended.number]))
    (section.out / "course.toml").write_text(
        RULES.replace("{members}", texts[0]).replace("{extended}", texts[1]), "utf-8"
    )
    section.grade(roster, code=1)  # some files are no notebooks
    expected = {for_cell(section.ids[one.number]): section.counts(one) for one in section.people}
    check_gradebook(section, expected)

    adjusted = section.who(lambda one: one.work == "tiny")
    with (section.out / "adjustments.csv").open("a", encoding="utf-8", newline="") as file:
        line = [for_cell(section.ids[adjusted.number]), LAB, "*", "5", "M. Meyer", 'read, "by hand"']
        csv.writer(file).writerow(line)
    expected[for_cell(section.ids[adjusted.number])] = 5.0
    said = section.grade(roster, code=1)
    assert f"{size + 1 + section.earlier} unchanged since the last time" in said
    check_gradebook(section, expected)

    section.type("rules", section.out)
    section.type("report", section.out)
    check_gradebook(section, expected)
    check_exports(section, expected)
    if deliver is canvas:
        check_canvas(section, expected, roster)
    if deliver is moodle:
        check_moodle(section, expected, roster)


def check_gradebook(section: Section, expected: Mapping[str, float | None]) -> None:
    found = book_of(section)
    assert set(found) == {*expected, STRANGER}
    assert {who: number(row["score"]) for who, row in found.items() if who != STRANGER} == expected
    named = {for_cell(section.ids[one.number]): for_cell(one.name) for one in section.people}
    assert {who: row["name"] for who, row in found.items() if who != STRANGER} == named
    report = (section.out / "report.html").read_text("utf-8")
    assert report.count('<a href="feedback/') == len(expected) + 1
    pages = {path.parent.name for path in (section.out / "feedback").rglob("*.html")}
    assert pages == {safe_name(who) for who in (*section.ids.values(), STRANGER)}
    assert set(rows((section.out / "totals.csv").read_text("utf-8"), "student_id")) == set(found)


def check_exports(section: Section, expected: Mapping[str, float | None]) -> None:
    everyone = {*expected, STRANGER}
    for form, column in (("csv", LAB), ("nbgrader", "score")):
        to = section.folder / f"{form}.csv"
        section.type("export", section.out, "--format", form, "--to", to)
        found = rows(to.read_text("utf-8"), "student_id")
        assert set(found) == everyone
        for who, points in expected.items():
            assert number(found[who][column]) == (
                None if points is None else pytest.approx(points, abs=0.005)
            )
        assert not [cell for row in found.values() for cell in row.values() if cell.startswith(FORMULA)]
    to = section.folder / "gradescope"
    section.type("export", section.out, "--format", "gradescope", "--to", to)
    graded = [one for one in section.people if expected[for_cell(section.ids[one.number])] is not None]
    assert {path.name for path in to.iterdir()} == {safe_name(section.ids[one.number]) for one in graded}


def check_canvas(section: Section, expected: Mapping[str, float | None], roster: Path) -> None:
    to = section.folder / "back.csv"
    said = section.type("export", section.out, "--format", "canvas", "--fill", roster, "--to", to)
    assert "nobody's points were written for: nobody\n" in said
    before, after = (rows(one.read_bytes().decode(), "ID") for one in (roster, to))
    assert list(before) == list(after)
    assert {who: number(row[TITLE]) for who, row in after.items() if who in expected} == about(expected)
    assert all(after[who][key] == row[key] for who, row in before.items() for key in ("Student", "Section"))
    pages = section.folder / "pages.zip"
    section.type("export", section.out, "--format", "canvas", "--feedback", "--to", pages)
    names = zipfile.ZipFile(io.BytesIO(pages.read_bytes())).namelist()
    assert len(set(names)) == len(names) == 1 + sum(1 for one in section.people if one.work != "missing")


def check_moodle(section: Section, expected: Mapping[str, float | None], roster: Path) -> None:
    to = section.folder / "back.csv"
    said = section.type("export", section.out, "--format", "moodle", "--fill", roster, "--to", to)
    assert "nobody's points were written for: No Body\n" in said
    before, after = (rows(one.read_bytes().decode(), "Identifier") for one in (roster, to))
    assert list(before) == list(after)
    assert {who.removeprefix("Participant "): number(row["Grade"]) for who, row in after.items()} == about(
        expected
    )
    assert all(after[who]["Full name"] == row["Full name"] for who, row in before.items())
    pages = section.folder / "pages.zip"
    section.type("export", section.out, "--format", "moodle", "--feedback", "--to", pages)
    names = zipfile.ZipFile(io.BytesIO(pages.read_bytes())).namelist()
    assert len(set(names)) == len(names) == 1 + sum(1 for one in section.people if one.work != "missing")
