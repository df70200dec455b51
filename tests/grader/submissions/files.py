"""Submissions for the tests, built from a few words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LAB = "01_persistence"
TWO = (LAB, "02_streaming")


def cell(source: Any = "x = 1", kind: str = "code", **more: Any) -> dict[str, Any]:
    """Return a cell as JSON has it; ``drop`` names keys that it lacks."""
    drop = more.pop("drop", ())
    made = {"cell_type": kind, "id": "a", "metadata": {}, "source": source, "outputs": []} | more
    return {key: value for key, value in made.items() if key not in drop}


def notebook(*cells: Any, **more: Any) -> dict[str, Any]:
    """Return a notebook as JSON has it."""
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)} | more


def data(*cells: Any, **more: Any) -> bytes:
    """Return a notebook as bytes."""
    return json.dumps(notebook(*cells, **more)).encode()


def crowd(count: int) -> bytes:
    """Return a notebook with so many equal cells, as bytes: to encode each takes longer than to read this."""
    one = json.dumps(cell(drop=["id"])).encode()
    before, after = data().split(b"[]")
    return before + b"[" + b", ".join([one] * count) + b"]" + after


GOOD = data(cell())


def hand_in(root: Path, *paths: str) -> Path:
    """Write a readable notebook to each of the paths below a folder, and return the folder."""
    for path in paths:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(GOOD)
    return root
