"""Questions to a student's work and their answers: JSON in, JSON out.

``handle`` is the side that lives with the student's objects, ``lab`` the side that judges. The same
two sides talk in a notebook and in the grader; only what carries the JSON differs.
"""

from utils.lab.handle import Handle
from utils.lab.lab import (
    END,
    Lab,
    LabError,
    Missing,
    Ref,
    Stage,
    StudentError,
    TookTooLong,
    Transport,
)
from utils.lab.plain import Message

__all__ = [
    "END",
    "Handle",
    "Lab",
    "LabError",
    "Message",
    "Missing",
    "Ref",
    "Stage",
    "StudentError",
    "TookTooLong",
    "Transport",
]
