"""What cells show: dropped, but for the name and the text of the error that a cell shows last.

The verdict rests on questions, so nobody reads what cells print. It still has to go somewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grader.jail.spool import Spool
from utils.lab.plain import safe_text

NAMES = {1: "stdout", 2: "stderr"}
MAX_NAME = 80
"""letters of an error's name"""
MAX_TEXT = 2_000
"""letters of an error's text"""


class Outputs:
    """Takes in what the current cell shows."""

    def __init__(self, spools: Sequence[Spool] = ()) -> None:
        self._spools = spools
        self.error: dict[str, str] | None = None
        """``ename`` and ``evalue`` of the error that the cell has shown last; ``None`` if it showed none"""

    def begin(self) -> None:
        """Start with an empty cell."""
        self._empty()
        self.error = None

    def end(self) -> None:
        """End the cell: the room that printed text took in the work folder is given back."""
        self._empty()

    def _empty(self) -> None:
        for spool in self._spools:
            spool.empty()

    def write(self, name: str, text: str) -> None:
        """Take in printed text."""

    def message(self, kind: str, content: Mapping[str, Any]) -> None:
        """Take in what the kernel protocol calls a message: a display, a result, an error."""
        if kind == "error":
            self.error = {
                "ename": _cut(content.get("ename"), MAX_NAME),
                "evalue": _cut(content.get("evalue"), MAX_TEXT),
            }


def _cut(value: Any, most: int) -> str:
    """Return the beginning of a text, read past whatever a subclass of str says; "" for anything else."""
    return safe_text(str.__getitem__(value, slice(most))) if issubclass(type(value), str) else ""
