"""Gradescope: a ``results.json`` for each submission, as its autograders write it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from grader.exports.grades import Asked, Exported, Grade, unknown, waiting
from grader.submissions.names import safe_name


def export(asked: Asked) -> Exported:
    """Return ``<student>/<lab>/results.json`` for everybody who has points."""
    files = {
        f"{safe_name(grade.student)}/{safe_name(grade.lab)}/results.json": document(grade)
        for grade in asked.grades
        if grade.points is not None
    }
    return Exported(files, unknown(waiting(asked.grades), "no points yet, so nothing was written for"))


def document(
    grade: Grade, visibility: str = "after_published", said: Mapping[str, str] | None = None
) -> bytes:
    """Return a ``results.json``. ``said`` has what there is to say of an exercise, by its number.

    The format knows no work without a score: what nobody has judged is 0 there.
    """
    outputs = said or {}
    tests: list[dict[str, Any]] = [
        {
            "number": number,
            "name": title,
            "score": points or 0,
            "max_score": most,
            "status": "passed" if points == most else "failed",
            "visibility": "visible",
            **({"output": outputs[number], "output_format": "text"} if outputs.get(number) else {}),
        }
        for number, title, points, most in grade.exercises
    ]
    whole = {
        "score": grade.points or 0,
        "output": grade.comment,
        "output_format": "text",
        "visibility": visibility,
        "stdout_visibility": "hidden",
        "tests": tests,
    }
    return (json.dumps(whole, ensure_ascii=False, indent=1) + "\n").encode()
