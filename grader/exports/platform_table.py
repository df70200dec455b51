"""A table that a platform gave, filled with grades and otherwise as it was."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from grader.errors import UsageError
from grader.exports.grades import Grade
from grader.submissions.columns import Columns, columns_of, person_of
from grader.submissions.layout import Found
from grader.submissions.roster import Student, join
from grader.submissions.safe_text import for_cell
from grader.tables import Row, delimiter_of, rows_of

_LINE = "\0line "
"""before a line's number where it stands for a student: nobody is called that"""


@dataclass(frozen=True, slots=True)
class PlatformTable:
    """A platform's table: its titles, its rows, and who each row is."""

    titles: tuple[str, ...]
    rows: tuple[Row, ...]
    columns: Columns
    delimiter: str


def read_table(text: str | None, platform: str) -> PlatformTable:
    """Return the table that a platform gave. Raises UsageError without one, or for one that names nobody."""
    hint = (
        f"download it from {platform} and name it with --fill: only it has the ids that {platform} takes back"
    )
    if text is None:
        raise UsageError(f"a file of {platform}'s is needed, to fill it", hint=hint)
    rows = list(rows_of(text))
    columns = columns_of(rows[0].cells) if rows else None
    if columns is None:
        raise UsageError(f"the file to fill has no column of {platform}'s that names students", hint=hint)
    for row in rows:
        if row.problem:
            raise UsageError(f"the file to fill cannot be used: line {row.line}: {row.problem}", hint=hint)
    return PlatformTable(rows[0].cells, tuple(rows[1:]), columns, delimiter_of(text))


def grades_by_line(
    table: PlatformTable, grades: Sequence[Grade]
) -> tuple[dict[tuple[int, str], Grade], list[str]]:
    """Return the grade of each line and lab, and the students of the grades that no line is."""
    people = []
    for row in table.rows:
        person = person_of(table.columns, row.cells)
        if person is not None and person.id:
            people.append(
                Student(
                    f"{_LINE}{row.line}", person.name, person.email, row.line, (person.id, *person.known_as)
                )
            )
    labs = sorted({grade.lab for grade in grades})
    found = {Found(grade.student, grade.lab, grade.path, name=grade.name): grade for grade in grades}
    entries = join(people, list(found), labs)
    given = {
        (int(entry.student.removeprefix(_LINE)), entry.lab): found[entry.found]
        for entry in entries
        if entry.status == "handed in" and entry.found is not None
    }
    strangers = sorted({entry.name or entry.student for entry in entries if entry.status == "stranger"})
    return given, strangers


def column_of(table: PlatformTable, title: str) -> int | None:
    """Return the position of a column; ``None`` where there is none of this title."""
    folded = [cell.strip().casefold() for cell in table.titles]
    return folded.index(title.casefold()) if title.casefold() in folded else None


def filled(
    table: PlatformTable, cells: Mapping[tuple[int, int], str], keep: Iterable[int] | None = None
) -> bytes:
    """Return the table with cells replaced, by line and column; with ``keep``, only these columns of it."""
    kept = list(range(len(table.titles)) if keep is None else keep)
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=table.delimiter, lineterminator="\r\n")
    writer.writerow([table.titles[i] for i in kept])
    for row in table.rows:
        known = dict(enumerate(row.cells))
        writer.writerow([cells.get((row.line, i), known.get(i, "")) for i in kept])
    return stream.getvalue().encode()


def safe_comment(text: str) -> str:
    """Return a comment as one line that no spreadsheet takes for a formula."""
    return for_cell(" ".join(text.split()))
