"""Lab 3, "Do ten things at once": its exercises and how each is judged.

What runs at the same time is seen at the model's side, by gates that make requests wait for each other:
no check looks at a clock.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

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
from utils.replay.conversation import (
    AnswerTurn,
    CallsTurn,
    Fault,
    ResultsTurn,
    ToolAnswer,
    ToolCall,
    Turn,
    UserTurn,
)
from utils.views.gantt import calls_of, gantt, most_open

LAB = LabChecks("async_graphs", "Do ten things at once")
LAB.exercise("3.1", "Make it asynchronous", function="build_async", points=4)
LAB.exercise("3.2", "Many questions, a few at a time", function="ask_many", points=4)
LAB.exercise("3.3", "The tools of one turn at once", function="take_action", points=3)
LAB.exercise("3.4", "Fan out and compare", function="build_fanout", points=4)
LAB.exercise("3.5", "Give up in time", function="ask_with_timeout", points=3)
LAB.exercise("3.6", "Several streams as one", function="interleave", points=2)
check = LAB.check


@dataclass(frozen=True, slots=True)
class Case:
    """What the checks of this lab ask with: other values, the same questions."""

    cities: tuple[City, City, City, City, City]
    """five cities; of the first three, and of the first four, the last by name is not the warmest"""
    thread: str
    other: str
    """another thread's id"""
    word: str
    """a word that only the recorded answers hold"""


LAB.example = Case(
    cities=(
        City("Rome", 17.2),
        City("Oslo", 3.4),
        City("Athens", 21.0),
        City("Berlin", 8.1),
        City("Madrid", 19.6),
    ),
    thread="trip",
    other="another trip",
    word="sunglasses",
)

TOGETHER = 4
"""how many requests a gate waits for: a student's machine may have two cores"""
UNSTARRED = re.compile("unhashable type: 'list'|a coroutine or an awaitable is required")
"""what gather says of a list, and of a generator, that has no star"""
PATIENCE = 0.6
"""seconds that a gate waits in vain: only what is wrong waits that long"""
CUTS = ((0.15, 1.3), (1.5, 3.0))
TOOL_CUTS = ((0.5, 1.3), (1.5, 3.0))
"""seconds until something is to be given up, and seconds that it takes; the second only where nothing was
asked in the first: the machine may have been busy"""


def advice(city: City, case: Case) -> str:
    return f"For {city.name} take {case.word}."


def pack_question(city: City) -> str:
    return f"What should I pack for {city.name}?"


def kinds(messages: Any) -> str:
    found = messages if isinstance(messages, list | tuple) else ()
    return " ".join(message.type for message in found if isinstance(message, Message)) or "nothing"


def picture(stage: Stage, kind: str = "model") -> Words:
    """How many requests were open at once, and the picture of it."""
    return Words(gantt(stage.model_side.requests(kind)).text())


def peak(stage: Stage, kind: str = "model") -> int:
    return most_open(calls_of(stage.model_side.requests(kind)))


def expect_made(stage: Stage, count: int, kind: str = "model") -> None:
    """Fail if the same was asked several times: that it was open at once says nothing then."""
    made = len(stage.model_side.requests(kind))
    expect(
        made == count,
        "Each request must be made once.",
        got=Words(f"{made} {kind} requests"),
        expected=f"{count} {kind} requests",
        why="Each is paid for, and whatever it does is done again each time.",
    )


def expect_own_methods(lab: Lab, graph: Ref, function: str) -> None:
    """Fail if what a graph does when it is run is not LangGraph's doing."""
    expect(
        lab.part("has_own_methods", graph) is True,
        f"What {function} returns must be run by LangGraph itself.",
        got=Words("a graph whose methods were replaced"),
        expected="the compiled graph, as compile(…) returns it",
        why="Streams, checkpoints and tasks are what LangGraph makes of nodes and edges.",
    )


# 3.1 ------------------------------------------------------------------------------------------------


def built(lab: Lab, stage: Stage, saver: Ref | None = None) -> Ref:
    """The graph that ``build_async`` returns."""
    graph = lab.call("build_async", stage.model(), [stage.tool()], saver or lab.kit.saver())
    if not isinstance(graph, Ref) or not lab.part("is_graph", graph):
        fail(
            "build_async must return the compiled graph.",
            got=graph,
            expected="what graph.compile(checkpointer=checkpointer) returns",
            why="Building and compiling do nothing that takes time: build_async itself is a plain function.",
        )
    expect_own_methods(lab, graph, "build_async")
    return Ref(graph.number, graph.type, "agent", lab)


def turn(lab: Lab, agent: Ref, thread: str, text: str) -> dict[str, Any]:
    """A graph's state after one question."""
    called = f'await agent.ainvoke({{"messages": [("user", {text!r})]}}, thread({thread!r}))'
    state = lab.part("turn", agent, thread, text, called=called)
    return state if isinstance(state, dict) else {}


def conversed(lab: Lab, agent: Ref, thread: str, text: str) -> dict[str, Any]:
    """A graph's state after one question; a tool that nobody waited for is told by its own sentence."""
    try:
        return turn(lab, agent, thread, text)
    except StudentError:
        expect_results_awaited(saved(lab, agent, thread))
        raise


def asked_at_once(lab: Lab, agent: Ref, case: Case) -> None:
    """Ask four questions at the same time, each on a thread of its own."""
    turns = [[f"{case.thread} {n}", city.question] for n, city in enumerate(case.cities[:TOGETHER])]
    called = "await asyncio.gather(…) of four agent.ainvoke(…), each on a thread of its own"
    try:
        lab.part("turns", agent, turns, called=called)
    except StudentError:
        expect_results_awaited(saved(lab, agent, turns[0][0]))
        raise


def saved(lab: Lab, agent: Ref, thread: str) -> Any:
    """The messages that a thread holds; none if the graph cannot say."""
    try:
        state = lab.part("state", agent, thread, called=lab.last_call)
    except StudentError:
        return ()
    return state.get("messages", ()) if isinstance(state, dict) else ()


def expect_results_awaited(messages: Any) -> None:
    """No tool message may hold a coroutine, written out, where a result belongs."""
    results = [m for m in messages if isinstance(m, Message) and m.type == "tool"]
    expect(
        not any(result.text.startswith("<coroutine object") for result in results),
        "A tool's result is a coroutine, work that nobody has waited for: an await is missing.",
        got=Words("a tool message with the text <coroutine object …>"),
        expected="a tool message with what the tool found",
        why="tool.ainvoke(…) alone gives something to await; await tool.ainvoke(…) gives the result.",
    )


@check("3.1", points=1, title="it asks, runs tools, remembers")
def converses(lab: Lab, case: Case) -> None:
    called = "build_async(model, tools, checkpointer)"
    expect(
        not lab.part("is_coroutine_function", lab.get("build_async"), called=called),
        "build_async must be a plain function, and it is a coroutine function.",
        got=Words("async def build_async(…)"),
        expected="def build_async(…); only its nodes are async def",
        why="agent = build_async(…) would be a coroutine, which has no ainvoke. Building waits for nothing.",
    )
    first, second, third, fourth, _ = case.cities
    tour, both = one_by_one(first, second, say="Let me look up"), compared(third, fourth)
    stage = lab.stage(conversation("trip", tour, both), conversation("forgotten", both))
    agent = built(lab, stage)
    nodes = agent.get("nodes")
    named = sorted(nodes) if isinstance(nodes, dict) else []
    expect(
        {"agent", "action"} <= set(named),
        "The graph must have the nodes agent and action.",
        got=Words(", ".join(named)),
        expected="agent, action",
        why="Streams and checkpoints speak of these nodes by name.",
    )
    state = conversed(lab, agent, case.thread, tour_question(first, second))
    expect(
        kinds(state.get("messages")) == "human ai tool ai tool ai",
        "The model must be asked again after each round of tools, until it asks for no more.",
        got=Words(kinds(state.get("messages"))),
        expected="human ai tool ai tool ai",
        why="An edge leads from action back to agent; should_continue looks at tool_calls, not at the text.",
    )
    state = conversed(lab, agent, case.thread, compare_question(third, fourth))
    questions = stage.requests()[-1].questions
    expect(
        questions == (tour_question(first, second), compare_question(third, fourth)),
        "On the same thread the model must be sent the conversation so far.",
        got=Words(f"the model was sent: {list(questions)}"),
        expected=str([tour_question(first, second), compare_question(third, fourth)]),
        why="A graph remembers only if it was compiled with the checkpointer that build_async is given.",
    )
    messages = state.get("messages")
    expect(
        isinstance(messages, list | tuple)
        and kinds(messages[-4:]) == "ai tool tool ai"
        and messages[-1].text == compare_answer(third, fourth),
        "Two tool calls in one message must both be answered, and the answer comes last.",
        got=Words(kinds(messages)),
        expected="… human ai tool tool ai",
        why="Each call needs a tool message of its own before the model can go on.",
    )


@check("3.1", points=2, title="four model requests are open at once, without threads")
def asks_at_once(lab: Lab, case: Case) -> None:
    stage = lab.stage(*(conversation(city.name, asked(city)) for city in case.cities[:TOGETHER]))
    agent = built(lab, stage)
    stage.cap(TOGETHER, patience=PATIENCE)
    asked_at_once(lab, agent, case)
    blocking = any(request.client == "sync" for request in stage.requests())
    expect(
        peak(stage) >= TOGETHER or not blocking,
        "The model is called in a way that blocks the event loop: everything else waits meanwhile.",
        got=picture(stage),
        expected=f"{TOGETHER} model requests open at once",
        why=(
            "async def alone makes nothing concurrent. Inside it, model.invoke(…) holds the loop until the "
            "answer is there; await model.ainvoke(…) lets the other runs go on."
        ),
    )
    expect(
        peak(stage) >= TOGETHER,
        "The model requests were made one after the other.",
        got=picture(stage),
        expected=f"{TOGETHER} model requests open at once",
        why="Runs on different threads have nothing to wait for: no lock and no queue between them.",
    )
    expect(
        not blocking,
        "The requests overlap, but they are hidden in a thread pool: the model is called by its sync client.",
        got=Words("requests of the sync client"),
        expected="requests of the async client: await model.ainvoke(…) in an async def node",
        why=(
            "LangGraph runs plain def nodes in threads, and asyncio.to_thread does the same. The pool has "
            "few threads (processors + 4): the next run waits for a free one, and none can be cancelled."
        ),
        keeps=1,
    )
    expect_made(stage, 2 * TOGETHER)


@check("3.1", points=1, title="four tools run at once")
def acts_at_once(lab: Lab, case: Case) -> None:
    stage = lab.stage(*(conversation(city.name, asked(city)) for city in case.cities[:TOGETHER]))
    agent = built(lab, stage)
    stage.cap(TOGETHER, "tool", patience=PATIENCE)
    asked_at_once(lab, agent, case)
    expect(
        peak(stage, "tool") >= TOGETHER,
        "The tools of different runs wait for each other.",
        got=picture(stage, "tool"),
        expected=f"{TOGETHER} tool requests open at once",
        why="A tool has two forms as well: tool.invoke(…) blocks the loop, await tool.ainvoke(…) does not.",
    )
    expect_made(stage, TOGETHER, "tool")


# 3.2 ------------------------------------------------------------------------------------------------


def answers(lab: Lab, agent: Ref, questions: Sequence[str], limit: int) -> list[Any]:  # noqa: RET503 - fail() does not return
    """What ``ask_many`` returns, as a list."""
    try:
        told = lab.call("ask_many", agent, list(questions), limit)
    except StudentError as error:
        if not error.is_a("ToolFailed"):
            explain_gather(error)
            raise
        told = Words(f"{error.type}: {error.message}")
    items = list(told) if isinstance(told, list | tuple) else [told]
    expect_awaited(lab, items)
    if isinstance(told, list | tuple) and len(items) == len(questions):
        expect_texts(lab, items)
        return items
    if isinstance(told, Words):
        fail(
            "A question that fails must not take the others with it.",
            got=told,
            expected="a list, with the exception in its place",
            why="Nine travellers should get their answers even if the tenth one's search is down.",
        )
    fail(
        "ask_many must return one item for each question.",
        got=told,
        expected=f"a list of {len(questions)}",
        why="Whoever asks finds the answer at the place of the question.",
    )


def explain_gather(error: StudentError) -> None:
    """End the check with a sentence if ``gather`` was given a list."""
    lines = [str(step.get("source")) for step in error.trace]
    at_gather = not lines or any("gather(" in line for line in lines)
    if error.is_a("TypeError") and at_gather and UNSTARRED.search(error.message):
        fail(
            "asyncio.gather was given one list, and takes each coroutine by itself.",
            got=Words(f"{error.type}: {error.message}{where(error)}"),
            expected="asyncio.gather(*(ask(text) for text in questions)), with a star",
            why="The star hands over what is in the list, one by one.",
        )


def expect_awaited(lab: Lab, items: Sequence[Any], expected: str = "text") -> None:
    """Nothing that comes back may be work that has not been done yet."""
    waiting = [item for item in items if isinstance(item, Ref) and lab.part("is_unawaited", item)]
    expect(
        not waiting,
        "What comes back is not the answer, but work that nobody has waited for: an await is missing.",
        got=waiting,
        expected=expected,
        why=(
            "agent.ainvoke(…), gather(…) and calling an async def give something to await; only await does "
            "the work and gives its result."
        ),
    )


def expect_texts(lab: Lab, items: Sequence[Any]) -> None:
    """Each item is an answer's text, or an exception."""
    other = [item for item in items if not isinstance(item, str)]
    other = [item for item in other if not (isinstance(item, Ref) and lab.part("is_exception", item))]
    expect(
        not other,
        "Each item must be the text of an answer, or the exception where there is none.",
        got=other[:1],
        expected='text, as state["messages"][-1].text is',
        why="ainvoke returns the whole state; whoever asked wants to read the answer.",
    )


def expect_answers(items: Sequence[Any]) -> None:
    """No exception may stand where a question has an answer; ``items`` are texts or exceptions."""
    broken = [item.type for item in items if isinstance(item, Ref)]
    expect(
        not broken,
        "Each of these questions has an answer, and an exception came instead.",
        got=Words(f"{len(broken)} of {len(items)} items are exceptions: {', '.join(dict.fromkeys(broken))}"),
        expected="texts only",
        why=(
            "return_exceptions=True keeps the errors of your own code quiet, too. Leave it out for a moment "
            "and run the example: then you see the traceback."
        ),
    )


def packed(lab: Lab, case: Case) -> tuple[Stage, Ref, list[str], list[str]]:
    """An agent, five questions that need no tool, and their answers."""
    questions = [pack_question(city) for city in case.cities]
    told = [advice(city, case) for city in case.cities]
    pairs = zip(questions, told, strict=True)
    stage = lab.stage(*(conversation(question, plain(question, answer)) for question, answer in pairs))
    return stage, lab.kit.agent(stage.model(), [], lab.kit.saver()), questions, told


@check("3.2", points=1, title="answers in the order of the questions, each on a new thread")
def answers_in_order(lab: Lab, case: Case) -> None:
    stage, agent, questions, true = packed(lab, case)
    expect(
        answers(lab, agent, [], 2) == [],
        "No questions, no answers: an empty list.",
        got="something else",
        expected="[]",
        why="Whoever counts or joins the answers needs no special case then.",
    )
    stage.reverse(questions[:TOGETHER], patience=PATIENCE)
    told = answers(lab, agent, questions[:TOGETHER], TOGETHER)
    expect_answers(told)
    expect(
        told == true[:TOGETHER],
        "The answers must be in the order of the questions, whichever comes first.",
        got=told,
        expected=str(true[:TOGETHER]),
        why="Which request ends first is chance; gather keeps the order, as_completed does not.",
    )
    stage.clear()
    again = [questions[0], questions[1], questions[0]]
    for _ in range(2):
        told = answers(lab, agent, again, 1)
        expect(
            told == [true[0], true[1], true[0]],
            "Each question must get its own answer, also when it is asked twice.",
            got=told,
            expected=str([true[0], true[1], true[0]]),
            why="Two travellers may ask the same; each is answered.",
        )
    mixed = next((request.questions for request in stage.requests() if len(request.questions) != 1), None)
    expect(
        mixed is None,
        "Each question needs a new thread, also when it is asked twice or ask_many is called again.",
        got=Words(f"a request with {len(mixed or ())} questions: {list(mixed or ())}"),
        expected="requests with one question each",
        why="Two runs on one thread see each other's questions, and each may overwrite what the other saved.",
    )


@check("3.2", points=1, title="an exception stands in the place of its answer")
def keeps_exceptions(lab: Lab, case: Case) -> None:
    first, second, third = case.cities[:3]
    down = ToolAnswer(raises=f"no {case.word} today")
    stage = lab.stage(
        conversation("first", asked(first)),
        conversation("second", asked(second, answer=down)),
        conversation("third", asked(third)),
    )
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    told = answers(lab, agent, [first.question, second.question, third.question], 1)
    expect(
        isinstance(told[1], Ref) and bool(lab.part("is_exception", told[1])),
        "Where a question fails, the list must hold the exception itself.",
        got=told[1],
        expected="the exception, as an object",
        why="Whoever reads the list can tell what failed and why, and ask again.",
    )
    expect(
        [told[0], told[2]] == [first.answer, third.answer],
        "The other questions must be answered as usual.",
        got=[told[0], told[2]],
        expected=str([first.answer, third.answer]),
        why="A failed run is its own thread's affair.",
    )


@check("3.2", points=1, title="never more than limit at once, and as many as allowed")
def keeps_the_limit(lab: Lab, case: Case) -> None:
    for limit in (3, 2):
        stage, agent, questions, _ = packed(lab, case)
        stage.cap(limit, linger=0.1, patience=PATIENCE)
        expect_answers(answers(lab, agent, questions, limit))
        expect(
            peak(stage) <= limit,
            f"With limit {limit}, there must never be more than {limit} requests open.",
            got=picture(stage),
            expected=f"at most {limit} open at once",
            why=(
                "Providers refuse whoever asks too much at a time. All runs must share one semaphore; "
                "max_concurrency in a config limits the nodes of that one run only."
            ),
        )
        expect(
            peak(stage) >= limit,
            f"With limit {limit}, {limit} questions may be asked at once, and are not.",
            got=picture(stage),
            expected=f"{limit} open at once",
            why="Whoever asks one by one waits for the sum of all answers.",
        )
        expect_made(stage, len(questions))


@check("3.2", points=1, title="as soon as one is answered, the next one is asked")
def refills(lab: Lab, case: Case) -> None:
    stage, agent, questions, _ = packed(lab, case)
    stage.hold(len(questions) - 1, patience=PATIENCE)
    expect_answers(answers(lab, agent, questions, 2))
    held, *others = calls_of(stage.requests())
    after = [call for call in others if held.ended is not None and call.began > held.ended]
    expect(
        not after,
        "While one answer was slow, the free place stayed empty.",
        got=Words(f"{len(after)} of {len(others)} other questions had to wait for the first answer"),
        expected="all others are asked and answered while the first answer is still on its way",
        why=(
            "Who asks one by one, or in batches, waits for the slowest each time. A semaphore, or workers "
            "that share one queue, give a free place to the next question at once."
        ),
    )


# 3.3 ------------------------------------------------------------------------------------------------

SECOND = "forecast"
"""a second tool, beside the search"""


def both_tools(case: Case) -> tuple[list[ToolCall], list[str]]:
    """Four calls of two tools, and what each finds."""
    calls = [
        ToolCall(tool=SECOND if n % 2 else TOOL, args={"query": city.query})
        for n, city in enumerate(case.cities[:TOGETHER])
    ]
    return calls, [city.result for city in case.cities[:TOGETHER]]


def acting(lab: Lab, case: Case) -> tuple[Stage, Ref, str]:
    """The kit's agent with the student's ``take_action``, and a question that needs four calls."""
    calls, results = both_tools(case)
    cities = case.cities[:TOGETHER]
    question = compare_question(*cities)
    turns = (
        UserTurn(user=question),
        CallsTurn(calls=tuple(calls)),
        ResultsTurn(results=tuple(ToolAnswer(text=text) for text in results)),
        AnswerTurn(answer=compare_answer(*cities)),
    )
    stage = lab.stage(conversation("four calls", turns))
    tools = [stage.tool(), stage.tool(SECOND)]
    work = lab.get("take_action")
    agent = lab.part("acting_agent", stage.model(), tools, lab.kit.saver(), work, label="agent")
    return stage, agent, question


def acted(lab: Lab, agent: Ref, case: Case, question: str) -> list[Message]:
    """The tool messages after a turn with four calls."""
    called = "await take_action(state, tools), for a message with four calls"
    try:
        state = lab.part("turn", agent, case.thread, question, called=called)
    except StudentError:
        if not lab.misses() and not lab.refusals():
            raise
        # The model did not know what to say to these results, or refused them: they are in the state.
        state = lab.part("state", agent, case.thread)
    messages = state.get("messages", ()) if isinstance(state, dict) else ()
    return [message for message in messages if isinstance(message, Message) and message.type == "tool"]


def called_for(lab: Lab, stage: Stage) -> list[tuple[str, str]]:
    """Id and query of each call, in the order in which the model asked."""
    requests = stage.requests()
    return [(c.id, str(c.args.get("query"))) for message in requests[-1].messages for c in message.calls]


def expect_each_answered(messages: Sequence[Message]) -> None:
    """There is a tool message for each of the four calls, with a result in it."""
    expect_results_awaited(messages)
    expect(
        len(messages) == TOGETHER,
        "There must be one tool message for each call.",
        got=Words(f"{len(messages)} tool messages for {TOGETHER} calls"),
        expected=f"{TOGETHER} tool messages",
        why=(
            "Providers refuse a history with an unanswered call. One turn may call the same tool several "
            "times, and a dict by the tools' names has room for one call of each."
        ),
    )


@check("3.3", points=1, title="every call is answered, under its own id")
def answers_each_call(lab: Lab, case: Case) -> None:
    try:
        idle = lab.call("take_action", {"messages": [Message(type="ai", text="Done.")]}, {})
    finally:
        lab.last_call = "await take_action(state, tools), for a message without tool calls"
    if isinstance(idle, Mapping):
        expect_awaited(lab, [idle.get("messages")], "{'messages': []}")
    expect(
        isinstance(idle, Mapping) and idle.get("messages") == [],
        "For a message without tool calls there is nothing to return but an empty list.",
        got=idle,
        expected="{'messages': []}",
        why="A node returns what it adds to the state, in the state's form.",
    )
    stage, agent, question = acting(lab, case)
    stage.reverse([city.query for city in case.cities[:TOGETHER]], "tool", patience=PATIENCE)
    messages = acted(lab, agent, case, question)
    expect_each_answered(messages)
    found = {message.tool_call_id: message.text for message in messages}
    results = {city.query: city.result for city in case.cities}
    wrong = [query for id, query in called_for(lab, stage) if results[query] not in found.get(id, "")]
    expect(
        not wrong,
        "Each tool message must carry the result of its own call.",
        got=Words(f"another result than its own for: {', '.join(wrong)}"),
        expected="for each call its id and what the tool found for its arguments",
        why="A turn may call the same tool several times: a tool's name does not tell the calls apart.",
    )


@check("3.3", points=1, title="the tools run at the same time")
def runs_tools_together(lab: Lab, case: Case) -> None:
    stage, agent, question = acting(lab, case)
    stage.cap(TOGETHER, "tool", patience=PATIENCE)
    expect_each_answered(acted(lab, agent, case, question))
    expect(
        peak(stage, "tool") == TOGETHER,
        "The tools must run at the same time.",
        got=picture(stage, "tool"),
        expected=f"{TOGETHER} tool requests open at once",
        why=(
            "An await in a loop waits for each tool before it begins the next; tool.invoke(…) blocks "
            "whatever stands around it. Begin all of them, then wait for all."
        ),
    )
    expect_made(stage, TOGETHER, "tool")


@check("3.3", points=1, title="results in the order of the calls, whichever ends first")
def keeps_the_order(lab: Lab, case: Case) -> None:
    stage, agent, question = acting(lab, case)
    stage.reverse([city.query for city in case.cities[:TOGETHER]], "tool", patience=PATIENCE)
    messages = acted(lab, agent, case, question)
    expect_each_answered(messages)
    results = {city.query: city.result for city in case.cities}
    true = [results[query] for _, query in called_for(lab, stage)]
    told = [message.text for message in messages]
    wrapped = [text for text, result in zip(told, true, strict=False) if result in text and text != result]
    expect(
        not wrapped,
        "The text of a tool message must be what the tool found, and nothing around it.",
        got=wrapped[:1],
        expected=str(true[:1]),
        why=(
            'ainvoke(call["args"]) gives the tool\'s result. With the whole call, ainvoke(call) gives a '
            "ToolMessage that is complete already."
        ),
    )
    expect(
        told == true,
        "The messages must be in the order of the calls, even when the last tool ends first.",
        got=told,
        expected=str(true),
        why=(
            "The same run should give the same history each time; asyncio.gather keeps the order, "
            "asyncio.as_completed does not."
        ),
    )


# 3.4 ------------------------------------------------------------------------------------------------


def stations(case: Case, *silent: City) -> tuple[Turn, ...]:
    """What the stations of all cities say; those in ``silent`` only when they are asked again."""
    return (
        UserTurn(user="What do all stations say?"),
        CallsTurn(calls=tuple(ToolCall(tool="fetch", args={"city": city.name}) for city in case.cities)),
        ResultsTurn(
            results=tuple(
                ToolAnswer(
                    text=str(city.celsius),
                    raises="no answer" if city in silent else None,
                    times=1 if city in silent else None,
                )
                for city in case.cities
            )
        ),
        AnswerTurn(answer="That is all."),
    )


@dataclass(frozen=True, slots=True)
class Fanned:
    """What a fan-out did."""

    tasks: list[str]
    found: list[tuple[Any, Any]]
    state: Mapping[str, Any]

    def count(self, node: str) -> int:
        return self.tasks.count(node)

    @property
    def told(self) -> Words:
        counted = [f"{name} {self.count(name)}" for name in dict.fromkeys(self.tasks)]
        return Words(f"tasks: {', '.join(counted) or 'none'}")


NODES = ("look_up", "again", "compare")


@contextlib.contextmanager
def explaining() -> Iterator[None]:
    """Say what a fan-out's classic errors mean; any other goes through as it is."""
    try:
        yield
    except StudentError as error:
        explain(error)
        raise


def explain(error: StudentError) -> None:
    """End the check with a sentence for the errors that a fan-out meets first."""
    told = Words(f"{error.type}: {error.message.partition(chr(10))[0]}{where(error)}")
    name = error.message.strip("'")
    if error.is_a("InvalidUpdateError") and "only one value per step" in error.message:
        fail(
            "Several branches wrote to the same key in one step, and that key has no reducer.",
            got=told,
            expected="Annotated[list, operator.add] for each key that the branches write",
            why="Branches end together: only a reducer can say how what they return is joined.",
        )
    if error.is_a("TypeError") and "can only concatenate" in error.message:
        fail(
            "A node returned something else than a list for a key that is joined by operator.add.",
            got=told,
            expected="{'found': [(city, degrees)]}: a list, also around a single pair",
            why="The reducer adds what a node returns to the list that is there, and only list + list works.",
        )
    if error.is_a("KeyError") and name in NODES:
        fail(
            f"An edge leads to {name}, which is not in its list of names.",
            got=told,
            expected="add_conditional_edges(…, function, [every node that the function may name])",
            why="The last argument says where the edge may lead; what is not in it cannot be found.",
        )
    if error.is_a("KeyError") and name != error.message:
        fail(
            "A node or an edge looked for a key that it was not given.",
            got=told,
            expected="in look_up the keys of Send's input; everywhere else those of the graph's state",
            why=(
                "Only look_up sees what its Send says. Edges, also those behind look_up, see the state, in "
                "which a key without a reducer is missing until a node sets it."
            ),
        )
    if error.is_a("KeyError") and name.isdigit():
        fail(
            "An item of found was taken for a pair, and is a dict.",
            got=told,
            expected="{'found': [(city, degrees)]}: a list of pairs, each in round brackets",
            why="A pair has its parts in a fixed order, [0] and [1]; a dict knows them by its keys.",
        )
    if error.is_a("TypeError") and "NoneType" in error.message and "not supported between" in error.message:
        fail(
            "A temperature was compared with None.",
            got=told,
            expected="in found only cities with a temperature",
            why="fetch gives None for a silent station: that is for again, and not yet for found.",
        )
    if error.is_a("TypeError") and "string indices must be" in error.message:
        fail(
            "A key was looked up in a string.",
            got=told,
            expected='Send("look_up", {"city": city}) for state["city"] in look_up',
            why="What stands behind the node's name in Send is all that the node is given, as it is.",
        )
    if error.is_a("ValueError") and "empty" in error.message:
        fail(
            "The warmest of no cities was looked for.",
            got=told,
            expected="warmest is None where found is empty",
            why="max has no answer for an empty list: look at found first, or give max a default.",
        )
    if error.is_a("ValueError") and "unknown" in error.message:
        fail(
            "An edge names a node that the graph does not have.",
            got=told,
            expected=f"add_node for each of {', '.join(NODES)}",
            why="compile() compares the names in edges with those of the nodes.",
        )


def where(error: StudentError) -> str:
    """The line of the notebook in which an error was raised, as far as it is known."""
    if not error.trace:
        return ""
    at = error.trace[-1]
    return f" (line {at.get('line')} in {at.get('function')}: {at.get('source')})"


def fan_graph(lab: Lab, stage: Stage) -> Ref:
    """The graph that ``build_fanout`` returns."""
    fetch = lab.part("fetch", stage.model_side.url, label="fetch")
    with explaining():
        graph = lab.call("build_fanout", fetch)
    if not isinstance(graph, Ref) or not lab.part("is_graph", graph):
        fail(
            "build_fanout must return the compiled graph.",
            got=graph,
            expected="what graph.compile() returns",
            why="Only a compiled graph can be run.",
        )
    expect_own_methods(lab, graph, "build_fanout")
    return Ref(graph.number, graph.type, "graph", lab)


def fanned(lab: Lab, graph: Ref, cities: Sequence[City]) -> Fanned:
    """One run of the graph."""
    names = [city.name for city in cities]
    with explaining():
        told = lab.part("fanout", graph, names, called=f"await graph.ainvoke({{'cities': {names}}})")
    state = told["state"]
    pairs = state.get("found")
    expect(
        isinstance(pairs, list | tuple)
        and all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs),
        "The state must hold found, a list of pairs of city and temperature.",
        got=pairs,
        expected="[('Oslo', 3.4), …], and [] without cities",
        why="Whoever runs the graph reads the temperatures there.",
    )
    return Fanned(list(told["tasks"]), [tuple(pair) for pair in pairs], state)


def same(found: Sequence[tuple[Any, Any]], cities: Sequence[City]) -> bool:
    return sorted(map(str, found)) == sorted(str((city.name, city.celsius)) for city in cities)


def warmest(cities: Sequence[City]) -> str:
    return max(cities, key=lambda city: city.celsius).name


@check("3.4", points=1, title="all cities are found and the warmest is named, run after run")
def finds_the_warmest(lab: Lab, case: Case) -> None:
    stage = lab.stage(conversation("stations", stations(case)))
    graph = fan_graph(lab, stage)
    for cities in (case.cities[:3], case.cities[3:], case.cities[:1]):
        run = fanned(lab, graph, cities)
        expect(
            same(run.found, cities),
            "found must hold each city of this run with its temperature, once.",
            got=run.found,
            expected=f"{[(city.name, city.celsius) for city in cities]}, in any order",
            why="A reducer joins what the branches return; what is kept outside of the state stays for ever.",
        )
        expect(
            run.count("again") == 0,
            "again must run only if a station was silent.",
            got=run.told,
            expected=f"look_up {len(cities)}, compare 1",
            why="A conditional edge behind look_up looks whether there is something to do.",
        )
        expect(
            run.state.get("warmest") == warmest(cities),
            "warmest must be the name of the warmest city.",
            got=run.state.get("warmest"),
            expected=repr(warmest(cities)),
            why="The traveller wants to know where to go.",
        )


@check("3.4", points=1, title="one branch for each city, all at the same time")
def one_branch_each(lab: Lab, case: Case) -> None:
    cities = case.cities[:TOGETHER]
    stage = lab.stage(conversation("stations", stations(case)))
    graph = fan_graph(lab, stage)
    stage.cap(TOGETHER, "tool", patience=PATIENCE)
    run = fanned(lab, graph, cities)
    expect(
        run.count("look_up") == len(cities),
        "There must be one task of look_up for each city.",
        got=run.told,
        expected=f"look_up {len(cities)}",
        why=(
            "Each Send is a task of its own: streams show it, checkpoints keep what it returned, and when "
            "another one fails only that one is done again."
        ),
    )
    expect(
        peak(stage, "tool") == len(cities),
        "The branches must run at the same time.",
        got=picture(stage, "tool"),
        expected=f"{len(cities)} requests open at once",
        why="Tasks of one step run together as long as none of them blocks the loop: await fetch(city).",
    )
    expect_made(stage, len(cities), "tool")


@check("3.4", points=1, title="branches of unequal length: silent stations once more, one comparison")
def compares_once(lab: Lab, case: Case) -> None:
    cities = case.cities[:TOGETHER]
    silent = [max(cities, key=lambda city: city.celsius), cities[0]]
    stage = lab.stage(conversation("stations", stations(case, *silent)))
    run = fanned(lab, fan_graph(lab, stage), cities)
    expect(
        same(run.found, cities),
        "A station that is silent at first must be asked once more, and count.",
        got=Words(f"found: {run.found}"),
        expected=f"all of {[city.name for city in cities]}",
        why="fetch returns None for a silent station; the second time it answers.",
    )
    expect(
        run.state.get("warmest") == warmest(cities),
        "warmest must be the name of the warmest city, also if its station was silent at first.",
        got=run.state.get("warmest"),
        expected=repr(warmest(cities)),
        why="compare has to come after again: its result counts like the others.",
    )
    expect(
        run.count("again") >= 1 and run.count("look_up") == len(cities),
        "The second try belongs into a node of its own, again.",
        got=run.told,
        expected=f"look_up {len(cities)}, again 1, compare 1",
        why="A step of its own shows in streams and checkpoints, and the quick branches do not wait in it.",
    )
    expect(
        run.count("compare") == 1,
        "compare must run once, after all branches.",
        got=run.told,
        expected=f"look_up {len(cities)}, again 1, compare 1",
        why=(
            "The short branches reach compare one step earlier, and it would run for them alone. "
            "add_node(…, defer=True) makes a node wait for the others; a Send to again it does not wait for."
        ),
    )


@check("3.4", points=1, title="no cities at all")
def compares_nothing(lab: Lab, case: Case) -> None:
    stage = lab.stage(conversation("stations", stations(case)))
    graph = fan_graph(lab, stage)
    one = fanned(lab, graph, case.cities[:1])
    expect(
        same(one.found, case.cities[:1]) and one.count("compare") == 1,
        "A single city must be found and compared.",
        got=Words(f"found: {one.found}; {one.told}"),
        expected=f"found: {[(case.cities[0].name, case.cities[0].celsius)]}; compare 1",
        why="The same graph serves one city, many and none.",
    )
    run = fanned(lab, graph, [])
    expect(
        "warmest" in run.state and run.state["warmest"] is None and not run.found,
        "Without cities, found must be empty and warmest None.",
        got=Words(f"found: {run.found}, warmest: {run.state.get('warmest', 'not in the state')!r}"),
        expected="found: [], warmest: None",
        why="An empty list of Sends ends the run on the spot: nobody compares, and warmest is never set.",
    )
    expect(
        run.count("compare") == 1,
        "compare must run once, also without cities.",
        got=run.told,
        expected="compare 1",
        why="One place that decides is easier to trust than two.",
    )


# 3.5 ------------------------------------------------------------------------------------------------


def slow(city: City, case: Case, hang: float) -> tuple[Turn, ...]:
    """A question whose answer takes far too long."""
    late = Fault(kind="latency", seconds=hang)
    return (UserTurn(user=pack_question(city)), AnswerTurn(answer=advice(city, case), fault=late))


def timed(lab: Lab, agent: Ref, thread: str, text: str, seconds: float) -> Any:
    return lab.call("ask_with_timeout", agent, thread, text, seconds)


def answered_in_time(lab: Lab, agent: Ref, thread: str, city: City) -> None:
    """Ask with far more time than it takes, and expect the answer."""
    told = timed(lab, agent, thread, city.question, 6)
    expect(
        isinstance(told, str) and told == city.answer,
        "An answer that comes in time must be returned, as text.",
        got=told,
        expected=repr(city.answer),
        why="Most answers do come in time.",
    )


def expect_none(told: Any) -> None:
    expect(
        told is None,
        "When the time is over, None must come back.",
        got=told,
        expected="None",
        why=(
            "Time can be up only at an await: agent.invoke(…) has none, and blocks until the answer is there."
            if isinstance(told, str)
            else "Whoever waits can tell an answer from none, and need not catch anything."
        ),
    )


def expect_asked(came: Sequence[object], seconds: float) -> None:
    """Fail if nothing was asked that could be given up."""
    expect(
        bool(came),
        "None came back, and nothing had been asked.",
        got=Words(f"no request in {seconds:g} seconds"),
        expected="the question is asked, and given up when the time is over",
        why="Nobody knows beforehand how long an answer takes.",
    )


def expect_given_up(gave_up: Sequence[bool]) -> None:
    """Fail if one of these requests was not given up."""
    expect(
        all(gave_up),
        "When the time is over, the open request must be given up.",
        got=Words("nobody hung up: the request went on, or was waited for"),
        expected="the connection is closed when the time is over",
        why=(
            "A run that goes on in the background costs money and writes into the thread later. "
            "Cancelling an await ends what is below it; a thread, or asyncio.shield, goes on."
        ),
    )


def goes_on(lab: Lab, stage: Stage, agent: Ref, case: Case, earlier: City, city: City) -> None:
    """Ask the next question on the thread, and expect an answer."""
    try:
        state = turn(lab, agent, case.thread, city.question)
    except StudentError:
        refused = lab.refusals()
        if not refused:
            raise
        fail(
            "After the cut the thread is spoilt: the model refused the next question.",
            got=Words(f"the model was sent: {' '.join(refused[-1].roles)}"),
            expected="a history in which every tool call is answered",
            why=(
                "The model's tool calls were saved, their results were not. Answer each of them with a tool "
                "message that says so, or take the turn's messages out."
            ),
        )
    questions = stage.requests()[-1].questions
    expect(
        # Some providers' clients join what was asked in vain and what is asked now into one message.
        questions[:1] == (earlier.question,) and questions[-1].endswith(city.question),
        "What was said on the thread before the cut must stay.",
        got=Words(f"the model was sent: {list(questions)}"),
        expected=f"{earlier.question!r} first, {city.question!r} last",
        why="Only the question that ran out of time may be lost, not the conversation.",
    )
    messages = state.get("messages") or [None]
    expect(
        isinstance(messages[-1], Message) and messages[-1].text == city.answer,
        "The next question on the thread must be answered.",
        got=messages[-1],
        expected=repr(city.answer),
        why="Giving up one question is no reason to lose the traveller.",
    )


@check("3.5", points=1, title="the answer in time, else None, and the request is given up")
def keeps_to_the_time(lab: Lab, case: Case) -> None:
    first, second = case.cities[:2]
    in_vain = pack_question(second)
    for seconds, hang in CUTS:
        stage = lab.stage(conversation("quick", asked(first)), conversation("slow", slow(second, case, hang)))
        agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
        answered_in_time(lab, agent, case.thread, first)
        expect_none(timed(lab, agent, case.other, in_vain, seconds))
        if came := [r for r in stage.log() if r.questions[-1:] == (in_vain,)]:
            break
    expect_asked(came, seconds)
    # A client that does not say that it is asynchronous (AWS has none) works in threads, which go on.
    expect_given_up([request.gave_up for request in came if request.client])


@check("3.5", points=1, title="the thread goes on after a cut in the model's answer")
def survives_a_cut_in_the_model(lab: Lab, case: Case) -> None:
    first, second, third = case.cities[:3]
    in_vain = pack_question(second)
    for seconds, hang in CUTS:
        stage = lab.stage(
            conversation("trip", asked(first)),
            conversation("slow", slow(second, case, hang)),
            conversation("next", asked(third)),
        )
        agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
        answered_in_time(lab, agent, case.thread, first)
        expect_none(timed(lab, agent, case.thread, in_vain, seconds))
        if came := [r for r in stage.requests() if r.questions[-1:] == (in_vain,)]:
            break
    expect_asked(came, seconds)
    goes_on(lab, stage, agent, case, first, third)


@check("3.5", points=1, title="the thread goes on after a cut in a tool")
def survives_a_cut_in_a_tool(lab: Lab, case: Case) -> None:
    first, second, third, fourth, _ = case.cities
    searched = {"query": third.query}
    for seconds, hang in TOOL_CUTS:
        results = (ToolAnswer(text=second.result), ToolAnswer(text=third.result, delay=hang))
        stage = lab.stage(
            conversation("trip", asked(first)),
            conversation("slow", compared(second, third, answers=results)),
            conversation("next", asked(fourth)),
        )
        agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
        answered_in_time(lab, agent, case.thread, first)
        expect_none(timed(lab, agent, case.thread, compare_question(second, third), seconds))
        if came := [r for r in stage.log() if r.kind == "tool" and r.args == searched]:
            break
    expect_asked(came, seconds)
    expect_given_up([request.gave_up for request in came])
    goes_on(lab, stage, agent, case, first, fourth)


# 3.6 ------------------------------------------------------------------------------------------------


QUIET = 0.1
"""seconds in which nothing may come"""


class Merged:
    """``interleave`` on streams that a check feeds by hand; as a context manager the reading is stopped."""

    left = 0
    """how many tasks still ran when the reading had been stopped"""

    def __init__(self, lab: Lab, names: Sequence[str]) -> None:
        self._lab = lab
        self._feeds = {name: lab.part("feed", label="feed") for name in names}
        streams = {
            name: lab.part("stream_of", feed, label=f"{name}'s stream") for name, feed in self._feeds.items()
        }
        called = f"interleave({{{', '.join(f'{name!r}: …' for name in names)}}})"
        if lab.part("is_coroutine_function", lab.get("interleave"), called=called):
            # With streams it would be awaited to its end, which nobody has put into them.
            lab.call("interleave", {})
            self._no_generator(Words("a coroutine function: async def without yield"))
        try:
            items = lab.call("interleave", streams)
        finally:
            lab.last_call = called
        reader = lab.part("reader", items)
        if not isinstance(reader, Ref):
            self._no_generator(items)
        self._reader = reader

    def _no_generator(self, got: Any) -> NoReturn:
        fail(
            "interleave must be an asynchronous generator.",
            got=got,
            expected="async def with yield: what it returns is read by async for",
            why="Items are to be had while the streams still run; a list would come when all is over.",
        )

    def __enter__(self) -> Merged:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        called = self._lab.last_call
        self.left = self.stop()
        if error is not None:  # the card shows the call that went wrong, not this one
            self._lab.last_call = called

    def put(self, name: str, *items: Any, end: bool = False, error: str = "") -> None:
        self._lab.part("put", self._feeds[name], *items, end=end, error=error)

    def take(self, patience: float = PATIENCE) -> Mapping[str, Any]:
        """What comes next: ``item``, ``ended`` or, for a stream's own error, ``raised``."""
        called = "the next item of interleave(streams)"
        try:
            told = self._lab.part("take", self._reader, patience, called=called)
        except StudentError as error:
            if not error.is_a("StreamBroke"):
                raise
            return {"raised": f"{error.type}: {error.message}"}
        return told if isinstance(told, Mapping) else {}

    def expect_next(self, name: str, item: Any, why: str) -> None:
        told = self.take()
        pair = told.get("item")
        expect(
            isinstance(pair, list | tuple) and list(pair) == [name, item],
            "The item that has just arrived must come next, with the name of its stream.",
            got=came(told),
            expected=repr((name, item)),
            why=why,
        )

    def stop(self) -> int:
        """Read no further; how many tasks still run then."""
        left = self._lab.part(
            "stop_reading", self._reader, PATIENCE, called="aclose() of interleave(streams)"
        )
        return left if isinstance(left, int) else 0


def came(told: Mapping[str, Any]) -> Any:
    """What ``take`` gave, for a card."""
    if "item" in told:
        return told["item"]
    return Words("the end" if told.get("ended") else told.get("raised", "nothing came"))


@check("3.6", points=0.5, title="items come as they arrive, with the name of their stream")
def yields_as_they_arrive(lab: Lab, case: Case) -> None:
    silent, second, third = (city.name for city in case.cities[:3])
    with Merged(lab, [silent, second, third]) as merged:
        for number, name in enumerate((second, second, third, second, third, third)):
            merged.put(name, f"{case.word} {number}")
            merged.expect_next(
                name,
                f"{case.word} {number}",
                "Who takes turns, or waits for all streams, is held up by the one that says nothing.",
            )


@check("3.6", points=0.5, title="nothing is lost when a stream is silent, and the end comes after all ends")
def loses_nothing(lab: Lab, case: Case) -> None:
    first, second, third = (city.name for city in case.cities[:3])
    with Merged(lab, []) as empty:
        ended = empty.take().get("ended")
    expect(
        ended is True,
        "Without streams there is nothing to wait for: the end comes at once.",
        got="it goes on",
        expected="the end",
        why="Whoever loops over it would wait for ever.",
    )
    with Merged(lab, [first, second, third]) as merged:
        merged.put(second, end=True)
        quiet = merged.take(QUIET)
        expect(
            not quiet,
            "One stream has ended without an item and the others are silent: now there is nothing to yield.",
            got=Words("the end came" if quiet.get("ended") else f"an item came: {quiet.get('item')!r}"),
            expected="it waits for the others",
            why="The end of one stream is not the end of all.",
        )
        # The stream that is read first is silent for longest.
        merged.put(third, *(f"{case.word} {n}" for n in range(3)), end=True)
        merged.put(first, case.word)
        came: list[tuple[Any, ...]] = []
        while len(came) < 4 and "item" in (told := merged.take()):
            item = told["item"]
            came.append(tuple(item) if isinstance(item, list | tuple) else (item,))
        true = [*((third, f"{case.word} {n}") for n in range(3)), (first, case.word)]
        expect(
            len(came) == 4
            and [pair for pair in came if pair != true[-1]] == true[:-1]
            and came.count(true[-1]) == 1,
            "All items must come, those of one stream in their order.",
            got=came,
            expected=f"{true}, the last one at any place",
            why=(
                "Who waits for a silent stream holds up the others; who cancels such a wait, as "
                "asyncio.wait_for(anext(…)) does, ends the stream, and what it yields later is lost."
            ),
        )
        merged.put(first, case.word, end=True)
        merged.expect_next(first, case.word, "A stream that was silent for long still counts.")
        told = merged.take()
        expect(
            told.get("ended") is True,
            "After the end of all streams there must be an end.",
            got=Words(f"an item: {told['item']!r}" if "item" in told else "it waits"),
            expected="the end",
            why="Whoever loops over it would wait for ever.",
        )


@check("3.6", points=0.5, title="an error in a stream is raised to the reader")
def passes_errors_on(lab: Lab, case: Case) -> None:
    silent, broken = (city.name for city in case.cities[:2])
    with Merged(lab, [silent, broken]) as merged:
        merged.put(broken, case.word, error=case.other)
        merged.expect_next(broken, case.word, "What came before the error is not lost.")
        told = merged.take()
        expect(
            case.other in told.get("raised", ""),
            "When a stream raises, the reader must get that error, and at once.",
            got=came(told),
            expected=f"StreamBroke: {case.other}, as the stream raised it",
            why=(
                "A task keeps its error to itself until somebody awaits it. Whoever waits at the queue for "
                "the mark of a task that failed waits for ever: put the mark in finally, then await the task."
            ),
        )


@check("3.6", points=0.5, title="whoever stops reading, or is stopped by an error, leaves nothing running")
def leaves_nothing_running(lab: Lab, case: Case) -> None:
    first, second, third = (city.name for city in case.cities[:3])
    for error in ("", case.other):
        with Merged(lab, [first, second, third]) as merged:
            merged.put(second, case.word)
            merged.expect_next(second, case.word, "Nobody can stop in the middle of what does not begin.")
            if error:
                merged.put(second, error=error)
                merged.take()
        expect(
            merged.left == 0,
            "When the reading ends early, nothing may go on in the background.",
            got=Words(f"{merged.left} tasks still run after {'an error' if error else 'aclose()'}"),
            expected="every task is cancelled in the generator's finally",
            why=(
                "A task that nobody reads waits for ever and keeps its stream open; Python complains at "
                "the end: Task was destroyed but it is pending!"
            ),
        )
