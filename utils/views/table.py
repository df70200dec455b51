"""The table that ``check()`` shows: every exercise of a lab, its points and how far it is."""

from __future__ import annotations

from dataclasses import dataclass

from utils.results import ExerciseResult, LabResult
from utils.views.display import View
from utils.views.page import escape_line, prose_line
from utils.views.plain import grid, one_line
from utils.views.words import exercise_mark, score

_TITLE = 40
_NAME = 80


@dataclass(frozen=True, slots=True, repr=False)
class LabView(View):
    """All exercises of a lab, shown as a table."""

    result: LabResult

    def text(self) -> str:
        return lab_text(self.result)

    def html(self) -> str:
        return lab_html(self.result)


def lab_text(result: LabResult) -> str:
    """Return the table as plain text, one exercise in a line."""
    rows = [("Exercise", "", "Points", "State")]
    for exercise in result.exercises:
        mark = exercise_mark(exercise)
        points = score(exercise.points, exercise.max_points)
        title = one_line(exercise.title, _TITLE)
        rows.append((one_line(exercise.exercise, 12), title, points, f"{mark.symbol} {mark.word}"))
    rows.append(("Total", "", score(result.points, result.max_points), ""))
    lines = grid(rows, right={2})
    return "\n".join([one_line(result.title or result.lab, _NAME), "", *lines])


def lab_html(result: LabResult) -> str:
    """Return the table as HTML without its stylesheet."""
    lab = escape_line(result.title or result.lab, _NAME)
    rows = "\n".join(_row(exercise) for exercise in result.exercises)
    total = score(result.points, result.max_points)
    return (
        f'<section class="kit-view kit-card" aria-label="{lab}: {total} points">\n'
        f'<table class="kit-table">\n<caption>{lab}</caption>\n'
        '<thead><tr><th scope="col">Exercise</th><th scope="col">Title</th>'
        '<th scope="col" class="kit-right">Points</th><th scope="col">State</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n"
        f'<tfoot><tr><th scope="row" colspan="2">Total</th><td class="kit-right">{total}</td>'
        "<td></td></tr></tfoot>\n"
        "</table>\n</section>"
    )


def _row(exercise: ExerciseResult) -> str:
    mark = exercise_mark(exercise)
    return (
        f'<tr class="kit-{mark.tone}"><th scope="row">{escape_line(exercise.exercise, 12)}</th>'
        f"<td><bdi>{prose_line(exercise.title, _TITLE)}</bdi></td>"
        f'<td class="kit-right">{score(exercise.points, exercise.max_points)}</td>'
        f'<td><span class="kit-symbol" aria-hidden="true">{mark.symbol}</span> '
        f'<span class="kit-word">{mark.word}</span></td></tr>'
    )
