"""Errors that the grader raises on purpose. The command line shows them without a traceback.

GraderError            could not, or would not                    exit code 1
├── UsageError         the command was called wrongly             exit code 2
├── UnreadableNotebook a file that should be a notebook is not one
├── FaultySolution     a solution that cannot be released
└── LabWorkedIn        a release that would write over someone's work
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from utils.errors import KitError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a notebook, for one line of text."""

    notebook: str
    """path relative to the repository, with forward slashes"""
    cell: str
    """id of the cell and, where known, the line in it; empty when the whole notebook is meant"""
    what: str
    do: str

    def __str__(self) -> str:
        place = f"{self.notebook}, cell {self.cell}" if self.cell else self.notebook
        return f"{place}: {self.what}. {self.do}."


class GraderError(KitError):
    """Base of every error the grader raises on purpose: what is wrong, where, and what to do next."""

    exit_code = 1


class UsageError(GraderError):
    """The command was called in a way that cannot work."""

    exit_code = 2


class UnreadableNotebook(GraderError):
    """A file that should be a notebook is not one that can be used."""


class LabWorkedIn(GraderError):
    """Writing the release would lose what someone did in the lab."""


class FaultySolution(GraderError):
    """A solution cannot be turned into a lab. ``problems`` has every reason, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[type[FaultySolution], tuple[tuple[Problem, ...]]]:
        return (type(self), (self.problems,))
