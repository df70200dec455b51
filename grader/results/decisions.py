"""Adds decisions to ``adjustments.csv``: one at a time, whole or not at all, and none over a newer one.

The file stays a person's: a decision is a new line at its end, and no line is changed or deleted, so the file
tells who decided what and when. One who takes a decision back adds a line as well. The first line is only
changed where it lacks a column that the new one needs.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import GraderError, UsageError
from grader.results.adjustments import (
    COMMENT,
    EVERY_COLUMN,
    NAME,
    STANDS,
    TAKEN_BACK,
    WHEN,
    Adjustment,
    Adjustments,
    parse,
)
from grader.results.files import locked_below, read_below, write_below
from grader.results.result import Result
from grader.submissions.patterns import folded
from grader.submissions.safe_text import for_cell, for_terminal, guarded
from grader.tables import Row, delimiter_of, rows_of, text_of

LOCK = ".adjustments.lock"
AUTHOR, REASON, COMMENT_CHARS = 60, 500, 2_000
"""letters of what a person writes"""
DECIMALS = 4

_NUMBER = re.compile(r"\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decides about an exercise of one student's, or about the whole lab."""

    student: str
    lab: str
    exercise: str
    """a number, or ``*``"""
    author: str
    points: float | None = None
    """None: the points of the checks stand"""
    reason: str = ""
    comment: str = ""
    """for the student"""
    back: bool = False
    """take back what was decided before; points and comment are then left out"""

    @property
    def about(self) -> tuple[str, str, str]:
        """Whose exercise it is: student, lab and exercise."""
        return self.student, self.lab, self.exercise


class Conflict(GraderError):
    """Somebody has decided about the same exercise meanwhile. ``theirs`` is None if they took it back."""

    def __init__(self, theirs: Adjustment | None) -> None:
        who = f"{for_terminal(theirs.author, AUTHOR)} has" if theirs else "somebody has"
        super().__init__(
            f"{who} decided about this exercise meanwhile, so nothing was written",
            hint="look at that decision, then save yours again if it is still meant",
        )
        self.theirs = theirs


def current(file: Adjustments, about: tuple[str, str, str]) -> Adjustment | None:
    """Return the decision that holds about somebody's exercise; None when there is none."""
    return next((one for one in file.given if (one.student, one.lab, one.exercise) == about), None)


def lines_about(file: Adjustments, about: tuple[str, str, str]) -> tuple[Adjustment, ...]:
    """Return every line about somebody's exercise, the oldest first."""
    return tuple(one for one in file.history if (one.student, one.lab, one.exercise) == about)


def version(file: Adjustments, about: tuple[str, str, str]) -> str:
    """Return what changes with each line about somebody's exercise, and with no other line."""
    said = [
        (one.points, one.author, one.reason, one.comment, one.when, one.back)
        for one in lines_about(file, about)
    ]
    return hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def decide(
    out: Path, results: Sequence[Result], decision: Decision, when: str, *, seen: str | None = None
) -> Adjustments:
    """Add a decision to the file and return what the file says then.

    ``seen`` is the `version` that the person had before their eyes; None where they had none. Once this
    returns, the decision is on the disk. Nothing is written where it raises: Conflict when another decision
    came in between, UsageError for what no line can say, GraderError when the file cannot be read or written.
    """
    decision = tidied(decision)
    with locked_below(out, LOCK):
        data = read_below(out, NAME) or (",".join(EVERY_COLUMN) + "\n").encode()
        where = str(out / NAME)
        text = text_of(data, NAME, where)
        before = parse(text, results, where)
        if seen is not None and seen != version(before, decision.about):
            raise Conflict(current(before, decision.about))
        if decision.back and current(before, decision.about) is None:
            raise UsageError("there is no decision to take back", where=where)
        longer = _with_line(text, decision, when, where)
        after = parse(longer, results, where)
        _check(before, after, decision, where)
        mark = "\ufeff" if data.startswith(b"\xef\xbb\xbf") else ""
        write_below(out, NAME, (mark + longer).encode())
    return after


def tidied(decision: Decision) -> Decision:
    """Return the decision with its texts as a cell can hold them. Raises UsageError where one is missing."""
    author = _text(decision.author, AUTHOR, "the author's name", lines=False)
    reason = _text(decision.reason, REASON, "the reason", lines=False)
    comment = "" if decision.back else _text(decision.comment, COMMENT_CHARS, "the comment", lines=True)
    points = decision.points
    if decision.back:
        points = None
    elif points is not None:
        points = round(points, DECIMALS)
    if not author:
        raise UsageError(
            "a decision needs its author", hint="say who decides: others see it beside the points"
        )
    if points is not None and not reason:
        raise UsageError("points need a reason", hint="say in a few words why they are given")
    return Decision(
        decision.student, decision.lab, decision.exercise, author, points, reason, comment, decision.back
    )


def _text(text: str, most: int, what: str, *, lines: bool) -> str:
    """Return a person's text without what shows nothing, and composed as reading composes it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    kept = unicodedata.normalize("NFC", "".join(sign for sign in text if _shows(sign))).strip()
    kept = kept if lines else " ".join(kept.split())
    if len(kept) > most:
        raise UsageError(f"{what} has {len(kept):,} letters, more than {most:,}", hint="make it shorter")
    return kept


def _shows(sign: str) -> bool:
    return sign == "\n" or unicodedata.category(sign) not in _NOTHING


_NOTHING = frozenset(("Cc", "Cs", "Zl", "Zp"))
"""kinds of characters that show nothing: controls, halves of letters, ends of lines that CSV does not know"""


def _with_line(text: str, decision: Decision, when: str, where: str) -> str:
    delimiter = delimiter_of(text)
    columns, text = _columns(text, delimiter, where)
    end = "\r\n" if "\r\n" in text else "\n"
    cells = _cells(decision, when, comma=delimiter == ";")
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, lineterminator=end).writerow(
        [cells.get(column, "") for column in columns]
    )
    before = text if text.endswith(("\n", "\r")) else text + end
    return before + stream.getvalue()


def _columns(text: str, delimiter: str, where: str) -> tuple[list[str], str]:
    """Return the names of the columns, and the text with those that are new in its first line."""
    head = next(rows_of(text), Row(0, ()))
    if not head.cells:  # a file without anything
        return [*EVERY_COLUMN], delimiter.join(EVERY_COLUMN) + "\n"
    columns = [folded(cell) for cell in head.cells]
    missing = [name for name in (COMMENT, WHEN) if name not in columns]
    if not missing:
        return columns, text
    lines = list(io.StringIO(text, newline=""))
    line = lines[head.line - 1]
    bare = line.rstrip("\r\n")
    if len(next(csv.reader([bare], delimiter=delimiter))) != len(columns):
        message = f"the first line of {NAME} goes over several lines"
        raise UsageError(message, where=where, hint=f"write it in one, and add {', '.join(missing)}")
    lines[head.line - 1] = bare + "".join(f"{delimiter}{name}" for name in missing) + line[len(bare) :]
    return [*columns, *missing], "".join(lines)


def _cells(decision: Decision, when: str, *, comma: bool) -> Mapping[str, str]:
    """Return the cells by their columns; with a ``comma`` before decimals where a spreadsheet wants it."""
    if decision.points is None:
        points = TAKEN_BACK if decision.back else STANDS
    else:
        points = f"{decision.points:.{DECIMALS}f}".rstrip("0").rstrip(".")
    exercise = decision.exercise
    if comma:
        points = points.replace(".", ",")
        exercise = exercise.replace(".", ",") if _NUMBER.fullmatch(exercise) else exercise
    return {
        "student_id": for_cell(decision.student),
        "lab": for_cell(decision.lab),
        "exercise": exercise,
        "points": points,
        "author": guarded(decision.author),
        "reason": guarded(decision.reason),
        COMMENT: guarded(decision.comment),
        WHEN: when,
    }


def _check(before: Adjustments, after: Adjustments, decision: Decision, where: str) -> None:
    """Raise UsageError unless the longer file says what it said, and the decision besides."""
    new = after.history[len(before.history) :]
    if after.history[: len(before.history)] == before.history and len(new) == 1:
        one = new[0]
        wanted = (decision.about, decision.points, decision.author, decision.reason, decision.comment)
        said = ((one.student, one.lab, one.exercise), one.points, one.author, one.reason, one.comment)
        if wanted == said and one.back == decision.back:
            return
    told = [text for text in after.problems if text not in before.problems] or list(after.problems)
    message = f"the decision cannot be written: {told[0] if told else 'the line would say something else'}"
    raise UsageError(message, where=where, hint=f"mend {NAME} in an editor; nothing was written")
