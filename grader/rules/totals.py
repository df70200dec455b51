"""The whole course in percent, ``OUT/totals.csv``: labs weighed, the lowest dropped, a row each."""

from __future__ import annotations

import io
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.results.adjustments import Adjusted
from grader.results.gradebook import Row, rounded
from grader.rules.course_file import CourseRules
from grader.submissions.safe_text import write_table

NAME = "totals.csv"


@dataclass(frozen=True, slots=True)
class Total:
    """What somebody has of the whole course."""

    student: str
    name: str
    shares: Mapping[str, float | None]
    """percent of each lab, in order; None where it has no points"""
    dropped: tuple[str, ...]
    percent: float | None
    """None where nothing counts yet"""

    @property
    def open(self) -> tuple[str, ...]:
        """Labs that have no points: the total is without them."""
        return tuple(lab for lab, share in self.shares.items() if share is None)


def totals(rows: Sequence[Row], rules: CourseRules) -> tuple[Total, ...]:
    """Return the total of each student, in the order of the rows.

    The lowest are dropped of what has points, and one lab always stays. Labs without points are left out.
    """
    labs = sorted({result.lab for result, _ in rows})
    of_student: dict[str, dict[str, Adjusted]] = defaultdict(dict)
    names: dict[str, str] = {}
    for result, final in rows:
        of_student[result.student][result.lab] = final
        names[result.student] = names.get(result.student) or result.name
    return tuple(
        _total(student, names[student], {lab: _share(finals.get(lab)) for lab in labs}, rules)
        for student, finals in of_student.items()
    )


def table(found: Sequence[Total]) -> bytes:
    """Return the totals as CSV."""
    labs = list(found[0].shares) if found else []
    rows: list[tuple[str | float | None, ...]] = [
        ("student_id", "name", *(f"{lab}_percent" for lab in labs), "dropped", "open", "total_percent")
    ]
    for one in found:
        shares = [rounded(one.shares[lab]) for lab in labs]
        rows.append(
            (one.student, one.name, *shares, " ".join(one.dropped), " ".join(one.open), rounded(one.percent))
        )
    stream = io.StringIO()
    write_table(stream, rows)
    return stream.getvalue().encode()


def _total(student: str, name: str, shares: Mapping[str, float | None], rules: CourseRules) -> Total:
    weighed = {lab: share for lab, share in shares.items() if share is not None and rules.lab(lab).weight}
    lowest = sorted(weighed, key=lambda lab: (weighed[lab], lab))
    dropped = tuple(lowest[: max(0, min(rules.drop.lowest, len(lowest) - 1))])
    kept = {lab: share for lab, share in weighed.items() if lab not in dropped}
    weight = math.fsum(rules.lab(lab).weight for lab in kept)
    percent = (
        math.fsum(share * rules.lab(lab).weight for lab, share in kept.items()) / weight if kept else None
    )
    return Total(student, name, shares, dropped, None if percent is None else round(percent, 2))


def _share(final: Adjusted | None) -> float | None:
    if final is None or final.counts is None or not final.max_points:
        return None
    return round(100 * final.counts / final.max_points, 2)
