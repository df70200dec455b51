"""Files that were not graded, kept beside the results: ``OUT/strays.json`` is what the last run found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from grader.results.files import read_below, write_below
from grader.submissions.layout import Stray

NAME = "strays.json"


def write(out: Path, strays: Sequence[Stray]) -> None:
    """Keep them for views that are written later; without any, and any before, there is no file."""
    if not strays and read_below(out, NAME) is None:
        return
    text = json.dumps([asdict(stray) for stray in strays], indent=1)
    write_below(out, NAME, f"{text}\n".encode())


def read(out: Path) -> tuple[Stray, ...]:
    """Return those of the last run; empty where the file cannot be used: grading writes it again."""
    data = read_below(out, NAME)
    try:
        return tuple(Stray(**one) for one in json.loads(data)) if data else ()
    except (ValueError, TypeError):
        return ()
