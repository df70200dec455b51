"""Results as text for a terminal, and as lines of JSON for programs.

One line says that a submission is right; at most five say of another one who, which exercise, what, what to
do. What students wrote is shown without anything that a terminal would obey.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from grader.results import adjustments, feedback, gradebook, report, store
from grader.results.adjustments import adjusted
from grader.results.gradebook import UNSANDBOXED
from grader.results.result import Loss, Result
from grader.results.words import STATUSES, is_right, total
from grader.submissions.safe_text import for_terminal
from utils.results import ExerciseResult
from utils.views.plain import plural
from utils.views.plain import width as columns_of

MOST = 5
"""lines of one submission"""
NARROW = 40
"""columns below which nothing could be read; a smaller width is taken for this one"""
_CHARS = 400


def lines(result: Result, width: int = 80) -> list[str]:
    """Return one line when all is right, else at most five; none is wider than the terminal."""
    room = max(width, NARROW)
    head = _fit(_head(result, room), room)
    below = [] if is_right(result) else [_fit(f"  {text}", room) for text in _below(result)]
    if len(below) >= MOST:
        more = len(below) - (MOST - 2)
        below = [*below[: MOST - 2], _fit(f"  and {more} more, see {report.NAME}", room)]
    return [head, *below]


def _head(result: Result, room: int) -> str:
    words = [_cut(result.student, max(room - 50, 12)), _cut(result.lab, 24), total(adjusted(result))]
    words += [f"attempt {result.attempt}, an earlier one"] if result.attempt else []
    words += [result.status] if result.status != "graded" else []
    words += ["late"] if result.late else []
    words += [UNSANDBOXED] if result.sandbox == "none" else []
    return "  ".join(words)


def _below(result: Result) -> Iterator[str]:
    """Yield what is wrong, the most telling first."""
    if result.status != "graded":
        yield _sentence(result.reason or f"It is {result.status}.", result.do)
    kinds = Counter(flag.kind for flag in result.flags)
    for flag in {flag.kind: flag for flag in reversed(result.flags)}.values():
        times = f" ({kinds[flag.kind]} times)" if kinds[flag.kind] > 1 else ""
        yield f"look: {for_terminal(flag.what, _CHARS)}{times}"
    for loss in result.losses:
        yield f"{_place(loss)}{_sentence(loss.what, loss.do)}"
    if result.status not in adjustments.WITHHELD:
        for exercise in result.exercises:
            if not exercise.passed:
                yield f"{for_terminal(exercise.exercise, 12)}  {_said(exercise)}"
    for note in result.notes:
        yield f"note: {for_terminal(note, _CHARS)}"


def _place(loss: Loss) -> str:
    places = [for_terminal(loss.exercise, 12)] if loss.exercise else []
    places += [f"cell {loss.cell}"] if loss.cell else []
    return f"{', '.join(places)}: " if places else ""


def _sentence(what: str, do: str) -> str:
    return " ".join(for_terminal(text, _CHARS) for text in (what, do) if text)


def _said(exercise: ExerciseResult) -> str:
    failed = [check for check in exercise.checks if check.status != "passed"]
    first = next((check.message for check in failed if check.message), "")
    return for_terminal(first, _CHARS) or failed[0].status


def _cut(text: str, columns: int) -> str:
    return _fit(for_terminal(text, columns), columns)


def _fit(line: str, columns: int) -> str:
    """Return the line cut to what the terminal has room for."""
    if columns_of(line) <= columns:
        return line
    used, kept = 1, []
    for char in line:
        used += columns_of(char)
        if used > columns:
            break
        kept.append(char)
    return "".join(kept) + "…"


def summary(results: Sequence[Result], out: Path) -> str:
    """Return how many ended in which way, and where everything lies."""
    statuses = Counter(result.status for result in results)
    words = [f"{statuses[status]:,} {status}" for status in STATUSES if statuses[status]]
    right = sum(1 for result in results if is_right(result))
    flagged = sum(1 for result in results if result.flags)
    open_air = sum(1 for result in results if result.sandbox == "none")
    words += [f"{right:,} fully right"] if right else []
    words += [f"{flagged:,} flagged: look at {report.NAME}"] if flagged else []
    words += [f"{open_air:,} {UNSANDBOXED}"] if open_air else []
    head = f"{plural(len(results), 'result')}: {', '.join(words)}" if words else "no results"
    places = f"{gradebook.NAME}, {report.NAME}, {feedback.FOLDER}/, {store.FOLDER}/"
    return f"{head}\nin {for_terminal(str(out), 200)}: {places}"


def as_json_line(result: Result) -> str:
    """Return the result as one line of JSON in ASCII: what is in its file, with its score in front.

    ``score`` is that of the checks and null while it is withheld; people's adjustments are in the gradebook.
    """
    score = adjusted(result)
    # Whole points add up to 20 when they were just given, and to 20.0 when they come from a file.
    plain = {"score": score.points, "max_score": float(score.max_points), **store.plain_result(result)}
    return json.dumps(plain, allow_nan=False)
