"""Gradescope: a ``results.json`` for each submission, as its autograders write it."""

from __future__ import annotations

import json
from typing import Any

from grader.exports.grades import Asked, Exported, Grade, unknown, waiting
from grader.submissions.names import safe_name


def export(asked: Asked) -> Exported:
    """Return ``<student>/<lab>/results.json`` for everybody who has points."""
    files = {
        f"{safe_name(grade.student)}/{safe_name(grade.lab)}/results.json": _document(grade)
        for grade in asked.grades
        if grade.points is not None
    }
    return Exported(files, unknown(waiting(asked.grades), "no points yet, so nothing was written for"))


def _document(grade: Grade) -> bytes:
    tests: list[dict[str, Any]] = [
        {
            "number": number,
            "name": title,
            "score": points or 0,
            "max_score": most,
            "status": "passed" if points == most else "failed",
            "visibility": "visible",
        }
        for number, title, points, most in grade.exercises
    ]
    whole = {
        "score": grade.points,
        "output": grade.comment,
        "output_format": "text",
        "visibility": "after_published",
        "stdout_visibility": "hidden",
        "tests": tests,
    }
    return (json.dumps(whole, ensure_ascii=False, indent=1) + "\n").encode()
