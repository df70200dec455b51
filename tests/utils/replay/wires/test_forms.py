"""What each protocol's bytes look like, and what is read from them; botocore reads our frames."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from tests.utils.replay.talks import say
from utils.replay.conversation import CallsTurn, ToolCall, Usage
from utils.replay.wires import WIRES, Wire
from utils.replay.wires.anthropic_messages import AnthropicMessages
from utils.replay.wires.base import BadRequest, Spoken, SpokenCall
from utils.replay.wires.bedrock_converse import BedrockConverse
from utils.replay.wires.openai_responses import OpenAIResponses

ANTHROPIC, BEDROCK, RESPONSES = AnthropicMessages(), BedrockConverse(), OpenAIResponses()
CALLS = (SpokenCall("id_1", "search", {"query": "sf now"}), SpokenCall("id_2", "look", {}))
SPOKEN = Spoken("abc", "m", ("Let", " me."), CALLS, Usage(input=3, output=4))


def sse(wire: Wire, spoken: Spoken) -> list[dict[str, Any]]:
    """The events of a stream; each one's name is its type."""
    told = []
    for block in b"".join(chunk.data for chunk in wire.stream(spoken)).decode().split("\n\n")[:-1]:
        name, data = block.split("\n")
        told.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {told[-1]['type']}"
    return told


def frames(spoken: Spoken) -> list[tuple[str, dict[str, Any]]]:
    """Name and content of each frame, as AWS's own reader finds them; it checks the checksums."""
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(chunk.data for chunk in BEDROCK.stream(spoken)))
    told = []
    for event in buffer:
        assert event.headers[":message-type"] == "event"
        assert event.headers[":content-type"] == "application/json"
        told.append((event.headers[":event-type"], json.loads(event.payload)))
    return told


# Order of events


def test_anthropic_s_events_come_in_its_order() -> None:
    told = sse(ANTHROPIC, SPOKEN)
    names = [event["type"].removeprefix("content_block_") for event in told]
    assert names[:5] == ["message_start", "start", "ping", "delta", "delta"]
    assert names[-3:] == ["stop", "message_delta", "message_stop"]
    assert names.count("start") == names.count("stop") == 3
    start = told[0]["message"]
    assert (start["id"], start["content"], start["stop_reason"]) == ("msg_01abc", [], None)
    opened = [event["content_block"] for event in told if event["type"] == "content_block_start"]
    assert opened[0] == {"type": "text", "text": ""}
    assert opened[1] == {"type": "tool_use", "id": "id_1", "name": "search", "input": {}}
    inputs = [
        event["delta"]["partial_json"] for event in told if event.get("index") == 1 and "delta" in event
    ]
    assert inputs[0] == ""
    assert len(inputs) > 3
    assert json.loads("".join(inputs)) == {"query": "sf now"}
    assert told[-2]["delta"]["stop_reason"] == "tool_use"
    assert told[-2]["usage"]["output_tokens"] == 4


def test_bedrock_s_events_come_in_its_order() -> None:
    told = frames(SPOKEN)
    names = [name.removeprefix("contentBlock") for name, _ in told]
    assert names[:4] == ["messageStart", "Delta", "Delta", "Stop"], "a text has no start of its own"
    assert names[-3:] == ["Stop", "messageStop", "metadata"]
    starts = [data for name, data in told if name == "contentBlockStart"]
    assert starts[0] == {
        "contentBlockIndex": 1,
        "start": {"toolUse": {"toolUseId": "id_1", "name": "search"}},
    }
    assert starts[1]["contentBlockIndex"] == 2
    inputs = [data["delta"]["toolUse"]["input"] for _, data in told if "toolUse" in data.get("delta", {})]
    assert json.loads("".join(inputs[:-1])) == {"query": "sf now"}
    assert told[-2][1] == {"stopReason": "tool_use"}
    assert told[-1][1]["usage"] == {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}


def test_the_events_of_responses_come_in_their_order() -> None:
    told = sse(RESPONSES, SPOKEN)
    names = [event["type"].removeprefix("response.") for event in told]
    assert names[:4] == ["created", "in_progress", "output_item.added", "content_part.added"]
    assert names[4:9] == [
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
    ]
    assert names[-2:] == ["output_item.done", "completed"]
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    done = [event["arguments"] for event in told if event["type"] == "response.function_call_arguments.done"]
    assert done == ['{"query": "sf now"}', "{}"]
    answer = told[-1]["response"]
    assert (answer["id"], answer["status"]) == ("resp_abc", "completed")
    assert [item["id"] for item in answer["output"]] == ["msg_abc", "fc_id_1", "fc_id_2"]
    assert [event["item"]["type"] for event in told if event["type"] == "response.output_item.added"] == [
        "message",
        "function_call",
        "function_call",
    ]


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
@pytest.mark.parametrize(
    "spoken", [SPOKEN, Spoken("a", "m", ("x",), (), SPOKEN.usage)], ids=["calls", "text"]
)
def test_the_proper_end_comes_last(wire: Wire, spoken: Spoken) -> None:
    ends = [chunk.final for chunk in wire.stream(spoken)]
    assert ends == sorted(ends), "what a cut leaves out is the end and nothing else"
    assert ends[-1]
    last_piece = max(index for index, chunk in enumerate(wire.stream(spoken)) if chunk.piece)
    assert not any(ends[: last_piece + 1])


@given(
    st.lists(st.text(max_size=10), max_size=4),
    st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=2), max_size=2),
)
def test_whole_and_stream_say_the_same(pieces: list[str], told: list[dict[str, str]]) -> None:
    calls = tuple(SpokenCall(f"id_{index}", "search", args) for index, args in enumerate(told))
    spoken = Spoken("id", "m", tuple(pieces), calls, Usage(input=3, output=4))
    wanted = spoken.text.encode("utf-8", "replace").decode()

    events = sse(ANTHROPIC, spoken)
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(delta.get("text", "") for delta in deltas) == wanted
    whole: Any = _as_sent(ANTHROPIC.whole(spoken))
    assert "".join(block["text"] for block in whole["content"] if block["type"] == "text") == wanted
    assert [block["input"] for block in whole["content"] if block["type"] == "tool_use"] == _as_sent(told)

    seen = [data.get("delta", {}) for _, data in frames(spoken)]
    assert "".join(delta.get("text", "") for delta in seen) == wanted
    whole = _as_sent(BEDROCK.whole(spoken))
    content = whole["output"]["message"]["content"]
    assert "".join(block.get("text", "") for block in content) == wanted
    assert [block["toolUse"]["input"] for block in content if "toolUse" in block] == _as_sent(told)

    events = sse(RESPONSES, spoken)
    assert "".join(event["delta"] for event in events if event["type"].endswith("text.delta")) == wanted
    whole = _as_sent(RESPONSES.whole(spoken))
    assert whole["output"] == events[-1]["response"]["output"]
    assert [json.loads(item["arguments"]) for item in whole["output"] if item["type"] != "message"] == told


def _as_sent(data: Any) -> Any:
    return json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))


# Requests


def test_a_model_s_name_may_hold_anything() -> None:
    path = {"model": "arn:aws:bedrock:eu-west-1::foundation-model%2Fm-v1%3A0", "operation": "converse-stream"}
    asked = BEDROCK.parse({"messages": [{"role": "user", "content": [{"text": "hi"}]}]}, path)
    assert asked.model == "arn:aws:bedrock:eu-west-1::foundation-model/m-v1:0"
    assert asked.stream
    assert not BEDROCK.parse({"messages": []}, {"model": "m", "operation": "converse"}).stream


def test_results_of_bedrock_may_be_json_or_empty() -> None:
    results = [
        {
            "toolResult": {
                "toolUseId": "a",
                "content": [{"json": {"°C": 20}}, {"text": "!"}],
                "status": "error",
            }
        },
        {"toolResult": {"toolUseId": "b", "content": []}},
    ]
    asked = BEDROCK.parse({"messages": [{"role": "user", "content": results}]}, {})
    assert [(message.role, message.text) for message in asked.messages] == [
        ("tool", '{"°C": 20}!'),
        ("tool", ""),
    ]


def test_what_comes_before_the_results_comes_before_them() -> None:
    result = {"type": "tool_result", "tool_use_id": "a"}
    content = [{"type": "text", "text": "and"}, result, {"type": "text", "text": "so?"}]
    asked = ANTHROPIC.parse({"messages": [{"role": "user", "content": content}]}, {})
    assert [(message.role, message.text) for message in asked.messages] == [
        ("user", "and"),
        ("tool", ""),
        ("user", "so?"),
    ]


def test_thoughts_are_passed_over() -> None:
    content = [{"type": "thinking", "thinking": "hm", "signature": "x"}, {"type": "text", "text": "a"}]
    asked = ANTHROPIC.parse({"messages": [{"role": "assistant", "content": content}]}, {})
    assert asked.messages[0].text == "a"
    asked = RESPONSES.parse(
        {"input": [{"type": "reasoning", "summary": []}, {"role": "user", "content": "q"}]}, {}
    )
    assert [message.role for message in asked.messages] == ["user"]


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (ANTHROPIC, {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]}),
        (ANTHROPIC, {"messages": [{"role": "user", "content": [{"type": "document", "source": {}}]}]}),
        (BEDROCK, {"messages": [{"role": "user", "content": [{"image": {}}]}]}),
        (
            BEDROCK,
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"toolResult": {"toolUseId": "a", "content": [{"document": {}}]}}],
                    }
                ]
            },
        ),
        (RESPONSES, {"input": [{"role": "user", "content": [{"type": "input_image"}]}]}),
        (RESPONSES, {"input": [{"type": "function_call_output", "output": [{"type": "input_file"}]}]}),
    ],
)
def test_pictures_and_files_are_refused_wherever_they_are(wire: Wire, body: Mapping[str, Any]) -> None:
    with pytest.raises(BadRequest, match="Recorded answers are about text alone"):
        wire.parse(body, {})


@pytest.mark.parametrize("told", ["attempt=3; max=5", "attempt=1", "", "attempt=x", "attempt=99999"])
def test_bedrock_s_client_tells_its_attempts(told: str) -> None:
    assert BEDROCK.tries({"amz-sdk-request": told}) == (2 if told.startswith("attempt=3") else 0)
    assert BEDROCK.tries({}) == 0


# Answers of providers

ANSWERS: Mapping[str, tuple[Wire, Any, Any]] = {
    "anthropic": (
        ANTHROPIC,
        {
            "model": "claude",
            "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "text", "text": "One moment."},
                {"type": "tool_use", "id": "a", "name": "tavily_search", "input": {"query": "sf"}},
            ],
            "usage": {"input_tokens": 5, "output_tokens": 6},
        },
        {"model": "claude", "content": [{"type": "text", "text": "hi"}]},
    ),
    "bedrock": (
        BEDROCK,
        {
            "output": {
                "message": {
                    "content": [
                        {"reasoningContent": {}},
                        {"text": "One moment."},
                        {"toolUse": {"toolUseId": "a", "name": "tavily_search", "input": {"query": "sf"}}},
                    ]
                }
            },
            "usage": {"inputTokens": 5, "outputTokens": 6},
        },
        {"output": {"message": {"content": [{"text": "hi"}]}}},
    ),
    "responses": (
        RESPONSES,
        {
            "model": "gpt",
            "output": [
                {"type": "reasoning", "summary": []},
                {"type": "message", "content": [{"type": "output_text", "text": "One moment."}]},
                {
                    "type": "function_call",
                    "call_id": "a",
                    "name": "tavily_search",
                    "arguments": '{"query": "sf"}',
                },
            ],
            "usage": {"input_tokens": 5, "output_tokens": 6},
        },
        {"output": [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]},
    ),
}


@pytest.mark.parametrize(("wire", "calling", "text"), ANSWERS.values(), ids=ANSWERS)
def test_a_providers_answer_is_read_by_meaning(wire: Wire, calling: Any, text: Any) -> None:
    assert wire.read(calling) == CallsTurn(
        calls=(ToolCall(tool="search", args={"query": "sf"}),),
        say="One moment.",
        usage=Usage(input=5, output=6),
    )
    assert wire.read(text) == say("hi")
    for nothing in ({}, [], None, {"content": 3, "output": 3}, {"content": None, "output": [None]}):
        with pytest.raises(BadRequest):
            wire.read(nothing)
        assert wire.model_of(nothing) == ""


def test_recording_never_streams() -> None:
    for wire in (ANTHROPIC, RESPONSES):
        assert wire.upstream_body({"stream": True, "model": "m"}) == {"model": "m"}
    assert ANTHROPIC.upstream_path("/token/anthropic/v1/messages?beta=true") == "/v1/messages?beta=true"
    assert RESPONSES.upstream_path("/token/openai/v1/responses") == "/responses"
    assert BEDROCK.upstream_path("/token/bedrock/model/a%3A0/converse-stream") == "/model/a%3A0/converse"
