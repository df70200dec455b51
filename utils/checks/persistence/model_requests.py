"""What the last request to the model held, and what is wrong with one that the model refused."""

from __future__ import annotations

from collections.abc import Sequence

from utils.checks.registry import Words, expect, fail
from utils.lab.lab import Lab, Stage
from utils.views.plain import plural


def roles(stage: Stage) -> str:
    """Return the roles of the last model request, without system prompts."""
    requests = stage.requests()
    return _joined(requests[-1].roles) if requests else "no request"


def questions(stage: Stage) -> tuple[str, ...]:
    """Return what people had asked in the last model request."""
    requests = stage.requests()
    return requests[-1].questions if requests else ()


def sent(stage: Stage) -> Words:
    """Return what people had asked in the last model request, as a card says it."""
    asked = questions(stage)
    return Words(f"the model was sent: {list(asked)}" if asked else "the model was not asked")


def expect_one_run(stage: Stage, function: str, requests: int, why: str) -> None:
    """Fail unless the model was asked as often as one run asks it; ``why`` says what more runs cost."""
    made = len(stage.requests())
    expect(
        made == requests,
        f"{function} ran the agent more than once for one question.",
        got=Words(f"{plural(made, 'request')} of the model, and one run makes {requests}"),
        expected=plural(requests, "request"),
        why=why,
    )


def explain_refusal(lab: Lab) -> None:
    """Fail with what is wrong in a conversation that the model refused; do nothing if it refused none."""
    refused = lab.refusals()
    if not refused:
        return
    last = refused[-1]
    got = Words(f"the model was sent: {_joined(last.roles) or 'nothing'}")
    if "user" not in last.roles:
        fail(
            "The question was lost on the way: the key messages needs a reducer.",
            got=got,
            expected="the question first, then all that was said since",
            why="Without a reducer, what a node returns replaces the list. With one, it is added.",
        )
    if len(set(last.questions)) < len(last.questions):
        fail(
            "The same messages are in the state twice: a node must return only what it adds.",
            got=got,
            expected="each message once",
            why="The reducer adds what a node returns. A node that returns the whole list doubles it.",
        )
    fail(
        "A tool call has no tool message of its own behind it.",
        got=got,
        expected="one tool message for each call, with the id of that call",
        why="Providers answer 400 to a history in which a call has no answer, and to all that follows on it.",
    )


def _joined(names: Sequence[str]) -> str:
    return " ".join(role for role in names if role != "system")
