"""A lab beside its fresh release: what is the learner's, what is out of date, what disagrees.

Nothing is written here. Cells are paired by id. JupyterLab gives a text cell a new id when it is moved by cut
and paste, so a cell that is not found by its id is looked for by the hash that the release recorded in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from grader.errors import Problem
from grader.release.notebook import Cell, Notebook, short_hash
from grader.release.stubs import VALID_ID, is_open

RELEASE = "python -m grader release"
FORCE = f"`{RELEASE} --force`"


@dataclass(frozen=True, slots=True)
class Work:
    """What someone did in a lab."""

    cells: tuple[str, ...] = ()
    """ids of released cells whose source was changed"""
    added: int = 0
    """cells that no release wrote; blank ones do not count, JupyterLab adds those by itself"""

    def __bool__(self) -> bool:
        return bool(self.cells or self.added)

    def __str__(self) -> str:
        added = f"{self.added} added cell{'s' if self.added > 1 else ''}" if self.added else ""
        return ", ".join([*self.cells, *filter(None, [added])])


def paired(lab: Notebook, fresh: Notebook) -> dict[str, Cell]:
    """Return the lab's cell for each id of the release, as far as there is one; the first of doubles."""
    released = {cell.id for cell in fresh.cells}
    found: dict[str, Cell] = {}
    others: dict[str, Cell] = {}
    for cell in lab.cells:
        if cell.id in released:
            found.setdefault(cell.id, cell)
        elif hash_ := recorded(cell):
            others.setdefault(hash_, cell)
    for cell in fresh.cells:
        if cell.id not in found and (moved := others.pop(short_hash(cell.source), None)) is not None:
            found[cell.id] = moved
    return found


def recorded(cell: Cell) -> str:
    """Return the hash of the source that was released in a cell, or an empty text."""
    kit = cell.metadata.get("kit")
    value = kit.get("released") if isinstance(kit, dict) else None
    return value if isinstance(value, str) else ""


def kit_entry(notebook: Notebook, key: str) -> str:
    """Return ``lab`` or ``version`` of a released notebook, or an empty text."""
    kit = notebook.metadata.get("kit")
    value = kit.get(key) if isinstance(kit, dict) else None
    return value if isinstance(value, str) else ""


def work_in(lab: Notebook, fresh: Notebook) -> Work:
    """Return what would be lost if the release replaced the lab."""
    pairs = paired(lab, fresh)
    names = {id(cell): name for name, cell in pairs.items()}
    sources = {cell.id: cell.source for cell in fresh.cells}
    changed = []
    added = 0
    for cell in lab.cells:
        name = names.get(id(cell))
        if short_hash(cell.source) == recorded(cell) or (name and cell.source == sources[name]):
            continue
        if name or (recorded(cell) and VALID_ID.fullmatch(cell.id)):
            changed.append(name or cell.id)
        elif cell.source.strip():
            added += 1
    return Work(tuple(changed), added)


def is_current(lab: Notebook, fresh: Notebook) -> bool:
    """Tell whether the lab was written from this very release, whatever was done in it since."""
    return not any(_outdated(lab, fresh, where=""))


def disagreements(lab: Notebook, fresh: Notebook, where: str) -> Iterator[Problem]:
    """Yield where a lab and its solution disagree. What a learner may do does not count.

    A learner may change open cells, add cells, move cells and run everything.
    """
    yield from _outdated(lab, fresh, where)
    pairs = paired(lab, fresh)
    for cell in fresh.cells:
        mine = pairs.get(cell.id)
        if mine is None or recorded(mine) != short_hash(cell.source):
            continue  # said above
        if mine.kind != cell.kind:
            what, do = f"is a {mine.kind} cell, but was released as {cell.kind}", "Change it back"
            yield Problem(where, cell.id, what, f"{do}, or run {FORCE}, which keeps a copy")
        elif mine.source != cell.source and not is_open(cell):
            do = f"Undo the edit, or run {FORCE}, which keeps a copy"
            yield Problem(where, cell.id, "was edited, but is not an exercise", do)


def with_outputs_of(fresh: Notebook, lab: Notebook) -> Notebook:
    """Return the release with the lab's outputs in the cells whose source is the same in both."""
    pairs = paired(lab, fresh)
    return replace(fresh, cells=tuple(_with_outputs(cell, pairs.get(cell.id)) for cell in fresh.cells))


def changed_cells(lab: Notebook, fresh: Notebook) -> int:
    """Return how many cells of the release have another source than the lab's, or are not there."""
    pairs = paired(lab, fresh)
    return sum(cell.id not in pairs or pairs[cell.id].source != cell.source for cell in fresh.cells)


def _outdated(lab: Notebook, fresh: Notebook, where: str) -> Iterator[Problem]:
    pairs = paired(lab, fresh)
    clean = True
    for cell in fresh.cells:
        mine = pairs.get(cell.id)
        if mine is None:
            do = f"Put it back, or run `{RELEASE}`"
            yield Problem(where, cell.id, "is missing", do)
        elif recorded(mine) != short_hash(cell.source):
            what = (
                "was released from another solution" if recorded(mine) else "does not say what was released"
            )
            yield Problem(where, cell.id, what, f"Run `{RELEASE}`")
        else:
            continue
        clean = False
    version = kit_entry(lab, "version")
    if clean and version and version != kit_entry(fresh, "version"):
        what = "cells were removed, moved or tagged differently in the solution"
        yield Problem(where, "", what, f"Run `{RELEASE}`")


def _with_outputs(cell: Cell, mine: Cell | None) -> Cell:
    if cell.kind != "code" or mine is None or mine.kind != "code" or mine.source != cell.source:
        return cell
    return replace(cell, outputs=mine.outputs, execution_count=mine.execution_count)
