"""A class of which everybody is missing: most likely another folder was meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from grader.submissions.layout import Handed
from grader.submissions.roster import Entry
from grader.submissions.safe_text import for_terminal

NAMED = 3
"""people that are named of those who did hand something in"""


def nobody_came(entries: Sequence[Entry], handed: Handed, folder: Path) -> str:
    """Return what to say first where nobody of the roster has handed in anything; empty otherwise."""
    expected = {entry.student for entry in entries if entry.status != "stranger"}
    if not expected or any(entry.status == "handed in" for entry in entries):
        return ""
    paths = [PurePosixPath(path) for path in handed.paths]
    if not paths:
        return f"note: there is nothing in {folder}, so everybody on the roster is missing"
    text = f"note: nobody of the {len(expected)} on the roster is known by what lies in {folder}"
    if names := [for_terminal(one.name or one.student, 30) for one in handed.found[:NAMED]]:
        text += f", which names {', '.join(names)}"
    outer = Counter(path.parts[0] for path in paths if len(path.parts) > 2).most_common(1)
    if outer and outer[0][1] > 1:
        text += f"; is {folder / for_terminal(outer[0][0], 60)} the folder of the class?"
    return text
