"""OpenAI's chat completions: whole, and streamed as server-sent events.

Errors carry the provider's status, type and wording; what is ours (a missing recording) has the code
``not_recorded``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from utils.replay.conversation import SEARCH, AnswerTurn, CallsTurn, Reply, ToolCall, Usage
from utils.replay.matching import Heard, HeardCall, ModelRequest, NotRecorded
from utils.replay.strictness import Defect
from utils.replay.wires.base import BadRequest, Chunk, Spoken, WireError

_ROLES: Mapping[str, Any] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_NO_RETRY = {"x-should-retry": "false"}


class OpenAIChat:
    """The wire that ``ChatOpenAI(model="gpt-4o")`` speaks."""

    name = "openai"
    route = "/openai/v1/chat/completions"
    stream_type = "text/event-stream; charset=utf-8"
    call_prefix = "call_"

    def parse(self, body: Any, path: Mapping[str, str]) -> ModelRequest:
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
            msg = "Missing required parameter: 'messages'."
            raise BadRequest(msg)
        messages = tuple(_heard(item, i) for i, item in enumerate(body["messages"]))
        tools = tuple(
            str(tool["function"]["name"])
            for tool in _list(body, "tools")
            if isinstance(tool, dict)
            and isinstance(tool.get("function"), dict)
            and "name" in tool["function"]
        )
        return ModelRequest(self.name, str(body.get("model", "")), messages, tools, bool(body.get("stream")))

    def client(self, headers: Mapping[str, str]) -> str:
        told = headers.get("x-stainless-async", "")
        return "" if not told else "sync" if told == "false" else "async"

    def tries(self, headers: Mapping[str, str]) -> int:
        told = headers.get("x-stainless-retry-count", "")
        return int(told) if told.isascii() and told.isdigit() and len(told) < 4 else 0

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
            data = {**head, "choices": choices, "usage": usage}
            text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
            return b"data: " + text.encode("utf-8", "replace") + b"\n\n"

        content = "" if spoken.pieces or not spoken.calls else None
        yield Chunk(event({"role": "assistant", "content": content, "refusal": None}), piece=False)
        for piece in spoken.pieces:
            yield Chunk(event({"content": piece}), piece=True)
        for index, call in enumerate(spoken.calls):
            function = {"name": call.name, "arguments": ""}
            opening = {"index": index, "id": call.id, "type": "function", "function": function}
            yield Chunk(event({"tool_calls": [opening]}), piece=True)
            for fragment in _fragments(json.dumps(call.args)):
                part = {"index": index, "function": {"arguments": fragment}}
                yield Chunk(event({"tool_calls": [part]}), piece=True)
        yield Chunk(event({}, finish=_finish(spoken)), piece=False, final=True)
        yield Chunk(event(None, usage=_usage(spoken)), piece=False, final=True)
        yield Chunk(b"data: [DONE]\n\n", piece=False, final=True)

    def upstream_path(self, path: str) -> str:
        return path[path.index("/openai/v1") + len("/openai/v1") :]

    def upstream_body(self, body: Any) -> Any:
        return {key: value for key, value in body.items() if key not in ("stream", "stream_options")}

    def read(self, answer: Any) -> Reply:
        try:
            message = answer["choices"][0]["message"]
            text = _text(message.get("content"))
            asked_for = list(_calls(_list(message, "tool_calls")))
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            msg = "the provider's answer is not a chat completion"
            raise BadRequest(msg) from error
        usage = _counted(answer.get("usage"))
        calls = tuple(
            ToolCall(tool=SEARCH if "search" in call.name.casefold() else call.name, args=dict(call.args))
            for call in asked_for
        )
        if calls:
            return CallsTurn(calls=calls, say=text, usage=usage)
        return AnswerTurn(answer=text, usage=usage)

    def model_of(self, answer: Any) -> str:
        told = answer.get("model") if isinstance(answer, dict) else None
        return str(told or "unknown")

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
        return _refusal(400, message, "invalid_request_error", param=param)

    def bad_request(self, message: str) -> WireError:
        return _refusal(400, message, "invalid_request_error")

    def not_recorded(self, miss: NotRecorded) -> WireError:
        return _refusal(422, miss.sentence, "not_recorded", code="not_recorded")

    def rate_limited(self, seconds: float) -> WireError:
        message = f"Rate limit reached for requests. Please try again in {seconds:g}s."
        headers = {"retry-after": f"{seconds:g}"}
        return _refusal(429, message, "requests", code="rate_limit_exceeded", headers=headers)

    def failed(self) -> WireError:
        message = "The server had an error while processing your request. Sorry about that!"
        return _refusal(500, message, "server_error", headers={})


def _refusal(
    status: int,
    message: str,
    kind: str,
    *,
    param: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] = _NO_RETRY,
) -> WireError:
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


def _counted(usage: Any) -> Usage | None:
    """The provider's count; ``None`` from servers that do not count."""
    try:
        return Usage(input=usage["prompt_tokens"], output=usage["completion_tokens"])
    except (KeyError, TypeError, ValueError):
        return None


def _fragments(text: str, size: int = 5) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def _heard(item: Any, index: int) -> Heard:
    role = _ROLES.get(str(item.get("role"))) if isinstance(item, dict) else None
    if role is None:
        msg = f"Invalid value for 'messages[{index}].role'."
        raise BadRequest(msg)
    return Heard(
        role,
        _text(item.get("content")),
        tuple(_calls(_list(item, "tool_calls"))),
        str(item.get("tool_call_id") or ""),
    )


def _list(of: Mapping[str, Any], key: str) -> list[Any]:
    """A list that a client may leave out or send as null."""
    found = of.get(key)
    if found is not None and not isinstance(found, list):
        msg = f"Invalid type for '{key}': expected an array."
        raise BadRequest(msg)
    return found or []


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        blocks = (block for block in content if isinstance(block, dict) and block.get("type") == "text")
        return "".join(text for block in blocks if isinstance(text := block.get("text"), str))
    return ""


def _calls(items: Sequence[Any]) -> Iterator[HeardCall]:
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get("function"), dict):
            msg = "Invalid value for 'tool_calls'."
            raise BadRequest(msg)
        function = item["function"]
        try:
            args = json.loads(function.get("arguments") or "{}")
        except (ValueError, TypeError, RecursionError):
            args = {}
        yield HeardCall(
            str(item.get("id", "")), str(function.get("name", "")), args if isinstance(args, dict) else {}
        )
