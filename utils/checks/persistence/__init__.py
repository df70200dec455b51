"""Lab 1, "Keep the conversation": its exercises and how each is judged.

``lab`` declares the exercises and the case; each exercise's checks are in a module named by its number.
"""

from __future__ import annotations

from utils.checks.persistence import (  # noqa: F401 - importing them registers their checks
    exercise_1_1,
    exercise_1_2,
    exercise_1_3,
    exercise_1_4,
    exercise_1_5,
    exercise_1_6,
)
from utils.checks.persistence.lab import LAB, Case

__all__ = ["LAB", "Case"]
