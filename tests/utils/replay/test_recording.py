"""Recording from a provider: here another session plays it, with words of its own."""

from __future__ import annotations

import asyncio
import datetime
import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
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
from utils.replay.conversation import CallsTurn, Conversation, Origin, ResultsTurn, UserTurn
from utils.replay.gates import CapGate
from utils.replay.keys import HeaderKey, Upstream
from utils.replay.matching import compile_scenario
from utils.replay.pacing import OFF
from utils.replay.recording import Recorder, UpstreamError, unique
from utils.replay.session import Session

TODAY = datetime.date(2026, 11, 20)
KEYS = {"openai": HeaderKey("Authorization", "sk-test-very-secret", "Bearer")}
HITS = [{"url": "https://a.example", "content": "20°C in SF", "title": "SF", "score": 0.9}]
THERE = scenario(
    conversation(
        "there",
        ask("weather in sf?"),
        calling("sf", say="One moment."),
        giving({"hits": HITS}),
        say("It is 20°C in SF."),
        ask("warm?"),
        say("Quite."),
    ),
    looked_up("weather in la?", "la", {"text": "fog"}, "Foggy."),
    conversation(
        "edited",
        ask("weather in sf?"),
        calling("sf", say="One moment."),
        giving(tool_answer("snow", edited=True)),
        say("Snow, they say."),
    ),
    plain("hi", "Hello."),
)


@tool
def my_search(query: str) -> str:
    """Search."""
    return query


class Bench:
    """A provider, and a session that records from it."""

    def __init__(self, open_session: Callable, told: Any = THERE) -> None:
        self.provider: Session = open_session(told)
        models = {"openai": f"{self.provider.url}/openai/v1/"}
        upstream = Upstream(models, f"{self.provider.url}/tavily/", KEYS, "tvly-test-key")
        self.recorder = Recorder(upstream, today=TODAY)
        self.session: Session = open_session(recorder=self.recorder)

    def conversations(self) -> tuple[Conversation, ...]:
        return self.recorder.scenario().conversations


@pytest.fixture
def bench(open_session: Callable) -> Bench:
    return Bench(open_session)


def search(session: Session, query: str) -> tuple[int, Any]:
    import http.client

    connection = http.client.HTTPConnection(session.url.split("/")[2], timeout=10)
    body = json.dumps({"api_key": "what the client has", "query": query, "max_results": 2})
    connection.request("POST", f"/{session.token}/tavily/search", body)
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    return answer.status, told


def weather(bench: Bench, model: Any, result: str | None = None, query: str = "sf") -> list[Any]:
    """A faithful agent's conversation, or one whose tool result a person edited."""
    model = model.bind_tools([my_search])
    history: list[Any] = [HumanMessage("weather in sf?")]
    call = model.invoke(history)
    found = search(bench.session, query)[1]["results"]
    text = str(found) if result is None else result
    history += [call, ToolMessage(text, tool_call_id=call.tool_calls[0]["id"])]
    history.append(model.invoke(history))
    return history


def test_a_conversation_is_recorded_by_meaning(bench: Bench, chat: Callable) -> None:
    model = chat(bench.session)
    history = weather(bench, model)
    assert history[-1].text == "It is 20°C in SF."
    assert model.invoke([*history, HumanMessage("warm?")]).text == "Quite."
    (told,) = bench.conversations()
    assert told.origin == Origin(kind="recorded", provider="openai", model="gpt-4o", date=TODAY)
    assert told.name == "weather in sf? / warm?"
    kinds = [type(turn).__name__ for turn in told.turns]
    assert kinds == ["UserTurn", "CallsTurn", "ResultsTurn", "AnswerTurn", "UserTurn", "AnswerTurn"]
    calls, results = told.turns[1:3]
    assert isinstance(calls, CallsTurn)
    assert isinstance(results, ResultsTurn)
    assert [(call.tool, dict(call.args)) for call in calls.calls] == [("search", {"query": "sf"})]
    assert calls.say == "One moment."
    assert calls.usage is not None
    assert [hit.content for hit in results.results[0].hits] == ["20°C in SF"]
    assert bench.recorder.failures == ()


def test_what_was_recorded_can_be_replayed_whole_and_streamed(
    bench: Bench, chat: Callable, open_session: Callable
) -> None:
    weather(bench, chat(bench.session))
    bench.session = open_session(bench.recorder.scenario())
    model = chat(bench.session)
    history = weather(bench, model)
    assert history[-1].text == "It is 20°C in SF."
    bound = model.bind_tools([my_search])
    assert "".join(chunk.text for chunk in bound.stream(history[:-1])) == "It is 20°C in SF."
    assert bench.session.traffic().misses == ()


def test_a_stream_is_recorded_from_a_whole_answer(bench: Bench, chat: Callable) -> None:
    assert "".join(chunk.text for chunk in chat(bench.session).stream("hi")) == "Hello."
    assert [request.stream for request in bench.provider.traffic(settle=1).requests] == [False]
    assert [request.stream for request in bench.session.traffic(settle=1).requests] == [True]


def test_the_same_history_is_asked_once(bench: Bench, chat: Callable) -> None:
    model = chat(bench.session)
    for _ in range(3):
        assert model.invoke("hi").text == "Hello."
    assert len(bench.provider.traffic(settle=1).requests) == 1
    assert len(bench.conversations()) == 1


def test_the_same_history_is_asked_once_even_at_the_same_time(bench: Bench, chat: Callable) -> None:
    bench.provider.arm(CapGate(count=2, patience=0.05))
    model = chat(bench.session)

    async def work() -> list[str]:
        return [found.text for found in await asyncio.gather(*(model.ainvoke("hi") for _ in range(5)))]

    assert asyncio.run(work()) == ["Hello."] * 5
    assert len(bench.provider.traffic(settle=1).requests) == 1


def test_a_recording_never_falls_back_to_a_shorter_history(bench: Bench, chat: Callable) -> None:
    model = chat(bench.session)
    answer = model.invoke("hi")
    with pytest.raises(openai.UnprocessableEntityError):
        model.invoke([HumanMessage("hi"), answer, HumanMessage("what?")])
    assert len(bench.provider.traffic(settle=1).requests) == 2
    assert bench.session.traffic().misses == ()


def test_a_result_that_a_person_edited_is_marked(bench: Bench, chat: Callable) -> None:
    model = chat(bench.session)
    weather(bench, model)
    assert weather(bench, model, "snow")[-1].text == "Snow, they say."
    _, edited = bench.conversations()
    assert edited.name == "weather in sf? (edited)"
    results = edited.turns[2]
    assert isinstance(results, ResultsTurn)
    assert results.results[0].edited
    assert results.results[0].text == "snow"
    index = compile_scenario(bench.recorder.scenario())
    assert not index.clashes
    assert not index.tool_clashes


def test_a_call_that_a_person_edited_keeps_the_models_words(bench: Bench, chat: Callable) -> None:
    model = chat(bench.session).bind_tools([my_search])
    call = model.invoke("weather in sf?")
    edited = AIMessage(call.content, tool_calls=[{**call.tool_calls[0], "args": {"query": "la"}}])
    history = [
        HumanMessage("weather in sf?"),
        edited,
        ToolMessage("snow", tool_call_id=edited.tool_calls[0]["id"]),
    ]
    model.invoke(history)
    (told,) = bench.conversations()
    calls, results = told.turns[1:3]
    assert isinstance(calls, CallsTurn)
    assert isinstance(results, ResultsTurn)
    assert calls.calls[0].args == {"query": "sf"}
    assert results.results[0].edited


def test_an_exchange_that_broke_off_or_was_made_up_is_left_out(bench: Bench, chat: Callable) -> None:
    model = chat(bench.session)
    made_up = [HumanMessage("who are you?"), AIMessage("A poet."), HumanMessage("unanswered")]
    assert model.invoke([*made_up, HumanMessage("hi")]).text == "Hello."
    assert model.invoke([AIMessage("Welcome!"), HumanMessage("hi")]).text == "Hello."
    (told,) = bench.conversations()
    assert [turn.user for turn in told.turns if isinstance(turn, UserTurn)] == ["hi"]


def test_tools_of_the_notebook_are_recorded_as_they_answered(open_session: Callable, chat: Callable) -> None:
    @tool
    def lookup(query: str) -> str:
        """Look up."""
        return query

    bench = Bench(open_session, scenario(looked_up("q", "x", "y", "z", tool="lookup")))
    model = chat(bench.session).bind_tools([lookup])
    call = model.invoke("q")
    model.invoke([HumanMessage("q"), call, ToolMessage("y!", tool_call_id=call.tool_calls[0]["id"])])
    (told,) = bench.conversations()
    assert told.turns[2] == giving("y!")


def test_searches_outside_of_conversations_are_named(bench: Bench, chat: Callable) -> None:
    weather(bench, chat(bench.session))
    search(bench.session, "LA")
    search(bench.session, "la")
    assert bench.recorder.loose_searches() == ("la",)
    assert len(bench.provider.traffic().of("search")) == 2


# Keys and refusals


def test_keys_go_to_the_provider_and_nowhere_else(bench: Bench, chat: Callable) -> None:
    weather(bench, chat(bench.session))
    told = repr(
        (
            vars(bench.recorder),
            vars(bench.session),
            bench.session.traffic(settle=1).requests,
            bench.conversations(),
        )
    )
    assert "20°C" in told
    assert "sk-test-very-secret" not in told
    assert "tvly-test-key" not in told


def test_a_key_that_a_person_typed_is_not_stored(bench: Bench, chat: Callable) -> None:
    with pytest.raises(openai.UnprocessableEntityError):
        chat(bench.session).invoke("my key is sk-test-very-secret")
    bench.provider.restart(scenario(plain("my key is sk-test-very-secret", "So it is.")), OFF)
    chat(bench.session).invoke("my key is sk-test-very-secret")
    (told,) = bench.conversations()
    assert told.name == "my key is [key]"
    assert told.turns[0] == UserTurn(user="my key is [key]")


class Refusing:
    """A service that answers everything with one answer."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        import http.server
        import threading

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                key = self.headers.get("Authorization", "").encode() or json.loads(asked)["api_key"].encode()
                answer = body.replace(b"<key>", key)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def recording_from(open_session: Callable) -> Any:
    """Records from a service that refuses: the session and its recorder."""
    made: list[Refusing] = []

    def make(status: int = 200, body: bytes = b"", url: str = "", **headers: str) -> tuple[Session, Recorder]:
        if not url:
            made.append(
                Refusing(status, body, {name.replace("_", "-"): value for name, value in headers.items()})
            )
            url = made[-1].url
        recorder = Recorder(Upstream({"openai": url}, url, KEYS, "tvly-very-secret"), today=TODAY)
        return open_session(recorder=recorder), recorder

    yield make
    for service in made:
        service.close()


def test_a_refusal_comes_back_as_it_is_but_without_the_key(recording_from: Callable, chat: Callable) -> None:
    body = json.dumps({"error": {"message": "Incorrect API key provided: <key>.", "code": "invalid_api_key"}})
    session, recorder = recording_from(401, body.encode())
    with pytest.raises(openai.AuthenticationError) as caught:
        chat(session).invoke("hi")
    assert caught.value.body == {
        "message": "Incorrect API key provided: Bearer [key].",
        "code": "invalid_api_key",
    }
    assert recorder.failures == (
        "the model (openai) answered 401: Incorrect API key provided: Bearer [key].",
    )


def test_a_rate_limit_keeps_its_headers_and_a_later_answer_makes_it_good(
    recording_from: Callable, chat: Callable, bench: Bench
) -> None:
    session, recorder = recording_from(429, b'{"error": {"message": "slow down"}}', retry_after="0.01")
    with pytest.raises(openai.RateLimitError) as caught:
        chat(session, max_retries=0).invoke("hi")
    assert caught.value.response.headers["retry-after"] == "0.01"
    assert recorder.failures == ("the model (openai) answered 429: slow down",)
    recorder._upstream = bench.recorder._upstream
    chat(session).invoke("hi")
    assert recorder.failures == ()


def test_a_search_that_is_refused_is_remembered(recording_from: Callable) -> None:
    session, recorder = recording_from(401, b'{"detail": {"error": "no such key: <key>"}}')
    assert search(session, "sf") == (401, {"detail": {"error": "no such key: [key]"}})
    assert recorder.failures == ("the search service answered 401: no such key: [key]",)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>", "its answer is not JSON"),
        (b"[" * 100_000, "its answer is not JSON"),
        (b"{}", "the provider's answer cannot be kept: the provider's answer is not a chat completion"),
        (b'{"choices": [{"message": {"tool_calls": [1]}}]}', "cannot be kept"),
    ],
)
def test_an_answer_that_is_none_is_a_refusal(
    recording_from: Callable, chat: Callable, body: bytes, says: str
) -> None:
    session, recorder = recording_from(200, body)
    with pytest.raises(openai.InternalServerError, match=says):
        chat(session, max_retries=0).invoke("hi")
    assert says in recorder.failures[0]
    assert search(session, "sf")[0] == 502


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "no-address", "http://127.0.0.1:99999"])
def test_a_provider_that_is_not_there_is_a_refusal(
    recording_from: Callable, chat: Callable, url: str
) -> None:
    session, recorder = recording_from(url=url)
    with pytest.raises(openai.InternalServerError, match="cannot be reached"):
        chat(session, max_retries=0).invoke("hi")
    assert recorder.failures[0].startswith("the model (openai) answered 502: it cannot be reached")
    assert search(session, "sf")[0] == 502


def test_a_protocol_without_an_address_is_a_refusal(open_session: Callable, chat: Callable) -> None:
    session = open_session(recorder=Recorder(Upstream({}, "")))
    with pytest.raises(openai.InternalServerError, match="no address to record openai from"):
        chat(session, max_retries=0).invoke("hi")


def test_a_client_that_gives_up_does_not_lose_what_is_paid_for(bench: Bench, chat: Callable) -> None:
    bench.provider.arm(CapGate(count=9, patience=600))
    with pytest.raises(openai.APITimeoutError):
        chat(bench.session, max_retries=0, timeout=0.2).invoke("hi")
    bench.provider.release()
    bench.provider.traffic(settle=1)
    assert chat(bench.session).invoke("hi").text == "Hello."
    assert len(bench.provider.traffic().of()) == 1


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"error": {"message": "a\nb"}}, "418: a b"),
        ({"detail": {"error": "c"}}, "418: c"),
        ({"message": "d"}, "418: d"),
        ("e", "418: e"),
        (None, "418: None"),
        ({"error": {"code": 1}}, "418: {'code': 1}"),
    ],
)
def test_a_refusal_is_one_line(body: Any, sentence: str) -> None:
    assert UpstreamError(418, body).sentence == sentence


def test_names_are_made_unique() -> None:
    taken = {"a"}
    assert [unique("a", taken), unique("a", taken), unique("b", taken)] == ["a (2)", "a (3)", "b"]
