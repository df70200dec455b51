"""How far a learner has come: a small file beside the labs, with points and nothing else.

It is for the learner alone. Nobody hands it in, and no grader reads it. Each exercise has the most points
that it has earned so far, so that a second look at it takes nothing away.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from utils.notebook.whole_file import write_whole

FILE = ".kit-progress.json"
VERSION = 1
_AFRESH = "Your progress starts afresh"
_MAX_BYTES = 100_000
_MOST_KEPT = 1_000

Points = Mapping[str, Mapping[str, float]]
"""points by the lab's slug and the exercise's number"""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of a learner's points, and what there is to say about the file."""

    points: Points = field(default_factory=dict)
    said: str = ""
    """a sentence; empty when all is well"""

    def of(self, slug: str) -> Mapping[str, float]:
        """Return the points of one lab's exercises."""
        return self.points.get(slug, {})


class _Foreign(Exception):
    """The file is not one of ours, or not whole."""


def read_progress(folder: Path) -> Progress:
    """Return the progress kept in a folder; none where there is no file.

    A file that cannot be understood is moved aside, and a sentence says where to.
    """
    path = folder / FILE
    try:
        return Progress(_read(path))
    except FileNotFoundError:
        return Progress()
    except OSError as error:
        return Progress(said=f"Your progress cannot be read: {path.name}: {_reason(error)}.")
    except _Foreign:
        return Progress(said=_set_aside(path))


def record(folder: Path, slug: str, points: Mapping[str, float]) -> Progress:
    """Keep the points of a lab's exercises where they are more than before, and return all that is kept."""
    before = read_progress(folder)
    lab = {**before.of(slug)}
    lab |= {number: now for number, now in points.items() if now > lab.get(number, 0)}
    after = {**before.points, slug: lab}
    # A file that could not be read is not written over.
    if lab == before.of(slug) or (before.said and (folder / FILE).exists()):
        return Progress(after, before.said)
    return Progress(after, _write(folder, after) or before.said)


def forget(folder: Path, slug: str, numbers: tuple[str, ...]) -> str:
    """Take exercises out of the progress; return a sentence where that failed."""
    before = read_progress(folder)
    lab = {number: points for number, points in before.of(slug).items() if number not in numbers}
    if lab == before.of(slug):
        return before.said
    return _write(folder, {**before.points, slug: lab})


def _read(path: Path) -> Points:
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > _MAX_BYTES:
        raise _Foreign
    try:
        found = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _Foreign from error
    if not isinstance(found, dict) or found.get("kit_progress") != VERSION:
        raise _Foreign
    labs = found.get("points")
    if not isinstance(labs, dict) or not all(map(_is_points, labs.values())):
        raise _Foreign
    return labs


def _is_points(found: object) -> bool:
    return isinstance(found, dict) and all(
        isinstance(points, int | float)
        and not isinstance(points, bool)
        and math.isfinite(points)
        and points >= 0
        for points in found.values()
    )


def _set_aside(path: Path) -> str:
    """Move the file to a name that is free."""
    for number in range(1, _MOST_KEPT):
        target = path.with_name(f"{path.stem}.aside-{number}.json")
        if os.path.lexists(target):
            continue
        try:
            path.rename(target)
        except OSError as error:
            return f"{_AFRESH}, because {path.name} cannot be understood ({_reason(error)})."
        return f"{_AFRESH}, because {path.name} could not be understood. It is now {target.name}."
    return f"Your progress is not kept, because {path.name} cannot be understood. Delete it."


def _write(folder: Path, points: Points) -> str:
    """Write the file in one step; return a sentence where that failed."""
    path = folder / FILE
    try:
        write_whole(path, json.dumps({"kit_progress": VERSION, "points": points}, indent=1))
    except OSError as error:
        return f"Your progress is not kept: {path.name} cannot be written ({_reason(error)})."
    return ""


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
