"""The tests themselves as somebody who is not root, on a machine where only root may read the interpreter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from grader.sandbox.stage import stage
from tests.grader.sandbox.looking import ROOT, not_here

USER = "65534"
MINUTES = 5


def as_ordinary(words: list[str]) -> subprocess.CompletedProcess[str]:
    """A Python command run by nobody; skips where nobody can be given what it takes to run one."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        view = list(_view())
        shutil.chown(folder, int(USER), int(USER))
        environment = {
            "CI": "true",  # for that user, nothing that is missing is an excuse
            "HOME": made,
            "TMPDIR": made,
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        dropping = ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--"]

        def run(words: list[str]) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*view, *dropping, sys.executable, *words],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=MINUTES * 60,
                check=False,
            )

        tried = run(["-c", "import grader.grading.host"])
        if tried.returncode != 0:
            not_here(f"nobody but root can run the grader here: {tried.stderr.strip()}")
        return run(words)


def _view() -> Iterator[str]:
    """Bubblewrap's arguments: this machine, with what Python needs, and no more, below root's own folders."""
    with tempfile.TemporaryDirectory() as made:
        staged = stage(Path(made) / "stage")
        needed = [*staged.interpreter, *(source for source, _ in staged.packages), Path(sys.prefix), ROOT]
        closed = [folder for folder in staged.closed if not Path(made).is_relative_to(folder)]
    yield from ("bwrap", "--dev-bind", "/", "/")
    covered = [folder for folder in closed if not any(other in folder.parents for other in closed)]
    for folder in covered:
        yield from ("--perms", "0755", "--tmpfs", str(folder))
    made_up: set[Path] = set()
    for path in needed:
        for top in (folder for folder in covered if path.is_relative_to(folder)):
            for parent in reversed(path.parents):
                if parent.is_relative_to(top) and parent != top and parent not in made_up:
                    made_up.add(parent)
                    yield from ("--perms", "0755", "--dir", str(parent))
            yield from ("--ro-bind", str(path), str(path))
    yield from ("--chdir", str(ROOT))
