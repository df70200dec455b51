"""Everything about one person, found and removed: what the grader wrote, and what was handed in.

No command changes a line of what people wrote themselves: lines of ``adjustments.csv`` and ``course.toml``
that name the person are told, with their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.results import adjustments, feedback, store
from grader.results.files import all_below, read_below, remove_below
from grader.submissions.layout import Handed
from grader.submissions.names import safe_name

TYPED = (adjustments.NAME, "course.toml", "appeals.csv")
"""files that people write, beside the results"""


@dataclass(frozen=True, slots=True)
class Known:
    """What there is about a person."""

    results: tuple[str, ...]
    """files below the folder of results"""
    handed_in: tuple[str, ...]
    """files below the folder of submissions"""
    shared: tuple[str, ...]
    """files that others handed in, too, such as a group: they are not removed"""
    lines: tuple[str, ...]
    """where people wrote the name themselves, such as ``adjustments.csv, line 3``"""


def known_of(out: Path, student: str, handed: Handed | None) -> Known:
    """Return what there is about a person. Raises UsageError where nothing is."""
    if not student:
        raise UsageError(
            "an empty name is nobody's", where=str(out), hint="take the id as gradebook.csv has it"
        )
    folders = [f"{folder}/{safe_name(student)}" for folder in (store.FOLDER, feedback.FOLDER)]
    results = tuple(path for folder in folders for path in all_below(out, folder))
    stored = store.read_all(out)
    everyone = (*stored.results, *stored.earlier)
    own = {one.path for one in everyone if one.student == student and one.path}
    others = {one.path for one in everyone if one.student != student and one.path}
    if handed is not None:
        # A class without a roster may have the person below another name; nobody else is meant by that.
        known = {one.student for one in everyone} - {student}
        shared = own & others
        names = {one.student for one in (*handed.found, *handed.earlier) if one.path in own - shared}
        names = (names | {student}) - known
        own |= {one.path for one in (*handed.found, *handed.earlier) if one.student in names}
        own |= {stray.path for stray in handed.strays if stray.student in names}
        others |= {one.path for one in (*handed.found, *handed.earlier) if one.student not in names}
        others |= {stray.path for stray in handed.strays if stray.student and stray.student not in names}
    lines = tuple(_lines(out, student))
    if not (results or own or lines):
        hint = "take the id as gradebook.csv has it, without an apostrophe before it"
        raise UsageError(f"nothing is known of {student!r}", where=str(out), hint=hint)
    return Known(results, tuple(sorted(own - others)), tuple(sorted(own & others)), lines)


def remove(out: Path, known: Known, submissions: Path | None) -> Iterator[Path]:
    """Remove the files and yield each that was there; what was handed in first, then the results.

    The results name what was handed in: an interruption leaves them, and a second time goes on.
    """
    if submissions is not None:
        yield from _removed(submissions, known.handed_in)
    yield from _removed(out, known.results)


def _removed(root: Path, paths: Sequence[str]) -> Iterator[Path]:
    for path in paths:
        if remove_below(root, path):
            yield root / path


def _lines(out: Path, student: str) -> Iterator[str]:
    for name in TYPED:
        data = read_below(out, name)
        for number, line in enumerate((data or b"").decode("utf-8", "replace").splitlines(), 1):
            if student in line:
                yield f"{name}, line {number}"
