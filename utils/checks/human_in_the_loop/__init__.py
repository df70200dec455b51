"""Lab 4, "Ask before you act": its exercises and how each is judged.

``lab`` declares the exercises and the case; each exercise's checks are in a module named by its number.
What a tool did, and how often, is counted at the model's side, where each tool does its work by one request.
"""

from __future__ import annotations

from utils.checks.human_in_the_loop import (  # noqa: F401 - importing them registers their checks
    exercise_4_1,
    exercise_4_2,
    exercise_4_3,
    exercise_4_4,
    exercise_4_5,
)
from utils.checks.human_in_the_loop.lab import LAB, Case

__all__ = ["LAB", "Case"]
