"""Lab 3, "Do ten things at once": its exercises and how each is judged.

``lab`` declares the exercises and the case; each exercise's checks are in a module named by its number.
What runs at the same time is seen at the model's side, by gates that make requests wait for each other:
no check looks at a clock.
"""

from __future__ import annotations

from utils.checks.async_graphs import (  # noqa: F401 - importing them registers their checks
    exercise_3_1,
    exercise_3_2,
    exercise_3_3,
    exercise_3_4,
    exercise_3_5,
    exercise_3_6,
)
from utils.checks.async_graphs.lab import LAB, Case

__all__ = ["LAB", "Case"]
