"""Lab 4, "Ask before you act": its exercises and how each is judged.

What a tool did, and how often, is counted at the model's side, where each tool does its work by one request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from utils.checks.registry import LabChecks, Words, expect, fail
from utils.checks.weather import (
    TOOL,
    City,
    asked,
    compare_answer,
    compare_question,
    compared,
    conversation,
    one_by_one,
    plain,
    tour_question,
)
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.lab.plain import Message
from utils.replay.conversation import AnswerTurn, CallsTurn, ResultsTurn, ToolAnswer, ToolCall, Turn, UserTurn

LAB = LabChecks("human_in_the_loop", "Ask before you act")
LAB.exercise("4.1", "See what waits", function="pending", points=3)
LAB.exercise("4.2", "Approve or stop", function="approve", others=("stop",), points=4)
LAB.exercise("4.3", "Edit what it wants to do", function="edit", points=4)
LAB.exercise("4.4", "Answer instead of the tool", function="mock_answer", points=4)
LAB.exercise("4.5", "Guard the tools", function="build_guarded", points=5)
check = LAB.check


@dataclass(frozen=True, slots=True)
class Case:
    """What the checks of this lab ask with: other values, the same questions."""

    cities: tuple[City, City, City]
    """three cities with different temperatures"""
    thread: str
    other: str
    """another thread's id"""
    word: str
    """a word that only recorded results and answers hold"""
    order: tuple[int, int, int, int, int, int, int]
    """in which order the seven calls of one message come; the first is one that a person is asked about"""


LAB.example = Case(
    cities=(City("San Francisco", 20.5), City("Los Angeles", 15.1), City("Oslo", 3.4)),
    thread="trip",
    other="another trip",
    word="sunglasses",
    order=(2, 4, 0, 6, 3, 1, 5),
)

WHATEVER = ToolAnswer(edited=True)
"""a result that fits whatever the state holds, so that each mistake is told by its own sentence"""


def kinds(messages: Sequence[Message]) -> str:
    return " ".join(message.type for message in messages) or "nothing"


def count(number: int, what: str) -> str:
    more = "es" if what.endswith("ch") else "s"
    return f"{number} {what}{'' if number == 1 else more}"


def watched(lab: Lab, stage: Stage) -> Ref:
    """The kit's agent, which pauses before its tools."""
    return lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver(), interrupt_before=["action"])


def ask(lab: Lab, agent: Ref, thread: str, text: str) -> None:
    """Ask a question, up to the pause."""
    lab.part("sync_turn", agent, thread, text)


def finish(lab: Lab, agent: Ref, thread: str) -> None:
    """Let a paused run go on, up to the next pause or the end."""
    lab.part("go_on", agent, thread, called=f"agent.invoke(None, thread({thread!r}))")


def expect_own_methods(lab: Lab, graph: Ref) -> None:
    """Fail if what a graph does when it is run, or says of itself, is not LangGraph's doing."""
    expect(
        lab.part("has_own_methods", graph) is True,
        "The graph must be run by LangGraph itself.",
        got=Words("a graph whose methods were replaced"),
        expected="the compiled graph, as compile(…) returns it",
        why="Pauses and checkpoints are what LangGraph makes of nodes and edges.",
    )


def state_of(lab: Lab, agent: Ref, thread: str) -> dict[str, Any]:
    expect_own_methods(lab, agent)
    state: dict[str, Any] = lab.part("state", agent, thread)
    return state


def queries(stage: Stage) -> list[str]:
    """What the search was asked for, in order."""
    return [str(request.args.get("query")) for request in stage.tool_requests()]


def results(count: int) -> ResultsTurn:
    return ResultsTurn(results=(WHATEVER,) * count)


def anyhow(*cities: City) -> tuple[Turn, ...]:
    """A question about cities whose answer comes whatever the tools found."""
    if len(cities) == 1:
        return asked(cities[0], answer=WHATEVER)
    return compared(*cities, answers=[WHATEVER] * len(cities))


def searches(*cities: City) -> tuple[Turn, ...]:
    """What the search knows; nobody asks these questions."""
    return tuple(turn for city in cities for turn in does(TOOL, city.query, city.result))


def does(tool: str, query: str, result: str) -> tuple[Turn, ...]:
    """What a tool answers to a query; nobody asks this question."""
    call = ToolCall(tool=tool, args={"query": query})
    answer = ResultsTurn(results=(ToolAnswer(text=result),))
    return UserTurn(user=f"{tool}: {query}"), CallsTurn(calls=(call,)), answer, AnswerTurn(answer="Done.")


# 4.1 ------------------------------------------------------------------------------------------------


def listed(lab: Lab, agent: Ref, thread: str) -> list[Mapping[str, Any]]:
    """What ``pending`` returns: a list of calls."""
    told = lab.call("pending", agent, thread)
    calls = list(told) if isinstance(told, list | tuple) else []
    if not isinstance(told, list | tuple) or not all(
        isinstance(call, Mapping) and {"id", "name", "args"} <= set(call) for call in calls
    ):
        fail(
            "pending must return a list of tool calls.",
            got=told,
            expected="a list of dicts with id, name and args, or an empty list",
            why="Whoever shows them to a person loops over them, whether there are none, one or several.",
        )
    return calls


def written(calls: Sequence[Mapping[str, Any]]) -> list[tuple[Any, Any, Any]]:
    return [(call["id"], call["name"], call["args"]) for call in calls]


def expect_calls(lab: Lab, agent: Ref, thread: str, why: str) -> None:
    """Expect all calls of the thread's last message, in their order."""
    calls = listed(lab, agent, thread)
    true = written(state_of(lab, agent, thread)["messages"][-1].tool_calls)
    expect(
        written(calls) == true,
        "pending must list the calls that wait, all of them, in their order, and no others.",
        got=Words(f"{count(len(calls), 'call')}: {[(id, args) for id, _, args in written(calls)]}"),
        expected=f"{count(len(true), 'call')}: {[(id, args) for id, _, args in true]}",
        why=why,
    )


@check("4.1", points=1, title="the call that waits, and looking changes nothing")
def tells_the_call(lab: Lab, case: Case) -> None:
    first = case.cities[0]
    stage = lab.stage(conversation("trip", anyhow(first)), conversation("search", searches(first)))
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, first.question)
    calls = listed(lab, agent, case.thread)
    (true,) = written(state_of(lab, agent, case.thread)["messages"][1].tool_calls)
    expect(
        written(calls) == [true],
        "The run waits before a tool call: pending must list it, with its id, name and args.",
        got=calls,
        expected=str([dict(zip(("id", "name", "args"), true, strict=True))]),
        why=(
            "A breakpoint set by interrupt_before leaves the snapshot's interrupts empty: next, a tuple, "
            "names the node that waits, and the last message holds its calls."
        ),
    )
    made = len(stage.requests()), len(stage.tool_requests())
    state = state_of(lab, agent, case.thread)
    expect(
        made == (1, 0) and state["next"] == ("action",) and len(state["messages"]) == 2,
        "Looking must change nothing: the run must wait as before.",
        got=Words(f"{count(made[0], 'model request')}, {count(made[1], 'search')}, next: {state['next']}"),
        expected="1 model request, 0 searches, next: ('action',)",
        why="A person looks before they decide, perhaps twice.",
    )


@check("4.1", points=1, title="several calls, in order, and none that was answered before")
def tells_several_calls(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    stage = lab.stage(
        conversation("trip", asked(third), compared(first, second)),
        conversation("tour", one_by_one(first, second, say="Let me look up")),
    )
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, third.question)
    finish(lab, agent, case.thread)
    ask(lab, agent, case.thread, compare_question(first, second))
    expect_calls(
        lab,
        agent,
        case.thread,
        "One message may ask for several tools at once; calls of earlier turns have their results already.",
    )
    ask(lab, agent, case.other, tour_question(first, second))
    finish(lab, agent, case.other)
    expect_calls(
        lab,
        agent,
        case.other,
        "A question may take several rounds of tools: it waits before each, and only the last waits now.",
    )


@check("4.1", points=1, title="nothing waits: an empty list")
def tells_that_nothing_waits(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    packing, advice = f"What do I pack for {second.name}?", f"For {second.name} take {case.word}."
    stage = lab.stage(conversation("trip", asked(first), plain(packing, advice)))
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, first.question)
    expect_calls(lab, agent, case.thread, "Here one call waits; in a moment none will.")
    finish(lab, agent, case.thread)
    _expect_none(lab, agent, case.thread, "the run has ended")
    ask(lab, agent, case.thread, packing)
    _expect_none(lab, agent, case.thread, "the model answered without a tool")
    _expect_none(lab, agent, case.other, "nobody has asked anything on this thread")


def _expect_none(lab: Lab, agent: Ref, thread: str, when: str) -> None:
    calls = listed(lab, agent, thread)
    expect(
        not calls,
        f"When {when}, the list must be empty.",
        got=calls,
        expected="[]",
        why="An empty list says that there is nothing to decide, and needs no special case.",
    )


# 4.2 ------------------------------------------------------------------------------------------------


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
        "The paused run must go on: nothing is asked anew.",
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
        why="There is no answer yet; the model's word beside a call is none.",
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


def stopped(lab: Lab, stage: Stage, case: Case, question: str) -> Ref:
    """An agent whose run waited before its tools, after ``stop``."""
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, question)
    lab.call("stop", agent, case.thread)
    return agent


@check("4.2", points=1, title="stop: no tool runs, every call is answered, the model speaks last")
def stops_in_good_order(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(
        conversation("trip", anyhow(first, second)), conversation("search", searches(first, second))
    )
    agent = stopped(lab, stage, case, compare_question(first, second))
    ran, made = len(stage.tool_requests()), len(stage.requests())
    expect(
        ran == 0,
        "After stop no tool may have run.",
        got=Words(count(ran, "search")),
        expected="0 searches",
        why="The person said no.",
    )
    messages = state_of(lab, agent, case.thread)["messages"]
    ids = [str(call["id"]) for call in messages[1].tool_calls] if len(messages) > 1 else []
    expect(
        len(ids) == 2,
        "The message with the calls must stay, and every call be answered by one tool message behind it.",
        got=Words(f"{kinds(messages)}; {count(len(ids), 'call')} in the second message"),
        expected="human ai tool tool ai; 2 calls in the second message",
        why="The history says what the model wanted to do and that it was refused.",
    )
    answered = [str(message.tool_call_id) for message in messages if message.type == "tool"]
    expect(
        kinds(messages[:4]) == "human ai tool tool" and sorted(answered) == sorted(ids),
        "Every call that waited must be answered by exactly one tool message, directly behind it.",
        got=Words(f"{kinds(messages)}; calls answered: {len(set(answered) & set(ids))} of {len(ids)}"),
        expected="human ai tool tool ai; calls answered: 2 of 2",
        why="Providers refuse a history in which another message comes before a call's result.",
    )
    expect(
        kinds(messages) == "human ai tool tool ai" and not messages[-1].tool_calls,
        "After the tool messages the model must have the last word.",
        got=Words(kinds(messages)),
        expected="human ai tool tool ai",
        why="A turn ends with an answer, also with one that says that nothing was done.",
    )
    expect(
        made <= 2,
        "To stop may take one model request at most.",
        got=Words(f"{made - 1} after the pause"),
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
    agent = stopped(lab, stage, case, first.question)
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


# 4.3 ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Edited:
    """A paused run before and after ``edit``."""

    agent: Ref
    stage: Stage
    before: tuple[Message, ...]
    after: tuple[Message, ...]
    next: tuple[str, ...]
    number: int
    """which call was edited"""
    args: Mapping[str, Any]
    """its new arguments"""

    @property
    def calls(self) -> list[Mapping[str, Any]]:
        """The calls of the last message, as it is now."""
        return list(self.after[-1].tool_calls) if self.after else []

    @property
    def arguments(self) -> list[Any]:
        return [call["args"] for call in self.calls]

    def expected(self) -> list[Any]:
        """The arguments that the calls should have now."""
        told = [call["args"] for call in self.before[-1].tool_calls]
        return [dict(self.args) if n == self.number else args for n, args in enumerate(told)]


def edited(lab: Lab, case: Case, number: int, *cities: City) -> Edited:
    """``edit`` called on one of the calls that wait: it is to look up the third city."""
    third = case.cities[2]
    stage = lab.stage(
        conversation("trip", anyhow(*cities)), conversation("search", searches(*cities), searches(third))
    )
    agent = watched(lab, stage)
    question = compare_question(*cities) if len(cities) > 1 else cities[0].question
    ask(lab, agent, case.thread, question)
    before = state_of(lab, agent, case.thread)["messages"]
    args = {"query": third.query}
    lab.call("edit", agent, case.thread, before[-1].tool_calls[number]["id"], args)
    state = state_of(lab, agent, case.thread)
    return Edited(agent, stage, tuple(before), tuple(state["messages"]), state["next"], number, args)


@check("4.3", points=1, title="the call has its new arguments and still waits")
def leaves_it_waiting(lab: Lab, case: Case) -> None:
    done = edited(lab, case, 0, case.cities[0])
    made = len(done.stage.requests()), len(done.stage.tool_requests())
    expect(
        done.next == ("action",) and made == (1, 0),
        "After edit the run must still wait, before the same tools.",
        got=Words(f"next: {done.next}; {count(made[0], 'model request')}, {count(made[1], 'search')}"),
        expected="next: ('action',); 1 model request, 0 searches",
        why="To correct is one thing, to approve another: the person may want to look once more.",
    )
    expect(
        done.arguments == done.expected(),
        "The call that waits must have the new arguments.",
        got=Words(f"the last message is of the type {done.after[-1].type}, with calls {done.arguments}"),
        expected=f"the last message is of the type ai, with calls {done.expected()}",
        why=(
            "A snapshot is a copy: changing it changes nothing. "
            "update_state writes a new checkpoint, from which the run goes on."
        ),
    )


@check("4.3", points=1, title="all else stays: messages and their ids, the other call")
def keeps_the_rest(lab: Lab, case: Case) -> None:
    done = edited(lab, case, 1, *case.cities[:2])
    expect(
        len(done.after) == len(done.before),
        "There must be as many messages as before.",
        got=Words(kinds(done.after)),
        expected=kinds(done.before),
        why="The reducer add_messages replaces a message that has the same id; any other is put behind.",
    )
    expect(
        [message.id for message in done.after] == [message.id for message in done.before],
        "The messages must keep their ids.",
        got=Words("other ids than before"),
        expected="the same ids",
        why="Interfaces and logs know a message by its id; the corrected one stands in its place.",
    )
    ids = [call["id"] for call in done.calls]
    expect(
        ids == [call["id"] for call in done.before[-1].tool_calls],
        "The calls must keep their ids and their order, the other one too.",
        got=Words(f"{count(len(ids), 'call')}: {done.arguments}"),
        expected=f"2 calls with the same ids: {done.expected()}",
        why="A tool's result is matched to its call by the id.",
    )
    expect(
        done.arguments == done.expected(),
        "Only the call with this id may have new arguments.",
        got=Words(str(done.arguments)),
        expected=str(done.expected()),
        why="With two calls in a message, place and id both matter: the id says which one is meant.",
    )


@check("4.3", points=2, title="after the approval tools and model get the new arguments")
def uses_the_new_arguments(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    done = edited(lab, case, 0, first, second)
    finish(lab, done.agent, case.thread)
    found = queries(done.stage)
    expect(
        sorted(found) == sorted((third.query, second.query)),
        "The tools must run with the new arguments, each call once.",
        got=Words(f"searches: {found}"),
        expected=f"searches: {[third.query, second.query]}",
        why="The tools take what the last message of the state says.",
    )
    requests = done.stage.requests()
    sent = [dict(call.args) for message in requests[-1].messages for call in message.calls]
    expect(
        len(requests) == 2 and sent == [dict(args) for args in done.expected()],
        "The next model request must show the call with its new arguments.",
        got=Words(f"{count(len(requests), 'model request')}, the last one with calls {sent}"),
        expected=f"2 model requests, the last one with calls {done.expected()}",
        why="A model that reads of one search and of the result of another answers about the wrong place.",
    )


# 4.4 ------------------------------------------------------------------------------------------------


def mock(case: Case) -> str:
    return f"The station reports {case.word}, and nothing else."


def mocked(lab: Lab, stage: Stage, case: Case, question: str) -> tuple[Any, tuple[Message, ...]]:
    """What ``mock_answer`` returns for a paused run, and the messages after it."""
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, question)
    stage.clear()
    told = lab.call("mock_answer", agent, case.thread, mock(case))
    return told, tuple(state_of(lab, agent, case.thread)["messages"])


@check("4.4", points=2, title="the model answers from the text")
def answers_from_the_text(lab: Lab, case: Case) -> None:
    first = case.cities[0]
    answer = f"For {first.name} they report {case.word}."
    stage = lab.stage(
        conversation("real", asked(first)),
        conversation(
            "mocked",
            (*asked(first, answer=ToolAnswer(text=mock(case), edited=True))[:3], AnswerTurn(answer=answer)),
        ),
    )
    told, messages = mocked(lab, stage, case, first.question)
    sent = [text for request in stage.requests()[-1:] for text in request.results]
    expect(
        sent == [mock(case)],
        "The model must be sent the text as the result of its call.",
        got=Words(f"{count(len(stage.requests()), 'model request')}; results in the last one: {sent}"),
        expected=f"1 model request; results in the last one: {[mock(case)]}",
        why=_why_not_sent(stage, messages),
    )
    expect(
        told == answer,
        "mock_answer must return the model's answer.",
        got=told,
        expected=repr(answer),
        why="What the model makes of the text is what you want to see.",
    )


def _why_not_sent(stage: Stage, messages: Sequence[Message]) -> str:
    if stage.tool_requests():
        return (
            "The tool ran: the run went on from the pause itself. The mock is in the checkpoint that "
            "update_state wrote; thread(thread_id) goes on from there, the paused snapshot's config does not."
        )
    if not stage.requests() and messages and messages[-1].type == "tool":
        return (
            "The mock was written, and the model has not read it. Written as the node action, llm comes "
            "next; invoke with None lets the run go on."
        )
    return "To the model a mock is a tool message like any other, with the text exactly as given."


@check("4.4", points=1, title="no tool runs, and the model is asked once")
def runs_no_tool(lab: Lab, case: Case) -> None:
    first = case.cities[0]
    stage = lab.stage(conversation("trip", anyhow(first)), conversation("search", searches(first)))
    _, messages = mocked(lab, stage, case, first.question)
    ran, made = len(stage.tool_requests()), len(stage.requests())
    expect(
        (ran, made) == (0, 1),
        "The tool must not run at all, and the model must be asked once.",
        got=Words(f"{count(ran, 'search')}, {count(made, 'model request')} after the pause"),
        expected="0 searches, 1 model request after the pause",
        why=(
            "A result that is replaced afterwards was still fetched: the booking is made, the bill is sent."
            if ran
            else "Only the model can say what it makes of the text, and once is enough."
        ),
    )
    expect(
        kinds(messages) == "human ai tool ai",
        "The thread must hold the call, the mock as its result, and the answer.",
        got=Words(kinds(messages)),
        expected="human ai tool ai",
        why="The next question is asked with this history.",
    )


@check("4.4", points=1, title="two calls wait: both get the text")
def mocks_every_call(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    stage = lab.stage(
        conversation("trip", asked(third), anyhow(first, second)),
        conversation("search", searches(first, second)),
    )
    agent = watched(lab, stage)
    ask(lab, agent, case.thread, third.question)
    finish(lab, agent, case.thread)
    told, messages = mocked_next(lab, agent, case, compare_question(first, second))
    ids = [call["id"] for call in messages[5].tool_calls] if len(messages) > 5 else []
    pairs = [(message.tool_call_id, message.text) for message in messages[6:] if message.type == "tool"]
    expect(
        sorted(pairs, key=str) == sorted(((id, mock(case)) for id in ids), key=str),
        "Every call that waits must get the text, each in a tool message of its own.",
        got=Words(f"{count(len(pairs), 'tool message')} with {[text for _, text in pairs]}"),
        expected=f"2 tool messages with {[mock(case)] * 2}",
        why="A history with an open call is refused by the provider, and the text is the whole result.",
    )
    expect(
        told == compare_answer(first, second),
        "mock_answer must return the model's answer.",
        got=told,
        expected=repr(compare_answer(first, second)),
        why="The results are there; once the run goes on, the model speaks.",
    )


def mocked_next(lab: Lab, agent: Ref, case: Case, question: str) -> tuple[Any, tuple[Message, ...]]:
    """``mock_answer`` on a thread that has a turn behind it."""
    ask(lab, agent, case.thread, question)
    told = lab.call("mock_answer", agent, case.thread, mock(case))
    return told, tuple(state_of(lab, agent, case.thread)["messages"])


# 4.5 ------------------------------------------------------------------------------------------------

POLICY = {"search": "run", "book": "ask", "mail": "ask", "wire": "forbid"}
ASKED_FIRST = (2, 3, 4, 5, 6)
"""which of the seven calls may come first: one that is asked about, or the order of results says less"""
FILE, COPY = "desk.db", "desk-before.db"
MOST_SHOWN = 50
"""different questions that a person is asked about a handful of calls, before that is called too many"""

Decision = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """One call, what a person decides about it, and what must come of it."""

    tool: str
    query: str
    decision: Decision | None = None
    """``None`` where nobody is to be asked"""
    runs: str | None = None
    """the query that the tool must do, once; ``None`` if it must not run"""
    says: str = ""
    """what the result must say"""
    status: Literal["success", "error"] = "success"

    @property
    def call(self) -> ToolCall:
        return ToolCall(tool=self.tool, args={"query": self.query})

    @property
    def named(self) -> str:
        how = self.decision["type"] if self.decision else POLICY[self.tool]
        return f"{self.tool} {self.query!r} ({how})"


def fulfilled(query: str, case: Case) -> str:
    """What every tool says when it has done its work."""
    return f"done: {query}, {case.word}"


def tasks(case: Case) -> list[Task]:
    """One call that runs, five that a person is asked about, one that is forbidden."""
    first, second, third = (city.name for city in case.cities)
    trains, flat = f"trains to {first}", f"a flat in {second}"
    room, better = f"a room in {first}", f"a room in {third}"
    no, yes, full = f"no {case.word} today", f"they know of {case.word}", f"only {case.word} left"
    return [
        Task("search", trains, runs=trains, says=fulfilled(trains, case)),
        Task("wire", f"100 to {second}", status="error"),
        Task("book", room, {"type": "approve"}, runs=room, says=fulfilled(room, case)),
        Task("book", flat, {"type": "edit", "args": {"query": better}}, better, fulfilled(better, case)),
        Task("mail", f"ask {first}", {"type": "reject", "message": no}, says=no, status="error"),
        Task("mail", f"ask {second}", {"type": "respond", "message": yes}, says=yes),
        Task("book", f"a boat in {third}", {"type": "respond", "message": full}, says=full),
    ]


def errand(case: Case, chosen: Sequence[Task]) -> tuple[Turn, ...]:
    """A question that takes these calls in one turn."""
    calls = CallsTurn(calls=tuple(task.call for task in chosen))
    return (UserTurn(user=errand_question(case, chosen)), calls, results(len(chosen)), errand_answer(case))


def errand_question(case: Case, chosen: Sequence[Task]) -> str:
    return f"Please do {len(chosen)} things, and mind the {case.word}."


def errand_answer(case: Case) -> AnswerTurn:
    return AnswerTurn(answer=f"I have seen to it, and to the {case.word}.")


@dataclass
class Desk:
    """A guarded agent that a person attends to: its graph is built anew from the file at each step."""

    lab: Lab
    stage: Stage
    case: Case
    model: Ref
    tools: Sequence[Ref]
    shown: list[Any] = field(default_factory=list)
    """what the person was asked, by the order in which it was first seen"""
    _saver: Ref | None = None
    _built: Ref | None = None
    _before: Counter[tuple[str, str]] = field(default_factory=Counter)
    """what had been done before the last answer"""

    def put_back(self) -> None:
        """Let the file be as it was before the last answer."""
        self.close()
        self._copy(COPY, FILE)

    def done(self) -> Counter[tuple[str, str]]:
        """What the tools have done so far, and how often."""
        made = self.stage.tool_requests()
        return Counter((request.tool, str(request.args.get("query"))) for request in made)

    def done_last(self) -> Counter[tuple[str, str]]:
        """What the tools have done since the last answer was given."""
        return self.done() - self._before

    def _copy(self, path: str, copy: str) -> None:
        self.lab.part("copy_file", self.lab.path(path), self.lab.path(copy), called=self.lab.last_call)

    def close(self) -> None:
        """Close the file."""
        if self._saver is not None:
            self.lab.part("close_saver", self._saver)
        self._saver = self._built = None

    def built(self) -> Ref:
        """The graph as it was built last: to read the thread takes no other."""
        return self._built or self.graph()

    def graph(self) -> Ref:
        """The graph, built by ``build_guarded`` with a saver opened anew."""
        self.close()
        self._saver = self.lab.kit.saver(self.lab.path(FILE))
        graph = self.lab.call("build_guarded", self.model, list(self.tools), POLICY, self._saver)
        if not isinstance(graph, Ref) or not self.lab.part("is_graph", graph):
            fail(
                "build_guarded must return the compiled graph.",
                got=graph,
                expected="what graph.compile(checkpointer=checkpointer) returns",
                why="Whoever runs it needs nothing else.",
            )
        expect_own_methods(self.lab, graph)
        expect(
            bool(self.lab.part("remembers", graph, self._saver)),
            "The graph must be compiled with the checkpointer that build_guarded is given.",
            got=Words("a graph without it"),
            expected="graph.compile(checkpointer=checkpointer)",
            why="Without it the run still ends with __interrupt__, but nobody can ever answer.",
        )
        self._built = Ref(graph.number, graph.type, "agent", self.lab)
        return self._built

    def ask(self, text: str) -> None:
        """Ask a question, up to the first pause."""
        called = f'agent.invoke({{"messages": [("user", {text!r})]}}, thread({self.case.thread!r}))'
        self.lab.part("sync_turn", self.graph(), self.case.thread, text, called=called)

    def waiting(self, graph: Ref) -> list[Mapping[str, Any]]:
        """The interrupts that wait now; what they show is noted."""
        found: list[Mapping[str, Any]] = self.lab.part("waiting", graph, self.case.thread)
        for item in found:
            value = item["value"]
            expect(
                isinstance(value, Mapping) and set(value) == {"id", "name", "args"},
                "The value of each interrupt must be the call: id, name and args, and nothing else.",
                got=value,
                expected="interrupt({'id': …, 'name': …, 'args': …}), one for each call",
                why="Whoever decides reads the call, and answers for this one alone.",
            )
            if value not in self.shown:
                self.shown.append(value)
            expect(
                len(self.shown) <= MOST_SHOWN,
                "Far more is asked than there are calls.",
                got=Words(f"more than {MOST_SHOWN} different questions"),
                expected="one interrupt for each call of a tool with the policy ask",
                why="Too many questions are clicked away.",
            )
        return found

    def decide(self, chosen: Sequence[Task]) -> None:
        """Answer what waits, by id, until nothing waits any more; the graph is rebuilt before each answer."""
        for _ in range(2 * len(chosen)):
            waiting = self.waiting(self.built())
            answers = {item["id"]: self._decision(item["value"], chosen) for item in waiting}
            if not answers:
                return
            self._copy(FILE, COPY)
            self._before = self.done()
            given = ", ".join(f"{decision['type']!r}" for decision in answers.values())
            called = f"agent.invoke(Command(resume={{… {given} …}}), thread({self.case.thread!r}))"
            self.lab.part("resume", self.graph(), self.case.thread, answers, called=called)

    def _decision(self, value: Mapping[str, Any], chosen: Sequence[Task]) -> Decision:
        for task in chosen:
            if (task.tool, dict(task.call.args)) == (value["name"], value["args"]):
                return task.decision or {"type": "approve"}
        return {"type": "approve"}

    def messages(self) -> list[Message]:
        """The thread's messages."""
        found: list[Message] = state_of(self.lab, self.built(), self.case.thread)["messages"]
        return found


def attended(lab: Lab, case: Case, chosen: Sequence[Task], *, decide: bool = True) -> Desk:
    """A desk after a question that takes these calls."""
    # Every tool can do everything, so that whatever should not have run is seen to have run.
    known = dict.fromkeys([task.query for task in chosen] + [task.runs for task in chosen if task.runs])
    able = (does(tool, query, fulfilled(query, case)) for tool in POLICY for query in known)
    stage = lab.stage(conversation("errand", errand(case, chosen)), conversation("tools", *able))
    desk = Desk(lab, stage, case, stage.model(), [stage.tool(name) for name in POLICY])
    desk.ask(errand_question(case, chosen))
    if decide:
        desk.decide(chosen)
    return desk


def ended(desk: Desk, chosen: Sequence[Task]) -> list[Message]:
    """The results of a question's calls, one for each, in their order; the answer came last."""
    messages = desk.messages()
    true = " ".join(["human", "ai", *["tool"] * len(chosen), "ai"])
    ids = [call["id"] for call in messages[1].tool_calls] if len(messages) > 1 else []
    found = [message for message in messages if message.type == "tool"]
    places = [ids.index(m.tool_call_id) + 1 if m.tool_call_id in ids else "another" for m in found]
    expect(
        kinds(messages) == true and places == list(range(1, len(ids) + 1)),
        "There must be one tool message for each call, in the order of the calls, and then the answer.",
        got=Words(f"{kinds(messages)}; calls answered: {', '.join(map(str, places)) or 'none'}"),
        expected=f"{true}; calls answered: {', '.join(map(str, range(1, len(chosen) + 1)))}",
        why="Whatever a person decides, every call needs its result, in its place, and the model reads them.",
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


def listed_work(done: Counter[tuple[str, str]]) -> str:
    """What tools have done, in words."""
    return ", ".join(f"{tool} {query!r}" for tool, query in sorted(done.elements())) or "nothing ran"


def _pair(key: tuple[str, str | None]) -> tuple[str, str]:
    return key[0], str(key[1])
