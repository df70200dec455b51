"""OpenAI's chat completions: whole, and streamed as server-sent events.

Errors carry the provider's status, type and wording; what is ours (a missing recording) has the code
``not_recorded``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from utils.replay.conversation import Reply
from utils.replay.matching import Heard, HeardCall, ModelRequest, NotRecorded
from utils.replay.strictness import Defect
from utils.replay.wires.base import BadRequest, Chunk, Spoken, Told, WireError
from utils.replay.wires.pieces import (
    DONE,
    LIVE,
    NO_RETRY,
    StainlessWire,
    counted,
    event_data,
    fragments,
    listed,
    parameter_names,
    parsed_args,
    reply_of,
    said_of,
    sse,
    texts_of,
)

_ROLES: Mapping[str, Any] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}


class OpenAIChat(StainlessWire):
    """The wire that ``ChatOpenAI(model="gpt-4o")`` speaks."""

    name = "openai"
    provider = "openai"
    needs_tools = False
    route = "/openai/v1/chat/completions"
    stream_type = "text/event-stream; charset=utf-8"
    call_prefix = "call_"

    def parse(self, body: Any, path: Mapping[str, str]) -> ModelRequest:
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
            msg = "Missing required parameter: 'messages'."
            raise BadRequest(msg)
        messages = tuple(_heard(item, i) for i, item in enumerate(body["messages"]))
        functions = [
            tool["function"]
            for tool in listed(body, "tools")
            if isinstance(tool, dict)
            and isinstance(tool.get("function"), dict)
            and "name" in tool["function"]
        ]
        parameters = {str(one["name"]): parameter_names(one.get("parameters")) for one in functions}
        stream = bool(body.get("stream"))
        return ModelRequest(
            str(body.get("model", "")), messages, tuple(parameters), stream, parameters=parameters
        )

    def whole(self, spoken: Spoken) -> Mapping[str, Any]:
        message: dict[str, Any] = {
            "role": "assistant",
            "content": spoken.text or None,
            "refusal": None,
            "annotations": [],
        }
        if spoken.calls:
            message["tool_calls"] = [
                {
                    "id": c.id,
                    "type": "function",
                    "function": {"name": c.name, "arguments": json.dumps(c.args)},
                }
                for c in spoken.calls
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(spoken)}
        return {**_head(spoken, "chat.completion"), "choices": [choice], "usage": _usage(spoken)}

    def stream(self, spoken: Spoken) -> Iterator[Chunk]:
        head = _head(spoken, "chat.completion.chunk")

        def event(delta: Mapping[str, Any] | None, finish: str | None = None, usage: Any = None) -> bytes:
            choices = []
            if delta is not None:
                choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
            return sse({**head, "choices": choices, "usage": usage})

        content = "" if spoken.pieces or not spoken.calls else None
        yield Chunk(event({"role": "assistant", "content": content, "refusal": None}), piece=False)
        for piece in spoken.pieces:
            yield Chunk(event({"content": piece}), piece=True)
        for index, call in enumerate(spoken.calls):
            function = {"name": call.name, "arguments": ""}
            opening = {"index": index, "id": call.id, "type": "function", "function": function}
            yield Chunk(event({"tool_calls": [opening]}), piece=True)
            for fragment in fragments(call.args):
                part = {"index": index, "function": {"arguments": fragment}}
                yield Chunk(event({"tool_calls": [part]}), piece=True)
        yield Chunk(event({}, finish=_finish(spoken)), piece=False, final=True)
        yield Chunk(event(None, usage=_usage(spoken)), piece=False, final=True)
        yield Chunk(b"data: [DONE]\n\n", piece=False, final=True)

    def upstream_path(self, path: str) -> str:
        return path[path.index("/openai/v1") + len("/openai/v1") :]

    def upstream_body(self, body: Any) -> Any:
        return {key: value for key, value in body.items() if key not in ("stream", "stream_options")}

    def live_path(self, path: Mapping[str, str]) -> str:
        return "/chat/completions"

    def told(self, event: bytes) -> Told:
        data = event_data(event)
        if data is None:
            return Told("other", ends=DONE.encode() in event)
        if data.get("error"):
            return Told("error", said_of(data))
        try:
            choice = next(iter(data.get("choices") or ()), None) or {}
            delta, ends = choice.get("delta") or {}, bool(choice.get("finish_reason"))
            functions = [call.get("function") or {} for call in delta.get("tool_calls") or ()]
            text = delta.get("content")
        except (TypeError, AttributeError) as error:
            msg = "an event of the stream is not a chunk of a chat completion"
            raise BadRequest(msg) from error
        if functions:
            return Told("call", "".join(str(one.get("arguments") or "") for one in functions), ends)
        return Told("answer", str(text), ends) if text else Told("other", ends=ends)

    def read(self, answer: Any) -> Reply:
        try:
            message = answer["choices"][0]["message"]
            text = _text(message.get("content"))
            calls = list(_calls(listed(message, "tool_calls")))
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            msg = "the provider's answer is not a chat completion"
            raise BadRequest(msg) from error
        return reply_of(text, calls, counted(answer.get("usage"), "prompt_tokens", "completion_tokens"))

    def malformed(self, defect: Defect, request: ModelRequest) -> WireError:
        at = defect.position
        ids = ", ".join(defect.ids)
        param = f"messages.[{at}].tool_call_id"
        match defect.kind:
            case "no messages":
                message = "Invalid 'messages': empty array. Expected an array with minimum length 1."
                param = "messages"
            case "unanswered":
                message = (
                    "An assistant message with 'tool_calls' must be followed by tool messages responding to "
                    f"each 'tool_call_id'. The following tool_call_ids did not have response messages: {ids}"
                )
                param = f"messages.[{at}].role"
            case "unexpected":
                message = (
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message "
                    "with 'tool_calls'."
                )
                param = f"messages.[{at}].role"
            case "unknown":
                message = (
                    f"Invalid parameter: 'tool_call_id' of '{ids}' not found in 'tool_calls' of previous "
                    "message."
                )
            case "doubled":
                message = f"Duplicate value for 'tool_call_id' of '{ids}' in message[{at}]."
            case "no tools":
                message = "Messages with tool calls need 'tools'."  # never asked for: see needs_tools
        return refusal(400, message, "invalid_request_error", param=param)

    def bad_request(self, message: str) -> WireError:
        return refusal(400, message, "invalid_request_error")

    def not_recorded(self, miss: NotRecorded) -> WireError:
        return refusal(422, miss.sentence, "not_recorded", code="not_recorded")

    def trouble(self, status: int, message: str, headers: Mapping[str, str]) -> WireError:
        return refusal(status, message, LIVE, code=LIVE, headers=headers)

    def trouble_event(self, message: str) -> bytes:
        return sse({"error": {"message": message, "type": LIVE, "param": None, "code": LIVE}})

    def rate_limited(self, seconds: float) -> WireError:
        message = f"Rate limit reached for requests. Please try again in {seconds:g}s."
        headers = {"retry-after": f"{seconds:g}"}
        return refusal(429, message, "requests", code="rate_limit_exceeded", headers=headers)

    def failed(self) -> WireError:
        message = "The server had an error while processing your request. Sorry about that!"
        return refusal(500, message, "server_error", headers={})


def refusal(
    status: int,
    message: str,
    kind: str,
    *,
    param: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] = NO_RETRY,
) -> WireError:
    """Return an error as OpenAI's protocols tell it."""
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return WireError(status, body, headers, reason=message if code == "not_recorded" else None)


def _head(spoken: Spoken, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{spoken.id}",
        "object": kind,
        "created": int(time.time()),
        "model": spoken.model,
        "service_tier": "default",
        "system_fingerprint": "fp_recorded",
    }


def _finish(spoken: Spoken) -> str:
    return "tool_calls" if spoken.calls else "stop"


def _usage(spoken: Spoken) -> dict[str, Any]:
    usage = spoken.usage
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _heard(item: Any, index: int) -> Heard:
    role = _ROLES.get(str(item.get("role"))) if isinstance(item, dict) else None
    if role is None:
        msg = f"Invalid value for 'messages[{index}].role'."
        raise BadRequest(msg)
    return Heard(
        role,
        _text(item.get("content")),
        tuple(_calls(listed(item, "tool_calls"))),
        str(item.get("tool_call_id") or ""),
    )


def _text(content: Any) -> str:
    return "".join(texts_of(content))


def _calls(items: Sequence[Any]) -> Iterator[HeardCall]:
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get("function"), dict):
            msg = "Invalid value for 'tool_calls'."
            raise BadRequest(msg)
        function = item["function"]
        yield HeardCall(
            str(item.get("id", "")), str(function.get("name", "")), parsed_args(function.get("arguments"))
        )
