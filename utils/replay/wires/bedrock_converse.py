"""Bedrock's Converse: whole, and streamed in AWS's binary frames.

Errors carry the provider's status, name and wording; what is ours (a missing recording) is a
ValidationException with the status 422, which Bedrock itself never gives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

from utils.replay.conversation import Reply
from utils.replay.matching import Heard, HeardCall, ModelRequest, NotRecorded
from utils.replay.strictness import Defect
from utils.replay.wires.base import BadRequest, Chunk, Spoken, Told, WireError, short_hash
from utils.replay.wires.eventstream import frame, next_frame, told_by
from utils.replay.wires.pieces import (
    LIVE,
    counted,
    dumps,
    fragments,
    listed,
    parameter_names,
    place,
    refuse_media,
    reply_of,
    said_of,
    small_number,
)

_ATTEMPT = re.compile(r"attempt=(\d+)")


class BedrockConverse:
    """The wire that ``ChatBedrockConverse`` speaks."""

    name = "bedrock"
    provider = "bedrock"
    needs_tools = True
    route = "/bedrock/model/{model}/{operation:converse(?:-stream)?}"
    stream_type = "application/vnd.amazon.eventstream"
    call_prefix = "tooluse_"

    def parse(self, body: Any, path: Mapping[str, str]) -> ModelRequest:
        if not isinstance(body, dict):
            msg = "The request body is not valid JSON."
            raise BadRequest(msg)
        system = "".join(text for block in listed(body, "system") for text in _texts(block))
        messages = [Heard("system", system)] if system else []
        for index, item in enumerate(listed(body, "messages")):
            messages += _heard(item, index)
        config = body.get("toolConfig")
        specs = [
            tool.get("toolSpec")
            for tool in listed(config if isinstance(config, dict) else {}, "tools")
            if isinstance(tool, dict)
        ]
        parameters = {
            str(spec["name"]): parameter_names(_schema(spec))
            for spec in specs
            if isinstance(spec, dict) and "name" in spec
        }
        stream = path.get("operation") == "converse-stream"
        model = unquote(path.get("model", ""))
        return ModelRequest(
            model, tuple(messages), tuple(parameters), stream, lines=True, parameters=parameters
        )

    def client(self, headers: Mapping[str, str]) -> str:
        # The SDK is sync, and LangChain runs it in threads for async callers: it cannot tell.
        return ""

    def tries(self, headers: Mapping[str, str]) -> int:
        found = _ATTEMPT.search(headers.get("amz-sdk-request", ""))
        return max(small_number(found[1]) - 1, 0) if found else 0

    def whole(self, spoken: Spoken) -> Mapping[str, Any]:
        content: list[dict[str, Any]] = [{"text": spoken.text}] if spoken.text else []
        content += [
            {"toolUse": {"toolUseId": call.id, "name": call.name, "input": call.args}}
            for call in spoken.calls
        ]
        return {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": _stop(spoken),
            **_counts(spoken),
        }

    def stream(self, spoken: Spoken) -> Iterator[Chunk]:
        yield _event("messageStart", {"role": "assistant"})
        first = 1 if spoken.text else 0
        last = first + len(spoken.calls) - 1
        if spoken.text:
            for piece in spoken.pieces:
                yield _event(
                    "contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}}, piece=True
                )
            yield _event("contentBlockStop", {"contentBlockIndex": 0}, final=last == 0)
        for index, call in enumerate(spoken.calls, start=first):
            opening = {"toolUse": {"toolUseId": call.id, "name": call.name}}
            yield _event("contentBlockStart", {"contentBlockIndex": index, "start": opening}, piece=True)
            for part in fragments(call.args):
                delta = {"toolUse": {"input": part}}
                yield _event("contentBlockDelta", {"contentBlockIndex": index, "delta": delta}, piece=True)
            yield _event("contentBlockStop", {"contentBlockIndex": index}, final=index == last)
        yield _event("messageStop", {"stopReason": _stop(spoken)}, final=True)
        yield _event("metadata", _counts(spoken), final=True)

    def upstream_path(self, path: str) -> str:
        return path[path.index("/bedrock/model/") + len("/bedrock") :].replace(
            "/converse-stream", "/converse"
        )

    def upstream_body(self, body: Any) -> Any:
        return body

    def live_path(self, path: Mapping[str, str]) -> str:
        return f"/model/{quote(unquote(path['model']), safe='')}/{path['operation']}"

    def next_event(self, received: bytearray) -> bytes | None:
        try:
            return next_frame(received)
        except ValueError as error:
            raise BadRequest(str(error)) from error

    def told(self, event: bytes) -> Told:
        try:
            headers, data = told_by(event)
        except ValueError as error:
            raise BadRequest(str(error)) from error
        kind = headers.get(":event-type", "")
        if headers.get(":message-type") != "event":
            name = headers.get(":exception-type") or headers.get(":error-code") or "error"
            said = said_of(data) if data else headers.get(":error-message", "")
            return Told("error", f"{name}: {said}" if said else name)
        delta, start = data.get("delta"), data.get("start")
        if kind == "contentBlockDelta" and isinstance(delta, dict):
            call = delta.get("toolUse")
            if isinstance(call, dict):
                return Told("call", str(call.get("input", "")))
            return Told("answer", str(delta["text"])) if "text" in delta else Told("other")
        if kind == "contentBlockStart" and isinstance(start, dict) and "toolUse" in start:
            return Told("call")
        return Told("other", ends=kind == "messageStop")

    def trouble(self, status: int, message: str, headers: Mapping[str, str]) -> WireError:
        return _refusal(status, message, LIVE, headers)

    def trouble_event(self, message: str) -> bytes:
        # As an error, which the SDK takes with any code: of exceptions it knows those of the service only.
        return frame({":message-type": "error", ":error-code": LIVE, ":error-message": message}, b"")

    def read(self, answer: Any) -> Reply:
        try:
            content = answer["output"]["message"]["content"]
            text = "".join(text for block in content for text in _texts(block))
            calls = list(_calls(content))
        except (KeyError, TypeError, AttributeError) as error:
            msg = "the provider's answer is not an answer of Converse"
            raise BadRequest(msg) from error
        return reply_of(text, calls, counted(answer.get("usage"), "inputTokens", "outputTokens"))

    def model_of(self, answer: Any) -> str:
        return ""

    def malformed(self, defect: Defect, request: ModelRequest) -> WireError:
        at, _ = place(request.messages, defect.position)
        ids = ", ".join(dict.fromkeys(defect.ids))
        asked = request.messages[defect.position].role == "assistant" if request.messages else False
        wanted = f"Expected toolResult blocks at messages.{at}.content for the following Ids: "
        too_many = (
            f"The number of toolResult blocks at messages.{at}.content exceeds the number of toolUse blocks "
            "of previous turn."
        )
        match defect.kind:
            case "no messages":
                message = (
                    "A conversation must start with a user message. Try again with a conversation that "
                    "starts with a user message."
                )
            case "no tools":
                message = (
                    "The toolConfig field must be defined when using toolUse and toolResult content blocks."
                )
            case "unanswered":
                wanted = wanted.replace(f"messages.{at}.", f"messages.{at + 1}.")
                message = wanted + ids
            case "unexpected":
                message = too_many
            case "unknown":
                missing = _unanswered(request.messages, defect.position)
                message = wanted + ", ".join(missing) if missing else too_many
            case "doubled":
                kind = "toolUse" if asked else "toolResult"
                message = f"The {kind} blocks at messages.{at}.content contain duplicate Ids: {ids}"
        return _refusal(400, message, "ValidationException")

    def bad_request(self, message: str) -> WireError:
        return _refusal(400, message, "ValidationException")

    def not_recorded(self, miss: NotRecorded) -> WireError:
        error = _refusal(422, miss.sentence, "ValidationException")
        return WireError(error.status, error.body, error.headers, reason=miss.sentence)

    def rate_limited(self, seconds: float) -> WireError:
        message = "Too many requests, please wait before trying again."
        # The SDK looks at its own header only, which counts milliseconds.
        wait = {"retry-after": f"{seconds:g}", "x-amz-retry-after": str(round(seconds * 1000))}
        return _refusal(429, message, "ThrottlingException", wait)

    def failed(self) -> WireError:
        message = "The system encountered an unexpected error during processing. Try your request again."
        return _refusal(500, message, "InternalServerException")


def _refusal(status: int, message: str, kind: str, headers: Mapping[str, str] | None = None) -> WireError:
    facts = {"x-amzn-errortype": kind, "x-amzn-requestid": short_hash(status, message)}
    return WireError(status, {"message": message}, {**facts, **(headers or {})})


def _event(kind: str, data: Mapping[str, Any], *, piece: bool = False, final: bool = False) -> Chunk:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return Chunk(frame(headers, dumps(data).encode("utf-8", "replace")), piece=piece, final=final)


def _stop(spoken: Spoken) -> str:
    return "tool_use" if spoken.calls else "end_turn"


def _counts(spoken: Spoken) -> dict[str, Any]:
    usage = spoken.usage
    tokens = {
        "inputTokens": usage.input,
        "outputTokens": usage.output,
        "totalTokens": usage.input + usage.output,
    }
    return {"usage": tokens, "metrics": {"latencyMs": 1}}


def _heard(item: Any, index: int) -> Iterator[Heard]:
    """Yield what one message says: for a person's, the results of tools and a question for each text."""
    role = item.get("role") if isinstance(item, dict) else None
    content = item.get("content") if isinstance(item, dict) else None
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        msg = f"The content field in the Message object at messages.{index} is not a list of blocks."
        raise BadRequest(msg)
    match role:
        case "user":
            said = False
            for block in content:
                result = block.get("toolResult")
                if isinstance(result, dict):
                    text = "".join(text for part in listed(result, "content") for text in _texts(part))
                    yield Heard("tool", text, (), str(result.get("toolUseId", "")))
                    said = True
                # The client puts neighbouring messages of a person into one: each text may be a question.
                for text in _texts(block):
                    yield Heard("user", text)
                    said = True
            if not said:
                yield Heard("user")
        case "assistant":
            text = "".join(text for block in content for text in _texts(block))
            yield Heard("assistant", text, tuple(_calls(content)))
        case _:
            msg = f"The role at messages.{index} must be user or assistant."
            raise BadRequest(msg)


def _texts(block: Any) -> Iterator[str]:
    """Yield the text of a block, or its JSON. Raises BadRequest for pictures and the like."""
    if not isinstance(block, dict):
        return
    for kind in block:
        refuse_media(kind)
    if isinstance(text := block.get("text"), str):
        yield text
    elif "json" in block:
        yield json.dumps(block["json"], ensure_ascii=False)


def _calls(content: Any) -> Iterator[HeardCall]:
    for block in content:
        call = block.get("toolUse")
        if isinstance(call, dict):
            args = call.get("input")
            yield HeardCall(
                str(call.get("toolUseId", "")),
                str(call.get("name", "")),
                args if isinstance(args, dict) else {},
            )


def _unanswered(messages: tuple[Heard, ...], position: int) -> list[str]:
    """Return ids of calls that the message with the result at ``position`` leaves open."""
    at = position
    while at and messages[at].role != "assistant":
        at -= 1
    given: set[str] = set()
    for message in messages[at + 1 :]:
        if message.role != "tool":
            break
        given.add(message.call_id)
    return [call.id for call in messages[at].calls if call.id not in given]


def _schema(spec: Mapping[str, Any]) -> Any:
    schema = spec.get("inputSchema")
    return schema.get("json") if isinstance(schema, dict) else None
