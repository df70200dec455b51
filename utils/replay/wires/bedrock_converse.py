"""Bedrock's Converse: whole, and streamed in AWS's binary frames.

Errors carry the provider's status, name and wording; what is ours (a missing recording) is a
ValidationException with the status 422, which Bedrock itself never gives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from utils.replay.conversation import Reply
from utils.replay.matching import Heard, HeardCall, ModelRequest, NotRecorded
from utils.replay.strictness import Defect
from utils.replay.wires.base import BadRequest, Chunk, Spoken, WireError, short_hash
from utils.replay.wires.eventstream import frame
from utils.replay.wires.pieces import (
    counted,
    dumps,
    fragments,
    listed,
    parameter_names,
    place,
    refuse_media,
    reply_of,
    small_number,
)

_ATTEMPT = re.compile(r"attempt=(\d+)")
_SCOPE = re.compile(r"Credential=[^/]{1,200}/\d{1,20}/([^/]{1,100})/([^/]{1,100})/aws4_request")
_SIGNED = frozenset(("authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"))


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

    def upstream_headers(self, url: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Return the headers, signed for the real address: the client has signed for this server's.

        The keys are those that the AWS SDK finds in this process. A bearer token goes on as it is.
        """
        signature = next((value for name, value in headers.items() if name.lower() == "authorization"), "")
        if (scope := _SCOPE.search(signature)) is None:
            return headers
        # The package is there when somebody records, for the client needs it; a replay must not need it.
        from botocore.auth import SigV4Auth  # noqa: PLC0415
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415
        from botocore.session import Session  # noqa: PLC0415

        credentials = Session().get_credentials()
        if credentials is None:
            msg = "no AWS credentials are found to sign the request with"
            raise BadRequest(msg)
        request = AWSRequest("POST", url, {"Content-Type": "application/json"}, body)
        region, service = scope.groups()
        SigV4Auth(credentials.get_frozen_credentials(), service, region).add_auth(request)
        told = {name: value for name, value in headers.items() if name.lower() not in _SIGNED}
        return {**told, **dict(request.headers.items())}

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
