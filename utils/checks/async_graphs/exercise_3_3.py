"""Exercise 3.3, "The tools of one turn at once": judged in the kit's agent, on four calls of two tools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from utils.checks.async_graphs.gates import PATIENCE, TOGETHER, expect_made, peak, picture
from utils.checks.async_graphs.histories import expect_accepted
from utils.checks.async_graphs.lab import Case, check
from utils.checks.async_graphs.mistakes import expect_awaited, expect_results_awaited
from utils.checks.async_graphs.watching import Watch
from utils.checks.registry import Words, expect
from utils.checks.weather import TOOL, City, asked, compare_answer, compare_question, compared, conversation
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.lab.plain import Message
from utils.replay.conversation import AnswerTurn, CallsTurn, ResultsTurn, ToolAnswer, ToolCall, UserTurn

SECOND = "forecast"
"""a second tool, beside the search"""


@dataclass(frozen=True, slots=True)
class Acting:
    """The kit's agent with the student's ``take_action``, before a turn with four calls."""

    stage: Stage
    watch: Watch
    agent: Ref
    question: str
    cities: Sequence[City]
    """what the four calls are about, in their order"""

    def expect_together(self) -> None:
        """Fail if the four tools did not run at the same time, each of them once."""
        self.watch.expect_free_loop("take_action", "tool.ainvoke(…)", "tool")
        most = peak(self.stage, "tool")
        expect(
            most == 1 or most >= TOGETHER,
            f"Only {most} tools run at the same time, and the message asks for {TOGETHER}.",
            got=picture(self.stage, "tool"),
            expected=f"{TOGETHER} tool requests open at once",
            why="This exercise has no limit: whoever asked for four searches waits for the slowest of them.",
        )
        expect(
            most >= TOGETHER,
            "The tools must run at the same time.",
            got=picture(self.stage, "tool"),
            expected=f"{TOGETHER} tool requests open at once",
            why=(
                "An await in a loop waits for each tool before it begins the next. Begin all of them, then "
                "wait for all."
            ),
        )


def acting(lab: Lab, case: Case, cities: Sequence[City]) -> Acting:
    """Return the kit's agent with the student's ``take_action``, and a question that needs four calls."""
    question = compare_question(*cities)
    tools = [SECOND if n % 2 else TOOL for n in range(TOGETHER)]
    turns = (
        UserTurn(user=question),
        CallsTurn(
            calls=tuple(
                ToolCall(tool=tool, args={"query": city.query})
                for tool, city in zip(tools, cities, strict=True)
            )
        ),
        ResultsTurn(results=tuple(ToolAnswer(text=city.result) for city in cities)),
        AnswerTurn(answer=compare_answer(*cities)),
    )
    stage = lab.stage(conversation("four calls", turns, asked(case.cities[-1])))
    watch = Watch(lab)
    known = [watch.tool(stage), watch.tool(stage, SECOND)]
    work = lab.get("take_action")
    agent = lab.make("acting_agent", stage.model(), known, lab.kit.saver(), work, label="agent")
    stage.reverse([city.query for city in cities], "tool", patience=PATIENCE)
    return Acting(stage, watch, agent, question, cities)


def acted(lab: Lab, set_up: Acting, case: Case) -> list[Message]:
    """Return the tool messages after a turn with four calls."""
    called = "await take_action(state, tools), for a message with four calls"
    try:
        state = lab.part("turn", set_up.agent, case.thread, set_up.question, called=called)
    except StudentError:
        expect_what_is_asked(set_up)
        if not lab.misses() and not lab.refusals():
            raise
        # The model did not know what to say to these results, or refused them: they are in the state.
        state = lab.part("state", set_up.agent, case.thread)
    messages = state.get("messages", ()) if isinstance(state, dict) else ()
    return [message for message in messages if isinstance(message, Message) and message.type == "tool"]


def expect_what_is_asked(set_up: Acting) -> None:
    """Fail if a tool was run with arguments that are another tool's."""
    wanted = {(SECOND if n % 2 else TOOL, city.query) for n, city in enumerate(set_up.cities)}
    made = [(request.tool, query_of(request.args)) for request in set_up.stage.tool_requests()]
    others = [call for call in made if call not in wanted]
    expect(
        not others,
        "A tool was run that the call does not name, or with arguments that are another call's.",
        got=Words("; ".join(f"{tool}(query={query!r})" for tool, query in others[:1])),
        expected='tools[call["name"]], with call["args"], for each call',
        why="One message may ask for several tools: each call says which one it means.",
    )


def query_of(args: object) -> str:
    return str(args.get("query")) if isinstance(args, Mapping) else ""


def called_for(set_up: Acting) -> list[tuple[str, str]]:
    """Return id and query of each of the four calls, in the order in which the model asked."""
    requests = set_up.stage.requests()
    calls = [(c.id, str(c.args.get("query"))) for message in requests[-1].messages for c in message.calls]
    return calls[:TOGETHER]


def expect_each_answered(messages: Sequence[Message]) -> None:
    """Expect a tool message for each of the four calls, with a result in it."""
    expect_results_awaited(messages)
    ids = Counter(message.tool_call_id for message in messages)
    expect(
        len(messages) != TOGETHER or len(ids) != 1,
        "All tool messages have the id of one and the same call.",
        got=Words(f"{TOGETHER} tool messages, and one id in them"),
        expected=f"{TOGETHER} tool messages with {TOGETHER} ids",
        why=(
            "A function that is defined in a loop sees the loop's variable as it is when it runs: the last "
            "call. Give the call to the function as an argument."
        ),
    )
    expect(
        len(messages) == TOGETHER,
        "There must be one tool message for each call.",
        got=Words(f"{len(messages)} tool messages for {TOGETHER} calls"),
        expected=f"{TOGETHER} tool messages",
        why=(
            "Providers refuse a history with an unanswered call. One message may ask for the same thing "
            "twice: neither the tool's name nor its arguments tell the calls apart, only their ids do."
        ),
    )


@check("3.3", points=1, title="every call is answered, under its own id")
def answers_each_call(lab: Lab, case: Case) -> None:
    called = "await take_action(state, tools), for a message without tool calls"
    # In a graph, as all calls are: LangGraph's own node for tools works nowhere else.
    state = {"messages": [Message(type="ai", text="Done.")]}
    idle = lab.part("in_a_node", lab.get("take_action"), state, {}, called=called)
    if isinstance(idle, Mapping):
        expect_awaited(lab, [idle.get("messages")], "{'messages': []}")
    expect(
        isinstance(idle, Mapping) and idle.get("messages") == [],
        "For a message without tool calls there is nothing to return but an empty list.",
        got=idle,
        expected="{'messages': []}",
        why="A node returns what it adds to the state, in the state's form.",
    )
    expect_answered_calls_left_alone(lab, case)
    first, second, third = case.cities[:3]
    # The second and the last call are equal: the same tool, the same arguments.
    set_up = acting(lab, case, [first, second, third, second])
    messages = acted(lab, set_up, case)
    expect_each_answered(messages)
    found = {message.tool_call_id: message.text for message in messages}
    results = {city.query: city.result for city in case.cities}
    wrong = [query for id, query in called_for(set_up) if results[query] not in found.get(id, "")]
    expect(
        not wrong,
        "Each tool message must carry the result of its own call.",
        got=Words(f"another result than its own for: {', '.join(wrong)}"),
        expected="for each call its id and what the tool found for its arguments",
        why="A turn may call the same tool several times: a tool's name does not tell the calls apart.",
    )
    set_up.expect_together()
    expect_made(set_up.stage, TOGETHER, "tool")
    expect_only_the_last_message_s_calls(lab, case, set_up)
    expect_errors_go_through(lab, case)


def expect_answered_calls_left_alone(lab: Lab, case: Case) -> None:
    """Fail if a last message without calls makes tools run that an earlier message asked for."""
    city = case.cities[0]
    call = {"name": TOOL, "args": {"query": city.query}, "id": f"call of {case.thread}"}
    messages = [
        {"role": "user", "content": city.question},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": city.result, "tool_call_id": call["id"]},
        {"role": "assistant", "content": city.answer},
    ]
    stage = lab.stage(conversation("answered", asked(city)))
    called = "await take_action(state, tools), where only an earlier message has a call, and it is answered"
    tools = {TOOL: stage.tool()}
    told = lab.part("in_a_node", lab.get("take_action"), {"messages": messages}, tools, called=called)
    expect(
        not stage.tool_requests() and isinstance(told, Mapping) and told.get("messages") == [],
        "The last message has no calls, and a call of an earlier one was run again.",
        got=told,
        expected="{'messages': []}",
        why="Look at the last message itself, not for the last one that has calls.",
    )


def expect_only_the_last_message_s_calls(lab: Lab, case: Case, set_up: Acting) -> None:
    """Fail if the next turn runs tools again that have run already."""
    city = case.cities[-1]
    set_up.stage.clear()
    called = "await take_action(state, tools), in the second turn on a thread"
    try:
        lab.part("turn", set_up.agent, case.thread, city.question, called=called)
    except StudentError:
        if not set_up.stage.tool_requests():
            raise
    queries = [query_of(request.args) for request in set_up.stage.tool_requests()]
    expect(
        queries == [city.query],
        "In the second turn tools ran again that had their answers: only the last message's calls are open.",
        got=Words(f"the second turn ran {len(queries)} tools: {', '.join(queries)}"),
        expected=f"one: {city.query}",
        why="A search is paid for twice, and a booking is made twice.",
    )
    expect_accepted(lab)


def expect_errors_go_through(lab: Lab, case: Case) -> None:
    """Fail unless what a tool raises ends the turn, as it is or in a group of one."""
    first, second = case.cities[:2]
    answers = (ToolAnswer(text=first.result), ToolAnswer(raises=f"no {case.word} today"))
    turns = compared(first, second, answers=answers)
    stage = lab.stage(conversation("a tool that fails", turns))
    work = lab.get("take_action")
    agent = lab.make("acting_agent", stage.model(), [stage.tool()], lab.kit.saver(), work, label="agent")
    called = "await take_action(state, tools), for two calls, and the second tool raises ToolFailed"
    ended = lab.part("what_ends", agent, case.other, compare_question(first, second), called=called)
    raised = list(ended) if isinstance(ended, list) else []
    asked_on = len(stage.requests()) > 1
    expect(
        bool(raised) and not asked_on,
        "A tool's error must go through, and take_action kept it.",
        got=Words("the model was asked again" if asked_on else "no error"),
        expected="ToolFailed, as the tool raised it",
        why=(
            "With return_exceptions=True errors stand among the results, and the model would take their text "
            "for what the tool found. Whoever runs the agent decides what an error means."
        ),
    )
    expect(
        raised == ["ToolFailed"],
        "A tool's error must go through as it is, and another one came.",
        got=Words(", ".join(raised)),
        expected="ToolFailed, or an ExceptionGroup with nothing but that in it",
        why="Its type and message say what went wrong, and where to look.",
    )


@check("3.3", points=1.5, title="the tools run at the same time")
def runs_tools_together(lab: Lab, case: Case) -> None:
    set_up = acting(lab, case, case.cities[:TOGETHER])
    expect_each_answered(acted(lab, set_up, case))
    set_up.expect_together()
    expect_made(set_up.stage, TOGETHER, "tool")


@check("3.3", points=0.5, title="results in the order of the calls, whichever ends first")
def keeps_the_order(lab: Lab, case: Case) -> None:
    set_up = acting(lab, case, case.cities[:TOGETHER])
    messages = acted(lab, set_up, case)
    expect_each_answered(messages)
    results = {city.query: city.result for city in case.cities}
    true = [results[query] for _, query in called_for(set_up)]
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
    ids = [str(message.tool_call_id) for message in messages]
    expect(
        told == true or ids != sorted(ids),
        "The messages are sorted by their ids, and not in the order of the calls.",
        got=told,
        expected=str(true),
        why="An id is no number: providers make it up at random.",
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
    set_up.expect_together()
    expect_made(set_up.stage, TOGETHER, "tool")
