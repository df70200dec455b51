"""What clients get from a session and what it remembers of them: the real SDKs over real HTTP."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool

from tests.utils.replay.talks import (
    ask,
    calling,
    conversation,
    giving,
    looked_up,
    plain,
    say,
    scenario,
    tool_answer,
)
from utils.replay.conversation import Timing, Usage
from utils.replay.gates import CapGate, ReverseGate
from utils.replay.pacing import OFF, Pace
from utils.replay.session import Session

LONG = 600.0
"""a patience that no test waits for"""
HITS = [
    {"url": f"https://{n}.example", "content": f"{n} degrees in Zürich", "title": n, "score": 0.5}
    for n in "ab"
]
CALLED = {"id": "c", "type": "function", "function": {"name": "search", "arguments": '{"query": "sf"}'}}


@tool
def web_search(query: str) -> str:
    """Search."""
    return query


WEATHER = conversation(
    "weather",
    ask("weather?"),
    calling("current weather in San Francisco", "la", say="Let me look."),
    giving("sunny", "fog"),
    say("Sunny here, fog there.", usage=Usage(input=30, output=6)),
)


# Whole and streamed


def test_a_whole_answer_has_text_usage_and_reason(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("hi", "Hello there.")))
    found = chat(session).invoke("hi")
    assert found.text == "Hello there."
    assert found.usage_metadata["total_tokens"] == found.usage_metadata["input_tokens"] + 3
    assert found.response_metadata["finish_reason"] == "stop"
    assert found.response_metadata["model_name"] == "gpt-4o"


def test_an_async_answer_is_the_same(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("hi", "Hello there.")))
    assert asyncio.run(chat(session).ainvoke("hi")).text == "Hello there."
    assert [request.client for request in session.traffic(settle=1).requests] == ["async"]


def test_a_stream_comes_in_pieces_and_ends_with_usage(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("hi", "Hello there, you.")))
    chunks = list(chat(session).stream("hi"))
    texts = [chunk.text for chunk in chunks if chunk.text]
    assert texts == ["Hello", " there", ",", " you", "."]
    whole = sum(chunks[1:], chunks[0])
    assert whole.usage_metadata["output_tokens"] == 5
    assert whole.response_metadata["finish_reason"] == "stop"
    assert [
        (request.stream, request.pieces, request.client) for request in session.traffic(settle=1).requests
    ] == [(True, 5, "sync")]


def test_an_async_stream_is_the_same(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("hi", "Hello there.")))

    async def read() -> list[str]:
        return [chunk.text async for chunk in chat(session).astream("hi") if chunk.text]

    assert asyncio.run(read()) == ["Hello", " there", "."]


def test_recorded_pieces_are_kept(open_session: Callable, chat: Callable) -> None:
    told = conversation("a", ask("hi"), say("69°F", pieces=("6", "9°", "F")))
    session = open_session(scenario(told))
    assert [chunk.text for chunk in chat(session).stream("hi") if chunk.text] == ["6", "9°", "F"]


def test_calls_are_whole_in_a_whole_answer(open_session: Callable, chat: Callable) -> None:
    model = chat(open_session(scenario(WEATHER))).bind_tools([web_search])
    found = model.invoke("weather?")
    assert found.text == "Let me look."
    assert [call["args"]["query"] for call in found.tool_calls] == ["current weather in San Francisco", "la"]
    assert {call["name"] for call in found.tool_calls} == {"web_search"}
    assert found.response_metadata["finish_reason"] == "tool_calls"
    results = [
        ToolMessage(text, tool_call_id=call["id"])
        for call, text in zip(found.tool_calls, ["sunny", "fog"], strict=True)
    ]
    final = model.invoke([HumanMessage("weather?"), found, *results])
    assert final.text == "Sunny here, fog there."
    assert final.usage_metadata["input_tokens"] == 30


def test_calls_are_streamed_as_fragments_of_arguments(open_session: Callable, chat: Callable) -> None:
    model = chat(open_session(scenario(WEATHER))).bind_tools([web_search])
    chunks = list(model.stream("weather?"))
    fragments = [part["args"] for chunk in chunks for part in chunk.tool_call_chunks]
    assert len(fragments) > 10
    whole = sum(chunks[1:], chunks[0])
    assert [call["args"]["query"] for call in whole.tool_calls] == ["current weather in San Francisco", "la"]
    assert whole.tool_calls == model.invoke("weather?").tool_calls


def test_usage_is_sent_even_when_nobody_asked(open_session: Callable) -> None:
    session = open_session(scenario(plain("hi", "Hello.")))
    with openai.OpenAI(base_url=f"{session.url}/openai/v1", api_key="sk-test") as client:
        asked: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
        whole = client.chat.completions.create(**asked)
        with client.chat.completions.create(**asked, stream=True) as stream:
            chunks = list(stream)
    assert whole.usage.completion_tokens == 2
    assert [chunk.usage.completion_tokens for chunk in chunks if chunk.usage] == [2]
    assert {chunk.id for chunk in chunks} == {whole.id}


def test_one_client_serves_several_loops(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("hi", "Hello.")))
    model = chat(session)
    for _ in range(3):
        assert asyncio.run(model.ainvoke("hi")).text == "Hello."


def test_ids_are_the_same_from_run_to_run_and_never_twice_in_a_thread(
    open_session: Callable, chat: Callable
) -> None:
    told = conversation("a", ask("hi"), say("Hello."), ask("hi"), say("Again."))
    ids = []
    for _ in range(2):
        model = chat(open_session(scenario(told)))
        first = model.invoke("hi")
        second = model.invoke([HumanMessage("hi"), first, HumanMessage("hi")])
        ids.append([found.response_metadata["id"] for found in (first, second)])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2


def test_what_was_asked_is_kept_as_said(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(WEATHER))
    model = chat(session, model="gpt-9").bind_tools([web_search])
    model.invoke([SystemMessage("Be brief."), HumanMessage("weather?")])
    (request,) = session.traffic().of()
    assert request.roles == ("system", "user")
    assert request.questions == ("weather?",)
    assert (request.model, request.tools, request.client) == ("gpt-9", ("web_search",), "sync")


# Misses


def test_a_miss_is_one_sentence_at_once(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("Weather in SF?", "Sunny.")))
    model = chat(session)
    model.invoke("Weather in SF?")
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        model.invoke("Weather in Paris?")
    assert [request.status for request in session.traffic(settle=1).requests] == [200, 422], (
        "the client tried again"
    )
    (miss,) = session.traffic().misses
    assert miss.asked == "Weather in Paris?"
    assert miss.nearest == "Weather in SF?"
    assert caught.value.body["message"] == miss.sentence
    assert caught.value.body["code"] == "not_recorded"
    assert caught.value.response.reason_phrase == miss.sentence
    assert [request.status for request in session.traffic(settle=1).requests] == [200, 422]


def test_a_miss_in_an_async_stream_is_the_same(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("hi", "Hello.")))

    async def read() -> None:
        async for _ in chat(session).astream("what?"):
            pass

    with pytest.raises(openai.UnprocessableEntityError, match="No recorded answer"):
        asyncio.run(read())
    assert len(session.traffic().of()) == 1


def test_forgotten_tools_are_a_miss_that_says_so(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(WEATHER))
    with pytest.raises(openai.UnprocessableEntityError, match=r"did you forget model\.bind_tools"):
        chat(session).invoke("weather?")
    assert [miss.reason for miss in session.traffic().misses] == ["tool"]


# Refusals in the provider's words

MALFORMED = {
    "no answer to a call": (
        [AIMessage("", tool_calls=[{"id": "a", "name": "s", "args": {}}])],
        "The following tool_call_ids did not have response messages: a",
    ),
    "an answer to nothing": (
        [ToolMessage("x", tool_call_id="a")],
        "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'",
    ),
    "an unknown id": (
        [
            AIMessage("", tool_calls=[{"id": "a", "name": "s", "args": {}}]),
            ToolMessage("x", tool_call_id="b"),
        ],
        "'tool_call_id' of 'b' not found in 'tool_calls' of previous message",
    ),
    "an id answered twice": (
        [
            AIMessage("", tool_calls=[{"id": "a", "name": "s", "args": {}}]),
            ToolMessage("x", tool_call_id="a"),
            ToolMessage("x", tool_call_id="a"),
        ],
        "Duplicate value for 'tool_call_id' of 'a'",
    ),
}


@pytest.mark.parametrize(("after", "says"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_history_is_refused_as_the_provider_does(
    open_session: Callable, chat: Callable, after: list, says: str
) -> None:
    session = open_session(scenario(plain("hi", "Hello.")))
    with pytest.raises(openai.BadRequestError) as caught:
        chat(session).invoke([HumanMessage("hi"), *after])
    assert says in caught.value.body["message"]
    assert caught.value.body["type"] == "invalid_request_error"
    assert caught.value.body["param"].startswith("messages.[")
    assert session.traffic().misses == ()
    assert [request.status for request in session.traffic(settle=1).requests] == [400]


def test_no_messages_are_refused_as_the_provider_does(open_session: Callable) -> None:
    session = open_session()
    with (
        openai.OpenAI(base_url=f"{session.url}/openai/v1", api_key="sk-test") as client,
        pytest.raises(openai.BadRequestError, match="empty array"),
    ):
        client.chat.completions.create(model="gpt-4o", messages=[])


# Faults


def test_a_rate_limit_passes_and_is_one_call(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("hi", "Hello.", kind="rate_limit", seconds=0.01, times=2)))
    assert chat(session).invoke("hi").text == "Hello."
    found = session.traffic(settle=1).requests
    assert [(request.status, request.call) for request in found] == [(429, 0), (429, 0), (200, 0)]


def test_a_rate_limit_that_stays_is_the_sdks_own_error(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("hi", "Hello.", kind="rate_limit", seconds=7)))
    with pytest.raises(openai.RateLimitError) as caught:
        chat(session, max_retries=0).invoke("hi")
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.body["code"] == "rate_limit_exceeded"


def test_a_server_error_passes_and_is_one_call(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("hi", "Hello.", kind="server_error", times=1)))
    assert asyncio.run(chat(session).ainvoke("hi")).text == "Hello."
    assert [(request.status, request.call) for request in session.traffic(settle=1).requests] == [
        (500, 0),
        (200, 0),
    ]


def test_a_server_error_that_stays_is_the_sdks_own_error(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("hi", "Hello.", kind="server_error")))
    with pytest.raises(openai.InternalServerError, match="had an error while processing"):
        chat(session, max_retries=0).invoke("hi")


def test_latency_comes_before_the_first_piece(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("hi", "Hello.", kind="latency", seconds=0.05)))
    list(chat(session).stream("hi"))
    (request,) = session.traffic(settle=1).requests
    assert request.first_at - request.opened_at >= 0.05


@pytest.mark.parametrize("after", [0, 1, 3])
def test_an_abrupt_end_is_an_error_and_noted(open_session: Callable, chat: Callable, after: int) -> None:
    session = open_session(scenario(plain("hi", "one two three", kind="drop", after=after)))
    with pytest.raises(Exception, match=r"(?i)incomplete|connection"):
        list(chat(session).stream("hi"))
    (request,) = session.traffic(settle=1).requests
    assert (request.broken_off, request.pieces, request.answered) == (True, after, False)


def test_pieces_before_an_abrupt_end_arrive(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("hi", "one two three", kind="drop", after=2)))
    seen: list[str] = []
    with pytest.raises(Exception, match=r"(?i)incomplete|connection"):
        seen.extend(chunk.text for chunk in chat(session).stream("hi"))
    assert "".join(seen) == "one two"


def test_an_answer_that_dropped_comes_in_other_pieces_when_it_is_said_again(
    open_session: Callable, chat: Callable
) -> None:
    session = open_session(scenario(plain("hi", "one two three", kind="drop", after=2, times=1)))
    seen: list[str] = []
    with pytest.raises(Exception, match=r"(?i)incomplete|connection"):
        seen.extend(chunk.text for chunk in chat(session).stream("hi"))
    again = [chunk.text for chunk in chat(session).stream("hi") if chunk.text]
    assert ("".join(again), [text for text in seen if text]) == ("one two three", ["one", " two"])
    assert again == ["one ", "two ", "three"]
    session.restart(scenario(plain("hi", "one two three")), OFF)
    assert [chunk.text for chunk in chat(session).stream("hi") if chunk.text] == ["one", " two", " three"]


def test_a_whole_answer_that_drops_is_tried_again_as_one_call(
    open_session: Callable, chat: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    session = open_session(scenario(plain("hi", "Hello.", kind="drop", times=1)))
    assert chat(session).invoke("hi").text == "Hello."
    assert [(request.call, request.broken_off) for request in session.traffic(settle=1).requests] == [
        (0, True),
        (0, False),
    ]
    assert not [
        record for record in caplog.records if record.name.startswith(("aiohttp", "asyncio", "utils"))
    ]


def test_a_cut_ends_cleanly_without_a_reason(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("hi", "one two three", kind="cut", after=2)))
    chunks = list(chat(session).stream("hi"))
    whole = sum(chunks[1:], chunks[0])
    assert whole.text == "one two"
    assert "finish_reason" not in whole.response_metadata
    assert whole.usage_metadata is None
    assert [request.status for request in session.traffic(settle=1).requests] == [200]


def test_a_stall_holds_a_stream_until_it_is_released(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("hi", "one two three", kind="stall", after=2)), patience=LONG)
    stream = chat(session).stream("hi")
    seen = ""
    while seen != "one two":
        seen += next(stream).text
    (request,) = session.traffic().of()
    assert (request.status, request.pieces) == (0, 2)
    session.release()
    assert "".join(chunk.text for chunk in stream) == " three"


def test_a_stall_holds_a_whole_answer_too(
    open_session: Callable, chat: Callable, in_thread: Callable
) -> None:
    session = open_session(scenario(plain("hi", "Hello.", kind="stall")), patience=LONG)
    answer = in_thread(lambda: chat(session).invoke("hi").text)
    while session.traffic().open() == 0:
        assert not answer.done()
    session.release()
    assert answer.result(5) == "Hello."


def test_a_stall_ends_with_patience(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("hi", "one two", kind="stall", after=1)), patience=0.02)
    assert "".join(chunk.text for chunk in chat(session).stream("hi")) == "one two"


def test_a_fault_that_never_comes_does_no_harm(open_session: Callable, chat: Callable) -> None:
    session = open_session(scenario(plain("hi", "one", kind="drop", after=99)))
    assert "".join(chunk.text for chunk in chat(session).stream("hi")) == "one"


def test_a_fault_hits_as_often_as_it_is_told_even_if_conversations_share_a_name(
    open_session: Callable, chat: Callable
) -> None:
    faults: list[Any] = [plain(text, "Hello.", kind="server_error", times=1) for text in ("a", "b")]
    session = open_session(scenario(*(told.model_copy(update={"name": "same"}) for told in faults)))
    model = chat(session, max_retries=0)
    for text in ("a", "b"):
        with pytest.raises(openai.InternalServerError):
            model.invoke(text)
        assert model.invoke(text).text == "Hello."


# Pacing


def test_a_pace_is_kept(open_session: Callable, chat: Callable) -> None:
    told = conversation("a", ask("hi"), say("one two three", timing=Timing(token=0.02)))
    session = open_session(scenario(told), pace=Pace(first=0.03))
    chat(session).invoke("hi")
    list(chat(session).stream("hi"))
    for request in session.traffic(settle=1).requests:
        assert request.finished_at - request.opened_at >= 0.07
    assert session.traffic().of()[1].first_at - session.traffic().of()[1].opened_at >= 0.03


# Gates


def gathered(chat: Callable, session: Session, questions: list[str]) -> list[str]:
    model = chat(session)

    async def work() -> list[str]:
        return [found.text for found in await asyncio.gather(*(model.ainvoke(text) for text in questions))]

    return asyncio.run(work())


def several(count: int) -> Any:
    return scenario(*(plain(f"question {n}", f"answer {n}") for n in range(count)))


def test_the_gate_shows_whether_calls_run_at_the_same_time(open_session: Callable, chat: Callable) -> None:
    session = open_session(several(4), patience=LONG)
    questions = [f"question {n}" for n in range(4)]
    session.arm(CapGate(count=4, patience=5))
    assert gathered(chat, session, questions) == [f"answer {n}" for n in range(4)]
    assert session.traffic().peak() == 4
    session.clear()
    session.arm(CapGate(count=4, patience=0.02))
    model = chat(session)
    for text in questions:
        model.invoke(text)
    assert session.traffic().peak() == 1


def test_the_reverse_gate_really_reverses_the_end(open_session: Callable, chat: Callable) -> None:
    session = open_session(several(4))
    session.arm(ReverseGate(count=4, patience=5))
    model = chat(session)
    done: list[str] = []

    async def one(n: int) -> None:
        done.append((await model.ainvoke(f"question {n}")).text)

    async def work() -> None:
        await asyncio.gather(*(one(n) for n in range(4)))

    asyncio.run(work())
    arrived = [
        request.questions[0].removeprefix("question ") for request in session.traffic(settle=1).requests
    ]
    assert [request.finished for request in session.traffic(settle=1).requests] == [3, 2, 1, 0]
    assert [text.removeprefix("answer ") for text in done] == arrived[::-1]


@pytest.fixture
def busy_core() -> Iterator[None]:
    """A process that keeps one core busy."""
    process = subprocess.Popen(
        [sys.executable, "-c", "print('on', flush=True)\nwhile True: pass"], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield
    process.kill()
    process.wait(timeout=10)
    process.stdout.close()


@pytest.mark.usefixtures("busy_core")
def test_a_right_gather_of_four_shows_peak_four_in_fifty_of_fifty_runs(
    open_session: Callable, chat: Callable
) -> None:
    peaks = []
    for _ in range(50):
        session = open_session(several(4))
        session.arm(CapGate(count=4, linger=0.01))
        assert gathered(chat, session, [f"question {n}" for n in range(4)]) == [
            f"answer {n}" for n in range(4)
        ]
        peaks.append(session.traffic().peak())
        session.close()
    assert peaks == [4] * 50


# Many

MANY = 300


def test_three_hundred_requests_from_ten_threads_get_their_own_answers(
    open_session: Callable, chat: Callable
) -> None:
    session = open_session(several(MANY))
    model = chat(session)
    with ThreadPoolExecutor(10) as pool:
        texts = list(pool.map(lambda n: model.invoke(f"question {n}").text, range(MANY)))
    assert texts == [f"answer {n}" for n in range(MANY)]
    found = session.traffic(settle=1).requests
    assert len({request.call for request in found}) == len(found) == MANY
    assert session.traffic().peak() <= 10


def test_three_hundred_requests_of_one_gather_get_their_own_answers(
    open_session: Callable, chat: Callable
) -> None:
    session = open_session(several(MANY))
    texts = gathered(chat, session, [f"question {n}" for n in range(MANY)])
    assert texts == [f"answer {n}" for n in range(MANY)]
    assert {request.client for request in session.traffic(settle=1).requests} == {"async"}


# The search


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Makes the course notes' search tool for a session."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from langchain_community.tools.tavily_search import TavilySearchResults
        from langchain_community.utilities import tavily_search

    def make(session: Session, max_results: int = 2) -> Any:
        monkeypatch.setattr(tavily_search, "TAVILY_API_URL", f"{session.url}/tavily")
        monkeypatch.setenv("TAVILY_API_KEY", "tvly-test-of-the-client")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return TavilySearchResults(max_results=max_results)

    return make


SEARCHED = looked_up("q", "Zürich", {"hits": HITS}, "a")


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_the_search_finds_as_many_as_it_is_asked_for(
    open_session: Callable, search: Callable, asynchronous: bool
) -> None:
    session = open_session(scenario(SEARCHED))
    for count in (1, 2):
        tool = search(session, count)
        found = asyncio.run(tool.ainvoke("Zürich")) if asynchronous else tool.invoke("Zürich")
        assert [hit["content"] for hit in found] == [hit["content"] for hit in HITS[:count]]
    assert [request.args for request in session.traffic().of("search")] == [{"query": "Zürich"}] * 2
    assert session.traffic().peak("search") == 1
    assert session.traffic().of("model") == ()


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_a_search_that_nobody_recorded_says_so_through_the_wrapper(
    open_session: Callable, search: Callable, asynchronous: bool
) -> None:
    session = open_session(scenario(SEARCHED))
    tool = search(session)
    found = asyncio.run(tool.ainvoke("Zurich now")) if asynchronous else tool.invoke("Zurich now")
    assert 'No recorded result for the search "Zurich now". The nearest recorded one is "zurich".' in str(
        found
    )
    assert [miss.reason for miss in session.traffic().misses] == ["query"]


def test_a_search_may_find_text_or_nothing_or_fail(open_session: Callable, search: Callable) -> None:
    session = open_session(
        scenario(
            looked_up("1", "text", "just text", "a"),
            looked_up("2", "nothing", "", "a"),
            looked_up("3", "fail", tool_answer(raises="out of order"), "a"),
        )
    )
    tool = search(session)
    assert [hit["content"] for hit in tool.invoke("text")] == ["just text"]
    assert tool.invoke("nothing") == []
    assert "out of order" in str(tool.invoke("fail"))


# Tools that are witnessed


@pytest.fixture
def call_tool() -> Callable[..., str]:
    """Calls a graded tool as the kit makes it; its error's words if it fails."""
    from utils.lab.parts import ToolError, make_tool

    def call(session: Session, name: str = "lookup", query: str = "sf") -> str:
        try:
            return str(make_tool(session.url, name).invoke({"query": query}))
        except ToolError as error:
            return f"failed: {error}"

    return call


def with_tool(**answer: Any) -> Any:
    return scenario(looked_up("q", "sf", tool_answer(**answer), "a", tool="lookup"))


def test_a_tool_fails_as_often_as_it_is_told_and_then_answers(
    open_session: Callable, call_tool: Callable
) -> None:
    session = open_session(with_tool(text="sunny", raises="no line", times=2))
    told = [call_tool(session, query=query) for query in ("sf", "SF", " sf ", "sf")]
    assert told == ["failed: no line", "failed: no line", "sunny", "sunny"]
    found = session.traffic().of("tool")
    assert [request.status for request in found] == [500, 500, 200, 200]
    assert {request.tool for request in found} == {"lookup"}
    assert found[0].args == {"query": "sf"}


def test_a_tool_may_fail_for_ever(open_session: Callable, call_tool: Callable) -> None:
    session = open_session(with_tool(text="sunny", raises="no line"))
    assert [call_tool(session) for _ in range(3)] == ["failed: no line"] * 3


def test_a_tool_may_take_its_time_and_answer_at_length(open_session: Callable, call_tool: Callable) -> None:
    session = open_session(with_tool(text="sunny", delay=0.05, pad=100_000))
    told = call_tool(session)
    assert told.startswith("sunny...")
    assert len(told) == 100_000
    (request,) = session.traffic(settle=1).requests
    assert request.finished_at - request.opened_at >= 0.05


def test_a_tool_may_stall_until_it_is_released(
    open_session: Callable, call_tool: Callable, in_thread: Callable
) -> None:
    session = open_session(with_tool(text="sunny", stall=True), patience=LONG)
    told = in_thread(lambda: call_tool(session))
    while session.traffic().open("tool") == 0:
        assert not told.done()
    session.release()
    assert told.result(5) == "sunny"


def test_a_tool_with_hits_tells_them_as_text(open_session: Callable, call_tool: Callable) -> None:
    assert call_tool(open_session(with_tool(hits=HITS))) == "a degrees in Zürich b degrees in Zürich"


def test_an_unknown_call_of_a_tool_is_a_miss(open_session: Callable, call_tool: Callable) -> None:
    session = open_session(with_tool(text="sunny"))
    assert 'failed: No recorded result for the call of lookup "la".' in call_tool(session, query="la")
    assert "call of other" in call_tool(session, name="other")
    assert [miss.reason for miss in session.traffic().misses] == ["query", "query"]


def test_a_gate_holds_tools_too(open_session: Callable, call_tool: Callable, in_thread: Callable) -> None:
    session = open_session(with_tool(text="sunny"))
    session.arm(CapGate(count=2, linger=0, patience=5), "tool")
    told = [in_thread(lambda: call_tool(session)) for _ in range(2)]
    assert [future.result(5) for future in told] == ["sunny", "sunny"]
    assert session.traffic().peak("tool") == 2
    assert session.traffic().peak("model") == 0


# Keys


def test_keys_are_nowhere_to_be_found(open_session: Callable, chat: Callable, search: Callable) -> None:
    session = open_session(scenario(SEARCHED, plain("hi", "Hello.")))
    chat(session).invoke("hi")
    search(session).invoke("Zürich")
    told = repr(
        (
            session,
            vars(session),
            session.traffic(settle=1).requests,
            session.traffic().misses,
            vars(session.notes),
        )
    )
    assert len(session.traffic(settle=1).requests) == 2
    assert "sk-test-of-the-client" not in told
    assert "tvly-test-of-the-client" not in told
