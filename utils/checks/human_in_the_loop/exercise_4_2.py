"""Exercise 4.2, "Approve or stop".

What was searched for is judged, what comes back, and whether the thread can go on after ``stop``.
"""

from __future__ import annotations

from collections.abc import Sequence

from utils.checks.graphs import kinds
from utils.checks.human_in_the_loop.conversations import anyhow, searches
from utils.checks.human_in_the_loop.lab import Case, check
from utils.checks.human_in_the_loop.pauses import ask, count, finish, queries, state_of, watched
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import (
    asked,
    compare_answer,
    compare_question,
    compared,
    conversation,
    one_by_one,
    tour_question,
)
from utils.lab.lab import Lab, Ref, StudentError


@check("4.2", points=1, title="approve: each tool runs once, and the answer comes back")
def approves_to_the_end(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("trip", compared(first, second)))
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, compare_question(first, second))
    told = lab.call("approve", agent, case.thread)
    found = queries(stage)
    _expect_to_go_on(found, [first.query, second.query])
    expect(
        sorted(found) == sorted((first.query, second.query)),
        "Each call that was approved must run exactly once.",
        got=Words(f"searches: {found}"),
        expected=f"searches: {[first.query, second.query]}",
        why="Given None, the run goes on by itself: whoever runs the tools by hand runs them twice.",
    )
    expect(
        told == compare_answer(first, second),
        "At the end of the run approve must return the answer's text.",
        got=told,
        expected=repr(compare_answer(first, second)),
        why="The traveller waits for it.",
    )
    made = len(stage.requests())
    expect(
        made == 2,
        "The paused run must go on: nothing is asked again.",
        got=Words(count(made, "model request")),
        expected="2 model requests: the calls, the answer",
        why="What is in the checkpoint was paid for once.",
    )


@check("4.2", points=1, title="approve: only to the next pause")
def approves_one_pause(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("tour", one_by_one(first, second, say="Let me look up")))
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, tour_question(first, second))
    told = lab.call("approve", agent, case.thread)
    found = queries(stage)
    _expect_to_go_on(found, [first.query])
    expect(
        found == [first.query],
        "One approval is for the calls that wait now, not for those that come later.",
        got=Words(f"searches after one approval: {found}"),
        expected=f"searches after one approval: {[first.query]}",
        why="The person has not seen the next call yet: that is what the pause is for.",
    )
    expect(
        told is None,
        "When the run has paused again, approve must return None.",
        got=told,
        expected="None",
        why="There is no answer yet; the model's word beside a call is not one.",
    )
    told = lab.call("approve", agent, case.thread)
    expect(
        told == compare_answer(first, second),
        "The second approval must bring the answer.",
        got=told,
        expected=repr(compare_answer(first, second)),
        why="Each pause takes one approval.",
    )


def _expect_to_go_on(found: Sequence[str], waited: Sequence[str]) -> None:
    expect(
        bool(found),
        "approve must let the run go on: the agent then runs the calls that wait.",
        got=Words(f"searches: {found}"),
        expected=f"searches: {waited}",
        why="invoke or stream with None as input goes on from the pause; the agent runs its tools itself.",
    )


@check("4.2", points=1, title="stop: no tool runs, every call is answered, the model speaks last")
def stops_in_good_order(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    stage = lab.stage(
        conversation("trip", asked(third), anyhow(first, second)),
        conversation("search", searches(first, second)),
    )
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, third.question)
    finish(lab, agent, case.thread)
    before = len(state_of(lab, agent, case.thread)["messages"])
    ask(lab, agent, case.thread, compare_question(first, second))
    stage.clear()
    lab.call("stop", agent, case.thread)
    ran, made = len(stage.tool_requests()), len(stage.requests())
    expect(
        ran == 0,
        "After stop no tool may have run.",
        got=Words(f"{count(ran, 'search')} after the pause"),
        expected="0 searches after the pause",
        why="The person said no.",
    )
    messages = state_of(lab, agent, case.thread)["messages"][before:]
    ids = [str(call["id"]) for call in messages[1].tool_calls] if len(messages) > 1 else []
    expect(
        len(ids) == 2,
        "The message with the calls must stay, and every call be answered by one tool message behind it.",
        got=Words(
            f"since the last question: {kinds(messages)}; {count(len(ids), 'call')} in the second message"
        ),
        expected="since the last question: human ai tool tool ai; 2 calls in the second message",
        why="The history says what the model wanted to do and that it was refused.",
    )
    answered = [str(message.tool_call_id) for message in messages if message.type == "tool"]
    wanted = len(set(answered) & set(ids))
    expect(
        kinds(messages[:4]) == "human ai tool tool" and sorted(answered) == sorted(ids),
        "Every call that waited must be answered by exactly one tool message, directly behind it.",
        got=Words(
            f"since the last question: {kinds(messages)}; "
            f"calls answered: {wanted} of {len(ids)}, others: {len(set(answered) - set(ids))}"
        ),
        expected="since the last question: human ai tool tool ai; calls answered: 2 of 2, others: 0",
        why=(
            "Calls of earlier turns have their results already: those that wait are in the last message."
            if set(answered) - set(ids)
            else "Providers refuse a history in which another message comes before a call's result."
        ),
    )
    expect(
        kinds(messages) == "human ai tool tool ai" and not messages[-1].tool_calls,
        "After the tool messages the model must have the last word.",
        got=Words(f"since the last question: {kinds(messages)}"),
        expected="since the last question: human ai tool tool ai",
        why="A turn ends with an answer, also with one that says that nothing was done.",
    )
    expect(
        made <= 1,
        "To stop may take one model request at most.",
        got=Words(f"{made} after the pause"),
        expected="0 or 1 after the pause",
        why="Stopping is to cost less than going on.",
    )


@check("4.2", points=1, title="stop: the run is over and the conversation goes on")
def goes_on_after_stop(lab: Lab, case: Case) -> None:
    first, _, third = case.cities
    stage = lab.stage(
        conversation("trip", anyhow(first), anyhow(third)),
        conversation("later", anyhow(third)),
        conversation("search", searches(first, third)),
    )
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, first.question)
    lab.call("stop", agent, case.thread)
    state = state_of(lab, agent, case.thread)
    expect(
        state["next"] == (),
        "After stop the run must be over: no node may wait to be run.",
        got=Words(f"next: {state['next']}"),
        expected="next: ()",
        why="update_state says whose work a message counts as (as_node), and so what comes next.",
    )
    _ask_after_stop(lab, agent, case, third.question)
    questions = [question for request in stage.requests()[-1:] for question in request.questions]
    expect(
        # Some providers' clients join neighbouring questions into one message.
        "\n".join(questions).startswith(first.question) and "\n".join(questions).endswith(third.question),
        "What was said on the thread before must stay.",
        got=Words(f"the model was sent: {questions}"),
        expected=f"the model is sent: {[first.question, third.question]}",
        why="Only the tools were refused, not the conversation.",
    )
    finish(lab, agent, case.thread)
    messages = state_of(lab, agent, case.thread)["messages"]
    expect(
        messages[-1].text == third.answer and queries(stage) == [third.query],
        "The next question must pause before its own tool, and be answered after it.",
        got=Words(f"searches: {queries(stage)}; the last message: {messages[-1].text!r}"),
        expected=f"searches: {[third.query]}; the last message: {third.answer!r}",
        why="Who stops one search has not stopped the assistant.",
    )


def _ask_after_stop(lab: Lab, agent: Ref, case: Case, question: str) -> None:
    called = f'agent.invoke({{"messages": [("user", {question!r})]}}, thread({case.thread!r}))'
    try:
        lab.part("sync_turn", agent, case.thread, question, called=called)
    except StudentError:
        refused = lab.refusals()
        if not refused:
            raise
        fail(
            "After stop the thread is spoilt: the model refused the next question.",
            got=Words(f"the model was sent: {' '.join(refused[-1].roles)}"),
            expected="a history in which every tool call is answered",
            why="An empty next only says that nothing will run; the calls stay in the history.",
        )
