"""The reference agent: the notes' plain one, sync and async, with errors that go through."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt

from utils.agent import Agent
from utils.checks.weather import City, asked, compare_question, compared, conversation
from utils.errors import CallError
from utils.lab.parts import make_model, make_tool
from utils.replay.conversation import Scenario, ToolAnswer

OSLO, ROME = City("Oslo", 3.4), City("Rome", 21.9)
THREAD: Any = {"configurable": {"thread_id": "1"}}


@pytest.fixture
def session(recorded_server: Any) -> Any:
    talks = (conversation("one", asked(OSLO), asked(ROME)), conversation("both", compared(OSLO, ROME)))
    made = recorded_server.open(Scenario(conversations=talks))
    yield made
    made.close()


@pytest.fixture
def parts(session: Any) -> tuple[Any, Any]:
    return make_model(session.url), make_tool(session.url, "search")


def kinds(state: dict[str, Any]) -> str:
    return " ".join(message.type for message in state["messages"])


def test_it_streams_as_in_the_notes(parts: tuple[Any, Any]) -> None:
    model, tool = parts
    abot = Agent(model, [tool], system="Be kind.", checkpointer=InMemorySaver())
    events = list(abot.graph.stream({"messages": [HumanMessage(OSLO.question)]}, THREAD))
    assert [list(event) for event in events] == [["llm"], ["action"], ["llm"]]
    assert events[-1]["llm"]["messages"][-1].text == OSLO.answer


@pytest.mark.parametrize("how", ["sync", "async"])
def test_sync_and_async_say_the_same_in_the_order_of_the_calls(
    parts: tuple[Any, Any], session: Any, how: str
) -> None:
    model, tool = parts
    graph = Agent(model, [tool]).graph
    question: Any = {"messages": [HumanMessage(compare_question(OSLO, ROME))]}
    state = graph.invoke(question) if how == "sync" else asyncio.run(graph.ainvoke(question))
    assert kinds(state) == "human ai tool tool ai"
    assert [message.content for message in state["messages"][2:4]] == [OSLO.result, ROME.result]
    assert {request.client for request in session.traffic().of()} == {how}
    assert [request.args for request in session.traffic().of("tool")] == [
        {"query": OSLO.query},
        {"query": ROME.query},
    ]
    assert session.traffic().peak("tool") == 1, "one tool after the other"


def test_the_system_prompt_is_sent_and_not_kept(parts: tuple[Any, Any], session: Any) -> None:
    model, tool = parts
    state = Agent(model, [tool], system="Be kind.").graph.invoke({"messages": [HumanMessage(OSLO.question)]})
    assert kinds(state) == "human ai tool ai"
    assert session.traffic().of()[0].roles == ("system", "user")


def test_it_pauses_before_a_node_when_told_so(parts: tuple[Any, Any], session: Any) -> None:
    model, tool = parts
    graph = Agent(model, [tool], InMemorySaver(), interrupt_before=["action"]).graph
    graph.invoke({"messages": [HumanMessage(OSLO.question)]}, THREAD)
    assert graph.get_state(THREAD).next == ("action",)
    assert session.traffic().of("tool") == ()
    assert graph.invoke(None, THREAD)["messages"][-1].text == OSLO.answer


def test_without_tools_the_model_is_taken_as_it_is() -> None:
    from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel

    model = FakeMessagesListChatModel(responses=[AIMessage("hello")])
    assert Agent(model, []).graph.invoke({"messages": ["hi"]})["messages"][-1].text == "hello"


def test_what_is_not_a_model_or_a_list_of_tools_is_refused_with_advice(parts: tuple[Any, Any]) -> None:
    model, tool = parts
    with pytest.raises(CallError, match="needs a chat model first, got list"):
        Agent([tool], model)  # type: ignore[arg-type]
    with pytest.raises(CallError, match=r"needs a list of tools, got \w+\n  What to do: .*\[tool\]"):
        Agent(model, tool)
    with pytest.raises(CallError, match="a function has none\n  What to do: write @tool"):
        Agent(model, [tool, lambda query: query])  # type: ignore[list-item]


@pytest.mark.parametrize("how", ["sync", "async"])
def test_an_error_of_a_tool_goes_through(recorded_server: Any, how: str) -> None:
    answer = ToolAnswer(text=OSLO.result, raises="the search service is down")
    session = recorded_server.open(Scenario(conversations=(conversation("one", asked(OSLO, answer=answer)),)))
    graph = Agent(make_model(session.url), [make_tool(session.url, "search")]).graph
    question: Any = {"messages": [HumanMessage(OSLO.question)]}
    with pytest.raises(Exception, match="the search service is down"):
        _ = graph.invoke(question) if how == "sync" else asyncio.run(graph.ainvoke(question))
    session.close()


def test_an_interrupt_in_a_tool_goes_through(parts: tuple[Any, Any]) -> None:
    class Asks:
        name = "search"

        def invoke(self, _: Any) -> None:
            raise GraphInterrupt((Interrupt("may I?"),))

    agent = Agent(parts[0], [parts[1]])
    agent.tools["search"] = Asks()  # type: ignore[assignment]
    call = {"name": "search", "args": {}, "id": "c", "type": "tool_call"}
    with pytest.raises(GraphInterrupt):
        agent.take_action({"messages": [AIMessage("", tool_calls=[call])]})


@pytest.mark.parametrize(
    "last", [HumanMessage("hi"), ToolMessage("x", tool_call_id="c"), AIMessage("done")], ids=lambda m: m.type
)
def test_any_last_message_without_calls_is_an_end(parts: tuple[Any, Any], last: Any) -> None:
    assert Agent(parts[0], []).exists_action({"messages": [last]}) is False
    assert Agent(parts[0], []).exists_action({"messages": []}) is False
