"""A small class, its hand-ins and its room."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from grader.results import store
from grader.results.result import Flag, Loss, Result
from grader.review.room import Settings
from tests.grader.results.made import LAB, not_graded, partly, result

CELL = "def ask(agent, thread_id, text):\n    return '<script>alert(1)</script>\u202e'\n"
HELPER = "import os\nx = 1"
SAID = "After a tool has answered, the model must be asked again."


def notebook(*sources: str, tags: Sequence[Sequence[str]] = ()) -> bytes:
    cells = [
        {
            "cell_type": "code",
            "id": f"c{at}",
            "metadata": {"tags": list(tags[at]) if at < len(tags) else []},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for at, source in enumerate(sources)
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


def hand_in(folder: Path, *students: str) -> Path:
    for student in students:
        path = folder / student / f"{LAB}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(notebook(HELPER, CELL, "print(2)"))
    return folder


def one(student: str, made: Result) -> Result:
    return replace(made, student=student, path=f"{student}/{LAB}.ipynb")


def a_class() -> tuple[Result, ...]:
    """Five people: all right, a near miss twice, a flag, and nothing handed in."""
    flagged = result(
        "eve",
        flags=(Flag("patches-library", "It patches a library.", 2, "x = <b>"),),
        losses=(Loss("cell-error", "This cell ended with an error.", cell=1, shown="NameError: <i>"),),
    )
    return (
        one("ada", result("ada", name="Ada Okafor")),
        one("bob", partly("bob", name="Bob Miles")),
        one("cem", partly("cem")),
        one("eve", flagged),
        not_graded("missing", "mia"),
    )


def written(out: Path, results: Sequence[Result] = ()) -> Path:
    for made in results or a_class():
        store.write(out, made)
    return out


def settings(tmp_path: Path, **more: object) -> Settings:
    out = tmp_path / "out"
    if not out.exists():
        written(out)
    facts: dict[str, object] = {
        "out": out,
        "submissions": hand_in(tmp_path / "submissions", "ada", "bob", "cem", "eve"),
        "number": 2,
        "author": "R. Miller",
    }
    return Settings(**(facts | more))  # type: ignore[arg-type]
