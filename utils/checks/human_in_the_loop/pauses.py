"""Runs that pause before their tools: how checks start them, let them go on and tell what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from utils.checks.graphs import expect_own_methods
from utils.checks.registry import Words, expect
from utils.lab.lab import Lab, Ref, Stage
from utils.views.plain import plural


def watched(lab: Lab, stage: Stage, *, in_blocks: bool = False) -> Ref:
    """Return the kit's agent, which pauses before its tools.

    ``in_blocks`` makes the content of each of the model's messages a list of text blocks.
    """
    model = stage.model()
    if in_blocks:
        model = lab.make("model_in_blocks", model, label="model")
    return lab.kit.agent(model, [stage.tool()], lab.kit.saver(), interrupt_before=["action"])


def expect_text(told: Any, answer: str, function: str) -> None:
    """Expect that a function has not returned a message's content where it is a list of blocks."""
    expect(
        not isinstance(told, list) and not str(told).startswith("[{"),
        f"{function} must return the answer's text, also where a message's content is a list of blocks.",
        got=told,
        expected=repr(answer),
        why="OpenAI sends content as a string, Anthropic and Bedrock often as a list; .text reads both.",
    )


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


def written(lab: Lab, agent: Ref, thread: str) -> list[str]:
    """Return the ids of a thread's checkpoints."""
    found: list[str] = lab.part("written", agent, thread)
    return found


def called(lab: Lab, stage: Stage, name: str, *args: Any) -> Any:
    """Return what a function of the notebook returns.

    Fail if it has asked the notebook's own search meanwhile: that one does what the agent's tools are to do.
    """
    work = lab.get(name)
    told = lab.part("seen", stage.model_side.url, work, *args, called=lab.describe(name, *args))
    own = [str(request.args.get("query")) for request in stage.traffic().of("search")]
    expect(
        not own,
        f"{name} has asked the notebook's own search, beside the agent that it is given.",
        got=Words(f"searches of its own: {own}"),
        expected="none: only the agent runs tools, and only when its run goes on",
        why="Were it a booking, there would be one too many: the agent runs its calls by itself.",
    )
    return told


def queries(stage: Stage) -> list[str]:
    """Return what the search was asked for, in order."""
    return [str(request.args.get("query")) for request in stage.tool_requests()]


def broken(lab: Lab) -> str:
    """Return in words what is wrong with the last conversation that the model refused; empty if none was."""
    refused = lab.refusals()
    if not refused:
        return ""
    calls: dict[str, str] = {}  # of the message before, their names by id
    told: list[str] = []  # ids that the tool messages behind it name
    for message in (*refused[-1].messages, None):
        if message is not None and message.role == "tool":
            told.append(message.call_id)
            continue
        if strange := [id for id in told if id not in calls]:
            answers = "answers" if len(strange) == 1 else "answer"
            return f"{plural(len(strange), 'tool message')} that {answers} no call of the message before"
        if twice := [id for id in calls if told.count(id) > 1]:
            return f"two tool messages for the same call: {_listed([calls[id] for id in twice])}"
        if lacking := [calls[id] for id in calls if id not in told]:
            every = plural(len(calls), "call")
            return f"{len(lacking)} of {every} without a tool message behind it: {_listed(lacking)}"
        calls = {call.id: call.name for call in message.calls} if message else {}
        told = []
    return "a conversation that is not well-formed"


def asks_anew(lab: Lab) -> bool:
    """Return whether the last conversation that the model refused ends with a new message of a person."""
    refused = lab.refusals()
    return bool(refused) and refused[-1].roles[-1:] == ("user",)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")


ANSWERED = "each call answered by one tool message, directly behind the message with the calls"
"""what is expected where the model has refused a conversation"""
