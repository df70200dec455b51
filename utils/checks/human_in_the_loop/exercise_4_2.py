"""Exercise 4.2, "Approve or stop".

What was searched for is judged, what comes back, and whether the thread can go on after ``stop``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from utils.checks.graphs import kinds
from utils.checks.human_in_the_loop.conversations import anyhow, anyhow_in_rounds, searches
from utils.checks.human_in_the_loop.lab import Case, check
from utils.checks.human_in_the_loop.pauses import (
    ANSWERED,
    ask,
    asks_anew,
    broken,
    called,
    expect_text,
    finish,
    queries,
    state_of,
    watched,
)
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import (
    City,
    asked,
    compare_answer,
    compare_question,
    conversation,
    one_by_one,
    plain,
    tour_question,
)
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.views.plain import plural


def approved(lab: Lab, stage: Stage, agent: Ref, case: Case) -> Any:
    """Return what ``approve`` returns."""
    try:
        return called(lab, stage, "approve", agent, case.thread)
    except StudentError:
        if not asks_anew(lab):
            raise
        fail(
            "approve has sent a new message of a person, and the calls still wait for their results.",
            got=Words(f"the model refused the conversation: {broken(lab)}"),
            expected="no new message: the run goes on from its checkpoint",
            why="A yes is not part of the conversation. None as input means: no question, go on.",
        )


@check("4.2", points=1, title="approve: the calls that wait run once, and then the answer comes back")
def approves_to_the_end(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    now, later = (first, second, first), (third,)
    stage = lab.stage(
        conversation("trip", anyhow_in_rounds(now, later)), conversation("search", searches(*case.cities))
    )
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, compare_question(*now, *later))
    told = approved(lab, stage, agent, case)
    _expect_to_go_on(queries(stage), now)
    _expect_only_what_waited(queries(stage), now)
    _expect_none_yet(told)
    told = approved(lab, stage, agent, case)
    _expect_only_what_waited(queries(stage), (*now, *later))
    expect(
        told == compare_answer(*now, *later),
        "At the end of the run approve must return the answer's text.",
        got=told,
        expected=repr(compare_answer(*now, *later)),
        why="The traveller waits for it.",
    )
    made = len(stage.requests())
    expect(
        made == 3,
        "The paused run must go on: nothing is asked again.",
        got=Words(plural(made, "model request")),
        expected="3 model requests: twice for calls, once for the answer",
        why="What is in the checkpoint was paid for once.",
    )


@check("4.2", points=1, title="approve: only to the next pause")
def approves_one_pause(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("tour", one_by_one(first, second, say="Let me look up")))
    agent = watched(lab, stage, in_blocks=True)
    ask(lab, agent, case.thread, tour_question(first, second))
    told = approved(lab, stage, agent, case)
    _expect_to_go_on(queries(stage), [first])
    _expect_only_what_waited(queries(stage), [first])
    _expect_none_yet(told)
    told = approved(lab, stage, agent, case)
    expect_text(told, compare_answer(first, second), "approve")
    expect(
        told == compare_answer(first, second),
        "The second approval must bring the answer.",
        got=told,
        expected=repr(compare_answer(first, second)),
        why="Each pause takes one approval.",
    )


def _expect_to_go_on(found: Sequence[str], waited: Sequence[City]) -> None:
    expect(
        bool(found),
        "approve must let the run go on: the agent then runs the calls that wait.",
        got=Words(f"searches: {found}"),
        expected=f"searches: {[city.query for city in waited]}",
        why="invoke or stream with None as input goes on from the pause; the agent runs its tools itself.",
    )


def _expect_only_what_waited(found: Sequence[str], waited: Sequence[City]) -> None:
    true = [city.query for city in waited]
    extra = Counter(found) - Counter(true)
    again = [query for query in extra if query in true]
    expect(
        not again,
        "Each call that was approved must run exactly once.",
        got=Words(f"searches: {found}"),
        expected=f"searches: {true}",
        why="Given None, the run goes on and runs its tools itself. Run by hand as well, they run twice.",
    )
    expect(
        sorted(found) == sorted(true),
        "One approval is for the calls that wait now, not for those that come later.",
        got=Words(f"searches so far: {found}"),
        expected=f"searches so far: {true}",
        why="The person has not seen the next call yet: that is what the pause is for.",
    )


def _expect_none_yet(told: Any) -> None:
    expect(
        told is None,
        "When the run has paused again, approve must return None.",
        got=told,
        expected="None",
        why="There is no answer yet; the model's word beside a call is not one.",
    )


def stopped(lab: Lab, stage: Stage, agent: Ref, case: Case) -> None:
    """Call ``stop``."""
    try:
        called(lab, stage, "stop", agent, case.thread)
    except StudentError:
        if not lab.refusals():
            raise
        fail(
            "stop has asked the model, and the model refused the conversation: not every call was answered."
            if not asks_anew(lab)
            else "stop has sent a new message of a person, and the calls still wait for their results.",
            got=Words(f"the model was sent {broken(lab)}"),
            expected=ANSWERED,
            why="Each call that waits needs a ToolMessage of its own, before anything else is said.",
        )


@check("4.2", points=1, title="stop: no tool runs, every call is answered, the model speaks last")
def stops_in_good_order(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    packing = f"What do I pack for {second.name}?"
    now = (first, second, first)
    stage = lab.stage(
        # Where the model is asked for the last word, it calls once more.
        conversation("trip", asked(third), anyhow_in_rounds(now, (third,)), plain(packing, case.word)),
        conversation("search", searches(first, second)),
    )
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, third.question)
    finish(lab, agent, case.thread)
    before = len(state_of(lab, agent, case.thread)["messages"])
    ask(lab, agent, case.thread, compare_question(*now, third))
    stage.clear()
    stopped(lab, stage, agent, case)
    ran, made = len(stage.tool_requests()), len(stage.requests())
    expect(
        ran == 0,
        "After stop no tool may have run.",
        got=Words(f"{plural(ran, 'search')} after the pause"),
        expected="0 searches after the pause",
        why="The person said no.",
    )
    _expect_one_request_at_most(made)
    messages = state_of(lab, agent, case.thread)["messages"][before:]
    ids = [str(call["id"]) for call in messages[1].tool_calls] if len(messages) > 1 else []
    expect(
        len(ids) == 3,
        "The message with the calls must stay, and every call be answered by one tool message behind it.",
        got=Words(
            f"since the last question: {kinds(messages)}; {plural(len(ids), 'call')} in the second message"
        ),
        expected="since the last question: human ai tool tool tool ai; 3 calls in the second message",
        why="The history says what the model wanted to do and that it was refused.",
    )
    new = [str(call["id"]) for message in messages[2:] for call in message.tool_calls]
    answered = [str(message.tool_call_id) for message in messages if message.type == "tool"]
    to_new = [id for id in answered if id in new and id not in ids]
    answered = [id for id in answered if id not in to_new]
    wanted = len(set(answered) & set(ids))
    expect(
        kinds(messages[:5]) == "human ai tool tool tool" and sorted(answered) == sorted(ids),
        "Every call that waited must be answered by exactly one tool message, directly behind it.",
        got=Words(
            f"since the last question: {kinds(messages)}; "
            f"calls answered: {wanted} of {len(ids)}, others: {len(set(answered) - set(ids))}"
        ),
        expected="since the last question: human ai tool tool tool ai; calls answered: 3 of 3, others: 0",
        why=(
            "Calls of earlier turns have their results already: those that wait are in the last message."
            if set(answered) - set(ids)
            else "Providers refuse a history in which another message comes before a call's result."
        ),
    )
    expect(
        kinds(messages) != "human ai tool tool tool ai ai" or not made,
        "The model was asked once more, after the last word was said.",
        got=Words(f"since the last question: {kinds(messages)}; {plural(made, 'model request')}"),
        expected="since the last question: human ai tool tool tool ai",
        why="update_state only writes. After invoke(Command(update=…)) the run goes on.",
    )
    true = "human ai tool tool tool ai" + (" tool" * len(new) + " ai" if new else "")
    expect(
        not new or (kinds(messages) == true and to_new == new and not messages[-1].tool_calls),
        "The model was asked for the last word and has made a new call, and stop has left that call open.",
        got=Words(f"since the last question: {kinds(messages)}; {plural(len(new), 'new call')}"),
        expected=f"since the last question: {true}; the last without calls",
        why="A model may try again. Then its new call is refused as well, and the last word is yours.",
    )
    expect(
        kinds(messages) == true and not messages[-1].tool_calls,
        "After the tool messages the model must have the last word.",
        got=Words(f"since the last question: {kinds(messages)}"),
        expected="since the last question: human ai tool tool tool ai",
        why="A turn ends with an answer, also with one that says that nothing was done.",
    )
    expect(
        bool(messages[-1].text.strip()),
        "The last message says nothing: the last word must have a text.",
        got=Words(f"the last message: {messages[-1].text!r}"),
        expected="an AIMessage with a few words",
        why="The traveller reads it, and some providers refuse a message without content.",
    )
    _ask_after_stop(lab, agent, case, packing)
    read = stage.requests()[-1].messages
    wanted_to = [call.args.get("query") for message in read for call in message.calls]
    queries_of = [third.query, *(city.query for city in now), *([third.query] if new else [])]
    expect(
        wanted_to == queries_of and read[-2].role == "assistant" and not read[-2].calls,
        "The next model request must show what was wanted and refused, and the last word.",
        got=Words(f"calls: {wanted_to}; before the question stands a message of the {read[-2].role}"),
        expected=f"calls: {queries_of}; before the question stands a message of the assistant",
        why="What the model is sent next is the thread as stop has left it.",
    )


def _expect_one_request_at_most(made: int) -> None:
    """Expect that ``stop`` has not asked the model twice, whether it calls again or answers."""
    expect(
        made <= 1,
        "To stop may take one model request at most.",
        got=Words(f"{made} after the pause"),
        expected="0 or 1 after the pause",
        why=(
            "Each request costs time and money, and may come back with new calls, each time. update_state "
            "writes and runs nothing; a Command as input writes, and then the run goes on."
        ),
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
    stage.clear()
    stopped(lab, stage, agent, case)
    _expect_one_request_at_most(len(stage.requests()))
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
        why="To stop one search does not stop the assistant.",
    )


def _ask_after_stop(lab: Lab, agent: Ref, case: Case, question: str) -> None:
    called = f'agent.invoke({{"messages": [("user", {question!r})]}}, thread({case.thread!r}))'
    try:
        lab.part("sync_turn", agent, case.thread, question, called=called)
    except StudentError:
        if not lab.refusals():
            raise
        fail(
            "After stop the thread is spoilt: the model refused the next question.",
            got=Words(f"the model was sent {broken(lab)}"),
            expected=ANSWERED,
            why="An empty next only says that nothing will run; the calls stay in the history.",
        )
