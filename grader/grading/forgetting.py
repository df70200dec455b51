"""``grader forget``: every file about one person goes, and the views are written without that person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from grader.grading import command
from grader.release.course import find_course
from grader.results import strays
from grader.results.forget import known_of, remove
from grader.submissions import find_submissions
from grader.submissions.safe_text import for_terminal

Say = Callable[[str], None]


def forget(
    out: Path,
    student: str,
    submissions: Path | None,
    root: Path | None,
    *,
    yes: bool,
    say: Say,
    note: Say,
) -> int:
    """Remove what there is about a person, or say what would go; the exit code."""
    handed = None
    if submissions is not None:
        handed = find_submissions(submissions, find_course(root, Path.cwd()).labs())
    known = known_of(out, student, handed)
    if not yes:
        places = [submissions / path for path in known.handed_in] if submissions is not None else []
        for place in (*places, *(out / path for path in known.results)):
            say(for_terminal(f"would go: {place}", 400))
        note("nothing was removed; --yes removes these files")
    else:
        for place in remove(out, known, submissions):
            say(for_terminal(f"removed: {place}", 400))
        _views_without(out, known.handed_in, note)
    if submissions is None and known.handed_in:
        note(f"note: what was handed in is still there: {', '.join(known.handed_in)}; add --submissions DIR")
    for path in known.shared:
        note(f"note: {for_terminal(path, 200)} stays, because somebody else handed it in, too")
    for line in known.lines:
        note(f"note: {line} may name this person; that file is yours, so look at it")
    return 1 if known.lines else 0


def _views_without(out: Path, handed_in: tuple[str, ...], note: Say) -> None:
    left = strays.read(out)
    strays.write(out, [stray for stray in left if stray.path not in handed_in])
    command.views(out, note)
