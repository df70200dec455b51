"""Where a learner sits: the notebook that is open, and the folder that it lies in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from utils.modes import GRADING, RUNNING
from utils.notebook.saved import told_path
from utils.shell import shell

_LAB = "JPY_SESSION_NAME"
KIT = Path(__file__).resolve().parents[2]
"""the folder that the kit lies in, with ``labs/`` and, at authors' and self-learners', ``solutions/``"""


@dataclass(frozen=True, slots=True)
class Desk:
    """The open notebook of somebody who sits in front of it."""

    notebook: Path
    """its file, as the editor told it when the kernel started; it may have been renamed since"""
    links: bool
    """whether a link in an output leads to a notebook's heading here: JupyterLab's do"""

    @property
    def folder(self) -> Path:
        """Return the folder that the notebook lies in."""
        return self.notebook.parent


def is_unattended() -> bool:
    """Return whether a kernel runs cells and nobody sits in front of it: a grader, papermill, a fresh run."""
    if os.environ.get(GRADING) or os.environ.get(RUNNING):
        return True
    return getattr(shell(), "kernel", None) is not None and not _somebody()


def desk(lab: str) -> Desk | None:
    """Return where somebody works on a lab; ``None`` where nobody does, or where the file is not known."""
    if is_unattended() or not _somebody():
        return None
    path = told_path(shell().user_ns, lab).absolute()
    return Desk(path, links=bool(os.environ.get(_LAB)) and path.is_file())


def _somebody() -> bool:
    from utils.views.touch import widgets_here  # noqa: PLC0415 - the grader needs no views

    return widgets_here()
