"""Questions that need no tool and their answers, and how a graph is asked."""

from __future__ import annotations

from typing import Any

from utils.checks.async_graphs.lab import Case
from utils.checks.weather import City
from utils.lab.lab import Lab, Ref


def advice(city: City, case: Case) -> str:
    return f"For {city.name} take {case.word}."


def pack_question(city: City) -> str:
    return f"What should I pack for {city.name}?"


def turn(lab: Lab, agent: Ref, thread: str, text: str) -> dict[str, Any]:
    """Return a graph's state after one question."""
    called = f'await agent.ainvoke({{"messages": [("user", {text!r})]}}, thread({thread!r}))'
    state = lab.part("turn", agent, thread, text, called=called)
    return state if isinstance(state, dict) else {}
