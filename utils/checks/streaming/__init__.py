"""Lab 2, "Show it as it happens": its exercises and how each is judged.

``lab`` declares the exercises and the case; each exercise's checks are in a module named by its number.
"""

from __future__ import annotations

from utils.checks.streaming import (  # noqa: F401 - importing them registers their checks
    exercise_2_1,
    exercise_2_2,
    exercise_2_3,
    exercise_2_4,
    exercise_2_5,
    exercise_2_6,
)
from utils.checks.streaming.lab import LAB, Case

__all__ = ["LAB", "Case"]
