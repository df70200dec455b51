"""Live answers pass through the kit's server: the same course, no key in the kernel, two lines for errors."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from tests.utils.replay.standin import ANSWER, SUNNY, StandIn, calling, spellings
from utils.agent import Agent
from utils.errors import SetupError
from utils.notebook import live
from utils.notebook.ipython import live_trouble
from utils.notebook.kit import Kit
from utils.providers import PROVIDERS
from utils.replay.relay import Limits

KEYS = {
    "OPENAI_API_KEY": "sk-marked-0p3n-AI/key+1",
    "ANTHROPIC_API_KEY": "sk-ant-marked-4nthr0pic-key",
    "AWS_ACCESS_KEY_ID": "AKIAMARKEDKEY0000001",
    "AWS_SECRET_ACCESS_KEY": "marked/aws+secret/0123456789abcdefghijkl",
    "TAVILY_API_KEY": "tvly-marked-search-key",
}
Live = Callable[..., Kit]


@pytest.fixture
def standin() -> Iterator[StandIn]:
    made = StandIn().start()
    yield made
    made.close()


@pytest.fixture
def go_live(
    setup_here: Callable[..., Kit], standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Kit]:
    """Sets a lab up live, with marked keys; the stand-in is every provider and the search service."""

    def run(provider: str = "openai", lab: str = "01_persistence", **settings: str) -> Kit:
        told = {
            **KEYS,
            "LLM_MODE": "live",
            "OPENAI_BASE_URL": f"{standin.url}/v1",
            "ANTHROPIC_BASE_URL": standin.url,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": standin.url,
            "AWS_MAX_ATTEMPTS": "1",
            "TAVILY_API_URL": standin.url,
            **settings,
        }
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        return setup_here(lab, provider=provider)

    return run


def error_of(work: Callable[[], Any]) -> Exception:
    """The error, of whatever SDK."""
    try:
        work()
    except Exception as error:
        return error
    raise AssertionError("nothing went wrong")


def failure(work: Callable[[], Any]) -> str:
    """What a notebook says of the error."""
    error = error_of(work)
    return live_trouble(error) or f"nothing for {error!r}"


def asked(kit: Kit) -> tuple[Any, ...]:
    """The requests of models, all answered: a client may see an end before the server has noted it."""
    assert kit.session is not None
    return kit.session.traffic(settle=1).of("model")


def listen(model: Any, heard: list[str]) -> None:
    heard.extend(chunk.text for chunk in model.stream("hi") if chunk.text)


# The same course


@pytest.mark.parametrize("provider", PROVIDERS)
def test_answers_come_whole_and_streamed_and_are_logged(
    go_live: Live, standin: StandIn, capsys: pytest.CaptureFixture[str], provider: str
) -> None:
    kit = go_live(provider)
    said = capsys.readouterr().out
    assert said.startswith("01_persistence: live answers from ")
    assert said.endswith("check() grades on recorded answers, as ever.\n")
    assert kit.model().invoke("hi").text == ANSWER
    chunks = [chunk.text for chunk in kit.model().stream("hi") if chunk.text]
    assert "".join(chunks) == ANSWER
    assert len(chunks) > 5
    assert [(one.stream, one.status, one.questions) for one in asked(kit)] == [
        (False, 200, ("hi",)),
        (True, 200, ("hi",)),
    ]
    assert asked(kit)[1].pieces == len(chunks)
    assert kit.clock is not None
    assert kit.open_requests is not None
    assert kit.open_requests() == 0
    paths = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
    wanted = paths.get(provider, "/model/us.anthropic.claude-sonnet-5/converse")
    assert [one.path.removesuffix("-stream") for one in standin.asked if one.body] == [wanted] * 2


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_agent_searches_and_an_answer_breaks_off_when_it_is_told_to(
    go_live: Live, standin: StandIn, provider: str
) -> None:
    kit = go_live(provider)
    standin.reply = calling(query="weather in Oslo")
    bound = kit.model().bind_tools([kit.search()])
    (call,) = bound.invoke("What is the weather in Oslo?").tool_calls
    assert call["name"] in ("search", "tavily_search_results_json")
    kit.break_next("answer", after=3)
    assert "".join(str(chunk.tool_call_chunks) for chunk in bound.stream("hi")), "a call is not an answer"
    standin.reply = SUNNY
    kit.break_next("answer", after=3)
    heard: list[str] = []
    error = error_of(lambda: listen(kit.model(), heard))
    assert live_trouble(error) is None, "the lab has foreseen it"
    assert len(heard) == 3
    assert asked(kit)[-1].broken_off
    assert "".join(chunk.text for chunk in kit.model().stream("hi")) == ANSWER
    kit.break_next("answer", after=2, clean=True)
    if provider != "bedrock":  # LangChain's model of it notices that there is no end
        assert len("".join(chunk.text for chunk in kit.model().stream("hi"))) < len(ANSWER)
        kit.break_next("answer")
        assert kit.model().invoke("hi").text == ANSWER, "the SDK asks once more"
        assert [request.broken_off for request in asked(kit)[-2:]] == [True, False]


def test_the_search_goes_to_the_service_with_its_own_key(go_live: Live, standin: StandIn) -> None:
    kit = go_live()
    assert "7°C" in str(kit.search().invoke("weather in Oslo"))
    (search,) = [one for one in standin.asked if one.path == "/search"]
    assert search.body["api_key"] == KEYS["TAVILY_API_KEY"]
    assert len(kit.requests("search")) == 1
    standin.fails = "401"
    assert "the search service did not accept the key (401)" in str(kit.search().invoke("weather in Rome"))


def test_ten_questions_overlap(go_live: Live) -> None:
    kit = go_live()

    async def work() -> list[str]:
        return [one.text for one in await asyncio.gather(*(kit.model().ainvoke("hi") for _ in range(10)))]

    assert asyncio.run(work()) == [ANSWER] * 10
    assert len(asked(kit)) == 10


def test_the_setup_cell_run_again_keeps_models_and_begins_a_new_log(go_live: Live) -> None:
    kit = go_live()
    model = kit.model()
    model.invoke("hi")
    again = go_live()
    assert again.requests() == ()
    assert model.invoke("hi").text == ANSWER
    assert len(again.requests()) == 1


def test_checks_grade_on_recordings(go_live: Live, standin: StandIn) -> None:
    from utils.notebook.check import checker_of

    kit = go_live()
    lab = checker_of(kit).lab
    before = len(standin.asked)
    assert lab is not None
    assert checker_of(kit)._own_server is None
    session = kit.server.open()  # type: ignore[union-attr]
    assert session.relay is None
    assert len(standin.asked) == before


def test_a_process_that_the_notebook_starts_asks_through_it(
    go_live: Live, standin: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from utils.notebook import kit as kits

    parent = go_live()
    before = len(standin.asked)
    monkeypatch.setattr(kits._Current, "kit", None)
    child = kits.setup("01_persistence")
    assert "through the process that started this one" in capsys.readouterr().out
    assert child.model().invoke("hi").text == ANSWER
    with pytest.raises(SetupError, match="only the process that runs the kit's server"):
        child.requests()
    with pytest.raises(SetupError, match="can let an answer break off"):
        child.break_next()
    assert len(parent.requests()) == 1
    assert len(standin.asked) == before + 1
    child.close()
    monkeypatch.setattr(kits._Current, "kit", parent)


# What goes wrong

WRONG = {
    "401": "did not accept the key (401)",
    "403": "does not let this key do what was asked (403)",
    "404": "does not know this model or this address (404)",
    "429": "wants fewer requests, or a quota is used up (429)",
    "500": "failed on its own side (500)",
    "page": "a web page came from http://127.0.0.1",
    "redirect": "sends requests on to another address (302)",
    "malformed": "is broken, or is not of its protocol",
}
WITHIN = {
    "drop": "broke in the middle of an answer",
    "no end": "broke in the middle of an answer",
    "error event": "gave up in the middle of an answer. It says: ",
}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fails", [*WRONG, *WITHIN])
def test_a_failure_is_two_lines(go_live: Live, standin: StandIn, provider: str, fails: str) -> None:
    kit = go_live(provider)
    standin.fails = fails
    says = {**WRONG, **WITHIN}[fails]
    asks = [lambda: list(kit.model().stream("hi"))]
    if fails in WRONG:
        asks.append(lambda: kit.model().invoke("hi"))
    for ask in asks:
        told = failure(ask)
        assert says in told, told
        what, remedy = told.split(" What to do: ")
        assert what
        assert remedy
        assert "\n" not in told
        assert len(told) < 420
    assert not any(request.answered for request in asked(kit))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_nobody_there_and_nobody_answering_are_two_lines(
    go_live: Live, standin: StandIn, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_seconds", lambda *_: 0.3)
    standin.models = ("m",)
    kit = go_live(provider)
    standin.fails = "silent"
    assert "sent nothing for 0.3 seconds" in failure(lambda: kit.model().invoke("hi"))
    kit.close()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if provider != "openai":  # which looks for the server of one's own at once
        settings = {PROVIDERS[provider].address: f"http://127.0.0.1:{port}"}
        kit = go_live(provider, **settings)
        told = failure(lambda: kit.model().invoke("hi"))
        assert f"cannot be reached at http://127.0.0.1:{port} (connection refused)" in told


def test_what_a_provider_says_of_the_request_itself_is_left_as_it_is(go_live: Live, standin: StandIn) -> None:
    import openai

    kit = go_live()
    standin.fails = "400"
    with pytest.raises(openai.BadRequestError, match="no, says the provider") as caught:
        kit.model().invoke("hi")
    assert live_trouble(caught.value) is None


def test_requests_have_a_limit(go_live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "Limits", lambda **_: Limits(requests=2, request=3000))
    kit = go_live("anthropic")
    kit.model().invoke("hi")
    assert "longer than 3 kB" in failure(lambda: kit.model().invoke("hi" * 2000))
    kit.model().invoke("hi")
    told = failure(lambda: kit.model().invoke("hi"))
    assert "has sent 2 live requests since its setup cell" in told
    go_live("anthropic")
    assert kit.model is not None
    from utils.notebook.kit import current_kit

    assert current_kit().model().invoke("hi").text == ANSWER


def test_a_picture_is_passed_on(go_live: Live, standin: StandIn) -> None:
    kit = go_live()
    block = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert kit.model().invoke([("user", [block])]).text == ANSWER  # type: ignore[list-item]
    assert "image_url" in str(standin.asked[-1].body)


# A model of one's own


@pytest.fixture
def own(go_live: Live, monkeypatch: pytest.MonkeyPatch) -> Live:
    """Sets a lab up with a server of one's own, and no key at all."""

    def run(**settings: str) -> Kit:
        return go_live(**{"OPENAI_API_KEY": "", "TAVILY_API_KEY": "", **settings})

    return run


def test_a_server_of_one_s_own_needs_no_key_and_is_asked_for_a_model_that_it_has(
    own: Live, standin: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    standin.models = ("tiny:1b", "other")
    kit = own()
    assert capsys.readouterr().out == (
        f"01_persistence: live answers from your own server at {standin.url}, model tiny:1b. They may be "
        "odd, and differ from the text. The search answers by rule, about the weather only. "
        "check() grades on recorded answers, as ever.\n"
    )
    assert kit.model().invoke("hi").text == ANSWER
    sent = standin.asked[-1]
    assert (sent.body["model"], sent.body["max_tokens"]) == ("tiny:1b", 2048)
    assert "Authorization" not in sent.headers
    assert "°C" in str(kit.search().invoke("current weather in Graz"))
    assert "Without a key of its own the search answers by rule" in str(kit.search().invoke("umbrellas"))
    assert [one.path for one in standin.asked] == ["/v1/models", "/v1/chat/completions"]


def test_the_model_can_be_named_and_the_length_too(own: Live, standin: StandIn) -> None:
    standin.models = ("tiny:1b", "other")
    kit = own(LLM_MODEL="other", OPENAI_API_KEY="any-key-at-all")
    kit.model().bind(max_tokens=7).invoke("hi")
    sent = standin.asked[-1]
    assert sent.body["model"] == "other"
    assert {sent.body.get("max_tokens"), sent.body.get("max_completion_tokens")} == {7, None}
    assert sent.headers["Authorization"] == "Bearer any-key-at-all"


def test_a_server_without_a_list_of_models_is_asked_for_what_the_notebook_names(
    own: Live, standin: StandIn
) -> None:
    kit = own()
    assert kit.model().invoke("hi").text == ANSWER
    assert standin.asked[-1].body["model"] == "gpt-4o"
    standin.fails = "404"
    told = failure(lambda: kit.model().invoke("hi"))
    assert told.startswith("your own model does not know this model or this address (404).")
    assert "LLM_MODEL=… in .env" in told


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"},
            "nobody answers at http://127.0.0.1:9: Connection refused",
        ),
        ({"OPENAI_BASE_URL": "file:///etc/passwd"}, "OPENAI_BASE_URL is not an address of the web"),
        ({"OPENAI_BASE_URL": "localhost"}, "OPENAI_BASE_URL is not an address of the web"),
        ({"LIVE_SECONDS": "soon", "LLM_MODEL": "m"}, "LIVE_SECONDS='soon' is not a number of seconds"),
        ({"LIVE_SECONDS": "0", "LLM_MODEL": "m"}, "LIVE_SECONDS='0' is not a number of seconds"),
    ],
)
def test_a_setting_that_leads_nowhere_is_a_sentence(own: Live, settings: dict[str, str], says: str) -> None:
    with pytest.raises(SetupError) as caught:
        own(**settings)
    assert caught.value.message.startswith(says)
    assert caught.value.hint


# Keys


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_keys_are_the_server_s_alone(
    go_live: Live, standin: StandIn, provider: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kit = go_live(provider)
    held = str(dict(os.environ)) + repr(kit) + repr(vars(kit.session)) + repr(vars(kit.session.relay))
    agent = Agent(kit.model(), [kit.search()], InMemorySaver()).graph
    state = agent.invoke({"messages": [("user", "hi")]}, {"configurable": {"thread_id": "1"}})
    told = held + str(state) + str(kit.requests()) + str(capsys.readouterr())
    for key in KEYS.values():
        assert key not in told
    sent = next(one for one in standin.asked if one.body)
    key = {"openai": "Bearer sk-marked", "anthropic": "sk-ant-marked", "bedrock": "Credential=AKIAMARKED"}
    assert key[provider] in str(sent.headers)
    assert kit.session.token not in str(sent.headers), "what a client has in place of a key stays here"
    kit.close()
    assert {name: os.environ[name] for name in KEYS} == KEYS, "they are there again afterwards"


def test_a_bearer_token_of_bedrock_goes_upstream_though_the_client_signs(
    go_live: Live, standin: StandIn
) -> None:
    kit = go_live("bedrock", AWS_BEARER_TOKEN_BEDROCK="marked-bearer-token")
    assert kit.model().invoke("hi").text == ANSWER
    assert standin.asked[-1].headers["Authorization"] == "Bearer marked-bearer-token"
    assert "marked-bearer-token" not in str(dict(os.environ))


SECRET = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "bedrock": "AWS_SECRET_ACCESS_KEY"}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("form", spellings("x" * 9))
def test_an_answer_that_repeats_a_key_gets_no_further(
    go_live: Live, standin: StandIn, provider: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kit = go_live(provider)
    standin.echo = echo = spellings(KEYS[SECRET[provider]])[form]
    told = str(kit.model().invoke("hi"))
    heard: list[str] = []
    error = error_of(lambda: listen(kit.model(), heard))
    streamed = "".join(heard)
    told += streamed
    assert streamed.startswith("You said")
    size = 30 if form in ("percent, all", "escaped") else 12  # five signs of the key
    assert not any(echo[at : at + size] in streamed for at in range(len(echo) - size)), "not in parts either"
    assert "repeats your key" in str(live_trouble(error))
    told += str(kit.search().invoke("weather in Oslo"))
    standin.fails = "401"
    told += failure(lambda: kit.model().invoke("hi")) + str(capsys.readouterr()) + str(kit.requests())
    assert "It says: " in told
    assert "[key]" in told
    for hidden in {echo, echo.casefold(), echo.replace("\\", "\\\\")}:
        assert hidden not in told
        assert hidden not in told.casefold()


def test_nothing_on_disk_holds_a_key(go_live: Live, tmp_path: Path) -> None:
    kit = go_live()
    kit.model().invoke("hi")
    for path in [*kit.workdir.rglob("*"), *tmp_path.rglob("*")]:
        if path.is_file():
            assert b"marked" not in path.read_bytes()
