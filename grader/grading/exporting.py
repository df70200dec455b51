"""``grader export``: from stored results and people's decisions to a platform's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.exports.feedback_archive import archive
from grader.exports.formats import ARCHIVES, FORMATS
from grader.exports.grades import Asked, Exported, grades_of
from grader.grading.course_rules import percents, ruling_of
from grader.release.files import write_atomically
from grader.results import store
from grader.results.feedback import feedback_page
from grader.results.views import rows_of
from grader.submissions import Student, read_roster
from grader.submissions.submission import MIB
from grader.tables import read_text
from utils.views.plain import plural

MOST = 20 * MIB
"""bytes of a platform's file"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for on the command line."""

    out: Path
    form: str
    to: Path
    fill: Path | None = None
    labs: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    """``LAB=TITLE`` each"""
    roster: Path | None = None
    feedback: bool = False


def export_grades(wanted: Wanted, note: Callable[[str], None]) -> int:
    """Write what a platform takes; return the exit code. Raises UsageError before anything is written."""
    names = ARCHIVES if wanted.feedback else tuple(FORMATS)
    if wanted.form not in names:
        what = "pages are exported for" if wanted.feedback else "grades are exported as"
        raise UsageError(f"there is no format {wanted.form!r}", hint=f"{what}: {', '.join(names)}")
    stored = store.read_all(wanted.out)
    ruling = ruling_of(wanted.out, stored)
    rows, problems = rows_of(wanted.out, stored.results, None if ruling is None else ruling.rows)
    whole = {} if ruling is None else percents(rows, ruling.rules)
    rows = tuple(row for row in rows if not wanted.labs or row[0].lab in wanted.labs)
    if not rows:
        raise UsageError(
            "there are no results of these labs",
            where=str(wanted.out),
            hint="name the folder that grade wrote",
        )
    for problem in (*map(str, stored.problems), *problems):
        note(f"note: {problem}")
    roster: tuple[Student, ...] = () if wanted.roster is None else read_roster(wanted.roster)
    fill = None if wanted.fill is None else read_text(wanted.fill, "the file to fill", "--fill", MOST)
    asked = Asked(grades_of(rows), fill, _columns(wanted.columns), roster, whole)
    if wanted.feedback:
        pages = {
            (result.student, result.lab): feedback_page(result, final).encode() for result, final in rows
        }
        exported = archive(asked, pages, wanted.form)
    else:
        exported = FORMATS[wanted.form](asked)
    _write(exported, wanted.to)
    for text in exported.notes:
        note(f"note: {text}")
    note(f"{wanted.to}: {plural(len(asked.grades), 'grade')} as {wanted.form} takes them")
    return 1 if stored.problems or problems else 0


def _columns(given: Sequence[str]) -> Mapping[str, str]:
    pairs = [text.partition("=") for text in given]
    for lab, equals, title in pairs:
        if not (lab and equals and title):
            raise UsageError(
                f"--column {lab!r} names no column", hint="write --column '01_persistence=Lab 1 (9911)'"
            )
    return {lab: title for lab, _, title in pairs}


def _write(exported: Exported, to: Path) -> None:
    if len(exported.files) == 1 and "/" not in next(iter(exported.files)):
        write_atomically(to, next(iter(exported.files.values())), str(to))
        return
    for name, data in exported.files.items():
        write_atomically(to / name, data, str(to / name))
