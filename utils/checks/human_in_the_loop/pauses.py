"""Runs that pause before their tools: how checks start them, let them go on and tell what came of them."""

from __future__ import annotations

from typing import Any

from utils.checks.graphs import expect_own_methods
from utils.lab.lab import Lab, Ref, Stage


def count(number: int, what: str) -> str:
    more = "es" if what.endswith("ch") else "s"
    return f"{number} {what}{'' if number == 1 else more}"


def watched(lab: Lab, stage: Stage) -> Ref:
    """Return the kit's agent, which pauses before its tools."""
    return lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver(), interrupt_before=["action"])


def ask(lab: Lab, agent: Ref, thread: str, text: str) -> None:
    """Ask a question, up to the pause."""
    lab.part("sync_turn", agent, thread, text)


def finish(lab: Lab, agent: Ref, thread: str) -> None:
    """Let a paused run go on, up to the next pause or the end."""
    lab.part("go_on", agent, thread, called=f"agent.invoke(None, thread({thread!r}))")


def state_of(lab: Lab, agent: Ref, thread: str) -> dict[str, Any]:
    expect_own_methods(lab, agent)
    state: dict[str, Any] = lab.part("state", agent, thread)
    return state


def queries(stage: Stage) -> list[str]:
    """Return what the search was asked for, in order."""
    return [str(request.args.get("query")) for request in stage.tool_requests()]
