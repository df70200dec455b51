"""Recording through every protocol: here another session plays the provider."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool

from tests.utils.replay.talks import ask, calling, conversation, giving, say, scenario
from tests.utils.replay.wires.ways import WAYS, Way
from utils.providers import PROVIDERS
from utils.replay.conversation import CallsTurn, Conversation
from utils.replay.keys import HeaderKey, Key, SigningKey, Upstream
from utils.replay.recording import Recorder
from utils.replay.session import Session

KEY_ID, SECRET, TOKEN = "AKIATESTTESTTESTTEST", "aws-secret-of-the-person", "aws-session-of-the-person"
SIGNING = SigningKey(Credentials(KEY_ID, SECRET, TOKEN), "us-east-1")
"""the keys of the person who records"""
TODAY = datetime.date(2026, 11, 20)
THERE = scenario(
    conversation(
        "there",
        ask("weather?"),
        calling("sf", say="One moment."),
        giving("sunny"),
        say("It is sunny."),
        ask("warm?"),
        say("Quite."),
    )
)


@tool
def my_search(query: str) -> str:
    """Search."""
    return query


class Bench:
    """A provider, and a session that records from it."""

    def __init__(self, open_session: Callable, way: Way, key: Key = SIGNING) -> None:
        self.provider: Session = open_session(THERE)
        path = PROVIDERS[way.provider].path
        upstream = Upstream({way.provider: f"{self.provider.url}{path}/"}, "", {way.provider: key})
        self.recorder = Recorder(upstream, today=TODAY)
        self.session: Session = open_session(recorder=self.recorder)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Headers, path and body of every request, of clients and of the recorder."""
    seen: list[Any] = []
    read = web.BaseRequest.read

    async def spy(self: web.BaseRequest) -> bytes:
        body = await read(self)
        seen.append((self.raw_path, dict(self.headers), body))
        return body

    monkeypatch.setattr(web.BaseRequest, "read", spy)
    return seen


def talk(model: Any, *, streamed: bool) -> list[str]:
    bound = model.bind_tools([my_search])

    def said(messages: Any) -> Any:
        if not streamed:
            return bound.invoke(messages)
        chunks = list(bound.stream(messages))
        return sum(chunks[1:], chunks[0])

    call = said("weather?")
    history = [HumanMessage("weather?"), call, ToolMessage("sunny", tool_call_id=call.tool_calls[0]["id"])]
    answer = said(history)
    last = said([*history, answer, HumanMessage("warm?")])
    return [call.text, answer.text, last.text]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_what_is_recorded_on_one_protocol_is_replayed_on_all(
    open_session: Callable, way: Way, streamed: bool
) -> None:
    bench = Bench(open_session, way)
    said = ["One moment.", "It is sunny.", "Quite."]
    assert talk(way.make(bench.session), streamed=streamed) == said
    assert {request.stream for request in bench.provider.traffic(settle=1).requests} == {False}, (
        "upstream is never streamed"
    )
    assert bench.recorder.failures == ()
    told: tuple[Conversation, ...] = bench.recorder.scenario().conversations
    assert len(told) == 1
    origin = told[0].origin
    assert (origin.kind, origin.provider, origin.date) == ("recorded", way.provider, TODAY)
    assert origin.model in ("gpt-4o", "claude-sonnet-5", "us.anthropic.claude-sonnet-5")
    calls = told[0].turns[1]
    assert isinstance(calls, CallsTurn)
    assert [(call.tool, dict(call.args)) for call in calls.calls] == [("search", {"query": "sf"})]
    assert calls.usage is not None
    for other in WAYS:
        replayed = open_session(bench.recorder.scenario())
        assert talk(other.make(replayed), streamed=streamed) == said
        assert replayed.traffic().misses == ()


def test_bedrock_is_asked_with_a_signature_for_its_own_address(
    open_session: Callable, heard: list[Any]
) -> None:
    bench = Bench(open_session, WAYS[-1])
    with pytest.raises(Exception, match="No recorded answer"):
        WAYS[-1].make(bench.session).invoke("what?")
    (_, asked, _), (path, sent, body) = heard
    assert "recorded-answers-need-no-key" in asked["Authorization"], "the client has signed with another key"
    signed = re.search(r"Credential=(\S+?)/(\d+)/us-east-1/bedrock/aws4_request", sent["Authorization"])
    assert signed
    assert signed[1] == KEY_ID
    assert sent["X-Amz-Security-Token"] == TOKEN
    again = AWSRequest(
        "POST", bench.provider.url.rsplit("/", 1)[0] + path, {"Content-Type": sent["Content-Type"]}, body
    )
    again.context["timestamp"] = sent["X-Amz-Date"]
    signer = SigV4Auth(Credentials(KEY_ID, SECRET, TOKEN), "bedrock", "us-east-1")
    again.headers["X-Amz-Date"], again.headers["X-Amz-Security-Token"] = sent["X-Amz-Date"], TOKEN
    signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert sent["Authorization"].endswith(f"Signature={signature}")
    everything = repr(
        (vars(bench.recorder), vars(bench.session), bench.session.traffic(settle=1).requests, heard)
    )
    assert SECRET not in everything


def test_a_bearer_token_goes_to_bedrock_though_the_client_signs(
    open_session: Callable, heard: list[Any]
) -> None:
    key = HeaderKey("Authorization", "bedrock-api-key-x", "Bearer")
    bench = Bench(open_session, WAYS[-1], key)
    with pytest.raises(Exception, match="No recorded answer"):
        WAYS[-1].make(bench.session).invoke("what?")
    assert heard[0][1]["Authorization"].startswith("AWS4-HMAC-SHA256")
    assert heard[1][1]["Authorization"] == "Bearer bedrock-api-key-x"
    assert not [name for name in heard[1][1] if name.casefold().startswith("x-amz-")]


def test_a_refusal_comes_back_as_the_provider_s_own(open_session: Callable, way: Way) -> None:
    bench = Bench(open_session, way)
    with pytest.raises(way.refused, match="No recorded answer"):
        way.make(bench.session).invoke("what?")
    assert len(bench.provider.traffic(settle=1).requests) == 1
    (failure,) = bench.recorder.failures
    assert failure.startswith(f'the model ({way.provider}) answered 422: No recorded answer for "what?"')


def test_a_provider_that_is_not_there_is_a_sentence(open_session: Callable, way: Way) -> None:
    recorder = Recorder(Upstream({way.provider: "http://127.0.0.1:9"}, ""))
    with pytest.raises(way.refused, match="it cannot be reached"):
        way.make(open_session(recorder=recorder), max_retries=0).invoke("what?")
