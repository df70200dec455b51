"""What the last request to the model held."""

from __future__ import annotations

from utils.lab.lab import Stage


def roles(stage: Stage) -> str:
    """Return the roles of the last model request, without system prompts."""
    requests = stage.requests()
    return " ".join(role for role in requests[-1].roles if role != "system") if requests else "no request"


def questions(stage: Stage) -> tuple[str, ...]:
    """Return what people had asked in the last model request."""
    requests = stage.requests()
    return requests[-1].questions if requests else ()
