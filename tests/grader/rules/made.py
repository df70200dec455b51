"""Rules of a course and hand-ins that they are tried on."""

from __future__ import annotations

from typing import Any

from grader.results.result import Result
from grader.rules.course_file import CourseRules, parse
from tests.grader.results.made import LAB, check, exercise, result

HEAD = 'timezone = "Europe/Berlin"\n'
DUE = "2026-11-03T23:59:00"


def rules(lab: str = "", more: str = "") -> CourseRules:
    """Rules with a due date for lab 1, in Berlin; 10 % off for each day, 50 at most."""
    late = "" if "late =" in lab else 'late = { per = "day", off = 10, most = 50 }\n'
    return parse(f"{HEAD}[labs.{LAB}]\ndue = {DUE}\n{late}{lab}\n{more}")


def came(at: str, student: str = "ada", points: int = 4, **more: Any) -> Result:
    """A hand-in of so many of 4 points that came at a time; empty for not known."""
    checks = [check(str(number), "passed" if number < points else "failed") for number in range(4)]
    facts = {"handed_in": at, "exercises": (exercise("1.1", *checks),)}
    return result(student, **(facts | more))
