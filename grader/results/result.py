"""One student's result for one lab, as data. Everything else (gradebook, feedback, report) is made from it.

Results hold nothing that differs from one run to the next: no address, no random id, and no time but that of
the hand-in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from utils.results import ExerciseResult

SubmissionStatus = Literal["graded", "timeout", "crashed", "unreadable", "tampered", "missing", "error"]
"""``error``: it could not be judged, through the grader's own fault"""

UNTOLD: frozenset[SubmissionStatus] = frozenset({"tampered", "error"})
"""of these the student is not told the reason: it is the instructor's suspicion, or the grader's trouble"""

LossKind = Literal[
    "cell-error", "cell-timeout", "crashed", "memory", "timeout", "defined-twice", "nothing-found", "package"
]

Sandbox = Literal["bubblewrap", "none"]


@dataclass(frozen=True, slots=True)
class Flag:
    """Something a person should look at. It costs nothing by itself."""

    kind: str
    """stable and short, such as ``patches-library``; what tables and filters use"""
    what: str
    """one sentence in the author's words"""
    cell: int = 0
    """position among all cells of the notebook, from 1; 0 when no one cell is meant"""
    shown: str = ""
    """the student's own text (a line of code, say): only ever shown to the instructor, and escaped"""


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that went wrong while the submission ran: what, where, and what to do about it."""

    kind: LossKind
    what: str
    """one sentence in the author's words"""
    do: str = ""
    """what the student, or the instructor, may do; author's words, too"""
    exercise: str = ""
    """number of the exercise that it cost, where it cost one"""
    cell: int = 0
    """position among all cells, from 1; 0 when no cell is meant"""
    shown: str = ""
    """text out of the jail (an error's name and message): for the instructor only"""


@dataclass(frozen=True, slots=True)
class Result:
    """What grading one submission gave."""

    student: str
    """the roster's id, or who the folder names; any characters"""
    lab: str
    """``01_persistence``"""
    title: str
    """of the lab, for people"""
    status: SubmissionStatus
    exercises: tuple[ExerciseResult, ...]
    """every exercise of the lab, also when nothing could be run: checks are then ``not run``"""
    reason: str = ""
    """why it is not ``graded``, one sentence in the author's words; empty when it is"""
    do: str = ""
    """what to do about that"""
    name: str = ""
    """the person's name, where the roster or a platform has one"""
    path: str = ""
    """of the file, below the submissions' folder"""
    late: bool = False
    notes: tuple[str, ...] = ()
    """what cost nothing and may be of interest; author's words"""
    losses: tuple[Loss, ...] = ()
    flags: tuple[Flag, ...] = ()
    sandbox: Sandbox = "bubblewrap"
    lacking: tuple[str, ...] = ()
    """limits that this machine could not set"""
    submission: str = ""
    """SHA-256 of the file's bytes; empty when there was none to read"""
    inputs: str = ""
    """hash over everything that the result depends on: unchanged, nothing needs to be graded again"""
    handed_in: str = ""
    """when, in ISO 8601, with an offset where one is known; empty where nothing trustworthy says it"""
    told_by: str = ""
    """what says so"""
    attempt: int = 0
    """0 for the last one; earlier ones, where they are graded, are counted from 1"""

    @property
    def points(self) -> float:
        """The sum over all checks; a tampered submission counts nothing until a person has looked."""
        if self.status == "tampered":
            return 0.0
        return sum(exercise.points for exercise in self.exercises)

    @property
    def max_points(self) -> float:
        return sum(exercise.max_points for exercise in self.exercises)
