"""Lab 3 calls each mistake by its name and shows what overlapped."""

from __future__ import annotations

import asyncio
import functools
import operator
from collections.abc import Iterator
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langgraph.graph import START, StateGraph

from tests.utils.checks import async_graphs_right, async_graphs_wrong
from tests.utils.checks.every_lab import MakeLab, judge, told
from tests.utils.checks.variants import Variant
from utils.checks.async_graphs.exercise_3_4 import explain
from utils.checks.async_graphs.gates import TOGETHER
from utils.checks.async_graphs.lab import LAB
from utils.checks.registry import Failed
from utils.lab.lab import StudentError
from utils.replay.gates import LIMIT

run = functools.partial(judge, LAB)


def test_what_overlapped_is_shown_as_a_picture(make_lab: MakeLab) -> None:
    result = run(make_lab, Variant("3.3", async_graphs_wrong.an_await_in_a_loop))
    (check,) = (c for c in result.checks if c.check == "runs_tools_together")
    assert check.returned.startswith("4 calls, at most 1 open at once; took 4 rounds")
    assert len(check.returned.splitlines()) == 5


def test_a_graph_from_a_coroutine_function_is_worth_nothing_and_is_told_so(make_lab: MakeLab) -> None:
    async def build_async(model: Any, tools: Any, checkpointer: Any) -> Any:
        return async_graphs_right.a_prebuilt_tool_node(model, tools, checkpointer)

    result = run(make_lab, Variant("3.1", build_async))
    assert result.points == 0, told(result)
    for check in result.checks:
        assert check.message.startswith("build_async must be a plain function, and it is a coroutine")


async def nothing(*_: Any) -> None:
    return None


def uncompiled(model: Any, tools: Any, checkpointer: Any) -> Any:
    return async_graphs_right.a_prebuilt_tool_node(model, tools, checkpointer).builder


async def built_by_a_coroutine(model: Any, tools: Any, checkpointer: Any) -> Any:
    return "the graph"


async def a_list_of_pairs(streams: dict[str, Any]) -> list[Any]:
    return []


def a_plain_generator(streams: dict[str, Any]) -> Iterator[Any]:
    yield from streams.items()


async def too_few(agent: Any, questions: list[str], limit: int) -> list[str]:
    return ["one answer"]


async def coroutines(agent: Any, questions: list[str], limit: int) -> list[Any]:
    return [agent.ainvoke(async_graphs_right.asking(question)) for question in questions]


async def tasks(agent: Any, questions: list[str], limit: int) -> list[Any]:
    return list(map(asyncio.ensure_future, await coroutines(agent, questions, limit)))


async def a_gather_that_nobody_awaits(agent: Any, questions: list[str], limit: int) -> Any:
    return asyncio.gather(*(asyncio.sleep(0, question) for question in questions))


async def states(agent: Any, questions: list[str], limit: int) -> list[Any]:
    return [{"messages": [question]} for question in questions]


async def messages(agent: Any, questions: list[str], limit: int) -> list[Any]:
    return [HumanMessage(question) for question in questions]


async def bare_messages(state: Any, tools: Any) -> list[Any]:
    return []


@pytest.mark.parametrize(
    ("number", "work", "said"),
    [
        ("3.1", uncompiled, "build_async must return the compiled graph."),
        ("3.1", built_by_a_coroutine, "build_async must be a plain function"),
        ("3.1", lambda *_: None, "build_async must return the compiled graph."),
        ("3.2", nothing, "ask_many must return one item for each question."),
        ("3.2", too_few, "ask_many must return one item for each question."),
        ("3.2", coroutines, "What comes back is not the answer, but work that nobody has waited for"),
        ("3.2", tasks, "What comes back is not the answer, but work that nobody has waited for"),
        ("3.2", a_gather_that_nobody_awaits, "What comes back is not the answer, but work that nobody"),
        ("3.2", states, "Each item must be the text of an answer, or the exception"),
        ("3.2", messages, "Each item must be the text of an answer, or the exception"),
        ("3.3", nothing, "For a message without tool calls there is nothing to return but an empty list."),
        ("3.3", bare_messages, "For a message without tool calls there is nothing to return"),
        ("3.4", lambda *_: None, "build_fanout must return the compiled graph."),
        ("3.5", nothing, "An answer that comes in time must be returned, as text."),
        ("3.6", a_list_of_pairs, "interleave must be an asynchronous generator."),
        ("3.6", a_plain_generator, "interleave must be an asynchronous generator."),
    ],
)
def test_what_has_not_the_form_asked_for_gets_nothing_and_a_sentence(
    make_lab: MakeLab, number: str, work: Any, said: str
) -> None:
    result = run(make_lab, Variant(number, work))
    assert result.checks[0].message.startswith(said), told(result)
    assert result.checks[0].points == 0
    assert {check.status for check in result.checks} <= {"failed", "passed"}, told(result)


class NoReducer(TypedDict):
    cities: list[str]
    found: list[Any]
    silent: Annotated[list[str], operator.add]
    warmest: str | None


async def a_bare_pair(state: Any) -> dict[str, Any]:
    return {"found": (state["city"], 1.0)}


async def the_state_s_cities(state: Any) -> dict[str, Any]:
    return {"found": [(city, 1.0) for city in state["cities"]]}


async def a_dict_instead_of_a_pair(state: Any) -> dict[str, Any]:
    return {"found": [{state["city"]: 1.0}]}


async def none_for_a_temperature(state: Any) -> dict[str, Any]:
    return {"found": [(state["city"], None)]}


async def a_letter_of_the_city(state: Any) -> dict[str, Any]:
    return {"found": [(state["city"]["name"], 1.0)]}


async def the_warmest_of_none(state: Any) -> dict[str, Any]:
    return {"found": [(max([]), 1.0)]}


async def a_dict_of_its_own(state: Any) -> dict[str, Any]:
    raise LookupError("no such station")


def fanning_out(
    look_up: Any = None,
    schema: Any = async_graphs_right.Weather,
    beyond: tuple[str, ...] = ("again", "compare"),
    nodes: tuple[str, ...] = ("again", "compare"),
) -> Any:
    """A ``build_fanout`` with one thing done otherwise."""

    def build_fanout(fetch: Any) -> Any:
        found, again, compare = async_graphs_wrong.steps(fetch)
        works = {"again": again, "compare": compare}
        graph = StateGraph(schema)
        graph.add_node("look_up", look_up or found)
        for node in nodes:
            graph.add_node(node, works[node])
        graph.add_conditional_edges(START, async_graphs_wrong.begin, ["look_up", "compare"])
        graph.add_conditional_edges("look_up", async_graphs_wrong.beyond, list(beyond))
        return graph.compile()

    return build_fanout


@pytest.mark.parametrize(
    ("work", "said", "shown"),
    [
        (fanning_out(schema=NoReducer), "that key has no reducer.", "InvalidUpdateError: At key 'found'"),
        (fanning_out(a_bare_pair), "joined by operator.add.", "TypeError: can only concatenate"),
        (fanning_out(beyond=("again",)), "An edge leads to compare, which is not in its list", "KeyError"),
        (fanning_out(the_state_s_cities), "a key that it was not given.", "KeyError: 'cities'"),
        (fanning_out(a_dict_instead_of_a_pair), "taken for a pair, and is a dict.", "KeyError: 1"),
        (fanning_out(none_for_a_temperature), "was compared with None.", "TypeError"),
        (fanning_out(a_letter_of_the_city), "A key was looked up in a string.", "TypeError: string indices"),
        (fanning_out(the_warmest_of_none), "The warmest of no cities was looked for.", "ValueError: max()"),
        (fanning_out(nodes=("again",)), "a node that the graph does not have.", "ValueError: At '__start__'"),
        (fanning_out(a_dict_of_its_own), "raised an error.", "LookupError: no such station"),
    ],
)
def test_the_first_errors_of_a_fan_out_are_explained(
    make_lab: MakeLab, work: Any, said: str, shown: str
) -> None:
    check = run(make_lab, Variant("3.4", work)).checks[0]
    assert (check.status, check.points) == ("failed", 0)
    assert said in check.message
    assert check.returned.startswith(shown)


def test_an_explained_error_names_its_line_in_the_notebook() -> None:
    step = {"function": "look_up", "line": 3, "source": 'state["cities"]'}
    with pytest.raises(Failed) as failed:
        explain(StudentError({"type": "KeyError", "bases": ["KeyError"], "message": "'x'", "trace": [step]}))
    assert failed.value.returned == "KeyError: 'x' (line 3 in look_up: state[\"cities\"])"


def tools_that_nobody_awaits(model: Any, tools: Any, checkpointer: Any) -> Any:
    bound, by_name = model.bind_tools(tools), {tool.name: tool for tool in tools}

    async def agent(state: Any) -> Any:
        return {"messages": [await bound.ainvoke(state["messages"])]}

    async def action(state: Any) -> Any:
        return {"messages": [written_out(call, by_name) for call in state["messages"][-1].tool_calls]}

    return async_graphs_wrong.graph_of(agent, action, checkpointer)


def written_out(call: Any, tools: Any) -> ToolMessage:
    """A tool message with a coroutine in it, as ``str`` writes it."""
    work = tools[call["name"]].ainvoke(call["args"])
    work.close()
    return ToolMessage(str(work), tool_call_id=call["id"])


async def an_action_that_nobody_awaits(state: Any, tools: Any) -> Any:
    return {"messages": [written_out(call, tools) for call in state["messages"][-1].tool_calls]}


async def a_gather_for_messages(state: Any, tools: Any) -> Any:
    return {"messages": asyncio.gather()}


async def whole_calls_in_text(state: Any, tools: Any) -> Any:
    calls = [{**call, "type": "tool_call"} for call in state["messages"][-1].tool_calls]
    found = await asyncio.gather(*(tools[call["name"]].ainvoke(call) for call in calls))
    return {
        "messages": [ToolMessage(str(f), tool_call_id=c["id"]) for c, f in zip(calls, found, strict=True)]
    }


async def results_by_the_tool_s_name(state: Any, tools: Any) -> Any:
    calls = {call["name"]: call for call in state["messages"][-1].tool_calls}
    work = (tools[name].ainvoke({**call, "type": "tool_call"}) for name, call in calls.items())
    return {"messages": await asyncio.gather(*work)}


async def a_gather_without_a_star(agent: Any, questions: list[str], limit: int) -> Any:
    return await asyncio.gather(list(questions))  # type: ignore[call-overload]


async def errors_in_every_place(agent: Any, questions: list[str], limit: int) -> Any:
    return [KeyError(question) for question in questions]


async def an_error_of_another_loop(agent: Any, questions: list[str], limit: int) -> Any:
    return [RuntimeError("<Semaphore> is bound to a different event loop") for _ in questions]


async def a_call_read_like_an_object(state: Any, tools: Any) -> Any:
    calls = state["messages"][-1].tool_calls
    return {"messages": [await tools[call.name].ainvoke(call.args) for call in calls]}


async def what_blocks_until_the_end(agent: Any, thread_id: str, text: str, seconds: float) -> Any:
    config = {"configurable": {"thread_id": thread_id}}
    return agent.invoke(async_graphs_right.asking(text), config)["messages"][-1].text


@pytest.mark.parametrize(
    ("number", "work", "at", "said"),
    [
        ("3.1", tools_that_nobody_awaits, 0, "A tool's result is a coroutine"),
        ("3.1", tools_that_nobody_awaits, 1, "A tool's result is a coroutine"),
        ("3.2", a_gather_without_a_star, 0, "asyncio.gather was given one list"),
        ("3.2", errors_in_every_place, 0, "an exception came instead"),
        ("3.2", errors_in_every_place, 3, "an exception came instead"),
        ("3.2", an_error_of_another_loop, 0, "made in another event loop"),
        ("3.3", a_call_read_like_an_object, 1, "raised an error"),
        ("3.3", an_action_that_nobody_awaits, 0, "A tool's result is a coroutine"),
        ("3.3", a_gather_for_messages, 0, "an await is missing"),
        ("3.3", results_by_the_tool_s_name, 0, "one tool message for each call"),
        ("3.3", results_by_the_tool_s_name, 1, "one tool message for each call"),
        ("3.3", whole_calls_in_text, 2, "what the tool found, and nothing around it"),
        ("3.5", what_blocks_until_the_end, 0, "None must come back"),
    ],
)
def test_a_card_names_the_mistake_that_was_made(
    make_lab: MakeLab, number: str, work: Any, at: int, said: str
) -> None:
    check = run(make_lab, Variant(number, work)).checks[at]
    assert (check.status, check.points) == ("failed", 0)
    assert said in check.message


def test_a_call_that_is_read_like_an_object_has_words_of_its_own(make_lab: MakeLab) -> None:
    check = run(make_lab, Variant("3.3", a_call_read_like_an_object)).checks[1]
    assert "a tool call is a dict" in check.why


async def one_after_the_other(streams: dict[str, Any]) -> Any:
    for name, stream in streams.items():
        async for item in stream:
            yield name, item


def test_a_card_shows_the_call_that_went_wrong_and_not_how_the_check_stopped(make_lab: MakeLab) -> None:
    check = run(make_lab, Variant("3.6", one_after_the_other)).checks[0]
    assert check.called == "the next item of interleave(streams)"


async def errors_in_a_group(streams: dict[str, Any]) -> Any:
    async with asyncio.TaskGroup() as group:
        for stream in streams.values():
            group.create_task(anext(stream))
        yield "begun"


def test_an_error_of_the_merging_itself_goes_through(make_lab: MakeLab) -> None:
    result = run(make_lab, Variant("3.6", errors_in_a_group))
    assert result.points == 0, told(result)
    assert {check.status for check in result.checks} == {"failed"}, told(result)


async def no_messages(state: Any, tools: Any) -> dict[str, Any]:
    return {"messages": []}


async def no_answers(agent: Any, questions: list[str], limit: int) -> list[str]:
    return []


async def no_items(streams: dict[str, Any]) -> Any:
    for item in ():
        yield item


def a_graph_that_does_nothing(*_: Any) -> Any:
    graph = StateGraph(async_graphs_right.Weather)
    graph.add_node("compare", lambda state: {"found": [], "warmest": None})
    graph.add_edge(START, "compare")
    return graph.compile()


@pytest.mark.parametrize(
    ("number", "work"),
    [
        ("3.1", a_graph_that_does_nothing),
        ("3.2", no_answers),
        ("3.3", no_messages),
        ("3.4", a_graph_that_does_nothing),
        ("3.5", nothing),
        ("3.6", no_items),
    ],
)
def test_what_does_nothing_gets_nothing(make_lab: MakeLab, number: str, work: Any) -> None:
    result = run(make_lab, Variant(number, work))
    assert result.points == 0, told(result)
    assert {check.status for check in result.checks} == {"failed"}, told(result)


def test_no_check_waits_for_more_at_once_than_a_small_machine_can() -> None:
    assert TOGETHER <= LIMIT
