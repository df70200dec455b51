from __future__ import annotations

import json
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.utils.replay.talks import calling, request, say, user
from utils.replay.conversation import AnswerTurn, CallsTurn, ToolCall, Usage
from utils.replay.wires import WIRES
from utils.replay.wires.base import BadRequest, Spoken, SpokenCall, in_other_pieces, speak, split
from utils.replay.wires.openai_chat import OpenAIChat

WIRE = OpenAIChat()


def parse(**body: Any) -> Any:
    return WIRE.parse({"model": "gpt-4o", **body}, {})


def events(spoken: Spoken) -> list[dict[str, Any]]:
    lines = b"".join(chunk.data for chunk in WIRE.stream(spoken)).decode().split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]


@given(st.text())
def test_splitting_loses_nothing(text: str) -> None:
    assert "".join(split(text)) == text


def test_pieces_are_about_as_long_as_tokens() -> None:
    assert split("The weather: 20.5 °C") == ("The", " weather", ":", " 20", ".", "5", " °", "C")
    assert max(map(len, split("Donaudampfschifffahrt" * 20))) <= 9


@given(st.text(max_size=200))
def test_in_other_pieces_the_text_is_the_same_and_no_cut_is(text: str) -> None:
    def cuts(pieces: tuple[str, ...]) -> set[int]:
        return set(accumulate(map(len, pieces[:-1])))

    other = in_other_pieces(AnswerTurn(answer=text)).pieces or ()
    assert "".join(other) == text
    assert all(other)
    assert not cuts(other) & cuts(split(text))


@given(st.lists(st.text(max_size=10), max_size=5), st.dictionaries(st.text(max_size=5), st.text(max_size=30)))
def test_whole_and_stream_say_the_same(pieces: list[str], args: dict[str, str]) -> None:
    calls = (SpokenCall("call_1", "search", args),) if args else ()
    spoken = Spoken("id", "gpt-4o", tuple(pieces), calls, Usage(input=3, output=4))
    message = json.loads(json.dumps(WIRE.whole(spoken)))["choices"][0]["message"]
    told = events(spoken)
    deltas = [event["choices"][0]["delta"] for event in told if event["choices"]]
    text = "".join(delta.get("content") or "" for delta in deltas)
    fragments = [part["function"]["arguments"] for delta in deltas for part in delta.get("tool_calls", ())]
    # A lone surrogate cannot travel as UTF-8.
    assert text == (message["content"] or "").encode("utf-8", "replace").decode()
    if calls:
        assert json.loads("".join(fragments)) == json.loads(message["tool_calls"][0]["function"]["arguments"])
    assert told[-1]["usage"]["total_tokens"] == 7
    assert told[-2]["choices"][0]["finish_reason"] == ("tool_calls" if calls else "stop")


def test_arguments_come_in_fragments() -> None:
    spoken = Spoken(
        "id", "m", (), (SpokenCall("c", "search", {"query": "x" * 20}),), Usage(input=0, output=0)
    )
    parts = [
        event["choices"][0]["delta"]["tool_calls"][0]
        for event in events(spoken)
        if event["choices"] and "tool_calls" in event["choices"][0]["delta"]
    ]
    assert parts[0]["id"] == "c"
    assert parts[0]["function"] == {"name": "search", "arguments": ""}
    assert len(parts) > 4
    assert all("id" not in part for part in parts[1:])


def test_ids_depend_on_the_whole_conversation() -> None:
    reply = calling("sf", "la")
    one, same, other = (
        speak(reply, request(*told), "call_") for told in ((user("a"),), (user("a"),), (user("a"), user("a")))
    )
    assert one == same
    assert one.id != other.id
    ids = [call.id for spoken in (one, other) for call in spoken.calls]
    assert len(set(ids)) == 4
    assert all(id.startswith("call_") for id in ids)


def test_calls_bear_the_name_under_which_the_request_offers_the_tool() -> None:
    spoken = speak(calling("sf"), request(user("a"), tools=("x", "tavily_search_results_json")), "")
    assert spoken.calls[0].name == "tavily_search_results_json"
    own = CallsTurn(calls=(ToolCall(tool="lookup"),))
    assert speak(own, request(user("a"), tools=()), "").calls[0].name == "lookup"


def test_recorded_usage_is_told_and_the_rest_is_estimated() -> None:
    counted = say("hello there", usage=Usage(input=11, output=7))
    assert speak(counted, request(user("hi")), "").usage == Usage(input=11, output=7)
    guessed = speak(say("hello there"), request(user("hi")), "").usage
    assert guessed == Usage(input=5, output=2)
    assert speak(say(""), request(user("x" * 1_000_000)), "").usage.input > 200_000


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "hello",
        {},
        {"messages": None},
        {"messages": "hi"},
        {"messages": [None]},
        {"messages": ["hi"]},
        {"messages": [{"content": "hi"}]},
        {"messages": [{"role": "robot", "content": "hi"}]},
        {"messages": [{"role": {}, "content": "hi"}]},
        {"messages": [{"role": "assistant", "tool_calls": "x"}]},
        {"messages": [{"role": "assistant", "tool_calls": [3]}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"id": 1}]}]},
        {"messages": [], "tools": 3},
    ],
)
def test_what_is_no_request_of_the_protocol_is_refused(body: Any) -> None:
    with pytest.raises(BadRequest):
        WIRE.parse(body, {})


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("hi", "hi"),
        (None, ""),
        ([], ""),
        ([{"type": "text", "text": "a"}, {"type": "refusal"}, {"type": "text", "text": "b"}], "ab"),
        ([{"type": "text", "text": None}, {"type": "text"}, "x", None], ""),
        (3, ""),
        ({"text": "x"}, ""),
        ("\ud800", "\ud800"),
    ],
)
def test_content_is_read_in_every_form(content: Any, text: str) -> None:
    assert parse(messages=[{"role": "user", "content": content}]).messages[0].text == text


def test_a_message_may_have_no_content_at_all() -> None:
    assert parse(messages=[{"role": "user"}]).messages[0].text == ""


@pytest.mark.parametrize("arguments", ["", "{", "[1]", "null", None, 3, {"a": 1}, "[" * 5000])
def test_arguments_that_are_no_object_are_none(arguments: Any) -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": arguments}}
    heard = parse(messages=[{"role": "assistant", "tool_calls": [call]}]).messages[0]
    assert dict(heard.calls[0].args) == {}


def test_only_tools_with_a_name_are_offered() -> None:
    tools = [{"function": {"name": "a"}}, {"function": {}}, {"type": "x"}, None, {"function": "b"}]
    assert parse(messages=[], tools=tools).tools == ("a",)


@pytest.mark.parametrize(
    ("told", "tries"), [("", 0), ("0", 0), ("2", 2), ("x", 0), ("²", 0), ("-1", 0), ("99999", 0)]
)
def test_the_clients_word_on_retries_is_read(told: str, tries: int) -> None:
    assert WIRE.tries({"x-stainless-retry-count": told}) == tries
    assert WIRE.tries({}) == 0


def test_the_kind_of_client_is_read() -> None:
    told = [{}, {"x-stainless-async": "false"}, {"x-stainless-async": "async:asyncio"}]
    assert [WIRE.client(headers) for headers in told] == ["", "sync", "async"]


def completion(**message: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 5, "completion_tokens": 6}
    return {"model": "gpt-4o-2024", "choices": [{"message": message}], "usage": usage}


def test_a_providers_answer_is_read_by_meaning() -> None:
    call = {"id": "x", "function": {"name": "tavily_search", "arguments": '{"query": "sf"}'}}
    assert WIRE.read(completion(content=None, tool_calls=[call])) == CallsTurn(
        calls=(ToolCall(tool="search", args={"query": "sf"}),), usage=Usage(input=5, output=6)
    )
    assert WIRE.read(completion(content="hi")) == say("hi", usage=Usage(input=5, output=6))
    assert WIRE.model_of(completion()) == "gpt-4o-2024"


def test_a_server_that_does_not_count_is_a_provider_too() -> None:
    for usage in (None, {}, {"prompt_tokens": "many", "completion_tokens": 1}, 3):
        assert WIRE.read({**completion(content="hi"), "usage": usage}) == say("hi")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        None,
        {"choices": []},
        {"choices": [{}]},
        {"choices": [{"message": None}]},
        completion(tool_calls=3),
    ],
)
def test_what_is_no_answer_of_the_protocol_is_refused(answer: Any) -> None:
    with pytest.raises(BadRequest):
        WIRE.read(answer)
    assert WIRE.model_of(answer) in ("", "gpt-4o-2024")


def test_recording_never_streams() -> None:
    sent = WIRE.upstream_body({"stream": True, "stream_options": {}, "model": "m"})
    assert sent == {"model": "m"}
    assert WIRE.upstream_path("/token/openai/v1/chat/completions") == "/chat/completions"


def test_every_protocol_has_a_route_of_its_own() -> None:
    assert len({wire.route for wire in WIRES}) == len({wire.name for wire in WIRES}) == len(WIRES)
