"""Exercise 2.5, "Survive a tool": judged by a turn with many calls, and by a tool that asks a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from utils.checks.graphs import kinds
from utils.checks.registry import Words, expect, fail
from utils.checks.streaming.lab import CALLS, Case, check
from utils.checks.weather import conversation, plain
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.lab.plain import Message
from utils.replay.conversation import AnswerTurn, CallsTurn, ResultsTurn, ToolAnswer, ToolCall, Turn, UserTurn

LIMIT = 2_000
MARK = 100
"""letters that the mark behind a cut result may have"""
SIGH = "z"
"""what a long error consists of, and no mark begins with"""
WENT_WRONG = "the archive is closed on"
UNKNOWN = "teleport"
GIVING = ("thermometer", "ledger", "almanac")
"""tools that give a number, a list of strings and a text that is just short enough"""
KINDS = f"human ai{' tool' * CALLS} ai"


@dataclass(frozen=True, slots=True)
class Acted:
    """A turn with many calls and what became of them."""

    messages: tuple[Message, ...]
    order: tuple[int, ...]

    @property
    def ids(self) -> list[str]:
        """The calls' ids, in their order."""
        return [str(call.get("id")) for call in self.messages[1].tool_calls]

    @property
    def answered(self) -> list[str]:
        """Ids of the calls that tool messages answer, in their order."""
        return [str(message.tool_call_id) for message in self.messages if message.type == "tool"]

    def of(self, number: int) -> Message:
        """Return the message that answers the call with this number, as ``the_calls`` counts."""
        id = self.ids[self.order.index(number)]
        return next(message for message in self.messages if message.tool_call_id == id)


def given(case: Case) -> tuple[int, list[str], str]:
    """Return what the tools named in ``GIVING`` give."""
    first = 1_000 + round(10 * case.cities[2].celsius)
    words = [f"{first + n}" for n in range(LIMIT // 2)]
    return 0, words, case.cities[0].result.ljust(LIMIT, ".")


def the_calls(case: Case) -> list[tuple[ToolCall, ToolAnswer]]:
    """Return calls of every kind, each with what its tool answers.

    A good call, bad arguments, an unknown tool, two tools that raise, a huge result, a tool that raises the
    kit's own error at great length, three with two arguments, whose results are of an unusual kind or
    length, and the good call once more.
    """
    first, second, third = case.cities
    unseen = ToolAnswer(text="")
    words = f"{WENT_WRONG} {case.word}"
    failing = ToolAnswer(raises=words, times=1_000)
    lamenting = ToolAnswer(raises=words.ljust(LIMIT + 2 * MARK, SIGH), times=1_000)
    huge = ToolAnswer(text=second.result, pad=500_000)
    good = (ToolCall(tool="search", args={"query": first.query}), ToolAnswer(text=first.result))
    two = {"query": first.query, "unit": case.word}
    return [
        good,
        (ToolCall(tool="search", args={"place": case.word}), unseen),
        (ToolCall(tool=UNKNOWN, args={"query": third.name}), unseen),
        (ToolCall(tool="archive", args={"query": third.query}), failing),
        (ToolCall(tool="harbour", args={"query": third.query}), failing),
        (ToolCall(tool="library", args={"query": second.query}), huge),
        (ToolCall(tool="museum", args={"query": third.query}), lamenting),
        *((ToolCall(tool=name, args=two), unseen) for name in GIVING),
        good,
    ]


def acted(lab: Lab, case: Case) -> Acted:
    """Return an agent with the student's ``take_action`` after a turn with many calls."""
    pairs = [the_calls(case)[number] for number in case.order]
    question = f"What do you know of {case.word}?"
    stage = lab.stage(
        conversation(
            "many calls",
            (
                UserTurn(user=question),
                CallsTurn(calls=tuple(call for call, _ in pairs)),
                ResultsTurn(results=(ToolAnswer(edited=True),) * len(pairs)),
                AnswerTurn(answer=f"That is all about {case.word}."),
            ),
        ),
        conversation("what the tools do", *(alone(call, answer) for call, answer in the_calls(case)[:-1])),
    )
    tools = [
        stage.tool(),
        stage.tool("archive", error="KeyError"),
        stage.tool("harbour", error=case.error),
        stage.tool("library"),
        stage.tool("museum"),
        *(lab.make("giving_tool", *gift, label=gift[0]) for gift in zip(GIVING, given(case), strict=True)),
        stage.tool(UNKNOWN),
    ]
    agent = acting(lab, stage, tools, unknown=[UNKNOWN])
    called = f"take_action({{'messages': [… a message with {len(pairs)} tool calls]}}, tools)"
    try:
        state = lab.part("turn", agent, case.thread, question, called=called)
    except StudentError as error:
        expect_caught(error)
        if lab.refusals():
            expect_each_answered(of_state(lab.part("state", agent, case.thread), case))
        raise
    return of_state(state, case)


def of_state(state: Any, case: Case) -> Acted:
    """Return the turn that a graph's state holds."""
    found = state.get("messages", []) if isinstance(state, dict) else []
    return Acted(tuple(message for message in found if isinstance(message, Message)), case.order)


def expect_each_answered(done: Acted) -> None:
    """Fail unless the calls of the turn are answered, each once and in their order."""
    calls = next((message.tool_calls for message in done.messages if message.tool_calls), ())
    ids = [str(call.get("id")) for call in calls]
    answered = done.answered
    told = Words(f"calls answered: {places(answered, ids)}")
    all_of_them = f"calls answered: {', '.join(str(n) for n in range(1, len(ids) + 1))}"
    expect(
        len(answered) != len(ids) or set(answered) <= set(ids),
        "The tool_call_id of a tool message must be the id of the call that it answers.",
        got=Words(f"{told}; a tool_call_id is {next((i for i in answered if i not in ids), '')!r}"),
        expected='ToolMessage(…, tool_call_id=call["id"])',
        why="A tool may be called twice in one message: only the id tells which call is answered.",
    )
    expect(
        sorted(answered) != sorted(ids) or answered == ids,
        "The tool messages must stand in the order of the calls.",
        got=told,
        expected=all_of_them,
        why="Some providers want them so, and a person who reads the thread does as well.",
    )
    alike = {str((call.get("name"), call.get("args"))) for call in calls if str(call.get("id")) in answered}
    left_out = [call for call in calls if str(call.get("id")) not in answered]
    equal = bool(left_out) and all(str((call.get("name"), call.get("args"))) in alike for call in left_out)
    ends_early = answered == ids[: len(answered)] and len(answered) < len(ids)
    expect(
        answered == ids,
        "There must be exactly one tool message for each call, in the order of the calls"
        + (", also for two calls that are alike." if equal else "."),
        got=told,
        expected=all_of_them,
        why="Providers refuse a history with an unanswered call, now and at every later question."
        + (" A try around the loop ends it at the first error: put it inside." if ends_early else ""),
    )


def expect_caught(error: StudentError) -> None:
    """Fail with a sentence if the error is a call's own, which ``take_action`` should have told the model."""
    what = ""
    if error.is_a("KeyError") and error.message.strip("'") == UNKNOWN:
        what = "An unknown tool"
    elif error.is_a("ValidationError"):
        what = "A call with bad arguments"
    elif WENT_WRONG in error.message:
        what = "A tool that raises"
    expect(
        not what,
        f"{what} must be answered by a tool message, and raised an error out of take_action.",
        got=Words(f"{error.type}: {error.message.partition(chr(10))[0][:200]}"),
        expected='ToolMessage(…, status="error") for this call, and the other calls done',
        why="The calls are saved, their answers are not: every later question on the thread is refused.",
    )


def acting(lab: Lab, stage: Stage, tools: Sequence[Ref], unknown: Sequence[str] = ()) -> Ref:
    """Return the kit's agent with the student's ``take_action``."""
    function = lab.get("take_action")
    if not isinstance(function, Ref):
        fail(
            "take_action must be a function.",
            got=function,
            expected="def take_action(state, tools)",
            why="The graph calls it when the model has asked for tools.",
        )
    saver = lab.kit.saver()
    options = (stage.model(), list(tools), saver, function, list(unknown))
    return lab.make("acting_agent", *options, label="agent")


def alone(call: ToolCall, answer: ToolAnswer) -> tuple[Turn, ...]:
    """Return a turn that only says what a tool answers; nobody asks this question."""
    asked_for = f"{call.tool} {sorted(call.args)}"
    results = ResultsTurn(results=(answer,))
    return UserTurn(user=asked_for), CallsTurn(calls=(call,)), results, AnswerTurn(answer="Done.")


def places(answered: Sequence[str], ids: Sequence[str]) -> str:
    return ", ".join(str(ids.index(id) + 1) if id in ids else "another" for id in answered) or "none"


@check("2.5", points=1, title="one message for each call, in order, whatever happens")
def answers_every_call(lab: Lab, case: Case) -> None:
    done = acted(lab, case)
    expect_each_answered(done)
    expect(
        kinds(done.messages) == KINDS,
        "After the tools' messages comes the answer, and nothing else is added.",
        got=Words(kinds(done.messages)),
        expected=KINDS,
        why="What take_action returns is added to the conversation: the new messages alone.",
    )
    good, huge = done.of(0), done.of(5)
    number, words, _ = given(case)
    results = {0: case.cities[0].result, 5: case.cities[1].result, 7: str(number), 8: str(words)[:LIMIT]}
    went_well = [done.of(call) for call, result in results.items() if done.of(call).text.startswith(result)]
    marked = [message.text[:40] for message in went_well if message.status == "error"]
    expect(
        not marked,
        "A call that went well has the status of an error.",
        got=Words(f"status error, with the text {' and '.join(map(repr, marked))}"),
        expected="status error only where a call failed",
        why="Each call has a status of its own: what was true of an earlier call is not true of the next.",
    )
    first, second, _ = case.cities
    expect(
        good.text == first.result and good.status != "error" and huge.text.startswith(second.result),
        "Calls that go well must be answered with their results, also beside one that fails.",
        got=good,
        expected=f"a message with the text {first.result!r}",
        why="One tool's bad day must not cost the work of the others.",
    )
    figure = done.of(7)
    expect(
        figure.text == str(number) and figure.status != "error",
        "A result that is a number must be answered as well, be it 0: a tool may return anything.",
        got=figure,
        expected=f"a message with the text {str(number)!r}",
        why=(
            "A message holds text: str(…) makes it of any result, before its length is asked for. "
            "And 0 is a result: it is not the same as none."
        ),
    )
    expect_told_apart(done.of(8), words)
    again = done.of(10)
    expect(
        again.text == first.result and again.status != "error",
        "Two calls that are alike are two calls: each has its result.",
        got=again,
        expected=f"a message with the text {first.result!r}",
        why="What a tool gave a moment ago may be something else by now.",
    )


def expect_told_apart(message: Message, result: Sequence[str]) -> None:
    """Fail if the strings of a list are glued together; both str(…) and JSON put each in quotes."""
    one, other = result[:2]
    expect(
        not message.text.startswith(f"{one}{other}"),
        "A result that is a list of strings must be told as a list: its strings are glued together.",
        got=message,
        expected=f"a text that begins with {str(result[:2])[:-1]}, or with the same as JSON",
        why="A message takes a list of strings for pieces of one text; str(…) and JSON keep them apart.",
    )


@check("2.5", points=1, title="what failed says so, and a huge result is cut")
def says_what_failed(lab: Lab, case: Case) -> None:
    done = acted(lab, case)
    failed = {
        1: "bad arguments",
        2: "an unknown tool",
        3: "a KeyError",
        4: f"a {case.error}",
        6: "an error of its own",
    }
    for number, what in failed.items():
        message = done.of(number)
        expect(
            message.status == "error" and bool(message.text.strip()),
            "The message for a call that failed must have the status error and say what happened.",
            got=Words(f"{what}: status {message.status}, {len(message.text)} letters of text"),
            expected=f'{what}: status error, and a text (ToolMessage(…, status="error"))',
            why="The model must know that it failed, or it takes the error for a result; it may try again.",
        )
    words = f"{WENT_WRONG} {case.word}"
    expect(
        words in done.of(3).text or words not in done.of(4).text,
        "A KeyError that a tool raised was taken for an unknown tool: tell the tool's own words.",
        got=Words(f"{failed[3]}: {done.of(3).text[:80]!r}"),
        expected=f"{failed[3]}: a text with {words!r}",
        why="A KeyError may come from the dict of tools or from a tool: only one is an unknown tool.",
    )
    for number, needle in ((2, UNKNOWN), (3, words), (4, words), (6, words)):
        expect(
            needle in done.of(number).text,
            "An error's text must say what happened: the tool's own words, or the name of the unknown tool.",
            got=Words(f"{failed[number]}: {done.of(number).text[:80]!r}"),
            expected=f"{failed[number]}: a text with {needle!r}",
            why="The model reads this text, and can do something else only if it knows what went wrong.",
        )
    bad = done.of(1).text
    expect(
        any(word in bad.casefold() for word in ("required", "missing")),
        "The message for a call with bad arguments must have the error's own words.",
        got=Words(f"{failed[1]}: {bad[:120]!r}"),
        expected=f"{failed[1]}: a text that says which argument is missing, as the error does",
        why="The model can mend its call only if it reads what is wrong with it.",
    )
    huge = done.of(5).text
    whole = case.cities[1].result.ljust(LIMIT, ".")
    expect(
        huge.startswith(whole) and LIMIT < len(huge) <= LIMIT + MARK,
        "Of a long result the first 2,000 characters stay, with a mark behind.",
        got=Words(f"{len(huge):,} characters, ending in {huge[-20:]!r}"),
        expected=f"{LIMIT:,} characters and a mark, such as …",
        why="Half a megabyte of a web page fills the model's context, and is paid for at every question.",
    )
    expect_length_counts(done, case)


def expect_length_counts(done: Acted, case: Case) -> None:
    """Fail unless errors and lists are cut like texts, and a text that is just short enough is not."""
    long = {6: "the text of an error", 8: f"a list of {LIMIT // 2:,} strings"}
    for number, what in long.items():
        message = done.of(number)
        expect(
            LIMIT < len(message.text) <= LIMIT + MARK and (message.status == "error") == (number == 6),
            "Whatever a long text is made of, its first 2,000 characters stay, with a mark behind.",
            got=Words(f"{what}: {len(message.text):,} characters, status {message.status}"),
            expected=f"{what}: {LIMIT:,} characters and a mark, such as …",
            why="Errors quote whole pages, and lists are long when they are written down: the text counts.",
        )
    lament = done.of(6).text
    expect(
        lament[LIMIT : LIMIT + 1] != SIGH,
        "The whole text of a message counts: what stands before the error's own words as well.",
        got=Words(f"{len(lament):,} characters, beginning with {lament[:30]!r}"),
        expected=f"the first {LIMIT:,} characters of the whole text, and then the mark",
        why="The text is cut last, when all of it is there: then no message is longer than it may be.",
    )
    exact = done.of(9).text
    expect(
        exact == given(case)[2],
        "A text of exactly 2,000 characters is not too long: it stays as it is.",
        got=Words(f"{len(exact):,} characters, ending in {exact[-20:]!r}"),
        expected=f"{LIMIT:,} characters, without a mark",
        why="The mark says that something is missing, and here nothing is.",
    )


@check("2.5", points=1, title="an interrupt passes through, also beside a tool that fails")
def lets_interrupts_pass(lab: Lab, case: Case) -> None:
    lets_a_person_be_asked(lab, case)
    lets_others_go_on(lab, case)


def lets_a_person_be_asked(lab: Lab, case: Case) -> None:
    """Fail if a tool that asks a person does not pause the run, in the second turn of a thread."""
    first, second, third = case.cities
    # Whatever comes back is answered, so that a swallowed interrupt is told by its own sentence.
    edited = ToolAnswer(edited=True)
    fails = ToolCall(tool="archive", args={"query": third.query})
    asks = ToolCall(tool="search", args={"query": first.query})
    turn = (
        UserTurn(user=first.question),
        CallsTurn(calls=(fails, asks)),
        ResultsTurn(results=(edited, edited)),
        AnswerTurn(answer=first.answer),
    )
    failing = ToolAnswer(raises=f"{WENT_WRONG} {case.word}", times=1_000)
    stage = lab.stage(
        conversation("trip", plain(second.question, second.answer), turn),
        conversation("what the tool does", alone(fails, failing)),
    )
    tools = [stage.tool("archive", error=case.error), lab.make("asking_tool", "search", label="search")]
    agent = acting(lab, stage, tools)
    lab.part("turn", agent, case.thread, second.question)
    called = f"take_action(state, tools) with a tool that calls interrupt(…), thread {case.thread!r}"
    try:
        lab.part("turn", agent, case.thread, first.question, called=called)
    except StudentError as error:
        expect_caught(error)
        if lab.refusals():
            expect_each_answered(of_state(lab.part("state", agent, case.thread), case))
        raise
    waiting = lab.part("interrupts", agent, case.thread)
    state = lab.part("state", agent, case.thread)
    made = len(stage.requests())
    expect(
        waiting == [{"query": first.query}] and state["next"] == ("action",) and made == 2,
        "A tool that asks a person must be able to: its interrupt has to go through.",
        got=Words(f"{len(waiting)} waiting; the messages are: {kinds(state['messages'])}"),
        expected="1 waiting; the messages are: human ai human ai",
        why=(
            "interrupt() works by an exception, GraphInterrupt. `except Exception` takes it for a tool's "
            "error, and nobody is ever asked: put `except GraphBubbleUp: raise` before it."
        ),
    )


def lets_others_go_on(lab: Lab, case: Case) -> None:
    """Fail if a GraphBubbleUp that is no interrupt is taken for an error."""
    city = case.cities[1]
    call = ToolCall(tool="colleague", args={"query": city.query})
    turn = (
        UserTurn(user=city.question),
        CallsTurn(calls=(call,)),
        ResultsTurn(results=(ToolAnswer(edited=True),)),
        AnswerTurn(answer=city.answer),
    )
    stage = lab.stage(conversation("colleague", turn))
    agent = acting(lab, stage, [lab.make("handing_tool", "colleague", label="colleague")])
    called = "take_action(state, tools) with a tool that hands over to another agent"
    try:
        lab.part("turn", agent, case.thread, city.question, called=called)
    except StudentError as error:
        if not error.is_a("GraphBubbleUp"):
            raise
        return
    fail(
        "Not interrupts alone: every GraphBubbleUp has to go through.",
        got=Words("the tool handed over to another agent, and this was taken for an error"),
        expected="the exception goes on to LangGraph: `except GraphBubbleUp: raise`",
        why="GraphInterrupt is one of its kinds; with others a tool hands over to another agent.",
    )
