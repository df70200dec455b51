"""A plain table for spreadsheets: a row for each student, a column for each lab, and the sum."""

from __future__ import annotations

import io
import math

from grader.exports.grades import Asked, Exported
from grader.results.gradebook import rounded
from grader.submissions.safe_text import write_table

NAME = "grades.csv"


def export(asked: Asked) -> Exported:
    """Return the table. A lab that nobody has judged is empty, never 0, and adds nothing to the sum."""
    points = {(grade.student, grade.lab): grade.points for grade in asked.grades}
    names = {grade.student: grade.name for grade in asked.grades if grade.name}
    emails = {student.id: student.email for student in asked.roster}
    more = ("total_percent",) if asked.totals else ()
    rows: list[tuple[str | float | None, ...]] = [("student_id", "name", "email", *asked.labs, "sum", *more)]
    for student in sorted({grade.student for grade in asked.grades}):
        own = [points.get((student, lab)) for lab in asked.labs]
        total = math.fsum(one for one in own if one is not None)
        who = (student, names.get(student, ""), emails.get(student, ""))
        weighed = (rounded(asked.totals.get(student)),) if asked.totals else ()
        rows.append((*who, *map(rounded, own), rounded(total), *weighed))
    stream = io.StringIO()
    write_table(stream, rows)
    return Exported({NAME: stream.getvalue().encode()})
