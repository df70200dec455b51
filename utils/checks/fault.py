"""Whose fault it is when a check trips: the student's data, or the check's own code.

A check reads what a student's code gave back. Where that has another form than the check expects, Python
raises some error in the check, and the student is told so. A slip of the author raises the same errors, and a
student must never be told to mend that. Three things give a slip away:

- Nothing of the student's had come back yet.
- An attribute is missing on something that no student's code gave back: the lab, its parts, a stage, a case.
- A function of Python code was called with the wrong arguments. What students give back holds no functions.

A slip that none of these shows, such as a wrong key of a dictionary that a student returned, cannot be told
from the student's own. `grader validate` and `make outputs` find it: a right solution fails.
"""

from __future__ import annotations

import re
import traceback
from pathlib import Path

from utils.lab.lab import Lab, Ref
from utils.lab.plain import Message

_DATA = (type(None), bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, Message)
"""types of what a student's code gives back, objects apart"""
_WRONG_CALL = re.compile(r"[\w.<>]+\(\) (?:missing|got|takes) ")
"""how Python begins when a function was called with arguments that it does not take"""


def is_the_checks_own(error: Exception, lab: Lab) -> bool:
    """Return whether an error that was raised in a check is a slip in the check's own code."""
    if not lab.heard:
        return True
    if isinstance(error, AttributeError):
        return error.name is not None and not _may_be_given(error.obj)
    return isinstance(error, TypeError) and _WRONG_CALL.match(str(error)) is not None


def place_of(error: Exception) -> str:
    """Return the file and line where an error was raised, without its folders; empty if nobody knows."""
    frames = traceback.extract_tb(error.__traceback__)
    checks = [frame for frame in frames if Path(frame.filename).name.startswith("exercise_")]
    last = (checks or frames)[-1:]
    return ", ".join(f"{Path(frame.filename).name}, line {frame.lineno}" for frame in last)


def _may_be_given(value: object) -> bool:
    """Return whether a student's code may have given this back."""
    return type(value) in _DATA or (isinstance(value, Ref) and not value.is_the_kits)
