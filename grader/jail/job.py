"""What one run is asked to do: cells, limits, and what of the cells is left out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grader.jail.limits import Limits

DEMO = "demo"
"""tag of a released demonstration that is not run for a grade"""


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell of a submission."""

    id: str
    source: str
    tags: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.source.encode("utf-8", "backslashreplace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Spare:
    """Hashes of released cells: tags may be lost, some editors drop them."""

    demo: frozenset[str] = frozenset()
    """demonstrations"""
    given: frozenset[str] = frozenset()
    """other cells that may be left out; none where something besides the exercises was changed"""


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked of one run."""

    cells: tuple[Cell, ...]
    limits: Limits
    spare: Spare = Spare()
    """released cells that are not run unless something needs them"""
    left_out: frozenset[str] = frozenset()
    """ids of cells that are not run, because an earlier run died of them"""
    hurry: float | None = None
    """seconds that a cell may take, where that is less than a question may"""
    grant: tuple[int, tuple[str, ...]] | None = None
    """port to listen on (0: any) and folders to hand out, where the other end wants them"""
    in_step: bool = False
    """whether the other end looks at what each cell has left behind before the next one begins"""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Job:
        """Return a job from its frame. Raises KeyError, TypeError or ValueError if it is not one."""
        skip, grant = data.get("skip", {}), data.get("grant")
        return cls(
            tuple(Cell(c["id"], c["source"], tuple(c.get("tags", ()))) for c in data["cells"]),
            Limits.read(data.get("limits", {})),
            Spare(frozenset(skip.get("demo", ())), frozenset(skip.get("given", ()))),
            frozenset(skip.get("ids", ())),
            data.get("hurry"),
            None if grant is None else (int(grant["port"]), tuple(map(str, grant["folders"]))),
            bool(data.get("in_step")),
        )
