"""Running notebooks as CI does, with or without a network around them, and comparing what they printed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "solutions").glob("[0-9][0-9]_*.ipynb"))
SOLUTIONS = [path for path in NOTEBOOKS if not path.stem.startswith("00_")]
PAGES = [path for path in NOTEBOOKS if path not in SOLUTIONS]
"""notebooks beside the labs, in which nothing is graded"""
DRIVER = ROOT / "tests" / "papermill_runs.py"
FAILED = ROOT / "build" / "failed"
SECONDS = 180
"""for one notebook, on a machine that is busy"""

OFFLINE = "without network"
AS_IT_IS = "as it is"


@dataclass(frozen=True)
class Run:
    """A notebook that is to be executed, and where the executed one goes."""

    notebook: Path
    target: Path
    parameters: Mapping[str, str] = field(default_factory=dict)


def can_be_offline() -> bool:
    """Whether there is something to take the network away with."""
    return shutil.which("bwrap") is not None


def needs_no_network() -> None:
    """Skip a test where the network cannot be taken away; fail it on CI."""
    if not can_be_offline():
        reason = "bubblewrap is not installed: apt-get install bubblewrap"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def execute_all(runs: Sequence[Run], surroundings: str = AS_IT_IS) -> list[str]:
    """Execute notebooks one after the other, and return for each the error; empty for those that went well.

    ``OFFLINE`` is a namespace that has only loopback. What failed is kept in build/failed.
    """
    folder = runs[0].target.parent
    orders, results = folder / "orders.json", folder / "results.json"
    orders.write_text(json.dumps([vars(run) for run in runs], default=str), "utf-8")
    # Not with the driver's folder on the path: tests/utils is not the kit's utils.
    words = [sys.executable, "-P", str(DRIVER), str(orders), str(results)]
    if surroundings == OFFLINE:
        words = ["bwrap", "--dev-bind", "/", "/", "--unshare-net", "--die-with-parent", *words]
    done = subprocess.run(
        words,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS * len(runs),
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"papermill did not get to the end:\n{done.stderr[-3000:]}"
    errors: list[str] = json.loads(results.read_text("utf-8"))
    for run, error in zip(runs, errors, strict=True):
        if error and run.target.exists():
            FAILED.mkdir(parents=True, exist_ok=True)
            shutil.copy(run.target, FAILED / run.notebook.name)
    return errors


def execute(notebook: Path, target: Path, surroundings: str = AS_IT_IS) -> nbformat.NotebookNode:
    """The executed notebook; the test fails when a cell does."""
    (error,) = execute_all([Run(notebook, target)], surroundings)
    if error:
        pytest.fail(f"{notebook.name} {surroundings}:\n{error[-3000:]}")
    return nbformat.read(target, as_version=4)


def texts(notebook: nbformat.NotebookNode) -> str:
    """All plain text that the cells of a notebook show."""
    shown = []
    for cell in notebook.cells:
        shown += [o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.get("outputs", ())]
    return "\n".join(shown)
