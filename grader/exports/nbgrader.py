"""nbgrader: the table that its ``nbgrader export`` writes, for what reads that already."""

from __future__ import annotations

import io

from grader.exports.grades import Asked, Exported, in_decimals
from grader.submissions.safe_text import write_table

NAME = "grades.csv"
COLUMNS = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
)


def export(asked: Asked) -> Exported:
    """Return a row for each student and lab; the score of what nobody has judged is empty, never 0."""
    known = {student.id: student for student in asked.roster}
    rows = []
    for grade in asked.grades:
        student = known.get(grade.student)
        family, given = _parts(student.name if student else grade.name)
        points, work = ("" if one is None else in_decimals(one) for one in (grade.points, grade.work))
        off = "0" if grade.points is None or grade.work is None else in_decimals(grade.work - grade.points)
        email = student.email if student else ""
        most = in_decimals(grade.max_points)
        times = (grade.due, grade.handed_in)
        rows.append((grade.lab, *times, grade.student, family, given, email, work, off, points, most))
    stream = io.StringIO()
    write_table(stream, [COLUMNS, *rows])
    return Exported({NAME: stream.getvalue().encode()})


def _parts(name: str) -> tuple[str, str]:
    """Return family name and given names, as far as a name tells."""
    family, comma, given = name.partition(",")
    if comma:
        return family.strip(), given.strip()
    given, _, family = name.strip().rpartition(" ")
    return family, given
