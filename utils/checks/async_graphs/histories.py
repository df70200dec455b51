"""What is wrong with a history that the model refused: which calls have no answer, or more than one."""

from __future__ import annotations

from collections import Counter
from typing import Any

from utils.checks.registry import Words, fail
from utils.lab.lab import Lab
from utils.views.plain import plural


def what_is_wrong(request: Any) -> str:
    """Return a sentence on the tool calls of a refused request."""
    calls = [call.id for message in request.messages for call in message.calls]
    answers: Counter[str] = Counter(message.call_id for message in request.messages if message.role == "tool")
    missing = [id for id in calls if not answers[id]]
    if missing and set(answers) - set(calls):
        return "A tool message answers an id that no call has, and a call has no answer."
    if missing:
        had = "has" if len(missing) == 1 else "have"
        return f"{len(missing)} of {plural(len(calls), 'tool call')} {had} no tool message."
    if any(count > 1 for count in answers.values()):
        return "A tool call is answered twice."
    return "The tool messages do not stand directly after the message with their calls."


def expect_accepted(lab: Lab) -> None:
    """Fail with what is wrong if the model refused a history."""
    if refused := lab.refusals():
        fail(
            f"The model refused the conversation. {what_is_wrong(refused[-1])}",
            got=Words(f"the model was sent: {' '.join(refused[-1].roles)}"),
            expected="one ToolMessage for each tool call, with the call's own id, directly after the calls",
            why="Providers answer 400 to any other history, and to every later question on its thread.",
        )
