"""Students as they are shown: by name, or under a name that says nothing.

A name that says nothing follows from the student's id and the seed, so it is the same tomorrow. It keeps a
person's mind free; who wants to know looks into the files of results, which lie beside.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping

from grader.results.result import Result
from utils.views.plain import one_line

LETTERS = 6


def shown_names(results: Iterable[Result], *, anonymous: bool, seed: str) -> Mapping[str, str]:
    """Return a name for each student's id; no two are alike where they say nothing."""
    if not anonymous:
        return {result.student: _named(result) for result in results}
    names: dict[str, str] = {}
    taken: set[str] = set()
    for student in sorted({result.student for result in results}):
        digest = hashlib.sha256(f"{seed}\0{student}".encode("utf-8", "surrogatepass")).digest()
        letters = base64.b32encode(digest).decode().strip("=")
        name = next(name for at in range(LETTERS, len(letters)) if (name := letters[:at]) not in taken)
        taken.add(name)
        names[student] = f"Student {name}"
    return names


def _named(result: Result) -> str:
    student = one_line(result.student, 60)
    return student if result.name in ("", result.student) else f"{one_line(result.name, 60)} ({student})"
