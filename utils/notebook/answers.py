"""The versions of an exercise's cell: as given, as the learner has it, and the one in ``solutions/``."""

from __future__ import annotations

from pathlib import Path

from utils.checks.registry import Exercise
from utils.notebook.runs import runs_of
from utils.notebook.saved import read_saved
from utils.notebook.unrun import defines
from utils.shell import shell

_SIGN, _LAST = "###", "SOLUTION"
"""how the lines begin and end that mark a solution"""


def own_answer(exercise: Exercise, notebook: Path) -> str:
    """Return the learner's answer, as it ran last in this session, else as saved; empty without one."""
    ran = (
        run.source
        for run in reversed(runs_of(shell()))
        if not run.unread and defines(run.source, exercise.function)
    )
    return next(ran, "") or saved_answer(exercise, notebook)


def saved_answer(exercise: Exercise, notebook: Path) -> str:
    """Return the exercise's cell as it was saved; empty where there is none."""
    saved = read_saved(notebook)
    return "" if saved is None else saved.answers.get(exercise.number, "")


def reference_answer(exercise: Exercise, solution: Path) -> str:
    """Return the answer of ``solutions/``, without the marks around it; empty where there is none."""
    lines = saved_answer(exercise, solution).splitlines()
    return "\n".join(line for line in lines if not _is_mark(line))


def _is_mark(line: str) -> bool:
    words = line.split()
    return len(words) > 1 and words[0] == _SIGN and words[-1] == _LAST
