"""What led to a request that the model refused or does not know, in words for the card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from utils.checks.registry import shown
from utils.replay.log import Miss, Request
from utils.replay.matching import Heard, fold_question
from utils.replay.strictness import defect

MOST_LISTED = 50
"""messages, calls or results that are named"""
_REFUSES = "Providers answer 400 to such a history, and to every later question on its thread."


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a card says of a check that did not pass."""

    message: str
    returned: str = ""
    expected: str = ""
    why: str = ""
    detail: str = ""


def of_refused(request: Request) -> Explanation:
    """Return what is wrong with the history of a request that the model refused."""
    messages = request.messages
    sent = f"the model was sent: {_listed(request.roles)}"
    found = defect(messages)
    if found is None:
        # What is left is a rule of some providers only.
        return Explanation(
            "The model was sent tool calls, but no definition of its tools.",
            returned=sent,
            expected="a request that offers the tools, as model.bind_tools(tools) makes it",
            why=_REFUSES,
        )
    if found.kind == "no messages":
        return Explanation(
            "The model was sent no message at all.",
            returned=sent,
            expected="the messages of the thread, with the question as the last",
            why="A model answers what it is sent, and providers answer 400 to nothing.",
        )
    if found.kind == "unanswered":
        calls = [call for call in messages[found.position].calls if call.id in found.ids]
        named = [f"{call.name}({shown(dict(call.args))})" for call in calls[:MOST_LISTED]]
        return Explanation(
            f"The model refused the conversation: {len(calls)} tool calls have no answer."
            if len(calls) != 1
            else "The model refused the conversation: a tool call has no answer.",
            returned=f"{sent}; without an answer: {_listed(named)}",
            expected="one ToolMessage for each call, directly behind the message with the calls",
            why=f"{_REFUSES} A call that failed or was refused needs its answer, too.",
        )
    if found.kind == "doubled":
        return _doubled(messages, found.position, found.ids, sent)
    if not any(message.role in ("user", "assistant") for message in messages[: found.position]):
        return Explanation(
            "The model was sent a tool's result without the conversation before it.",
            returned=sent,
            expected="the question, the message with the calls, then their results",
            why=(
                "Either messages has no reducer: what a node returns then takes the place of all that was "
                "there, and Annotated[list, add_messages] adds it instead. Or the node sends only the "
                "newest messages."
            ),
        )
    if found.kind == "unknown":
        asked = [call.id for message in messages[: found.position] for call in message.calls]
        return Explanation(
            "The model refused the conversation: a tool message answers a call that nobody made.",
            returned=f"{sent}; tool_call_id {found.ids[0]!r}, and the calls are {_listed(asked)}",
            expected="a tool_call_id that is the id of a call in the message before",
            why=f"{_REFUSES} Only its id tells which call is answered: a tool may be called twice.",
        )
    return Explanation(
        "The model refused the conversation: a tool message stands where no call waits for it.",
        returned=sent,
        expected="tool messages directly behind the message whose calls they answer",
        why=_REFUSES,
    )


def _doubled(messages: Sequence[Heard], position: int, ids: Sequence[str], sent: str) -> Explanation:
    if messages[position].role == "tool":
        return Explanation(
            "The model refused the conversation: one call has two answers.",
            returned=f"{sent}; answered twice: {ids[0]}",
            expected="one ToolMessage for each call",
            why=f"{_REFUSES} A node that runs again, or returns messages that are there already, does it.",
        )
    return Explanation(
        "The model refused the conversation: two calls of one message have the same id.",
        returned=f"{sent}; ids: {_listed(ids)}",
        expected="the ids that the model gave its calls",
        why=f"{_REFUSES} A call that is changed keeps its id, and a new one needs an id of its own.",
    )


def of_unknown(miss: Miss, request: Request | None) -> Explanation:
    """Return what is wrong with a request that this check's conversation does not hold.

    ``request`` is ``None`` where the log no longer holds it.
    """
    messages = request.messages if request else ()
    if miss.reason == "empty":
        return Explanation(
            "The model was asked without any question.",
            returned=f"the model was sent: {_listed([message.role for message in messages])}",
            expected="the question that was given, as a message from the user",
            why="A model answers the last question it is sent; without one there is nothing to answer.",
        )
    if miss.reason == "query":
        return Explanation(
            "A tool was called with arguments that nobody gave it.",
            returned=f"called with: {shown(miss.asked)}",
            expected="the arguments of the model's call, or those that a person put in their place",
            why="A tool that is called with something else answers another question, or books another hotel.",
        )
    if miss.reason == "results":
        return _other_results(messages)
    if miss.reason == "history":
        return _another_history(miss, messages)
    return _another_question(miss)


def _other_results(messages: Sequence[Heard]) -> Explanation:
    last = max((i for i, message in enumerate(messages) if message.role == "user"), default=-1)
    results = [message.text for message in messages[last + 1 :] if message.role == "tool"]
    expected = "the text that each tool gave, as it was"
    if "" in results:
        return Explanation(
            "A tool's result reached the model as an empty text.",
            returned=f"results: {shown(results)}",
            expected=expected,
            why="The tool returned nothing, or its result was not put into the ToolMessage.",
        )
    if "None" in results:
        return Explanation(
            "A tool's result reached the model as None: the tool returned nothing.",
            returned=f"results: {shown(results)}",
            expected=expected,
            why="A function without return gives None. What a tool found is known only when it is returned.",
        )
    return Explanation(
        "The model was sent other tool results than the tools gave.",
        returned=f"results: {shown(results)}",
        expected=expected,
        why=(
            "The model writes its answer from the results: cut, left out, made up, or those of another call, "
            "they give a wrong answer."
        ),
    )


def _another_history(miss: Miss, messages: Sequence[Heard]) -> Explanation:
    questions = [message.text for message in messages if message.role == "user"]
    return Explanation(
        "The model was asked this question without the conversation that belongs before it.",
        returned=f"the model was sent the questions: {shown(questions)}",
        expected=f"before it, on the same thread: {shown(list(miss.before))}",
        why=(
            "A conversation is kept by its thread_id and its saver. Another thread_id, a new saver or file, "
            "or a node that leaves messages out begins it anew."
        ),
    )


def _another_question(miss: Miss) -> Explanation:
    asked, near = fold_question(miss.asked), fold_question(miss.nearest or "")
    why = "The question goes to the model as it was given: another wording is another question."
    if near and near != asked and near in asked:
        return Explanation(
            "The question reached the model with other words around it.",
            returned=f"asked: {shown(miss.asked)}",
            expected=f"asked: {miss.nearest!r}",
            why=why,
        )
    return Explanation(
        "The model was asked another question than the one that was given.",
        returned=f"asked: {shown(miss.asked)}",
        expected=f"asked: {miss.nearest!r}" if miss.nearest else "the question as it was given",
        why=why,
    )


def _listed(items: Sequence[str]) -> str:
    more = ", …" if len(items) > MOST_LISTED else ""
    return f"{', '.join(items[:MOST_LISTED])}{more}"
