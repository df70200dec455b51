"""What came of the calls that a person was asked about: in the thread, at the model, and at the tools."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from utils.checks.graphs import kinds
from utils.checks.human_in_the_loop.desk import KEPT, Args, Desk, Task, Work, errand_answer, fulfilled, work
from utils.checks.human_in_the_loop.pauses import state_of
from utils.checks.registry import Words, expect, fail
from utils.lab.lab import StudentError
from utils.lab.plain import Message
from utils.views.plain import plural


def ended(desk: Desk, *rounds: Sequence[Task]) -> list[Message]:
    """Return the results of a question's calls, one for each, in their order; the answer came last."""
    messages = desk.messages()
    true = " ".join(["human", *(" ".join(["ai", *["tool"] * len(calls)]) for calls in rounds), "ai"])
    ids = [call["id"] for message in messages for call in message.tool_calls]
    found = [message for message in messages if message.type == "tool"]
    expect_only_what_ran(desk, [task for calls in rounds for task in calls], found)
    places = [ids.index(m.tool_call_id) + 1 if m.tool_call_id in ids else "another" for m in found]
    expect(
        kinds(messages) == true and places == list(range(1, len(ids) + 1)),
        "There must be one tool message for each call, in the order of the calls, and then the answer.",
        got=Words(f"{kinds(messages)}; calls answered: {', '.join(map(str, places)) or 'none'}"),
        expected=f"{true}; calls answered: {', '.join(map(str, range(1, sum(map(len, rounds)) + 1)))}",
        why=(
            "Whatever a person decides, every call needs its result, in its place, and the model reads them."
            if len(rounds) == 1
            else "A model may call tools until it has an answer: with the results it is asked again."
        ),
    )
    return found


def expect_only_what_ran(desk: Desk, chosen: Sequence[Task], found: Sequence[Message] = ()) -> None:
    """Expect no result of work that nobody has done: something outside of the thread must have kept it."""
    found = found or [message for message in desk.messages() if message.type == "tool"]
    able = {
        fulfilled(tool, args, desk.case): work(tool, args)
        for task in chosen
        for args in filter(None, (task.args, task.runs))
        for tool in desk.tools
    }
    told = Counter(able[message.text] for message in found if message.text in able)
    kept = told - desk.done()
    expect(
        not kept,
        "A result has come back of a tool that has not run: a variable has kept it from an earlier run.",
        got=Words(f"results of {listed_work(told)}; ran: {listed_work(desk.done())}"),
        expected="results of what has run for this thread, and of nothing else",
        why=(
            "A variable outside of the thread is shared by all threads, and gone in the next process. Calls "
            "of two threads may even have the same ids. What belongs to a thread stands in its state."
        ),
    )


def answered_elsewhere(desk: Desk, *rounds: Sequence[Task]) -> None:
    """Let the answers come to a process that has not asked; fail where one needs what a variable kept."""
    try:
        desk.decide(*rounds)
    except StudentError as error:
        lost = any(error.is_a(kind) for kind in ("LookupError", "NameError")) or "NoneType" in error.message
        ids = [str(call["id"]) for message in desk.messages() for call in message.tool_calls]
        if not lost or (error.is_a("KeyError") and not any(id in error.message for id in ids)):
            raise
        fail(
            "The answer came to a process that had not asked, and something was missing there.",
            got=Words(f"{error.type}: {error.message}"),
            expected="the decision is carried out, whichever process has asked",
            why=KEPT,
        )


def expect_done_elsewhere(desk: Desk, task: Task) -> None:
    """Expect that an approved call has run of which another process asked, and not only one like it."""
    times = desk.done()[work(task.tool, task.args)]
    expect(
        times != 1,
        "The answer came to a process that had not asked, and the approved call has not run there.",
        got=Words("it ran only where the same process had asked"),
        expected="the decision is carried out, whichever process has asked",
        why=KEPT,
    )


def expect_results(desk: Desk, chosen: Sequence[Task], found: Sequence[Message]) -> None:
    """Expect that the thread and the model were told what came of each call."""
    for task, message in zip(chosen, found, strict=True):
        exact = task.runs is not None or _type_of(task) == "respond"
        fits = (
            message.text == task.says if exact else task.says in message.text and bool(message.text.strip())
        )
        _expect_its_own(desk, task, message, chosen)
        expect(
            fits and (message.status or "success") == task.status,
            "What comes of a call must be what the policy and the person have decided about it.",
            got=Words(f"{task.named}: status {message.status}, text {message.text!r}"),
            expected=f"{task.named}: status {task.status}, text {task.says or 'that says so'!r}",
            why=_why_result(task),
        )
    sent = [text for request in desk.stage.requests()[-1:] for text in request.results]
    unread = [task.named for task, text in zip(chosen, sent, strict=False) if task.says not in text]
    expect(
        len(sent) == len(chosen) and not unread,
        "The model must be sent the result of each call, as it stands in the thread.",
        got=Words(
            f"{plural(len(sent), 'result')} in the last model request; "
            f"not told: {', '.join(unread) or 'none'}"
        ),
        expected=f"{plural(len(chosen), 'result')}; not told: none",
        why="It answers from what it has read.",
    )


def _type_of(task: Task) -> str:
    return str(task.decision["type"]) if task.decision else ""


def _expect_its_own(desk: Desk, task: Task, message: Message, chosen: Sequence[Task]) -> None:
    """Expect none of the mistakes with a result that have a name."""
    got = Words(f"{task.named}: status {message.status}, text {message.text!r}")
    expected = f"{task.named}: status {task.status}, text {task.says or 'that says so'!r}"
    expect(
        "tool_call_id=" not in message.text or "tool_call_id=" in task.says,
        "A result is the text of a whole ToolMessage, and it must be what the tool has returned.",
        got=got,
        expected=expected,
        why=(
            'tool.invoke(call) gives a ToolMessage, ready to return; tool.invoke(call["args"]) gives what '
            "the tool returns. str() of a message shows all its fields."
        ),
    )
    others = [
        other.named
        for other in chosen
        if other.says == message.text and other.says != task.says and other.decision != task.decision
    ]
    expect(
        not others,
        "A call has got what was decided about another call.",
        got=got,
        expected=expected,
        why="Each call has its own decision, also beside others of the same tool: the id tells calls apart.",
    )
    refused = task.status == "error" and message.text != fulfilled(task.tool, task.args, desk.case)
    expect(
        not refused or message.status == "error" or task.says not in message.text,
        "A call that was refused has no status error: it looks like one that the tool has answered.",
        got=got,
        expected=expected,
        why=_why_result(task),
    )


def _why_result(task: Task) -> str:
    match task.decision:
        case {"type": "edit"}:
            return "edit runs the tool with the decision's arguments in place of the call's, all of them."
        case {"type": "reject"}:
            return "reject runs nothing: the message stands in a ToolMessage with status='error'."
        case {"type": "respond"}:
            return "respond runs nothing: the message is the result, as if the tool had found it."
        case {"type": "approve"}:
            return (
                "approve runs the tool with the call's arguments; what it returns is the text, and no more."
            )
    return "The model must learn what became of its call, or it tries again."


def expect_answer(desk: Desk) -> None:
    """Expect that the model has answered at the end."""
    last, true = desk.messages()[-1], errand_answer(desk.case).answer
    expect(
        last.text == true,
        "At the end the model must answer.",
        got=last,
        expected=repr(true),
        why="The traveller wants to know what became of it.",
    )


def expect_done_once(desk: Desk, chosen: Sequence[Task]) -> None:
    """Expect that exactly the allowed calls have run, each of them once, with the allowed arguments."""
    found = desk.done()
    true = Counter(work(task.tool, task.runs) for task in chosen if task.runs is not None)
    calls = Counter(
        key for key in found for task in chosen if task.tool == key[0] and _some_of(key[1], task.args)
    )
    often = {key: times for key, times in found.items() if times > max(1, true[key], calls[key])}
    expect(
        not often,
        "A tool has run more than once.",
        got=Words("; ".join(f"{tool} {args}: {times} times" for (tool, args), times in often.items())),
        expected="each of them once",
        why=(
            "A node that is resumed runs again from its start: what it did before interrupt() it does again. "
            "Ask for all decisions first, act afterwards, or give each call a task of its own."
            + (" A variable that notes what was done is empty in the next process." if desk.anew else "")
        ),
    )
    expect(
        found == true,
        "Exactly the calls that were allowed must run, with the arguments that were allowed.",
        got=Words(f"ran: {listed_work(found)}"),
        expected=f"ran: {listed_work(true)}",
        why=(
            "What was refused must not happen. What was allowed must, with all its arguments and no others."
            if found
            else "The decision is a dict, and its key type says what to do: approve runs the tool."
        ),
    )


def _some_of(args: str, call: Args) -> bool:
    """Return whether a tool has run with a call's arguments, or with some of them."""
    given: dict[str, Any] = json.loads(args)
    return given.items() <= dict(call).items()


def expect_asked(desk: Desk, times: int) -> None:
    """Expect so many model requests."""
    made = len(desk.stage.requests())
    expect(
        made == times,
        f"The model must be asked {'twice' if times == 2 else f'{times} times'}, last for the answer.",
        got=Words(plural(made, "model request")),
        expected=plural(times, "model request"),
        why="A node that asks the model and then a person asks the model again at every answer.",
    )


def expect_the_same_again(desk: Desk, *rounds: Sequence[Task]) -> None:
    """Expect that the last answer, given once more to the file as it was, leads to the same work."""
    once = desk.done_last()
    desk.put_back()
    desk.decide(*rounds)
    again = desk.done_last()
    expect(
        again == once,
        "What an answer leads to must follow from the thread alone, and a variable had a say in it.",
        got=Words(
            f"after the last answer: {listed_work(once)}; with the same file once more: {listed_work(again)}"
        ),
        expected="both times the same",
        why="The next answer may come to another process: it has the file, and what a variable kept is gone.",
    )


def why_nobody_asked(desk: Desk) -> str:
    """Return the most likely reason why no question waits."""
    if state_of(desk.lab, desk.built(), desk.case.thread)["next"]:
        return "The run waits at a breakpoint, which asks nothing: interrupt() in the node shows the call."
    return (
        "The run has not paused: interrupt() was not reached, or an `except Exception` swallowed it. It "
        "works by an exception: `except GraphBubbleUp: raise` (from langgraph.errors) before lets it pass."
    )


def listed_work(done: Counter[Work]) -> str:
    """Return what tools have done, in words."""
    return ", ".join(f"{tool} {args}" for tool, args in sorted(done.elements())) or "nothing"
