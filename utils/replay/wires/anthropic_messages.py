"""Anthropic's messages: whole, and streamed as server-sent events with their names.

Errors carry the provider's status, type and wording; what is ours (a missing recording) has the type
``not_recorded``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from utils.replay.conversation import Reply
from utils.replay.matching import Heard, HeardCall, ModelRequest, NotRecorded
from utils.replay.strictness import Defect
from utils.replay.wires.base import BadRequest, Chunk, Spoken, SpokenCall, Told, WireError, short_hash
from utils.replay.wires.pieces import (
    LIVE,
    NO_RETRY,
    StainlessWire,
    counted,
    event_data,
    fragments,
    listed,
    parameter_names,
    place,
    reply_of,
    said_of,
    sse,
    texts_of,
)

_EMPTY_INPUT = {"type": "input_json_delta", "partial_json": ""}
"""comes first for each call"""


class AnthropicMessages(StainlessWire):
    """The wire that ``ChatAnthropic`` speaks."""

    name = "anthropic"
    provider = "anthropic"
    needs_tools = True
    route = "/anthropic/v1/messages"
    stream_type = "text/event-stream; charset=utf-8"
    call_prefix = "toolu_01"

    def parse(self, body: Any, path: Mapping[str, str]) -> ModelRequest:
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
            msg = "messages: Field required"
            raise BadRequest(msg)
        messages = [Heard("system", "".join(texts_of(body["system"])))] if body.get("system") else []
        for index, item in enumerate(body["messages"]):
            messages += _heard(item, index)
        parameters = {
            str(tool["name"]): parameter_names(tool.get("input_schema"))
            for tool in listed(body, "tools")
            if _has(tool, "name")
        }
        stream = bool(body.get("stream"))
        return ModelRequest(
            str(body.get("model", "")), tuple(messages), tuple(parameters), stream, parameters=parameters
        )

    def whole(self, spoken: Spoken) -> Mapping[str, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": spoken.text}] if spoken.text else []
        content += [{**_block(call), "input": call.args} for call in spoken.calls]
        stop = {"stop_reason": _stop(spoken), "stop_sequence": None}
        return {**_head(spoken), "content": content, **stop, "usage": _usage(spoken)}

    def stream(self, spoken: Spoken) -> Iterator[Chunk]:
        start: dict[str, Any] = {"content": [], "stop_reason": None, "stop_sequence": None}
        usage = {**_usage(spoken), "output_tokens": 1}
        yield _event("message_start", message={**_head(spoken), **start, "usage": usage})
        blocks = _blocks(spoken)
        for index, (opening, deltas) in enumerate(blocks):
            # A tool's block is opened with its name: that much of the call has arrived.
            named = opening["type"] == "tool_use"
            yield _event("content_block_start", piece=named, index=index, content_block=opening)
            if index == 0:
                yield _event("ping")
            for delta in deltas:
                yield _event("content_block_delta", piece=delta != _EMPTY_INPUT, index=index, delta=delta)
            yield _event("content_block_stop", final=index == len(blocks) - 1, index=index)
        delta = {"stop_reason": _stop(spoken), "stop_sequence": None}
        yield _event("message_delta", final=True, delta=delta, usage=_usage(spoken))
        yield _event("message_stop", final=True)

    def upstream_path(self, path: str) -> str:
        return path[path.index("/anthropic/v1") + len("/anthropic") :]

    def upstream_body(self, body: Any) -> Any:
        return {key: value for key, value in body.items() if key != "stream"}

    def live_path(self, path: Mapping[str, str]) -> str:
        return "/v1/messages"

    def told(self, event: bytes) -> Told:
        data = event_data(event)
        if data is None:
            return Told("other")
        match data.get("type"):
            case "error":
                return Told("error", said_of(data))
            case "message_stop":
                return Told("other", ends=True)
            case "content_block_start" if _has(data.get("content_block"), "type"):
                called = data["content_block"]["type"] == "tool_use"
                return Told("call" if called else "other")
            case "content_block_delta" if _has(data.get("delta"), "type"):
                delta = data["delta"]
                if delta["type"] == "text_delta":
                    return Told("answer", str(delta.get("text", "")))
                if delta["type"] == "input_json_delta" and delta.get("partial_json"):
                    return Told("call", str(delta["partial_json"]))
        return Told("other")

    def read(self, answer: Any) -> Reply:
        content = answer.get("content") if isinstance(answer, dict) else None
        if not isinstance(content, list):
            msg = "the provider's answer is not a message"
            raise BadRequest(msg)
        text, calls = "".join(texts_of(content)), list(_calls(content))
        return reply_of(text, calls, counted(answer.get("usage"), "input_tokens", "output_tokens"))

    def malformed(self, defect: Defect, request: ModelRequest) -> WireError:
        at, block = place(request.messages, defect.position)
        ids = ", ".join(dict.fromkeys(defect.ids))
        asked = request.messages[defect.position].role == "assistant" if request.messages else False
        match defect.kind:
            case "no messages":
                message = "messages: at least one message is required"
            case "no tools":
                message = "Requests which include `tool_use` or `tool_result` blocks must define tools."
            case "unanswered":
                message = (
                    f"messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately "
                    f"after: {ids}. Each `tool_use` block must have a corresponding `tool_result` block in "
                    "the next message."
                )
            case "doubled" if asked:
                message = f"messages.{at}: `tool_use` ids must be unique"
            case "doubled":
                message = (
                    f"messages.{at}.content.{block}: each tool_use must have a single result. Found multiple "
                    f"`tool_result` blocks with id: {ids}"
                )
            case "unexpected" | "unknown":
                message = (
                    f"messages.{at}.content.{block}: unexpected `tool_use_id` found in `tool_result` blocks: "
                    f"{ids}. Each `tool_result` block must have a corresponding `tool_use` block in the "
                    "previous message."
                )
        return _refusal(400, message, "invalid_request_error")

    def bad_request(self, message: str) -> WireError:
        return _refusal(400, message, "invalid_request_error")

    def not_recorded(self, miss: NotRecorded) -> WireError:
        return _refusal(422, miss.sentence, "not_recorded")

    def trouble(self, status: int, message: str, headers: Mapping[str, str]) -> WireError:
        return _refusal(status, message, LIVE, headers=headers)

    def trouble_event(self, message: str) -> bytes:
        return sse({"type": "error", "error": {"type": LIVE, "message": message}}, "error")

    def rate_limited(self, seconds: float) -> WireError:
        message = "This request would exceed your organization's rate limit. Please try again later."
        return _refusal(429, message, "rate_limit_error", headers={"retry-after": f"{seconds:g}"})

    def failed(self) -> WireError:
        return _refusal(500, "Internal server error", "api_error", headers={})


def _refusal(status: int, message: str, kind: str, *, headers: Mapping[str, str] = NO_RETRY) -> WireError:
    id = f"req_{short_hash(status, message)}"
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": id}
    reason = message if kind == "not_recorded" else None
    return WireError(status, body, {**headers, "request-id": id}, reason=reason)


def _event(kind: str, *, piece: bool = False, final: bool = False, **data: Any) -> Chunk:
    return Chunk(sse({"type": kind, **data}, kind), piece=piece, final=final)


def _head(spoken: Spoken) -> dict[str, Any]:
    return {"id": f"msg_01{spoken.id}", "type": "message", "role": "assistant", "model": spoken.model}


def _block(call: SpokenCall) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}


def _blocks(spoken: Spoken) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Return for each block of an answer how it opens, and what follows in pieces."""
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if spoken.text:
        texts = [{"type": "text_delta", "text": piece} for piece in spoken.pieces]
        blocks.append(({"type": "text", "text": ""}, texts))
    for call in spoken.calls:
        inputs = [{"type": "input_json_delta", "partial_json": part} for part in fragments(call.args)]
        blocks.append((_block(call), [_EMPTY_INPUT, *inputs]))
    return blocks


def _stop(spoken: Spoken) -> str:
    return "tool_use" if spoken.calls else "end_turn"


def _usage(spoken: Spoken) -> dict[str, Any]:
    return {
        "input_tokens": spoken.usage.input,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": spoken.usage.output,
    }


def _has(item: Any, *keys: str) -> bool:
    return isinstance(item, dict) and all(key in item for key in keys)


def _heard(item: Any, index: int) -> Iterator[Heard]:
    """Yield what one message says: for a person's, the results of tools and a question for each text."""
    role = item.get("role") if isinstance(item, dict) else None
    content = item.get("content") if isinstance(item, dict) else None
    if not isinstance(content, str | list):
        msg = f"messages.{index}.content: Input should be a valid list"
        raise BadRequest(msg)
    match role:
        case "user":
            said = False
            for block in content if isinstance(content, list) else [{"type": "text", "text": content}]:
                if _has(block, "tool_use_id"):
                    result = "".join(texts_of(block.get("content")))
                    yield Heard("tool", result, (), str(block["tool_use_id"]))
                    said = True
                # The client puts neighbouring messages of a person into one: each text may be a question.
                for text in texts_of([block]):
                    yield Heard("user", text)
                    said = True
            if not said:
                yield Heard("user")
        case "system":
            yield Heard("system", "".join(texts_of(content)))
        case "assistant":
            yield Heard("assistant", "".join(texts_of(content)), tuple(_calls(content)))
        case _:
            msg = f"messages.{index}.role: Input should be 'user' or 'assistant'"
            raise BadRequest(msg)


def _calls(content: Any) -> Iterator[HeardCall]:
    for block in content if isinstance(content, list) else ():
        if _has(block, "type") and block["type"] == "tool_use":
            args = block.get("input")
            yield HeardCall(
                str(block.get("id", "")), str(block.get("name", "")), args if isinstance(args, dict) else {}
            )
