"""The chat model that checks hand to a student's functions: ChatOpenAI with a quicker way to its server.

The OpenAI SDK spends most of a call on walking through the types of what it sends and gets. Here a request
goes out as LangChain has made it. The answer is read by the SDK's own classes; they also decide what is tried
again, how long that waits, and which error is raised. Calls of an uncommon form are left to the SDK.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, TypeGuard, TypeVar, cast

import httpx2
import openai
from langchain_openai import ChatOpenAI
from openai import AsyncStream, Stream
from openai._constants import RAW_RESPONSE_HEADER
from openai._legacy_response import LegacyAPIResponse
from openai._models import FinalRequestOptions, construct_type
from openai._utils._json import openapi_dumps
from openai.resources.chat.completions import AsyncCompletions, Completions
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import ValidationError

from utils.lab.http import asend, send

_PATH = "chat/completions"
_NEEDED = {"model", "messages"}
# What LangChain says of a call, and the SDK sends as it is.
_COMMON = _NEEDED.union(
    ("stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls", "stop", "seed", "n", "user"),
    ("temperature", "top_p", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs"),
    ("max_tokens", "max_completion_tokens"),
)
# How the SDK's ``with_raw_response`` asks for an answer that is not parsed yet.
_RAW = {RAW_RESPONSE_HEADER: "true"}
_OPTIONS = FinalRequestOptions.construct(method="post", url=_PATH)

_Kind = TypeVar("_Kind", bound=openai.BaseModel)


def with_quick_clients(model: ChatOpenAI) -> ChatOpenAI:
    """Return the model, its clients exchanged for quicker ones; its address has to be on this machine."""
    model.client = QuickCompletions(model.root_client)
    model.async_client = AsyncQuickCompletions(model.root_async_client)
    # LangChain would run a task for each piece of a stream, to time it: a check has a limit of its own.
    model.stream_chunk_timeout = None
    return model


class QuickCompletions(Completions):
    """The SDK's chat completions with a ``create`` that costs less."""

    def create(self, **call: Any) -> Any:
        if not _is_common(call):
            return super().create(**call)
        ask = _Ask(self._client, call, Stream, "false")
        while True:
            outcome: httpx2.Response | httpx2.RequestError
            try:
                outcome = send(ask.request())
                if not ask.is_stream(outcome):
                    outcome.read()
            except httpx2.RequestError as error:
                outcome = error
            if ask.is_answered(outcome):
                return ask.result(outcome)
            self._client._sleep_for_retry(**ask.pause(outcome))


class AsyncQuickCompletions(AsyncCompletions):
    """The same for asynchronous calls."""

    async def create(self, **call: Any) -> Any:
        if not _is_common(call):
            return await super().create(**call)
        ask = _Ask(self._client, call, AsyncStream, "async:asyncio")
        while True:
            outcome: httpx2.Response | httpx2.RequestError
            try:
                outcome = await asend(ask.request())
                if not ask.is_stream(outcome):
                    await outcome.aread()
            except httpx2.RequestError as error:
                outcome = error
            if ask.is_answered(outcome):
                return ask.result(outcome)
            await self._client._sleep_for_retry(**ask.pause(outcome))


def _is_common(call: Mapping[str, Any]) -> bool:
    """Return whether a call is of a form that is answered here just as by the SDK."""
    common = _COMMON
    if call.get("extra_headers") == _RAW and not call.get("stream"):
        common = _COMMON | {"extra_headers"}
    return _NEEDED <= call.keys() <= common


@functools.lru_cache(maxsize=16)
def _address(base: httpx2.URL) -> httpx2.URL:
    return base.join(_PATH)


class _Ask:
    """One call: what goes out at each try, and what comes of it."""

    def __init__(
        self,
        client: openai.OpenAI | openai.AsyncOpenAI,
        call: dict[str, Any],
        stream: type[Stream[Any] | AsyncStream[Any]],
        kind: str,
    ) -> None:
        self._client: Any = client
        self._url = _address(client.base_url)
        self._raw = call.pop("extra_headers", None) == _RAW
        self._body = openapi_dumps(call)
        self._stream = stream if call.get("stream") else None
        self._kind = kind
        self._tries = 0

    def request(self) -> httpx2.Request:
        """Return the request of the next try, with the headers that the recorded model notes."""
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "X-Stainless-Async": self._kind,
            "x-stainless-retry-count": str(self._tries),
        }
        return httpx2.Request("POST", self._url, headers=headers, content=self._body)

    def is_stream(self, response: httpx2.Response) -> bool:
        """Return whether the body of an answer is for the caller to read."""
        return self._stream is not None and response.is_success

    def is_answered(self, outcome: httpx2.Response | httpx2.RequestError) -> TypeGuard[httpx2.Response]:
        """Return whether a try brought an answer; raise the SDK's error if there is no further try."""
        last = self._tries >= self._client.max_retries
        if isinstance(outcome, httpx2.RequestError):
            if last:
                raise openai.APIConnectionError(request=outcome.request) from outcome
            return False
        if not outcome.is_success and (last or not self._client._should_retry(outcome)):
            raise self._client._make_status_error_from_response(outcome)
        return outcome.is_success

    def result(self, outcome: httpx2.Response) -> Any:
        """Return what the SDK makes of an answer."""
        if self._stream is not None:
            return self._stream(cast_to=_Piece, response=outcome, client=self._client)
        answer: LegacyAPIResponse[Any] = LegacyAPIResponse(
            raw=outcome,
            cast_to=_Whole,
            client=self._client,
            stream=False,
            stream_cls=None,
            options=_OPTIONS,
            retries_taken=self._tries,
        )
        return answer if self._raw else answer.parse()

    def pause(self, outcome: httpx2.Response | httpx2.RequestError) -> dict[str, Any]:
        """Count a try; return what the SDK needs to know for waiting until the next one."""
        self._tries += 1
        return {
            "retries_taken": self._tries - 1,
            "max_retries": self._client.max_retries,
            "options": _OPTIONS,
            "response": outcome if isinstance(outcome, httpx2.Response) else None,
        }


class _Whole(openai.BaseModel):
    """Stands for ChatCompletion where the SDK is told what an answer becomes."""

    @classmethod
    def build(cls, *, response: httpx2.Response, data: object) -> ChatCompletion:
        return _made(ChatCompletion, data)


class _Piece(openai.BaseModel):
    """Stands for ChatCompletionChunk."""

    @classmethod
    def build(cls, *, response: httpx2.Response, data: object) -> ChatCompletionChunk:
        return _made(ChatCompletionChunk, data)


def _made(kind: type[_Kind], data: object) -> _Kind:
    """Return data as an object of the SDK's; validating takes a tenth of the time of the SDK's own way."""
    try:
        return kind.model_validate(data, strict=True)
    except ValidationError:  # the SDK takes what is odd as it is
        return cast("_Kind", construct_type(type_=kind, value=data))
