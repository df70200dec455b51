"""The saved file of the notebook that runs, and the others of the same lab beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAX_FILE = 30 * 2**20
"""bytes of a notebook that is read"""
EXERCISE = "exercise:"
"""how the tag of a cell begins that students write in"""
MOST_FILES = 200
"""notebooks of a folder that are looked at"""


@dataclass(frozen=True, slots=True)
class Saved:
    """A notebook as it was saved."""

    path: Path
    at: float
    """when, in seconds since the epoch"""
    lab: str
    """the lab that its metadata names; empty where they name none"""
    sources: tuple[str, ...]
    """of its code cells"""
    given: Mapping[str, str] = field(default_factory=dict)
    """the cell of each exercise as students were given it, by its number; the release stores them"""
    answers: Mapping[str, str] = field(default_factory=dict)
    """the source of each cell that is tagged as an exercise's, by its number"""


def told_path(names: Mapping[str, Any], lab: str) -> Path:
    """Return where the notebook's file should be: as VS Code or Jupyter tell a kernel, or by the lab's name.

    Both tell it when the kernel starts. A file that was renamed or saved under another name later is another.
    """
    told = names.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return Path(told) if isinstance(told, str) and told else Path(f"{lab}.ipynb")


def read_saved(path: Path) -> Saved | None:
    """Return a saved notebook; ``None`` for what is none, is gone or is too large."""
    try:
        facts = path.stat()
        if facts.st_size > MAX_FILE:
            return None
        found = json.loads(path.read_text("utf-8"))
        cells = [cell for cell in found["cells"] if cell["cell_type"] == "code"]
        sources = tuple("".join(cell["source"]) for cell in cells)
        kit = found.get("metadata", {}).get("kit", {})
        lab, given = (kit.get("lab", ""), kit.get("given", {})) if isinstance(kit, dict) else ("", {})
        answers = {
            number: source for cell, source in zip(cells, sources, strict=True) for number in _exercises(cell)
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Saved(path, facts.st_mtime, str(lab), sources, _texts(given), answers)


def _exercises(cell: Mapping[str, Any]) -> Iterator[str]:
    tags = cell.get("metadata", {}).get("tags", ())
    return (tag.removeprefix(EXERCISE) for tag in tags if tag.startswith(EXERCISE))


def _texts(found: object) -> dict[str, str]:
    items = found.items() if isinstance(found, dict) else ()
    return {number: source for number, source in items if isinstance(source, str)}


def of_the_lab(folder: Path, lab: str) -> Iterator[Saved]:
    """Yield the notebooks of a folder that are of a lab, by their metadata."""
    for path in sorted(folder.glob("*.ipynb"))[:MOST_FILES]:
        saved = read_saved(path)
        if saved is not None and saved.lab == lab:
            yield saved


def newer_rivals(told: Saved, ran: Collection[str], lab: str) -> list[Saved]:
    """Return notebooks of the same lab that may be the one that is open, and that were saved later.

    ``ran`` are the sources that this session has run: a notebook that has fewer of them than the one that
    was told is somebody's older copy, or another attempt.
    """
    mine = _shared(told, ran)
    return [
        other
        for other in of_the_lab(told.path.parent, lab)
        if other.path != told.path and other.at > told.at and _shared(other, ran) >= mine
    ]


def is_clearly(one: Saved, told: Saved, ran: Collection[str]) -> bool:
    """Return whether a notebook has more of what this session has run than the one that was told."""
    return _shared(one, ran) > _shared(told, ran)


def _shared(saved: Saved, ran: Collection[str]) -> int:
    return len({source.strip() for source in saved.sources} & {source.strip() for source in ran})
