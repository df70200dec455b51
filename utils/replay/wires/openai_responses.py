"""OpenAI's responses: whole, and streamed as server-sent events with their names.

Errors carry the provider's status, type and wording; what is ours (a missing recording) has the code
``not_recorded``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from utils.replay.conversation import Reply
from utils.replay.matching import Heard, HeardCall, ModelRequest
from utils.replay.strictness import Defect
from utils.replay.wires.base import BadRequest, Chunk, Spoken, SpokenCall, Told, WireError
from utils.replay.wires.openai_chat import OpenAIChat, refusal
from utils.replay.wires.pieces import (
    LIVE,
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

_TEXTS = ("input_text", "output_text", "text")
_ROLES: Mapping[str, Any] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}


class OpenAIResponses(OpenAIChat):
    """The wire that ``ChatOpenAI(..., use_responses_api=True)`` speaks; its refusals are those of chat."""

    name = "openai-responses"
    route = "/openai/v1/responses"

    def parse(self, body: Any, path: Mapping[str, str]) -> ModelRequest:
        asked = body.get("input") if isinstance(body, dict) else None
        if not isinstance(body, dict) or not isinstance(asked, str | list):
            msg = "Missing required parameter: 'input'."
            raise BadRequest(msg)
        if before := body.get("previous_response_id"):
            msg = f"Previous response with id '{before}' not found: recorded answers need the whole history."
            raise BadRequest(msg)
        messages = [Heard("system", _text(body["instructions"]))] if body.get("instructions") else []
        if isinstance(asked, str):
            messages.append(Heard("user", asked))
        else:
            for index, item in enumerate(asked):
                _hear(messages, item, index)
        parameters = {
            str(tool["name"]): parameter_names(tool.get("parameters"))
            for tool in listed(body, "tools")
            if isinstance(tool, dict) and tool.get("type") == "function" and "name" in tool
        }
        stream = bool(body.get("stream"))
        return ModelRequest(
            str(body.get("model", "")), tuple(messages), tuple(parameters), stream, parameters=parameters
        )

    def whole(self, spoken: Spoken) -> Mapping[str, Any]:
        return _response(spoken, "completed", list(_items(spoken)), _usage(spoken))

    def stream(self, spoken: Spoken) -> Iterator[Chunk]:
        number = -1

        def event(kind: str, *, piece: bool = False, final: bool = False, **data: Any) -> Chunk:
            nonlocal number
            number += 1
            told = {"type": kind, "sequence_number": number, **data}
            return Chunk(sse(told, kind), piece=piece, final=final)

        begun = _response(spoken, "in_progress", [], None)
        yield event("response.created", response=begun)
        yield event("response.in_progress", response=begun)
        items = list(_items(spoken))
        for index, item in enumerate(items):
            last = index == len(items) - 1
            at = {"item_id": item["id"], "output_index": index}
            if item["type"] == "message":
                part = item["content"][0]
                text = {**at, "content_index": 0}
                opening = {**item, "status": "in_progress", "content": []}
                yield event("response.output_item.added", output_index=index, item=opening)
                yield event("response.content_part.added", **text, part={**part, "text": ""})
                for piece in spoken.pieces:
                    yield event("response.output_text.delta", piece=True, **text, delta=piece, logprobs=[])
                yield event("response.output_text.done", final=last, **text, text=spoken.text, logprobs=[])
                yield event("response.content_part.done", final=last, **text, part=part)
            else:
                opening = {**item, "status": "in_progress", "arguments": ""}
                yield event("response.output_item.added", piece=True, output_index=index, item=opening)
                for piece in fragments(spoken.calls[index - len(items)].args):
                    yield event("response.function_call_arguments.delta", piece=True, **at, delta=piece)
                told = {**at, "name": item["name"], "arguments": item["arguments"]}
                yield event("response.function_call_arguments.done", final=last, **told)
            yield event("response.output_item.done", final=last, output_index=index, item=item)
        done = _response(spoken, "completed", items, _usage(spoken))
        yield event("response.completed", final=True, response=done)

    def upstream_body(self, body: Any) -> Any:
        return {key: value for key, value in body.items() if key not in ("stream", "stream_options")}

    def live_path(self, path: Mapping[str, str]) -> str:
        return "/responses"

    def told(self, event: bytes) -> Told:
        data = event_data(event)
        if data is None:
            return Told("other")
        match data.get("type"):
            case "error":
                return Told("error", said_of(data))
            case "response.failed":
                response = data.get("response")
                return Told("error", said_of(response if isinstance(response, dict) else data))
            case "response.output_text.delta":
                return Told("answer", str(data.get("delta", "")))
            case "response.function_call_arguments.delta":
                return Told("call", str(data.get("delta", "")))
            case "response.output_item.added":
                item = data.get("item")
                called = isinstance(item, dict) and item.get("type") == "function_call"
                return Told("call" if called else "other")
            case "response.completed" | "response.incomplete":
                return Told("other", ends=True)
        return Told("other")

    def trouble_event(self, message: str) -> bytes:
        told = {"type": "error", "code": LIVE, "message": message, "param": None, "sequence_number": 0}
        return sse(told, "error")

    def read(self, answer: Any) -> Reply:
        try:
            items = answer["output"]
            text = "".join(_text(item["content"]) for item in items if item["type"] == "message")
            calls = [_call(item) for item in items if item["type"] == "function_call"]
        except (KeyError, TypeError, AttributeError) as error:
            msg = "the provider's answer is not a response"
            raise BadRequest(msg) from error
        return reply_of(text, calls, counted(answer.get("usage"), "input_tokens", "output_tokens"))

    def malformed(self, defect: Defect, request: ModelRequest) -> WireError:
        first = defect.ids[0] if defect.ids else ""
        match defect.kind:
            case "no messages":
                message = "Invalid 'input': empty array. Expected an array with minimum length 1."
            case "unanswered":
                message = f"No tool output found for function call {first}."
            case "doubled":
                message = f"Duplicate call_ids submitted: {[first, first]}"
            case _:
                message = f"No tool call found for function call output with call_id {first}."
        return refusal(400, message, "invalid_request_error", param="input")


def _response(
    spoken: Spoken, status: str, output: Sequence[Mapping[str, Any]], usage: Mapping[str, Any] | None
) -> dict[str, Any]:
    return {
        "id": f"resp_{spoken.id}",
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "model": spoken.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "user": None,
        "metadata": {},
    }


def _items(spoken: Spoken) -> Iterator[dict[str, Any]]:
    """Yield what an answer consists of: a message where there is text or nothing else, then the calls."""
    if spoken.text or not spoken.calls:
        part = {"type": "output_text", "text": spoken.text, "annotations": [], "logprobs": []}
        yield {
            "id": f"msg_{spoken.id}",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [part],
        }
    yield from map(_item, spoken.calls)


def _item(call: SpokenCall) -> dict[str, Any]:
    return {
        "id": f"fc_{call.id.removeprefix(OpenAIResponses.call_prefix)}",
        "type": "function_call",
        "status": "completed",
        "arguments": json.dumps(call.args),
        "call_id": call.id,
        "name": call.name,
    }


def _usage(spoken: Spoken) -> dict[str, Any]:
    usage = spoken.usage
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.input + usage.output,
    }


def _hear(messages: list[Heard], item: Any, index: int) -> None:
    """Add what one item of the input says: calls belong to the message before them."""
    if not isinstance(item, dict):
        msg = f"Invalid type for 'input[{index}]': expected an object."
        raise BadRequest(msg)
    match item.get("type", "message"):
        case "message":
            role = _ROLES.get(str(item.get("role")))
            if role is None:
                msg = f"Invalid value for 'input[{index}].role'."
                raise BadRequest(msg)
            messages.append(Heard(role, _text(item.get("content"))))
        case "function_call":
            if not messages or messages[-1].role != "assistant":
                messages.append(Heard("assistant"))
            before = messages[-1]
            messages[-1] = replace(before, calls=(*before.calls, _call(item)))
        case "function_call_output":
            messages.append(Heard("tool", _text(item.get("output")), (), str(item.get("call_id") or "")))


def _text(content: Any) -> str:
    return "".join(texts_of(content, _TEXTS))


def _call(item: Mapping[str, Any]) -> HeardCall:
    return HeardCall(
        str(item.get("call_id", "")), str(item.get("name", "")), parsed_args(item.get("arguments"))
    )
