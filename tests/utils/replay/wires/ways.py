"""The chat models that people use, one for each protocol, and what is told of their errors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from utils.lab.model import with_quick_clients
from utils.providers import NO_KEY, PROVIDERS, _aws_session
from utils.replay.session import Session


class Errors(NamedTuple):
    """What a client raises."""

    refused: type[Exception]
    limited: type[Exception]
    broken: tuple[type[Exception], ...]
    """what a line that breaks looks like"""


@dataclass(frozen=True)
class Way:
    """One way to the recorded model."""

    name: str
    provider: str
    make: Callable[..., Any]
    path: str
    """of its protocol, for requests made by hand"""
    call_prefix: str
    kind: Mapping[bool, str]
    """what the log says of an async client, and of a sync one"""
    load_errors: Callable[[], Errors]
    """imports the client, which takes up to two seconds: no other test has to wait for that"""

    @property
    def refused(self) -> type[Exception]:
        return self.load_errors().refused

    @property
    def limited(self) -> type[Exception]:
        return self.load_errors().limited

    @property
    def broken(self) -> tuple[type[Exception], ...]:
        return self.load_errors().broken

    shown: str = ""
    """how tests call it, if not by the name of its protocol"""

    def __str__(self) -> str:
        return self.shown or self.name


def _openai(session: Session, *, max_retries: int = 2, **options: Any) -> Any:
    from langchain_openai import ChatOpenAI

    there = PROVIDERS["openai"].make(f"{session.url}/openai/v1")
    facts: dict[str, Any] = {"http_client": there.http_client, "http_async_client": there.http_async_client}  # type: ignore[attr-defined]
    return ChatOpenAI(
        model="gpt-4o",
        base_url=f"{session.url}/openai/v1",
        api_key=NO_KEY,  # type: ignore[arg-type]
        max_retries=max_retries,
        http_socket_options=(),
        **facts,
        **options,
    )


def _checks(session: Session, **options: Any) -> Any:
    return with_quick_clients(_openai(session, **options))


def _responses(session: Session, **options: Any) -> Any:
    return _openai(session, use_responses_api=True, **options)


def _anthropic(session: Session, *, max_retries: int = 2) -> Any:
    model: Any = PROVIDERS["anthropic"].make(f"{session.url}/anthropic")
    for name in ("_client", "_async_client"):
        model.__dict__[name] = getattr(model, name).with_options(max_retries=max_retries)
    return model


def _bedrock(session: Session, *, max_retries: int = 2) -> Any:
    from botocore.config import Config
    from langchain_aws import ChatBedrockConverse

    client = _aws_session().create_client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=f"{session.url}/bedrock",
        aws_access_key_id=NO_KEY,
        aws_secret_access_key=NO_KEY,
        config=Config(retries={"max_attempts": max_retries}, max_pool_connections=50),
    )
    return ChatBedrockConverse(model="us.anthropic.claude-sonnet-5", client=client, bedrock_client=client)


def _errors_of_openai() -> Errors:
    import httpx2
    import openai

    broken = (httpx2.TransportError, openai.APIConnectionError)
    return Errors(openai.APIStatusError, openai.RateLimitError, broken)


def _errors_of_anthropic() -> Errors:
    import anthropic
    import httpx2

    broken = (httpx2.TransportError, anthropic.APIConnectionError)
    return Errors(anthropic.APIStatusError, anthropic.RateLimitError, broken)


def _errors_of_aws() -> Errors:
    import botocore.exceptions
    import urllib3.exceptions

    refused = botocore.exceptions.ClientError
    return Errors(refused, refused, (botocore.exceptions.BotoCoreError, urllib3.exceptions.HTTPError))


_STAINLESS = {True: "async", False: "sync"}
WAYS = (
    Way("chat", "openai", _openai, "/openai/v1/chat/completions", "call_", _STAINLESS, _errors_of_openai),
    Way("responses", "openai", _responses, "/openai/v1/responses", "call_", _STAINLESS, _errors_of_openai),
    Way(
        "anthropic",
        "anthropic",
        _anthropic,
        "/anthropic/v1/messages",
        "toolu_01",
        _STAINLESS,
        _errors_of_anthropic,
    ),
    Way(
        "bedrock",
        "bedrock",
        _bedrock,
        "/bedrock/model/m/converse",
        "tooluse_",
        {True: "", False: ""},
        _errors_of_aws,
    ),
)
CHECKS = dataclasses.replace(WAYS[0], shown="checks", make=_checks)
"""the first way with the kit's own clients, as checks make it: nothing must tell the two apart"""
