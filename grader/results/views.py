"""Writes what is made from results, gradebook.csv, feedback/ and report.html: ``grader report DIR``.

Each can be made again at any time from the results and adjustments.csv, and the same results give the same
bytes. Feedback pages of students who are no longer among the results are left alone and named: they may
have been put there from another machine, and deleting is a person's decision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.results import adjustments, feedback, gradebook, report
from grader.results.adjustments import Adjusted, adjusted
from grader.results.files import is_folder_below, names_below, write_below
from grader.results.gradebook import Row
from grader.results.report import Remarks
from grader.results.result import Result
from grader.submissions.layout import Stray

Rule = Callable[[Sequence[Result], adjustments.Adjustments], tuple[Row, ...]]
"""makes rows, sorted by student and lab, of the last result of each and of people's decisions"""


@dataclass(frozen=True, slots=True)
class Views:
    """What was written, and what there is to say about it."""

    rows: tuple[Row, ...]
    """results with their final points, sorted by student and lab"""
    problems: tuple[str, ...] = ()
    """lines of adjustments.csv that were not used, and what the caller knew already"""
    notes: tuple[str, ...] = ()


def write_views(
    out: Path,
    results: Sequence[Result],
    *,
    strays: Sequence[Stray] = (),
    problems: Sequence[str] = (),
    rule: Rule | None = None,
) -> Views:
    """Write all views. ``problems`` are the store's: files of results that cannot be used.

    ``rule`` makes the rows where the course has rules.

    Raises GraderError, before anything is written, when adjustments.csv cannot be read.
    """
    given = adjustments.read(out, results)
    adjustments.create(out)
    rows = (rule or _rows)(results, given)
    said = (*problems, *given.problems)
    notes = (
        *given.notes,
        *(f"{path} belongs to no result; delete it if it is old" for path in _stale(out, rows)),
    )
    for result, final in rows:
        text = feedback.feedback_page(result, final)
        write_below(out, feedback.path_of(result.student, result.lab), text.encode(), durable=False)
    page = report.report_page(rows, Remarks(strays, said, notes))
    write_below(out, report.NAME, page.encode(), durable=False)
    gradebook.write_gradebook(out, rows)
    return Views(rows, said, notes)


def rows_of(
    out: Path, results: Sequence[Result], rule: Rule | None = None
) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """Return results with their final points, and the lines of adjustments.csv that cannot be used."""
    given = adjustments.read(out, results)
    return (rule or _rows)(results, given), given.problems


def _rows(results: Sequence[Result], given: adjustments.Adjustments) -> tuple[Row, ...]:
    by_result: dict[tuple[str, str], list[adjustments.Adjustment]] = {}
    for one in given.given:
        by_result.setdefault((one.student, one.lab), []).append(one)
    ordered = sorted(results, key=lambda result: (result.student, result.lab))
    return tuple((result, _final(result, by_result)) for result in ordered)


def _final(result: Result, by_result: dict[tuple[str, str], list[adjustments.Adjustment]]) -> Adjusted:
    return adjusted(result, by_result.get((result.student, result.lab), ()))


def _stale(out: Path, rows: Sequence[Row]) -> tuple[str, ...]:
    current = {feedback.path_of(result.student, result.lab) for result, _ in rows}
    there = (
        f"{feedback.FOLDER}/{person}/{name}"
        for person in names_below(out, feedback.FOLDER)
        for name in _pages(out, person)
    )
    return tuple(path for path in there if path not in current)


def _pages(out: Path, person: str) -> tuple[str, ...]:
    if not is_folder_below(out, f"{feedback.FOLDER}/{person}"):
        return ()
    return tuple(name for name in names_below(out, f"{feedback.FOLDER}/{person}") if name.endswith(".html"))
