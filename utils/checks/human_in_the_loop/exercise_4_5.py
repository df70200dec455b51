"""Exercise 4.5, "Guard the tools".

What a person is asked is judged, what comes of each decision, and that the tools do it exactly once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from utils.checks.graphs import kinds
from utils.checks.human_in_the_loop.desk import Desk, Task, alike, attended, errand_answer, tasks
from utils.checks.human_in_the_loop.lab import Case, check
from utils.checks.human_in_the_loop.pauses import count, state_of
from utils.checks.registry import Words, expect
from utils.lab.lab import Lab
from utils.lab.plain import Message


def ended(desk: Desk, *rounds: Sequence[Task]) -> list[Message]:
    """Return the results of a question's calls, one for each, in their order; the answer came last."""
    messages = desk.messages()
    true = " ".join(["human", *(" ".join(["ai", *["tool"] * len(calls)]) for calls in rounds), "ai"])
    ids = [call["id"] for message in messages for call in message.tool_calls]
    found = [message for message in messages if message.type == "tool"]
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


def _why_asked(desk: Desk) -> str:
    if desk.shown:
        return "Too many questions are clicked away, too few are none."
    if state_of(desk.lab, desk.built(), desk.case.thread)["next"]:
        return "The run waits at a breakpoint, which asks nothing: interrupt() in the node shows the call."
    return (
        "The run has not paused: interrupt() was not reached, or an `except Exception` swallowed it. It "
        "works by an exception: `except GraphBubbleUp: raise` (from langgraph.errors) before lets it pass."
    )


@check("4.5", points=1, title="asks where the policy says so, and only there")
def asks_where_it_must(lab: Lab, case: Case) -> None:
    run, forbidden, approved = tasks(case)[:3]
    chosen = [forbidden, approved, run]
    desk = attended(lab, case, chosen, decide=False)
    desk.waiting(desk.built())
    asked_for = [(value["name"], value["args"]) for value in desk.shown]
    expect(
        asked_for == [(approved.tool, dict(approved.call.args))],
        "A person must be asked about the calls of the tools with the policy ask, and about no others.",
        got=Words(f"asked about: {[name for name, _ in asked_for]}"),
        expected=f"asked about: {[approved.tool]}; {run.tool} runs, {forbidden.tool} is forbidden",
        why=_why_asked(desk),
    )
    desk.decide(chosen)
    refused, accepted, _ = ended(desk, chosen)
    expect(
        desk.shown[0]["id"] == accepted.tool_call_id,
        "The interrupt's id must be the call's.",
        got=desk.shown[0]["id"],
        expected=repr(accepted.tool_call_id),
        why="Two calls may have the same name and arguments; the id tells them apart.",
    )
    tools = {request.tool for request in desk.stage.tool_requests()}
    expect(
        refused.status == "error" and bool(refused.text.strip()) and tools == {run.tool, approved.tool},
        "A forbidden tool must not run; its tool message has the status error and says so.",
        got=Words(f"ran: {sorted(tools)}; status {refused.status}, text {refused.text!r}"),
        expected=f"ran: {sorted([run.tool, approved.tool])}; status error, and a text",
        why="The model must learn that it may not, or it tries again.",
    )


@check("4.5", points=2, title="approve, edit, reject and respond do what they say")
def obeys_each_decision(lab: Lab, case: Case) -> None:
    chosen = [tasks(case)[number] for number in case.order]
    desk = attended(lab, case, chosen)
    for task, message in zip(chosen, ended(desk, chosen), strict=True):
        if not task.decision:
            continue
        exact = task.decision["type"] == "respond"
        fits = message.text == task.says if exact else task.says in message.text
        expect(
            fits and (message.status or "success") == task.status,
            "What comes of a call must be what the person decided about it.",
            got=Words(f"{task.named}: status {message.status}, text {message.text!r}"),
            expected=f"{task.named}: status {task.status}, text {task.says!r}",
            why=(
                "approve runs the call, edit runs it with other arguments, reject gives the message as an "
                "error, respond gives it as the result, each for the call that was shown."
            ),
        )
    told = Counter((value["name"], str(value["args"])) for value in desk.shown)
    true = Counter((task.tool, str(task.call.args)) for task in chosen if task.decision)
    expect(
        told == true,
        "Each call of a tool with the policy ask must be asked about, on its own.",
        got=Words(f"asked about {count(sum(told.values()), 'call')}"),
        expected=f"asked about {sum(true.values())} calls",
        why="Five bookings are five decisions.",
    )
    last = desk.messages()[-1]
    expect(
        last.text == errand_answer(case).answer,
        "At the end the model must answer.",
        got=last,
        expected=repr(errand_answer(case).answer),
        why="The traveller wants to know what became of it.",
    )


@check("4.5", points=2, title="each effect exactly once, though the graph is built anew for every answer")
def acts_exactly_once(lab: Lab, case: Case) -> None:
    chosen = [tasks(case)[number] for number in case.order]
    desk = attended(lab, case, chosen)
    found, once = desk.done(), desk.done_last()
    true = Counter((task.tool, task.runs) for task in chosen if task.runs)
    often = [f"{tool} {query!r}: {times} times" for (tool, query), times in found.items() if times > 1]
    expect(
        not often,
        "A tool has run more than once.",
        got=Words("; ".join(often)),
        expected="each of them once",
        why=(
            "A node that is resumed runs again from its start: what it did before interrupt() it does again. "
            "Ask for all decisions first, act afterwards, or give each call a task of its own."
        ),
    )
    expect(
        found == true,
        "Exactly the calls that were allowed must run, with the arguments that were allowed.",
        got=Words("ran: " + (", ".join(f"{tool} {query!r}" for tool, query in sorted(found)) or "nothing")),
        expected="ran: " + ", ".join(f"{tool} {query!r}" for tool, query in sorted(map(_pair, true))),
        why="What was refused must not happen, what was allowed must.",
    )
    made = len(desk.stage.requests())
    expect(
        made == 2,
        "The model must be asked twice: for the calls, and for the answer.",
        got=Words(count(made, "model request")),
        expected="2 model requests",
        why="A node that asks the model and then a person asks the model again at every answer.",
    )
    desk.put_back()
    desk.decide(chosen)
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
    desk.close()
    _expect_each_on_its_own(lab, replace(case, thread=case.other))


def _expect_each_on_its_own(lab: Lab, case: Case) -> None:
    """Expect that no decision holds for a later call, or for one that only looks the same."""
    rounds = alike(case)
    desk = attended(lab, case, *rounds)
    results = ended(desk, *rounds)
    asked_for = [str(value["id"]) for value in desk.shown]
    expect(
        sorted(asked_for) == sorted(str(message.tool_call_id) for message in results),
        "Each call must be asked about, also one that is like another, earlier or in the same message.",
        got=Words(f"asked about {len(asked_for)} of {count(len(results), 'call')}"),
        expected=f"asked about {len(results)} of {count(len(results), 'call')}",
        why="A yes is for one call: when the model books the same room again, that is another booking.",
    )
    chosen = [task for calls in rounds for task in calls]
    found, true = desk.done(), Counter((task.tool, str(task.runs)) for task in chosen if task.runs)
    expect(
        found == true,
        "A decision must hold for the call that was shown, and for no later one or one that is like it.",
        got=Words(f"ran: {listed_work(found)}"),
        expected=f"ran: {listed_work(true)}",
        why=(
            "Decisions of an earlier message are not for the calls of a later one, and two calls may have "
            "the same name and arguments: the id tells calls apart."
        ),
    )


def listed_work(done: Counter[tuple[str, str]]) -> str:
    """Return what tools have done, in words."""
    return ", ".join(f"{tool} {query!r}" for tool, query in sorted(done.elements())) or "nothing ran"


def _pair(key: tuple[str, str | None]) -> tuple[str, str]:
    return key[0], str(key[1])
