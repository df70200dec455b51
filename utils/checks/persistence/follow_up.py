"""A question that only the conversation before it makes clear, and what a model says without it."""

from __future__ import annotations

WARMER = "Which one is warmer?"
NO_IDEA = "I cannot tell: which places do you mean?"
