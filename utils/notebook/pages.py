"""What the labs' own notebooks say of themselves: how long one takes, what it is for, where a heading is.

A lab's title, exercises and points are defined with its checks; all else that other pages say about it is
read from its notebook, so that nothing is written twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from utils.checks.registry import LAB_NAME, Exercise, LabChecks, load_checks, slug_of
from utils.errors import ExerciseError
from utils.notebook.saved import MAX_FILE

PAGE_NUMBER = "00"
"""how the names of notebooks begin that are not labs: the start page's"""
_TIME = re.compile(r"\*\*Time\*\* (\d{1,3}–\d{1,3} minutes)")
_AIM = re.compile(r"^\d\. (.+)$", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_SIGNS = "/?:@!$&'()*+,;~"
"""what a fragment may hold as it is, but ``=``, which JupyterLab takes for something else"""
_FENCE = "```"


@dataclass(frozen=True, slots=True)
class LabPage:
    """A lab, with what its notebook says."""

    lab: str
    checks: LabChecks
    file: Path
    minutes: str = ""
    """``75–90 minutes``"""
    promise: str = ""
    """what is built, in a few sentences"""
    aims: tuple[str, ...] = ()
    """what a learner can do afterwards"""
    headings: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Return the title with the lab's number."""
        return full_title(self.lab, self.checks)

    @property
    def points(self) -> float:
        """Return the points that the lab has."""
        return sum(exercise.points for exercise in self.checks.exercises.values())

    def href(self, number: str) -> str:
        """Return a link to an exercise, from a notebook in the same folder."""
        begins = f"Exercise {number}:"
        found = next((heading for heading in self.headings if heading.startswith(begins)), "")
        return link(self.file.name, found)


def full_title(lab: str, checks: LabChecks) -> str:
    """Return a lab's title with its number: ``Lab 1: Keep the conversation``."""
    return f"{short_title(lab)}: {checks.title}"


def short_title(lab: str) -> str:
    """Return what people call a lab: ``Lab 1``."""
    return f"Lab {int(lab[:2])}"


def link(file: str, heading: str = "") -> str:
    """Return a relative link to a notebook, or to a heading in it, as JupyterLab names it."""
    anchor = heading.replace("`", "").replace("*", "").replace(" ", "-")
    # JupyterLab compares the fragment as it stands with its name for the heading: signs stay signs.
    return quote(file) + (f"#{quote(anchor, safe=_SIGNS)}" if anchor else "")


def headings_of(cells: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the headings of a notebook's texts, without those in code."""
    for cell in cells:
        if cell["cell_type"] == "markdown":
            parts = "".join(cell["source"]).split(_FENCE)
            yield from (found.strip() for part in parts[::2] for found in _HEADING.findall(part))


def labs_in(folder: Path) -> list[LabPage]:
    """Return the labs of a folder, in order; copies, other notebooks and labs without checks are left out."""
    found = []
    for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
        if LAB_NAME.fullmatch(path.stem) and not path.stem.startswith(PAGE_NUMBER):
            try:
                checks = load_checks(slug_of(path.stem))
            except ExerciseError:  # somebody's own notebook
                continue
            found.append(read_page(path, path.stem, checks))
    return found


def read_page(path: Path, lab: str, checks: LabChecks) -> LabPage:
    """Return what a notebook says of itself; without that where the file cannot be read."""
    try:
        if path.stat().st_size > MAX_FILE:
            return LabPage(lab, checks, path)
        cells = json.loads(path.read_text("utf-8"))["cells"]
        first = "".join(cells[0]["source"])
        headings = tuple(headings_of(cells))
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return LabPage(lab, checks, path)
    minutes = _TIME.search(first)
    return LabPage(
        lab,
        checks,
        path,
        minutes[1] if minutes else "",
        _promise(first),
        tuple(aim.rstrip(";.") for aim in _AIM.findall(first)),
        headings,
    )


def next_of(exercises: list[Exercise], points: Mapping[str, float], after: str = "") -> Exercise | None:
    """Return the next exercise without all its points: behind this one, else from the beginning."""
    at = next((place for place, one in enumerate(exercises, 1) if one.number == after), 0)
    order = [*exercises[at:], *exercises[:at]]
    return next((one for one in order if points.get(one.number, 0) < one.points), None)


def _promise(first: str) -> str:
    """Return the first paragraph below the title."""
    paragraphs = [part for part in first.split("\n\n") if not part.startswith("#")]
    return " ".join(paragraphs[0].split()) if paragraphs else ""
