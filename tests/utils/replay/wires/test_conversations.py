"""One recorded conversation on every protocol, through the chat models that people use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool

from tests.utils.replay.talks import ask, calling, conversation, giving, plain, say, scenario
from tests.utils.replay.wires.ways import WAYS, Way
from utils.replay.conversation import Usage
from utils.replay.gates import CapGate
from utils.replay.session import Session


@tool
def web_search(query: str) -> str:
    """Search."""
    return query


WEATHER = conversation(
    "weather",
    ask("weather?"),
    calling("current weather in Zürich", "la", say="Let me look."),
    giving("sunny", "fog"),
    say("Sunny “here”, 20 °C there.", usage=Usage(input=30, output=6)),
    ask("Which is warmer?"),
    say("There."),
)
SILENT = conversation("silent", ask("look"), calling("sf"), giving("x"), say("Done."))
TOLD = scenario(WEATHER, SILENT, plain("hi", "Hello there, you."), plain("nothing", ""))


def tool_results(call: Any, *contents: Any) -> list[ToolMessage]:
    pairs = zip(call.tool_calls, contents, strict=True)
    return [ToolMessage(content, tool_call_id=asked["id"]) for asked, content in pairs]


def added(chunks: list[Any]) -> Any:
    return sum(chunks[1:], chunks[0])


def test_a_whole_answer_has_its_text_usage_and_model(open_session: Callable, way: Way) -> None:
    model = way.make(open_session(TOLD))
    found = model.invoke("hi")
    assert found.text == "Hello there, you."
    assert found.usage_metadata["output_tokens"] == 5
    assert found.usage_metadata["total_tokens"] == found.usage_metadata["input_tokens"] + 5
    assert found.response_metadata["model_name"] in (
        "gpt-4o",
        "claude-sonnet-5",
        "us.anthropic.claude-sonnet-5",
    )
    assert found.tool_calls == []


def test_a_stream_comes_in_pieces_and_ends_with_usage(open_session: Callable, way: Way) -> None:
    session = open_session(TOLD)
    chunks = list(way.make(session).stream("hi"))
    assert [chunk.text for chunk in chunks if chunk.text] == ["Hello", " there", ",", " you", "."]
    whole = added(chunks)
    assert whole.text == "Hello there, you."
    assert whole.usage_metadata["output_tokens"] == 5
    (request,) = session.traffic(settle=1).requests
    assert (request.stream, request.pieces, request.client) == (True, 5, way.kind[False])


def test_async_answers_are_the_same(open_session: Callable, way: Way) -> None:
    session = open_session(TOLD)
    model = way.make(session)

    async def read() -> tuple[str, list[str]]:
        whole = await model.ainvoke("hi")
        return whole.text, [chunk.text async for chunk in model.astream("hi") if chunk.text]

    assert asyncio.run(read()) == ("Hello there, you.", ["Hello", " there", ",", " you", "."])
    assert [request.client for request in session.traffic(settle=1).requests] == [way.kind[True]] * 2
    assert [request.stream for request in session.traffic(settle=1).requests] == [False, True]


def test_an_answer_may_be_empty(open_session: Callable, way: Way) -> None:
    model = way.make(open_session(TOLD))
    assert model.invoke("nothing").text == ""
    assert added(list(model.stream("nothing"))).text == ""


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_two_calls_in_one_turn_with_a_word_beside(open_session: Callable, way: Way, streamed: bool) -> None:
    session = open_session(TOLD)
    model = way.make(session).bind_tools([web_search])

    def said(messages: Any) -> Any:
        return added(list(model.stream(messages))) if streamed else model.invoke(messages)

    call = said("weather?")
    assert call.text == "Let me look."
    assert [found["args"] for found in call.tool_calls] == [
        {"query": "current weather in Zürich"},
        {"query": "la"},
    ]
    assert {found["name"] for found in call.tool_calls} == {"web_search"}
    ids = [found["id"] for found in call.tool_calls]
    assert len(set(ids)) == 2
    assert all(id.startswith(way.call_prefix) for id in ids)
    history = [HumanMessage("weather?"), call, *tool_results(call, "sunny", "fog")]
    answer = said(history)
    assert answer.text == "Sunny “here”, 20 °C there."
    assert answer.usage_metadata["input_tokens"] == 30
    assert said([*history, answer, HumanMessage("Which is warmer?")]).text == "There."
    assert session.traffic().misses == ()
    first, second, third = session.traffic(settle=1).requests
    assert first.tools == ("web_search",)
    assert second.roles == ("user", "assistant", "tool", "tool")
    assert second.results == ("sunny", "fog")
    asked = second.messages[1]
    assert asked.text == "Let me look."
    assert [(told.id, dict(told.args)) for told in asked.calls] == [
        (found["id"], found["args"]) for found in call.tool_calls
    ]
    assert third.roles == ("user", "assistant", "tool", "tool", "assistant", "user")
    assert third.questions == ("weather?", "Which is warmer?")


def test_whole_and_streamed_calls_are_the_same(open_session: Callable, way: Way) -> None:
    model = way.make(open_session(TOLD)).bind_tools([web_search])
    chunks = list(model.stream("weather?"))
    assert added(chunks).tool_calls == model.invoke("weather?").tool_calls
    fragments = [part["args"] for chunk in chunks for part in chunk.tool_call_chunks if part["args"]]
    assert len(fragments) > 8, "arguments come in pieces"
    assert "".join(chunk.text for chunk in chunks) == "Let me look.", "a call is no text"


def test_a_call_without_a_word_has_no_text(open_session: Callable, way: Way) -> None:
    model = way.make(open_session(TOLD)).bind_tools([web_search])
    call = model.invoke("look")
    assert call.text == ""
    assert "".join(chunk.text for chunk in model.stream("look")) == ""
    assert model.invoke([HumanMessage("look"), call, *tool_results(call, "x")]).text == "Done."


def test_an_async_tool_round_is_the_same(open_session: Callable, way: Way) -> None:
    model = way.make(open_session(TOLD)).bind_tools([web_search])

    async def talk() -> str:
        call = await model.ainvoke("weather?")
        chunks = [chunk async for chunk in model.astream("weather?")]
        assert added(chunks).tool_calls == call.tool_calls
        answer = await model.ainvoke([HumanMessage("weather?"), call, *tool_results(call, "sunny", "fog")])
        return str(answer.text)

    assert asyncio.run(talk()) == "Sunny “here”, 20 °C there."


@pytest.mark.parametrize(
    "content",
    [
        "sunny",
        [{"type": "text", "text": "sunny"}],
        [{"type": "text", "text": "sun"}, {"type": "text", "text": "ny"}],
    ],
    ids=["string", "block", "blocks"],
)
@pytest.mark.parametrize("status", ["success", "error"])
def test_a_result_may_have_any_form(open_session: Callable, way: Way, content: Any, status: Any) -> None:
    session = open_session(TOLD)
    model = way.make(session).bind_tools([web_search])
    call = model.invoke("weather?")
    results = tool_results(call, content, "fog")
    results[0].status = status
    assert model.invoke([HumanMessage("weather?"), call, *results]).text.startswith("Sunny")
    assert session.traffic(settle=1).requests[-1].results == ("sunny", "fog")


@pytest.mark.parametrize(
    "content",
    ["hi", [{"type": "text", "text": "hi"}], [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]],
    ids=["string", "block", "blocks"],
)
def test_a_question_may_have_any_form(open_session: Callable, way: Way, content: Any) -> None:
    session = open_session(TOLD)
    model = way.make(session)
    assert model.invoke([HumanMessage(content)]).text == "Hello there, you."
    answer = AIMessage([{"type": "text", "text": "Hello there, you."}])
    assert model.invoke([HumanMessage("hi"), answer, HumanMessage(content)]).text == "Hello there, you."
    assert session.traffic().misses == ()


def test_two_questions_in_a_row_are_two(open_session: Callable, way: Way) -> None:
    session = open_session(TOLD)
    assert way.make(session).invoke([HumanMessage("unanswered"), HumanMessage("hi")]).text.startswith("Hello")
    assert " ".join(session.traffic(settle=1).requests[0].questions).split() == ["unanswered", "hi"]
    assert session.traffic().misses == ()


def test_the_system_prompt_is_told_apart(open_session: Callable, way: Way) -> None:
    session = open_session(TOLD)
    model = way.make(session)
    for content in ("Be brief.", [{"type": "text", "text": "Be brief."}]):
        assert model.invoke([SystemMessage(content), HumanMessage("hi")]).text.startswith("Hello")
    for request in session.traffic(settle=1).requests:
        assert [(message.role, message.text) for message in request.messages] == [
            ("system", "Be brief."),
            ("user", "hi"),
        ]


def test_ids_are_the_same_from_run_to_run_and_never_twice_in_a_thread(
    open_session: Callable, way: Way
) -> None:
    again = scenario(
        conversation("a", ask("hi"), calling("x"), giving("y"), say("."), ask("hi"), calling("x"))
    )
    runs = []
    for _ in range(2):
        model = way.make(open_session(again)).bind_tools([web_search])
        first = model.invoke("hi")
        history = [HumanMessage("hi"), first, *tool_results(first, "y"), AIMessage("."), HumanMessage("hi")]
        second = model.invoke(history)
        runs.append([found.tool_calls[0]["id"] for found in (first, second)])
        if way.name == "responses":
            assert first.response_metadata["id"] != second.response_metadata["id"]
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 2


def test_every_protocol_is_heard_the_same(open_session: Callable) -> None:
    heard = []
    for way in WAYS:
        session = open_session(TOLD)
        model = way.make(session).bind_tools([web_search])
        call = model.invoke([SystemMessage("Be brief."), HumanMessage("weather?")])
        model.invoke(
            [SystemMessage("Be brief."), HumanMessage("weather?"), call, *tool_results(call, "sunny", "fog")]
        )
        log: list[Any] = session.traffic(settle=1).requests
        heard.append(
            [
                [(m.role, m.text, [(c.name, dict(c.args)) for c in m.calls]) for m in request.messages]
                for request in log
            ]
        )
    assert heard == [heard[0]] * len(WAYS)


def several(count: int) -> Any:
    return scenario(*(plain(f"question {n}", f"answer {n}") for n in range(count)))


def gathered(way: Way, session: Session, count: int) -> list[str]:
    model = way.make(session)

    async def one(number: int) -> str:
        if number % 2:
            return "".join([chunk.text async for chunk in model.astream(f"question {number}")])
        return str((await model.ainvoke(f"question {number}")).text)

    async def work() -> list[str]:
        return await asyncio.gather(*map(one, range(count)))

    return asyncio.run(work())


def test_ten_at_the_same_time_get_their_own_answers(open_session: Callable, way: Way) -> None:
    session = open_session(several(10))
    assert gathered(way, session, 10) == [f"answer {n}" for n in range(10)]
    assert len({request.call for request in session.traffic(settle=1).requests}) == 10


def test_four_at_the_same_time_are_seen_so(open_session: Callable, way: Way) -> None:
    session = open_session(several(4))
    session.arm(CapGate(count=4, patience=5))
    assert gathered(way, session, 4) == [f"answer {n}" for n in range(4)]
    assert session.traffic().peak() == 4
