"""Canvas: the gradebook that it exports, with the labs' columns filled (``lib/gradebook_importer.rb``).

Canvas finds students by its own id and columns by their title, ``Lab 1 (9911)``. A title that it does not
know makes a new assignment, so no title is invented here. An empty cell changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from grader.errors import UsageError
from grader.exports.grades import Asked, Exported, Grade, in_decimals, unknown, waiting
from grader.exports.platform_table import PlatformTable, column_of, filled, grades_by_line, read_table

NAME = "canvas.csv"
_KEPT = ("student", "id", "sis user id", "sis login id", "integration id", "root account", "section")
"""columns that Canvas wants beside the grades"""
_NUMBERED = re.compile(r"(.{1,300}) \([0-9]{1,19}\)\Z", re.DOTALL)


def export(asked: Asked) -> Exported:
    """Return the gradebook with the points of each lab; lines and columns of others stay out of it."""
    table = read_table(asked.fill, "Canvas")
    columns = {lab: _column(table, lab, asked) for lab in asked.labs}
    given, strangers = grades_by_line(table, asked.grades)
    cells = {
        (line, columns[lab]): in_decimals(grade.points)
        for (line, lab), grade in given.items()
        if grade.points is not None
    }
    named = [i for i, title in enumerate(table.titles) if title.strip().casefold() in _KEPT]
    keep = sorted({*named, *columns.values()})
    notes = (
        *unknown(strangers, "not in Canvas's gradebook, so nobody's points were written for"),
        *unknown(waiting(given.values()), "no points yet, so the cell stayed as it was"),
        *_other_scale(table, columns, given),
    )
    return Exported({NAME: filled(table, cells, keep)}, notes)


def _column(table: PlatformTable, lab: str, asked: Asked) -> int:
    title = asked.columns.get(lab)
    if title is not None:
        at = column_of(table, title)
        if at is None:
            raise UsageError(f"the gradebook has no column {title!r}", hint=f"it has: {_assignments(table)}")
        return at
    names = _names(lab, next(grade.title for grade in asked.grades if grade.lab == lab))
    fits = [
        i for i, cell in enumerate(table.titles) if (name := _assignment(cell)) and _folded(name) in names
    ]
    if len(fits) != 1:
        what = "no column" if not fits else "several columns"
        message = f"the gradebook has {what} that can be told to be {lab}"
        raise UsageError(message, hint=f"name it: --column '{lab}=…'; it has: {_assignments(table)}")
    return fits[0]


def _names(lab: str, title: str) -> set[str]:
    """Return what an assignment for a lab may be called: ``01_persistence``, Lab 1, its title, both."""
    number, _, slug = lab.partition("_")
    short = f"lab {int(number)}"
    return {
        _folded(name)
        for name in (lab, slug, short, title, f"{short} {slug}", f"{short} {title}", f"{number} {slug}")
    }


def _folded(text: str) -> str:
    return " ".join(re.sub(r"[\W_]", " ", text.casefold()).split())


def _assignment(title: str) -> str:
    found = _NUMBERED.match(title.strip())
    return found[1] if found else ""


def _assignments(table: PlatformTable) -> str:
    return ", ".join(title for title in table.titles if _assignment(title)) or "no assignment"


def _other_scale(
    table: PlatformTable, columns: Mapping[str, int], given: Mapping[tuple[int, str], Grade]
) -> tuple[str, ...]:
    """Return a note for each lab whose points are possible out of another sum in Canvas."""
    possible = next(
        (row for row in table.rows if row.cells and "points possible" in row.cells[0].casefold()), None
    )
    if possible is None:
        return ()
    notes = []
    for lab, at in columns.items():
        most = next((grade.max_points for (_, one), grade in given.items() if one == lab), None)
        cell = possible.cells[at].strip() if at < len(possible.cells) else ""
        if most is not None and cell and cell.replace(".", "", 1).isdecimal() and float(cell) != most:
            notes.append(
                f"{lab} has {in_decimals(most)} points here and {cell} in Canvas; points were not scaled"
            )
    return tuple(notes)
