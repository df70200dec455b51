"""Moodle: the grading worksheet of an assignment, with grades and feedback comments filled.

The worksheet is of one assignment, so one lab is exported at a time. Moodle reads a number with the decimal
sign of the person who uploads it; an empty grade, or ``-``, changes nothing.
"""

from __future__ import annotations

from grader.errors import UsageError
from grader.exports.grades import Asked, Exported, in_decimals, unknown, waiting
from grader.exports.platform_table import column_of, filled, grades_by_line, read_table, safe_comment

NAME = "moodle.csv"


def export(asked: Asked) -> Exported:
    """Return the worksheet with the grades of one lab, scaled to the highest grade that Moodle gives."""
    if len(asked.labs) != 1:
        raise UsageError(
            f"a worksheet of Moodle's is of one assignment, and there are {len(asked.labs)} labs",
            hint=f"name one: --lab {asked.labs[0] if asked.labs else '01_persistence'}",
        )
    table = read_table(asked.fill, "Moodle")
    grade_at, most_at = column_of(table, "Grade"), column_of(table, "Maximum Grade")
    comment_at = column_of(table, "Feedback comments")
    if grade_at is None:
        raise UsageError(
            "the worksheet has no column Grade",
            hint="switch on 'Offline grading worksheet' in the assignment, and download it in English",
        )
    given, strangers = grades_by_line(table, asked.grades)
    cells: dict[tuple[int, int], str] = {}
    scaled = set()
    comma = table.delimiter == ";"
    for row in table.rows:
        grade = given.get((row.line, asked.labs[0]))
        if grade is None:
            continue
        if grade.points is not None:
            most = _number(row.cells[most_at]) if most_at is not None and most_at < len(row.cells) else None
            points = grade.points
            if most is not None and most != grade.max_points and grade.max_points:
                points = grade.points * most / grade.max_points
                scaled.add(most)
            text = in_decimals(points)
            cells[row.line, grade_at] = text.replace(".", ",") if comma else text
        if comment_at is not None:
            cells[row.line, comment_at] = safe_comment(grade.comment)
    notes = (
        *unknown(strangers, "not in Moodle's worksheet, so nobody's points were written for"),
        *unknown(waiting(given.values()), "no points yet, so the grade stayed as it was"),
        *(f"points were scaled to Moodle's maximum of {in_decimals(most)}" for most in sorted(scaled)),
        *(
            ()
            if comment_at is not None
            else ("the worksheet has no feedback comments: switch them on to have them",)
        ),
    )
    return Exported({NAME: filled(table, cells)}, notes)


def _number(cell: str) -> float | None:
    try:
        return float(cell.strip().replace(",", "."))
    except ValueError:
        return None
