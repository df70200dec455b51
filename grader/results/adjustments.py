"""``OUT/adjustments.csv``: what people decided about points, and say to students. The file is theirs.

Columns: student_id, lab, exercise, points, author, reason, and where wanted comment_for_student and
decided_at; one decision in a line. `grader.results.decisions` adds lines; none is ever changed or deleted.

- ``exercise`` is a number such as ``1.2``, or ``*`` for the whole lab: its points are then the lab's score,
  whatever its exercises have. An empty cell is a problem and not the whole lab: it may have been forgotten.
- ``points`` may also be ``none``: somebody has looked, and the points of the checks stand. So it is where
  a line has nothing but a comment. ``back`` takes back the decision before it, comment and all.
- A later line for the same exercise wins over an earlier one. A note says so, unless the later one says when
  it was decided: then it was meant.
- A score that is withheld (see `WITHHELD`) is given by a ``*`` line, or by a line for each exercise; lines
  for some exercises leave it withheld.
- A line that cannot be used is a problem with its number; all other lines still hold.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.results.files import create_below, read_below
from grader.results.result import Result, SubmissionStatus
from grader.results.ruled import Ruled
from grader.submissions.patterns import folded
from grader.submissions.safe_text import for_cell, for_terminal, unguarded
from grader.tables import Row, rows_of, text_of
from utils.results import ExerciseResult
from utils.views.plain import plural
from utils.views.words import number

NAME = "adjustments.csv"
COLUMNS = ("student_id", "lab", "exercise", "points", "author", "reason")
COMMENT, WHEN = "comment_for_student", "decided_at"
"""columns that may be missing; people may have columns of their own, such as ``comment``, for themselves"""
EVERY_COLUMN = (*COLUMNS, COMMENT, WHEN)
WHOLE_LAB = "*"
STANDS = "none"
"""in place of points: those of the checks stand"""
TAKEN_BACK = "back"
"""in place of points: the decision before this line holds no more"""

WITHHELD: frozenset[SubmissionStatus] = frozenset({"missing", "unreadable", "tampered", "error"})
"""a submission of these has no score until a person gives it one: a 0 would look like a judgement"""

HINT = f"write it as CSV in UTF-8 with the columns {', '.join(COLUMNS)}; gradebook.csv was left as it is"

_POINTS = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)", re.ASCII)
_WORDS = {"nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One line of the file."""

    student: str
    lab: str
    exercise: str
    """a number, or ``*``"""
    points: float | None
    """None: the points of the checks stand"""
    author: str
    reason: str
    line: int
    """in the file, from 1"""
    comment: str = ""
    """for the student; may have several lines"""
    when: str = ""
    """it was decided, such as ``2026-11-28 14:30:05``; empty where nobody wrote it"""
    back: bool = False
    """whether it takes back the one before"""


@dataclass(frozen=True, slots=True)
class Adjustments:
    """What the file says: what holds, what cannot be used, what one should know."""

    given: tuple[Adjustment, ...] = ()
    """those that hold, in the order of the file; one for each exercise"""
    history: tuple[Adjustment, ...] = ()
    """every line that can be used, also those that hold no more, in the order of the file"""
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """The final points of one exercise."""

    exercise: ExerciseResult
    points: float | None
    """None where nobody has judged it: the submission's score is withheld and no line is for it"""
    adjustment: Adjustment | None = None
    """whose decision it is; None when the checks' points stand"""
    comment: Adjustment | None = None
    """the line with a comment for the student; None when there is none"""


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The final points of one submission, and who decided what."""

    points: float | None
    """of the work, before the course's rules; None while the score is withheld"""
    max_points: float
    exercises: tuple[Score, ...]
    whole: Adjustment | None = None
    """the decision about the whole lab's points, where there is one"""
    comment: Adjustment | None = None
    """the line with a comment on the whole lab; None when there is none"""
    ruled: Ruled | None = None
    """what the course's rules made of the points; None in a course without rules"""

    @property
    def counts(self) -> float | None:
        """The points that count: what the rules made of them, where there are rules."""
        return self.points if self.ruled is None else self.ruled.points

    @property
    def adjustments(self) -> tuple[Adjustment, ...]:
        """All that give points, that about the whole lab first."""
        singles = (score.adjustment for score in self.exercises)
        return tuple(one for one in (self.whole, *singles) if one)

    @property
    def comments(self) -> tuple[Adjustment, ...]:
        """All that say something to the student, that about the whole lab first."""
        singles = (score.comment for score in self.exercises)
        return tuple(one for one in (self.comment, *singles) if one)


def adjusted(result: Result, adjustments: Iterable[Adjustment] = ()) -> Adjusted:
    """Return the final points. Of the adjustments only those of this student and lab are looked at."""
    own = {one.exercise: one for one in adjustments if (one.student, one.lab) == (result.student, result.lab)}
    whole = own.get(WHOLE_LAB)
    scores = tuple(_score(result, exercise, own.get(exercise.exercise)) for exercise in result.exercises)
    points = whole if whole and whole.points is not None else None
    return Adjusted(_total(result, scores, points), result.max_points, scores, points, _comment(whole))


def _score(result: Result, exercise: ExerciseResult, one: Adjustment | None) -> Score:
    if one and one.points is not None:
        return Score(exercise, one.points, one, _comment(one))
    return Score(exercise, None if result.status in WITHHELD else exercise.points, None, _comment(one))


def _comment(one: Adjustment | None) -> Adjustment | None:
    return one if one and one.comment else None


def _total(result: Result, scores: Sequence[Score], whole: Adjustment | None) -> float | None:
    if whole:
        return whole.points
    points = [score.points for score in scores if score.points is not None]
    if len(points) < len(scores) or (not scores and result.status in WITHHELD):
        return None
    return math.fsum(points)


# The file


def create(out: Path) -> bool:
    """Write the file with its header line when there is none, and say whether that was so."""
    return create_below(out, NAME, (",".join(EVERY_COLUMN) + "\n").encode())


def read(out: Path, results: Sequence[Result]) -> Adjustments:
    """Return what the file says of these results; nothing when there is no file.

    Raises GraderError when it cannot be read at all: a gradebook without people's decisions must not be
    written by accident.
    """
    data = read_below(out, NAME)
    return (
        Adjustments()
        if data is None
        else parse(text_of(data, NAME, str(out / NAME)), results, str(out / NAME))
    )


def parse(text: str, results: Sequence[Result], where: str = NAME) -> Adjustments:
    """Return what a file's text says of these results. Raises UsageError when its columns are not there."""
    problems: list[tuple[int, str]] = []
    rows = rows_of(text)
    head = next(rows, Row(0, COLUMNS))
    if head.problem:
        raise UsageError(f"{NAME}, line {head.line}: {head.problem}", where=where, hint=HINT)
    columns = [folded(cell) for cell in head.cells]
    if wrong := [name for name in EVERY_COLUMN if columns.count(name) not in _times(name)]:
        shown = ", ".join(for_terminal(cell, 30) for cell in head.cells[:10])
        message = f"{NAME} needs one column {' and one column '.join(wrong)}; its first line has: {shown}"
        raise UsageError(message, where=where, hint=HINT)
    known = Known(results)
    lines: list[Adjustment] = []
    for row in rows:
        if row.problem:
            problems.append((row.line, row.problem))
            continue
        # Columns that people added behind ours may hold anything.
        cells = dict(zip(columns, (composed(cell) for cell in row.cells), strict=False))
        try:
            lines.append(_adjustment(row.line, {name: cells.get(name, "") for name in EVERY_COLUMN}, known))
        except Unusable as error:
            problems.append((row.line, str(error)))
    given, notes = _last(lines)
    told = tuple(f"{NAME}, line {line}: {what}" for line, what in sorted(problems))
    notes = [f"{NAME}, {note}" for note in (*notes, *_unfinished(given, known))]
    return Adjustments(given, tuple(lines), told, tuple(notes))


def _times(column: str) -> tuple[int, ...]:
    """Return how often a column may be there."""
    return (1,) if column in COLUMNS else (0, 1)


class Unusable(ValueError):
    """A line cannot be used; the text says why."""


class Known:
    """Students, labs and exercises that results are there for, as people may write them."""

    def __init__(self, results: Iterable[Result]) -> None:
        self.results = {(result.student, result.lab): result for result in results}
        self._spellings: dict[str, set[str]] = defaultdict(set)
        for student, _ in self.results:
            # Our gradebook, from which ids are copied, writes some with an apostrophe or with marks.
            for spelling in {student, composed(student), for_cell(student), composed(for_cell(student))}:
                self._spellings[spelling].add(student)

    def student(self, cell: str) -> str:
        """Return the student's id as results have it. Raises Unusable."""
        found = self._spellings.get(cell) or self._spellings.get(cell.removeprefix("'")) or set()
        if len(found) > 1 and cell not in found:
            raise Unusable(f"{for_terminal(cell, 60)} can be {plural(len(found), 'student')}")
        if not found:
            raise Unusable(f"there is no result of a student {for_terminal(cell, 60)}")
        return cell if cell in found else next(iter(found))

    def result(self, student: str, lab: str) -> Result:
        """Return a student's result for a lab. Raises Unusable."""
        if found := self.results.get((student, lab)):
            return found
        have = ", ".join(sorted(one for name, one in self.results if name == student))
        raise Unusable(f"{for_terminal(student, 60)} has no result for {for_terminal(lab, 60)}, only {have}")


def _adjustment(line: int, cells: Mapping[str, str], known: Known) -> Adjustment:
    comment, word = cells[COMMENT], cells["points"].lower()
    back = word == TAKEN_BACK
    stands = back or word == STANDS or (not word and bool(comment))
    for column in COLUMNS:
        if not cells[column] and not (stands and column in ("points", "reason")):
            more = f"; write {WHOLE_LAB} for the whole lab" if column == "exercise" else ""
            raise Unusable(f"no {column}{more}")
    result = known.result(known.student(cells["student_id"]), cells["lab"])
    exercise, most = exercise_of(cells["exercise"], result)
    return Adjustment(
        result.student,
        result.lab,
        exercise,
        None if stands else _points(cells["points"], exercise, most),
        unguarded(cells["author"]),
        unguarded(cells["reason"]),
        line,
        "" if back else unguarded(comment),
        cells[WHEN],
        back,
    )


def exercise_of(cell: str, result: Result) -> tuple[str, float]:
    """Return the exercise that a cell names, or the whole lab, and its points. Raises Unusable."""
    wanted = cell.removeprefix("'").replace(",", ".")  # 1,2 where a comma stands before decimals
    if wanted == WHOLE_LAB:
        return WHOLE_LAB, result.max_points
    for exercise in result.exercises:
        if exercise.exercise in (cell, wanted):
            return exercise.exercise, exercise.max_points
    have = ", ".join(exercise.exercise for exercise in result.exercises)
    raise Unusable(f"{result.lab} has no exercise {for_terminal(cell, 30)}, only {have} and {WHOLE_LAB}")


def _points(cell: str, exercise: str, most: float) -> float:
    shown = for_terminal(cell, 30)
    if cell.lower() in _WORDS or not _POINTS.fullmatch(cell.removeprefix("'")):
        raise Unusable(f"{shown} is not a number of points; write one such as 1.5")
    points = float(cell.removeprefix("'").replace(",", "."))
    if points < 0:
        raise Unusable(f"{shown} points are below 0")
    if points > most:
        whole = "the lab" if exercise == WHOLE_LAB else f"exercise {exercise}"
        raise Unusable(f"{shown} points are more than the {number(most)} of {whole}")
    return points


def _last(lines: Iterable[Adjustment]) -> tuple[tuple[Adjustment, ...], list[str]]:
    """Return the last line for each exercise, and notes on the others."""
    given: dict[tuple[str, str, str], Adjustment] = {}
    notes = []
    for one in lines:
        old = given.pop((one.student, one.lab, one.exercise), None)
        if one.back:
            notes += [] if old else [f"line {one.line} takes back what nobody had decided"]
            continue
        if old and not one.when:
            notes.append(f"line {one.line} takes the place of line {old.line}")
        given[one.student, one.lab, one.exercise] = one
    return tuple(given.values()), notes


def _unfinished(given: Sequence[Adjustment], known: Known) -> Iterator[str]:
    """Yield what follows from lines together and may not be meant."""
    groups: dict[tuple[str, str], list[Adjustment]] = defaultdict(list)
    for one in given:
        if one.points is not None:
            groups[one.student, one.lab].append(one)
    for key, group in groups.items():
        whole = next((one for one in group if one.exercise == WHOLE_LAB), None)
        singles = [one for one in group if one is not whole]
        if whole and singles:
            lines = ", ".join(str(one.line) for one in singles)
            yield f"line {whole.line} sets the score of the whole lab; it does not change with line {lines}"
        elif adjusted(known.results[key], group).points is None:
            yield (
                f"line {singles[-1].line}: the score stays empty, because the submission is "
                f"{known.results[key].status}; it needs a line with {WHOLE_LAB}, or one for each exercise"
            )


def composed(text: str) -> str:
    """Return a cell's text as it is compared: composed, and without spaces around it."""
    return unicodedata.normalize("NFC", text).strip()
