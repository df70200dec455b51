"""Running notebooks as CI does: each run is a process, with or without a network around it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
SOLUTIONS = sorted((ROOT / "solutions").glob("[0-9][0-9]_*.ipynb"))
SANITIZER = ROOT / "tests" / "nbval.cfg"
FAILED = ROOT / "build" / "failed"
SECONDS = 180

OFFLINE = "without network"


def command(words: Sequence[str], surroundings: str) -> list[str]:
    """The command, for ``OFFLINE`` in a namespace of its own that has only loopback."""
    if surroundings != OFFLINE:
        return list(words)
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        reason = "bubblewrap is not installed: apt-get install bubblewrap"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return [bubblewrap, "--dev-bind", "/", "/", "--unshare-net", "--die-with-parent", *words]


def run(words: Sequence[str], cwd: Path, surroundings: str = "as it is") -> subprocess.CompletedProcess[str]:
    """How a command ended, with all that it printed."""
    return subprocess.run(
        command(words, surroundings),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
    )


def execute(
    notebook: Path, target: Path, surroundings: str = "as it is", **parameters: str
) -> nbformat.NotebookNode:
    """The executed notebook, by papermill; kept in build/failed when a cell fails."""
    words = [sys.executable, "-m", "papermill", "--no-progress-bar", str(notebook), str(target)]
    for name, value in parameters.items():
        words += ["-p", name, value]
    done = run(words, target.parent, surroundings)
    if done.returncode != 0:
        FAILED.mkdir(parents=True, exist_ok=True)
        if target.exists():
            shutil.copy(target, FAILED / notebook.name)
        pytest.fail(f"{notebook.name} {surroundings}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return nbformat.read(target, as_version=4)


def compare(notebook: Path, surroundings: str = "as it is") -> subprocess.CompletedProcess[str]:
    """How strict nbval ended on a notebook."""
    words = [
        *(sys.executable, "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider"),
        *("-c", os.devnull, "--rootdir", str(notebook.parent)),
        *("--nbval", "--nbval-current-env", "--nbval-cell-timeout", "60"),
        *("--nbval-sanitize-with", str(SANITIZER), str(notebook)),
    ]
    return run(words, notebook.parent, surroundings)


def texts(notebook: nbformat.NotebookNode) -> str:
    """All plain text that the cells of a notebook show."""
    shown = []
    for cell in notebook.cells:
        shown += [o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.get("outputs", ())]
    return "\n".join(shown)
