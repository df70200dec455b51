"""Lab 2, "Show it as it happens": its exercises and how each is judged."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from utils.checks.registry import LabChecks, Words, expect, fail
from utils.checks.weather import (
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
from utils.lab.lab import END, Lab, Ref, Stage, StudentError
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
from utils.views.timeline import Figures, Moment, figures

LAB = LabChecks("streaming", "Show it as it happens")
LAB.exercise("2.1", "Tell each step", function="steps", points=3)
LAB.exercise("2.2", "Show the answer's text", function="tokens", points=4)
LAB.exercise("2.3", "Measure a stream", function="measure", points=3)
LAB.exercise("2.4", "Report progress", function="search_slowly", others=("show",), points=3)
LAB.exercise("2.5", "Survive a tool", function="take_action", points=3)
LAB.exercise("2.6", "Survive a dropped line", function="resilient_stream", points=4)
check = LAB.check


@dataclass(frozen=True, slots=True)
class Case:
    """What the checks of this lab ask with: other values, the same questions."""

    cities: tuple[City, City, City]
    """three cities with different temperatures"""
    thread: str
    word: str
    """a word that only the recorded answers hold"""
    order: tuple[int, int, int, int, int, int]
    """in which order the six calls of one message come"""
    ticks: tuple[float, ...]
    """seconds between the items of a fed stream: eight, all multiples of an eighth"""
    error: str
    """which of Python's errors a tool raises, besides a KeyError"""
    after: int
    """how many pieces come before a stream is held or dropped"""


LAB.example = Case(
    cities=(City("San Francisco", 20.5), City("Los Angeles", 15.1), City("Oslo", 3.4)),
    thread="trip",
    word="sunglasses",
    order=(2, 0, 5, 4, 1, 3),
    ticks=(0.5, 0.25, 0.75, 0.125, 1.0, 0.375, 0.25, 0.5),
    error="RuntimeError",
    after=4,
)

MOST = 2_000
"""items that a check takes from a generator before it says that it never ends"""
LETTERS = 1_000_000
"""letters of all items together that it takes: they are kept on the side that judges"""
PATIENCE = 0.6
"""seconds that a gate waits in vain: only what is wrong waits that long"""


class Items:
    """What a student's generator yields for a question, item by item; as a context manager it is closed."""

    def __init__(self, lab: Lab, stage: Stage, function: str, agent: Ref, thread: str, question: str) -> None:
        self._lab = lab
        self._stage = stage
        self._function = function
        self._question = question
        self._count = self._letters = 0
        self.given: Ref = lab.call(function, agent, thread, question)
        if not isinstance(self.given, Ref) or self.given.type in ("coroutine", "function"):
            self._no_generator(self.given)

    def next(self) -> Any:
        """The next item; ``END`` after the last."""
        try:
            item = self._lab.next(self.given)
        except StudentError as error:
            if error.is_a("TypeError") and error.message.endswith("is not an iterator"):
                self._no_generator(self.given)
            if error.is_a("ValueError") and "values to unpack" in error.message:
                self._no_pairs(error)
            if error.is_a("InvalidUpdateError") and error.message.startswith("Expected dict"):
                self._no_input("a run was begun with something that is no dict")
            self._expect_asked()
            raise
        if item is END:
            self._expect_asked()
        else:
            self._expect_an_end(item)
        return item

    def _expect_an_end(self, item: Any) -> None:
        """Fail if more has come than any answer holds."""
        self._count += 1
        self._letters += letters(item)
        if self._count > MOST or self._letters > LETTERS:
            self._lab.close(self.given)
            fail(
                f"{self._function} never comes to an end.",
                got=Words(f"{self._count:,} items with {self._letters:,} letters, and more to come"),
                expected="an end after the answer",
                why="Whoever loops over it waits for ever.",
            )

    def expect_asynchronous(self) -> None:
        """Fail unless ``async for`` can loop over the items."""
        expect(
            self._lab.part("is_asynchronous", self.given) is True,
            f"{self._function} must be an asynchronous generator.",
            got=Words(f"an object of the type {self.given.type}: `async for` cannot loop over it"),
            expected=f"async def {self._function}(…), with yield, and async for … in agent.astream(…)",
            why="A plain generator holds up everything else in its process while it waits for a piece.",
        )

    def rest(self) -> list[Any]:
        """All items that are left."""
        found: list[Any] = []
        while (item := self.next()) is not END:
            found.append(item)
        return found

    def __enter__(self) -> Items:
        return self

    def __exit__(self, *error: object) -> None:
        """Stop in the middle, as a loop with ``break`` does; at its end there is nothing to stop."""
        self._lab.close(self.given)

    def _expect_asked(self) -> None:
        """Fail if the model was asked, but never with the question."""
        requests = self._stage.requests()
        # Another question is told by a sentence of its own; one provider's client sends a dot for none.
        other = any(miss.asked.strip(" .") for miss in self._lab.misses())
        if requests and not other and all(self._question not in request.questions for request in requests):
            self._no_input(f"{len(requests)} model requests, none with the question {self._question!r}")

    def _no_input(self, got: str) -> NoReturn:
        fail(
            "The question did not get into the graph's state: the input has another form than the state.",
            got=Words(got),
            expected='the input {"messages": [HumanMessage(text)]}',
            why="The input is an update of the state: a dict with the key messages, and a list of messages.",
        )

    def _no_pairs(self, error: StudentError) -> NoReturn:
        fail(
            f"The loop in {self._function} takes each item apart, and the items have another form.",
            got=Words(f"{error.type}: {error.message}"),
            expected='pairs: (chunk, metadata) with stream_mode="messages", (mode, data) with several modes',
            why="Without stream_mode, in the mode updates, an item is a dictionary: a node with its update.",
        )

    def _no_generator(self, given: Any) -> NoReturn:
        fail(
            f"{self._function} must be a generator: it yields one item after the other.",
            got=given,
            expected="a function with yield in it",
            why="What is returned comes all at once; what is yielded comes while the rest still happens.",
        )


def last_answer(turns: Sequence[Turn], fault: Fault) -> tuple[Turn, ...]:
    """The turns, with something going wrong in the answer at their end."""
    *before, answer = turns
    return (*before, cast("AnswerTurn", answer).model_copy(update={"fault": fault}))


def letters(value: Any) -> int:
    """About how many letters a value takes to be written down."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return 1 + sum(letters(key) + letters(item) for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return 1 + sum(map(letters, value))
    if isinstance(value, Message):
        return letters(value.text) + letters(value.content) + letters(value.tool_calls)
    return 1


def as_tuple(item: Any) -> Any:
    """An item as the text has it; a list of three is as good."""
    return tuple(item) if isinstance(item, list) else item


def kinds(messages: Sequence[Message]) -> str:
    return " ".join(message.type for message in messages) or "nothing"


def asked_before(lab: Lab, stage: Stage, case: Case, city: City) -> Ref:
    """The kit's agent with one question answered on the case's thread; its requests are forgotten."""
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    lab.part("turn", agent, case.thread, city.question)
    stage.clear()
    return agent


# 2.1 ------------------------------------------------------------------------------------------------


def triples(found: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The items of ``steps``, each of three parts."""
    items = [as_tuple(item) for item in found]
    wrong = [item for item in items if not isinstance(item, tuple) or len(item) != 3]
    expect(
        not wrong,
        "Each item must be a tuple of three: the node, the kind and the text.",
        got=wrong[0] if wrong else None,
        expected="('llm', 'call', '')",
        why="Whoever shows the steps takes each one apart: for node, kind, text in steps(…).",
    )
    return items


@check("2.1", points=1, title="one item for each message, with its node, kind and text")
def tells_each_message(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("tour", one_by_one(first, second, say="Let me look up")))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    found = triples(Items(lab, stage, "steps", agent, case.thread, tour_question(first, second)).rest())
    true = ["call", "result", "call", "result", "answer"]
    expect(
        all(text != tour_question(first, second) for _, _, text in found),
        "The question is among the items, and is not to be told.",
        got=Words(", ".join(str(kind) for _, kind, _ in found)),
        expected=", ".join(true),
        why="The mode values begins with the state before the first node; updates gives what nodes add.",
    )
    expect(
        [kind for _, kind, _ in found] == true,
        "Each message but the question is one item: a call, a result or an answer.",
        got=Words(", ".join(str(kind) for _, kind, _ in found) or "no item"),
        expected=", ".join(true),
        why="A message with tool calls is a call, also when the model writes a sentence beside them.",
    )
    texts = [f"Let me look up {first.name}.", first.result, f"Let me look up {second.name}.", second.result]
    told = list(
        zip(["llm", "action"] * 2 + ["llm"], true, [*texts, compare_answer(first, second)], strict=True)
    )
    expect(
        found == told,
        "An item holds the name of the node, the kind, and the text of the message.",
        got=found,
        expected=str(told),
        why="The text is the message's own, whole: what the model wrote, or what the tool found.",
    )


@check("2.1", points=1, title="two results of one turn, and nothing of earlier turns")
def tells_both_results(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    stage = lab.stage(conversation("trip", asked(third), compared(first, second)))
    agent = asked_before(lab, stage, case, third)
    found = triples(Items(lab, stage, "steps", agent, case.thread, compare_question(first, second)).rest())
    results = [text for _, kind, text in found if kind == "result"]
    expect(
        len(results) == 2 and first.name in str(results[0]) and second.name in str(results[1]),
        "A node may add several messages at once: each of them is an item.",
        got=Words(f"results: {results}"),
        expected=f"results: {[first.result, second.result]}",
        why='update["messages"][-1] is only the last of them: the other result would never be shown.',
    )
    expect(
        [kind for _, kind, _ in found] == ["call", "result", "result", "answer"],
        "Only this question's messages are told, each once.",
        got=Words(", ".join(str(kind) for _, kind, _ in found)),
        expected="call, result, result, answer",
        why="The thread remembers earlier turns; they have been shown already.",
    )


@check("2.1", points=1, title="as it happens: the run goes on only as items are taken")
def tells_as_it_happens(lab: Lab, case: Case) -> None:
    first = case.cities[0]
    stage = lab.stage(conversation("trip", asked(first)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    seen = []
    with Items(lab, stage, "steps", agent, case.thread, first.question) as items:
        for _ in range(3):
            items.next()
            seen.append(len(stage.requests()))
    expect(
        seen[0] > 0,
        "The first item must be the model's first message: the question is no step.",
        got=Words("the first item came before the model was asked"),
        expected="the first item after 1 model request",
        why="Who asked knows the question; a step is what the graph has done.",
    )
    expect(
        seen == [1, 1, 2],
        "Each step must come as soon as its node is done, not when the run is over.",
        got=Words(f"model requests made when items 1, 2 and 3 came: {', '.join(map(str, seen))}"),
        expected="1, 1, 2",
        why="A search may take ten seconds. Who sees that it has begun waits; who sees nothing goes away.",
    )


# 2.2 ------------------------------------------------------------------------------------------------


def text_of(found: Sequence[Any]) -> str:
    """The pieces of a stream put together; each must be text."""
    wrong = [item for item in found if not isinstance(item, str)]
    expect(
        not wrong,
        "Each piece must be text.",
        got=wrong[0] if wrong else None,
        expected="a string",
        why="OpenAI's content is text, Anthropic's and Bedrock's a list of blocks; .text is right for all.",
    )
    return "".join(found)


@check("2.2", points=1, title="the pieces make the answer, and nothing else is among them")
def pieces_make_the_answer(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    stage = lab.stage(conversation("trip", asked(third), compared(first, second)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    turns = (
        (third.question, third.answer),
        (compare_question(first, second), compare_answer(first, second)),
    )
    for question, answer in turns:
        found = Items(lab, stage, "tokens", agent, case.thread, question).rest()
        told = text_of(found)
        expect(
            all(city.result not in told for city in case.cities),
            "What the tool found must not be among the pieces.",
            got=told,
            expected=repr(answer),
            why="The mode messages also gives the tools' messages, and nobody asked for a page of JSON.",
        )
        expect(
            told == answer,
            "The pieces put together must be the model's text, letter by letter.",
            got=told,
            expected=repr(answer),
            why="Whoever shows the answer prints piece after piece.",
        )
        pieces = sum(bool(piece) for piece in found)
        expect(
            pieces >= 5,
            "The text must come in the pieces that the model sends.",
            got=Words(f"{pieces} pieces"),
            expected="about as many pieces as words",
            why="A reader begins with the first words; a text that comes whole is no stream.",
        )


@check("2.2", points=1, title="also where content is a list of blocks")
def reads_blocks(lab: Lab, case: Case) -> None:
    city = case.cities[2]
    pieces = ("It is ", "cold", " in ", f"{city.name}, ", f"but take {case.word}", " anyway.")
    stage = lab.stage(conversation("trip", asked(city)))
    turns = [
        [{"call": "search", "args": {"query": city.query}}],
        [{"text": piece} for piece in pieces],
    ]
    model = lab.part("block_model", turns, label="model")
    agent = lab.kit.agent(model, [stage.tool()], lab.kit.saver())
    told = text_of(Items(lab, stage, "tokens", agent, case.thread, city.question).rest())
    told = told.replace(city.result, "")  # that it does not belong here is another check's matter
    expect(
        told == "".join(pieces),
        "The text must come whatever the content of the chunks looks like.",
        got=told,
        expected=repr("".join(pieces)),
        why=(
            "OpenAI sends strings, Anthropic and Bedrock lists of blocks, for tool calls as well; "
            "chunk.text reads both."
        ),
    )


@check("2.2", points=1, title="the first piece comes while the model is still speaking")
def comes_at_once(lab: Lab, case: Case) -> None:
    items, stage = held(lab, "tokens", case)
    arrives_while_open(items, stage, held_answer(case))


@check("2.2", points=1, title="asynchronous: two readers are served at the same time")
def serves_two_readers(lab: Lab, case: Case) -> None:
    cities = case.cities[:2]
    stage = lab.stage(*(conversation(city.name, plain(city.question, city.answer)) for city in cities))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    readers = [
        Items(lab, stage, "tokens", agent, f"{case.thread} {number}", city.question)
        for number, city in enumerate(cities, 1)
    ]
    for reader in readers:
        reader.expect_asynchronous()
    # Whoever blocks the loop asks for the second reader when the first one has everything.
    stage.cap(len(readers), patience=PATIENCE)
    called = f"{lab.last_call}, beside one on another thread"
    lab.part("read_at_once", [reader.given for reader in readers], MOST, called=called)
    expect(
        stage.peak() == len(readers),
        "One reader has to wait until the other one has the whole answer.",
        got=Words(f"{stage.peak()} model request open at a time"),
        expected=f"{len(readers)} model requests open at once",
        why=(
            "async def alone leaves no room for others: agent.stream(…) in it holds everything up "
            "while it waits, async for … in agent.astream(…) does not."
        ),
    )
    made = len(stage.requests())
    expect(
        made == len(readers),
        "Each question must be put to the model once.",
        got=Words(f"{made} model requests for {len(readers)} questions"),
        expected=f"{len(readers)} model requests",
        why="Each request is paid for; what comes of the others nobody reads.",
    )


def held_answer(case: Case) -> str:
    """An answer whose first word nobody can guess."""
    city = case.cities[0]
    return f"{case.word.capitalize()} for {city.name}: it is {city.celsius} °C there, with a light wind."


def held(lab: Lab, function: str, case: Case) -> tuple[Items, Stage]:
    """What a function yields for a question that needs no tool; the model is held in its answer."""
    city = case.cities[0]
    fault = Fault(kind="stall", after=case.after)
    stage = lab.stage(conversation("held", last_answer(plain(city.question, held_answer(case)), fault)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    return Items(lab, stage, function, agent, case.thread, city.question), stage


def arrives_while_open(items: Items, stage: Stage, answer: str) -> None:
    """Fail if the first piece of an answer comes only when the model, which is held, has ended."""
    with items:
        first = next(moments(items, stage), None)
        stage.release()
        if first is not None and first.open == 1:
            items.rest()
    if first is None:
        fail(
            "There must be pieces of text.",
            got=Words("no piece at all"),
            expected=repr(answer),
            why="Whoever shows the answer prints piece after piece.",
        )
    expect(
        first.open == 1,
        "The first piece must come while the model is still speaking.",
        got=Words("the model was held in the middle of its answer, and no piece came until it had ended"),
        expected="a piece as soon as the model has sent one",
        why="Collecting first and yielding later looks the same in a list, and is no faster than invoke.",
    )
    expect(
        answer.startswith(first.text),
        "The first piece must be what the model has said first.",
        got=first.text,
        expected=f"the beginning of {answer!r}",
        why="A sign that something is going on is no part of the answer.",
    )


def moments(items: Items, stage: Stage) -> Iterator[Moment]:
    """The pieces of text, each with how many model requests were open when it came."""
    while (item := items.next()) is not END:
        if text := text_of([item]):
            yield Moment("llm", "token", text, open=stage.open())


# 2.3 ------------------------------------------------------------------------------------------------

KEYS = ("first", "tokens", "per_second")


def measured(lab: Lab, rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What ``measure`` says of a stream that carries its own clock."""
    stream = lab.part("timed_stream", list(rows), 1000.0, label="stream")
    clock = stream.get("clock")
    clock = Ref(clock.number, clock.type, "clock", lab)
    try:
        told = lab.call("measure", stream, clock=clock)
    except StudentError as error:
        if error.is_a("ZeroDivisionError"):
            no_time_between(error)
        raise
    ok = isinstance(told, dict) and all(
        isinstance(found, dict) and set(found) == set(KEYS) for found in told.values()
    )
    if not ok:
        fail(
            "measure must return a dict of dicts: for each node its three figures.",
            got=told,
            expected="{'llm': {'first': …, 'tokens': …, 'per_second': …}}",
            why="Whoever compares two streams looks the figures up by these names.",
        )
    return dict(told)


def no_time_between(error: StudentError) -> NoReturn:
    fail(
        "A rate was divided by no time at all.",
        got=Words(f"{error.type}: {error.message}"),
        expected="per_second is 0.0 for one token, and if all came at the same moment",
        why="From the first token to the last no time has passed then.",
    )


WHY = {
    "first": "first is counted by clock(), from the call of measure: ask it before the loop, and no other.",
    "tokens": "Each chunk with text of the model is one, and what belongs to another node is none.",
    "per_second": "The rate is (tokens - 1) / (last - first); 0.0 for one token, or all at the same moment.",
}


def true_figures(rows: Sequence[dict[str, Any]]) -> dict[str, Figures]:
    """The figures of the rows that are tokens, from the data of the timeline."""
    tokens = (row for row in rows if row["kind"] in ("token", "blocks") and row["text"])
    return figures(Moment(row["node"], "token", row["text"], at=row["at"]) for row in tokens)


def compare_figures(
    told: dict[str, dict[str, Any]], rows: Sequence[dict[str, Any]], why: Mapping[str, str] = WHY
) -> None:
    true = {
        node: dict(zip(KEYS, (found.first, found.tokens, found.per_second), strict=True))
        for node, found in true_figures(rows).items()
    }
    expect(
        sorted(told) == sorted(true),
        "There must be figures for each node that gave text, and for no other.",
        got=Words(", ".join(map(str, told)) or "no node"),
        expected=", ".join(true),
        why="Nodes may speak at the same time; metadata['langgraph_node'] tells whose a chunk is.",
    )
    for node, figure in true.items():
        for key in KEYS:
            expect(
                close(told[node][key], figure[key]),
                f"The figure {key!r} is not right.",
                got=Words(f"{node}: {shown_figure(told[node][key])}"),
                expected=f"{node}: {shown_figure(figure[key])}",
                why=why[key],
            )


def close(told: Any, true: float) -> bool:
    return isinstance(told, int | float) and not isinstance(told, bool) and abs(told - true) < 1e-6


def shown_figure(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else repr(value)


def times(case: Case) -> list[float]:
    return list(itertools.accumulate(case.ticks))


@check("2.3", points=1, title="the first token, the number and the rate of one node")
def measures_one_node(lab: Lab, case: Case) -> None:
    rows = [
        {"at": at, "node": "llm", "kind": "token", "text": f" {case.word}"} for at in times(case) if at > 0
    ]
    compare_figures(measured(lab, rows), rows)


@check("2.3", points=1, title="several nodes, and one that gave a single token")
def measures_each_node(lab: Lab, case: Case) -> None:
    nodes = ("writer", "critic", "writer", "critic", "title", "critic", "writer", "writer")
    rows: list[dict[str, Any]] = [
        {"at": at, "node": node, "kind": "token", "text": f" {case.word}"}
        for at, node in zip(times(case), nodes, strict=True)
    ]
    end = rows[-1]["at"]
    rows += [{"at": end, "node": "twice at once", "kind": "token", "text": text} for text in ("a", "b")]
    compare_figures(measured(lab, rows), rows)


@check("2.3", points=1, title="only pieces of the model's text count")
def counts_text_only(lab: Lab, case: Case) -> None:
    told = (
        ("llm", "token", ""),
        ("llm", "call", '{"query": '),
        ("llm", "block call", '{"query": '),
        ("action", "result", case.cities[0].result),
        ("llm", "blocks", f" {case.word}"),
        ("llm", "token", f" {case.word}"),
        ("llm", "blocks", " is"),
        ("llm", "token", ""),
    )
    rows = [
        {"at": at, "node": node, "kind": kind, "text": text}
        for at, (node, kind, text) in zip(times(case), told, strict=True)
    ]
    text_only = "Empty chunks, pieces of a tool call and a tool's message are no tokens of the answer."
    compare_figures(measured(lab, rows), rows, {key: f"{text_only} {why}" for key, why in WHY.items()})


# 2.4 ------------------------------------------------------------------------------------------------


def reported(city: City) -> list[dict[str, str]]:
    return [{"query": city.query, "state": state} for state in ("searching", "found")]


def no_docstring(error: StudentError) -> NoReturn:
    fail(
        "A function with @tool above it needs a docstring.",
        got=Words(f"{error.type}: {error.message}"),
        expected='a sentence in """ """ below def: what the tool is for',
        why="The model reads it, beside name and arguments, to choose a tool.",
    )


def slow_search(lab: Lab, stage: Stage) -> Ref:
    """The tool that ``search_slowly`` returns."""
    try:
        tool = lab.call("search_slowly", stage.tool())
    except StudentError as error:
        if error.is_a("ValueError") and "docstring" in error.message:
            no_docstring(error)
        raise
    if not isinstance(tool, Ref) or not lab.part("is_tool", tool):
        fail(
            "search_slowly must return a tool.",
            got=tool,
            expected="a function with @tool above it, or a StructuredTool",
            why="The agent binds it to the model, and the model asks for it by its name.",
        )
    made = Ref(tool.number, tool.type, "tool", lab)
    name, arguments = str(made.get("name")), made.get("args")
    expect(
        "search" in name.casefold(),
        "The tool's name must have `search` in it.",
        got=Words(f"a tool with the name {name!r}"),
        expected="a name such as 'reporting_search': @tool takes the name of the function below it",
        why="The model asks for a tool by its name; the one that is recorded here knows of a search only.",
    )
    names = sorted(arguments) if isinstance(arguments, dict) else []
    expect(
        "query" in names,
        "The tool's argument must be called query.",
        got=Words(f"a tool with the arguments: {', '.join(names) or 'none'}"),
        expected="def reporting_search(query: str) -> str",
        why="The model fills in arguments by their names: a call with another name is refused by the tool.",
    )
    return made


@check("2.4", points=1, title="the tool reports before and after its search")
def tool_reports(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("compare", compared(first, second)))
    agent = lab.kit.agent(stage.model(), [slow_search(lab, stage)], lab.kit.saver())
    question = compare_question(first, second)
    lab.last_call = (
        f"agent.astream(…, stream_mode='custom') with the tool of search_slowly, thread {case.thread!r}"
    )
    items = lab.part("custom_items", agent, case.thread, question, called=lab.last_call)
    found: list[Any] = []
    room = LETTERS
    while (item := lab.next(items)) is not END and len(found) < MOST and room > 0:
        found.append(item)
        room -= letters(item)
    true = [*reported(first), *reported(second)]
    expect(
        found == true,
        "The tool must report once before its search and once after it, with the query and the state.",
        got=found or Words("nothing was reported"),
        expected=str(true),
        why="get_stream_writer() sends to whoever streams this run; what is printed stays on the server.",
    )
    results = [message.text for message in lab.part("state", agent, case.thread)["messages"]]
    expect(
        first.result in results and second.result in results,
        "The tool must return what the search returned.",
        got=results[2:-1],
        expected=str([first.result, second.result]),
        why="Reports are for people; the model reads the result.",
    )


def shown_items(found: Sequence[Any]) -> list[Any]:
    items = [as_tuple(item) for item in found]
    wrong = [
        item
        for item in items
        if not isinstance(item, tuple) or len(item) != 2 or item[0] not in ("node", "progress")
    ]
    expect(
        not wrong,
        'Each item must be ("node", name) or ("progress", data).',
        got=wrong[0] if wrong else None,
        expected="('node', 'llm')",
        why="Whoever shows them must tell one from the other.",
    )
    return items


@check("2.4", points=1, title="show tells nodes and progress apart, in the order in which they come")
def shows_both(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("trip", asked(second), compared(first, second)))
    steps = ["dialling", case.word, "done"]
    tool = lab.part("telling_tool", stage.tool(), steps, label="tool")
    agent = lab.kit.agent(stage.model(), [tool], lab.kit.saver())
    lab.part("turn", agent, case.thread, second.question)
    stage.clear()
    question = compare_question(first, second)
    found = shown_items(Items(lab, stage, "show", agent, case.thread, question).rest())
    told = [{"query": city.query, "state": state} for city in (first, second) for state in steps]
    true = [("node", "llm"), *(("progress", data) for data in told), ("node", "action"), ("node", "llm")]
    expect(
        found == true,
        "Each node that is done and each report of a tool is one item, in the order in which they come.",
        got=found,
        expected=str(true),
        why='With stream_mode=["updates", "custom"] each item says its mode; updates alone hides reports.',
    )


@check("2.4", points=1, title="progress comes while the search still runs")
def shows_while_searching(lab: Lab, case: Case) -> None:
    city = case.cities[0]
    stage = lab.stage(conversation("trip", asked(city, answer=ToolAnswer(text=city.result, stall=True))))
    agent = lab.kit.agent(stage.model(), [slow_search(lab, stage)], lab.kit.saver())
    with Items(lab, stage, "show", agent, case.thread, city.question) as items:
        before: list[Any] = []
        while (item := as_tuple(items.next())) is not END and not (
            isinstance(item, tuple) and item[:1] == ("progress",)
        ):
            before.append(item)
        asked_before = len(stage.requests())
        over = [request for request in stage.tool_requests() if request.finished is not None]
        for _ in range(20):  # the report may be here before the request has got through
            if over or stage.open("tool"):
                break
            time.sleep(0.005)
        stage.release()
        after = items.rest()
    expect(
        item is not END,
        "The report of the tool must come out of show.",
        got=before,
        expected=str(("progress", reported(city)[0])),
        why="A report that nobody sees is none.",
    )
    expect(
        not over,
        "The first report must come while the search still runs.",
        got=Words("the search was held, and no report came until it had ended"),
        expected=f"{('progress', reported(city)[0])} before the search is over",
        why="Progress that is told afterwards, or kept until a node is done, is a log.",
    )
    found = shown_items([*before, item, *after])
    expect(
        sum(what == "progress" for what, _ in found) == 2,
        "Both reports of the tool must come, each once.",
        got=found,
        expected=str([("progress", data) for data in reported(city)]),
        why="The second one says that the wait is over.",
    )
    expect(
        asked_before == 1,
        "A report came before the model had asked for the search.",
        got=found,
        expected=str(("progress", reported(city)[0])),
        why="What is told must be what the tool has reported.",
    )


# 2.5 ------------------------------------------------------------------------------------------------

LIMIT = 2_000
MARK = 100
"""letters that the mark behind a cut result may have"""
WENT_WRONG = "the archive is closed on"
UNKNOWN = "teleport"


@dataclass(frozen=True, slots=True)
class Acted:
    """A turn with six calls and what became of them."""

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
        """The message that answers the call with this number, as ``six_calls`` counts."""
        id = self.ids[self.order.index(number)]
        return next(message for message in self.messages if message.tool_call_id == id)


def six_calls(case: Case) -> list[tuple[ToolCall, ToolAnswer]]:
    """A good call, bad arguments, an unknown tool, two tools that raise and a huge result."""
    first, second, third = case.cities
    unseen = ToolAnswer(text="")
    failing = ToolAnswer(raises=f"{WENT_WRONG} {case.word}", times=1_000)
    huge = ToolAnswer(text=second.result, pad=500_000)
    return [
        (ToolCall(tool="search", args={"query": first.query}), ToolAnswer(text=first.result)),
        (ToolCall(tool="search", args={"place": case.word}), unseen),
        (ToolCall(tool=UNKNOWN, args={"query": third.name}), unseen),
        (ToolCall(tool="archive", args={"query": third.query}), failing),
        (ToolCall(tool="harbour", args={"query": third.query}), failing),
        (ToolCall(tool="library", args={"query": second.query}), huge),
    ]


def acted(lab: Lab, case: Case) -> Acted:
    """An agent with the student's ``take_action`` after a turn with six calls."""
    pairs = [six_calls(case)[number] for number in case.order]
    question = f"What do you know of {case.word}?"
    stage = lab.stage(
        conversation(
            "six calls",
            (
                UserTurn(user=question),
                CallsTurn(calls=tuple(call for call, _ in pairs)),
                ResultsTurn(results=(ToolAnswer(edited=True),) * len(pairs)),
                AnswerTurn(answer=f"That is all about {case.word}."),
            ),
        ),
        conversation("what the tools do", *(alone(call, answer) for call, answer in pairs)),
    )
    tools = [
        stage.tool(),
        stage.tool("archive", error="KeyError"),
        stage.tool("harbour", error=case.error),
        stage.tool("library"),
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
    """The turn that a graph's state holds."""
    found = state.get("messages", []) if isinstance(state, dict) else []
    return Acted(tuple(message for message in found if isinstance(message, Message)), case.order)


def expect_each_answered(done: Acted) -> None:
    """Fail unless the calls of the turn are answered, each once and in their order."""
    calls = next((message.tool_calls for message in done.messages if message.tool_calls), ())
    ids = [str(call.get("id")) for call in calls]
    expect(
        done.answered == ids,
        "There must be exactly one tool message for each call, in the order of the calls.",
        got=Words(f"calls answered: {places(done.answered, ids)}"),
        expected=f"calls answered: {', '.join(str(n) for n in range(1, len(ids) + 1))}",
        why=(
            "Providers refuse a history with an unanswered call, now and at every later question. A try "
            "around the loop ends it at the first error: it belongs inside of the loop."
        ),
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
        got=Words(f"{error.type}: {error.message.partition(chr(10))[0]}"),
        expected='ToolMessage(…, status="error") for this call, and the other calls done',
        why="The calls are saved, their answers are not: every later question on the thread is refused.",
    )


def acting(lab: Lab, stage: Stage, tools: Sequence[Ref], unknown: Sequence[str] = ()) -> Ref:
    """The kit's agent with the student's ``take_action``."""
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
    return cast("Ref", lab.part("acting_agent", *options, label="agent"))


def alone(call: ToolCall, answer: ToolAnswer) -> tuple[Turn, ...]:
    """A turn that only says what a tool answers; nobody asks this question."""
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
        kinds(done.messages) == "human ai tool tool tool tool tool tool ai",
        "After the tools' messages comes the answer, and nothing else is added.",
        got=Words(kinds(done.messages)),
        expected="human ai tool tool tool tool tool tool ai",
        why="What take_action returns is added to the conversation: the new messages alone.",
    )
    good, huge = done.of(0), done.of(5)
    first, second, _ = case.cities
    expect(
        good.text == first.result and good.status != "error" and huge.text.startswith(second.result),
        "Calls that go well must be answered with their results, also beside one that fails.",
        got=good,
        expected=f"a message with the text {first.result!r}",
        why="One tool's bad day must not cost the work of the others.",
    )


@check("2.5", points=1, title="what failed says so, and a huge result is cut")
def says_what_failed(lab: Lab, case: Case) -> None:
    done = acted(lab, case)
    failed = {1: "bad arguments", 2: "an unknown tool", 3: "a KeyError", 4: f"a {case.error}"}
    for number, what in failed.items():
        message = done.of(number)
        expect(
            message.status == "error" and bool(message.text.strip()),
            "The message for a call that failed must have the status error and say what happened.",
            got=Words(f"{what}: status {message.status}, {len(message.text)} letters of text"),
            expected=f'{what}: status error, and a text (ToolMessage(…, status="error"))',
            why="The model must know that it failed, or it takes the error for a result; it may try again.",
        )
    for number, needle in ((2, UNKNOWN), (3, f"{WENT_WRONG} {case.word}"), (4, f"{WENT_WRONG} {case.word}")):
        expect(
            needle in done.of(number).text,
            "An error's text must say what happened: the tool's own words, or the name of the unknown tool.",
            got=Words(f"{failed[number]}: {done.of(number).text[:200]!r}"),
            expected=f"{failed[number]}: a text with {needle!r}",
            why="A KeyError may come from the dict of tools or from a tool: only one is an unknown tool.",
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


@check("2.5", points=1, title="an interrupt passes through")
def lets_interrupts_pass(lab: Lab, case: Case) -> None:
    city = case.cities[0]
    # Whatever comes back is answered, so that a swallowed interrupt is told by its own sentence.
    stage = lab.stage(conversation("trip", asked(city, answer=ToolAnswer(text=""))))
    tool = lab.part("asking_tool", "search", label="search")
    agent = acting(lab, stage, [tool])
    called = f"take_action(state, tools) with a tool that calls interrupt(…), thread {case.thread!r}"
    lab.part("turn", agent, case.thread, city.question, called=called)
    waiting = lab.part("interrupts", agent, case.thread)
    state = lab.part("state", agent, case.thread)
    expect(
        waiting == [{"query": city.query}] and state["next"] == ("action",),
        "A tool that asks a person must be able to: its interrupt has to go through.",
        got=Words(f"{len(waiting)} waiting; the messages are: {kinds(state['messages'])}"),
        expected="1 waiting; the messages are: human ai",
        why=(
            "interrupt() works by an exception, GraphInterrupt. `except Exception` takes it for a tool's "
            "error, and nobody is ever asked: put `except GraphBubbleUp: raise` before it."
        ),
    )


# 2.6 ------------------------------------------------------------------------------------------------


def dropped(case: Case, times: int | None = 1) -> Fault:
    return Fault(kind="drop", after=case.after + 3, times=times)


def echo(case: Case) -> tuple[str, str]:
    """A question that needs no tool, and an answer in which words come again."""
    city = case.cities[2]
    times = f"cold, cold, cold, and {case.word}, and {case.word}, and once more cold"
    return f"How often is it cold in {city.name}?", f"It is {times} in {city.name}: cold, cold, cold."


def streamed(
    lab: Lab, stage: Stage, case: Case, agent: Ref, question: str
) -> tuple[str, StudentError | None]:
    """The text that ``resilient_stream`` yields, and the error that ends it."""
    told: list[Any] = []
    with Items(lab, stage, "resilient_stream", agent, case.thread, question) as items:
        try:
            while (item := items.next()) is not END:
                told.append(item)
        except StudentError as error:
            if error.is_a("NotImplementedError") or lab.refusals() or lab.misses():
                raise
            return text_of(told), error
    return text_of(told), None


@check("2.6", points=1, title="after a drop each piece is shown once")
def shows_each_piece_once(lab: Lab, case: Case) -> None:
    question, answer = echo(case)
    stage = lab.stage(
        conversation("trip", asked(case.cities[0]), last_answer(plain(question, answer), dropped(case)))
    )
    agent = asked_before(lab, stage, case, case.cities[0])
    told = streamed_to_the_end(lab, stage, case, agent, question, answer)
    expect(
        told == answer,
        "After a drop the text must go on where it stopped: each piece once, none left out.",
        got=told,
        expected=repr(answer),
        why=(
            "The model says all of its answer again. What was shown must be skipped, by its length: "
            "a set of pieces would swallow words that come twice."
        ),
    )
    goes_on_after_words_beside_calls(lab, case)


def goes_on_after_words_beside_calls(lab: Lab, case: Case) -> None:
    """Fail if a drop in the last answer is answered by counting what earlier messages said."""
    first, second, _ = case.cities
    say, question = "Let me look up", tour_question(first, second)
    stage = lab.stage(conversation("tour", last_answer(one_by_one(first, second, say=say), dropped(case))))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    whole = f"{say} {first.name}.{say} {second.name}.{compare_answer(first, second)}"
    told = streamed_to_the_end(lab, stage, case, agent, question, whole)
    expect(
        told == whole or not whole.endswith(told),
        "What the model said before the last message never came.",
        got=told,
        expected=repr(whole),
        why="Each piece is to be yielded when it comes: nobody knows yet whether the line will drop.",
    )
    expect(
        told == whole,
        "Where the model wrote words beside its tool calls, the text after a drop is not right.",
        got=told,
        expected=repr(whole),
        why=(
            "Only the message that broke off is said again; earlier ones are saved. "
            "So count for each message by itself: begin at 0 when a tool's message has come."
        ),
    )


def streamed_to_the_end(lab: Lab, stage: Stage, case: Case, agent: Ref, question: str, answer: str) -> str:
    """The text that ``resilient_stream`` yields where the line drops once; fail if it raises."""
    told, error = streamed(lab, stage, case, agent, question)
    expect(
        error is None,
        "A line that drops once must not be noticed.",
        got=Words(f"{error.type}: {error.message}" if error else ""),
        expected=repr(answer),
        why="The run can go on from its last checkpoint: nothing is lost but a second.",
    )
    return told


@check("2.6", points=1, title="the question is not asked again, and nothing saved is done again")
def asks_nothing_again(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    turn = last_answer(compared(first, second), dropped(case))
    stage = lab.stage(conversation("trip", asked(third), turn))
    agent = asked_before(lab, stage, case, third)
    streamed(lab, stage, case, agent, compare_question(first, second))
    model, tools = len(stage.requests()), len(stage.tool_requests())
    expect(
        (model, tools) == (3, 2),
        "Only the answer that broke off may be asked for again.",
        got=Words(f"{model} model requests, {tools} searches"),
        expected="3 model requests (the calls, the answer that broke off, the answer), 2 searches",
        why="The tools' results are saved: with None for an input the run goes on from there.",
    )
    state = lab.part("state", agent, case.thread)
    expect(
        kinds(state["messages"]) == "human ai tool ai human ai tool tool ai"
        and state["messages"][-1].text == compare_answer(first, second),
        "The thread must hold the conversation once, with the whole answer.",
        got=Words(kinds(state["messages"])),
        expected="human ai tool ai human ai tool tool ai",
        why="Half an answer, or a question asked twice, is what the model reads at the next turn.",
    )


@check("2.6", points=1, title="a second failure is raised")
def raises_at_last(lab: Lab, case: Case) -> None:
    question, answer = echo(case)
    city = case.cities[0]
    broken = last_answer(plain(question, answer), dropped(case, times=None))
    stage = lab.stage(conversation("trip", broken), conversation("later", asked(city)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    _, error = streamed(lab, stage, case, agent, question)
    count = len(stage.requests())
    expect(
        error is not None,
        "When the line drops a second time the error must be raised.",
        got=Words(f"no error after {count} requests"),
        expected="the error of the connection, after 2 requests",
        why="Half an answer without an error looks like a whole one.",
    )
    expect(
        count > 1,
        "A dropped line must be tried again, once.",
        got=Words("1 request, then the error"),
        expected="2 requests, then the error",
        why="Most drops are over in a moment; only the second one is the reader's business.",
    )
    expect(
        count == 2,
        "A dropped line is tried again once.",
        got=Words(f"{count} requests"),
        expected="2 requests",
        why="A service that is down is not helped by more requests, and the person wants to know.",
    )
    lab.part("turn", agent, case.thread, city.question, called=f"agent.invoke(…), thread {case.thread!r}")


@check("2.6", points=1, title="pieces still come while the model is speaking")
def comes_while_speaking(lab: Lab, case: Case) -> None:
    items, stage = held(lab, "resilient_stream", case)
    items.expect_asynchronous()
    arrives_while_open(items, stage, held_answer(case))
