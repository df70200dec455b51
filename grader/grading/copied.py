"""Whether work answers what a notebook prints and nothing else."""

from __future__ import annotations

import random

from utils.checks.registry import Exercise, LabChecks
from utils.checks.run import run_exercise
from utils.lab.lab import Lab

TIMES = 3
"""how often work must answer the printed example, and fail a fresh question, until it is called copied"""


def is_copied(checks: LabChecks, exercise: Exercise, lab: Lab, rng: random.Random) -> bool:
    """Return whether work earns everything with the printed example and fails fresh questions, each time.

    Work that depends on chance, as a race does, fails and passes in turn: nobody is accused of that.
    """
    return all(
        run_exercise(exercise, lab, checks.example).passed
        and not run_exercise(exercise, lab, checks.fresh_case(rng)).passed
        for _ in range(TIMES)
    )
