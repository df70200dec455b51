"""Running a new solution once, so that its stored outputs are those of a run."""

from __future__ import annotations

import os
import subprocess
import sys

from grader.errors import GraderError
from grader.release.course import Course

SCRIPT = "make/outputs.py"


def store_outputs(course: Course, lab: str) -> None:
    """Run a lab's solution and store its outputs in it, by the script of ``make outputs``.

    Raises GraderError with what the script says when the solution cannot be run, or does not earn all points.
    """
    # Before what is installed: the course may be another copy of the kit than that one.
    paths = [str(course.root), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, str(course.root / SCRIPT), lab],
        cwd=course.root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        told = (done.stderr.strip() or done.stdout.strip() or "it does not say why").splitlines()[-1]
        hint = f"mend that, then run make outputs LAB={lab}"
        raise GraderError(f"its outputs are not stored: {told}", where=f"solutions/{lab}.ipynb", hint=hint)
