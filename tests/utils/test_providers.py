"""Whose models a lab can run on, and how one is chosen."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.utils.replay.talks import plain, scenario
from utils.errors import SetupError
from utils.notebook.kit import Kit, current_kit
from utils.providers import NO_KEY, PROVIDERS, ROOT, chosen_provider, settings, upstream_of
from utils.replay.server import ReplayServer
from utils.replay.session import Session
from utils.replay.wires import WIRES

Setup = Callable[..., Kit]
WARMER = "Which one is warmer?"
UNCLEAR = "I need a little more to go on: which two places would you like me to compare?"
OTHERS = [name for name in PROVIDERS if name != "openai"]
PRIVATE = {
    "OPENAI_API_KEY": "sk-secret",
    "OPENAI_API_BASE": "https://secret.example",
    "ANTHROPIC_API_KEY": "sk-ant-secret",
    "ANTHROPIC_AUTH_TOKEN": "token-secret",
    "ANTHROPIC_API_URL": "https://secret.example",
    "ANTHROPIC_CUSTOM_HEADERS": "X-Company: header-secret",
    "AWS_ACCESS_KEY_ID": "AKIASECRET",
    "AWS_SECRET_ACCESS_KEY": "aws-secret",
    "AWS_SESSION_TOKEN": "session-secret",
    "AWS_BEARER_TOKEN_BEDROCK": "bearer-secret",
    "AWS_PROFILE": "secret",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "TAVILY_API_KEY": "tvly-secret",
}
"""what a person may have set, each of which would lead past the recorded model or send it a real key"""


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every request that reaches a recorded model, with its headers and its body."""
    seen: list[Any] = []
    read = web.BaseRequest.read

    async def spy(self: web.BaseRequest) -> bytes:
        body = await read(self)
        seen.append((dict(self.headers), body))
        return body

    monkeypatch.setattr(web.BaseRequest, "read", spy)
    return seen


@pytest.fixture
def session(recorded_server: ReplayServer) -> Iterator[Session]:
    opened = recorded_server.open(scenario(plain("hi", "Hello.")))
    yield opened
    opened.close()


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A person with keys in the environment and in AWS's files; a file that appears if those are used."""
    trace = tmp_path / "asked-for-credentials"
    folder = tmp_path / "home" / ".aws"
    folder.mkdir(parents=True)
    (folder / "credentials").write_text("[secret]\naws_access_key_id = AKIAFILE\naws_secret_access_key = s\n")
    process = f"credential_process = touch {shlex.quote(str(trace))}\nregion = mars-secret-1\n"
    (folder / "config").write_text(f"[default]\n{process}[profile secret]\n{process}")
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    for name, value in PRIVATE.items():
        monkeypatch.setenv(name, value)
    return trace


# Choosing


def test_openai_is_the_default() -> None:
    assert chosen_provider().name == "openai"


@pytest.mark.parametrize(
    ("value", "name"),
    [("openai", "openai"), (" OpenAI ", "openai"), ("", "openai"), ("Anthropic", "anthropic")],
)
def test_the_environment_chooses_whatever_its_case(
    monkeypatch: pytest.MonkeyPatch, value: str, name: str
) -> None:
    monkeypatch.setenv("LLM_PROVIDER", value)
    assert chosen_provider().name == name


def test_an_unknown_provider_is_refused_with_those_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_PROVIDER", "nobody")
    with pytest.raises(
        SetupError, match=r"no provider 'nobody'\n  What to do: set LLM_PROVIDER .*openai, anthropic, bedrock"
    ):
        chosen_provider()
    assert chosen_provider("openai").name == "openai", "what is asked for goes before the environment"


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
def test_every_provider_s_path_is_spoken_by_the_recorded_model(provider: Any) -> None:
    assert any(wire.route.startswith(provider.path) and wire.provider == provider.name for wire in WIRES)


@pytest.mark.parametrize("name", OTHERS)
def test_a_missing_extra_is_a_sentence_with_the_command(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kit = setup_here()
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    with pytest.raises(
        SetupError, match=f"models of {name} need the package langchain-.* not installed"
    ) as caught:
        setup_here(provider=name)
    lock = ROOT / f"requirements-{name}.lock"
    assert caught.value.hint == f'type "{sys.executable}" -m pip install -r "{lock}"'
    package = (PROVIDERS[name].package or "").replace("_", "-")
    assert re.search(rf"^{package}==", lock.read_text("utf-8"), re.MULTILINE), "the command brings it"
    assert current_kit() is kit, "the kit that works is not given up"
    assert kit.model().invoke(WARMER).text == UNCLEAR


def test_choosing_imports_no_sdk() -> None:
    code = (
        "import sys, utils.providers\n"
        "for name in ('openai', 'anthropic', 'bedrock'): utils.providers.chosen_provider(name)\n"
        "sdks = {'openai', 'anthropic', 'botocore', 'langchain_core', 'langchain_aws'}\n"
        "print(sorted(sdks & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert told.stdout == "[]\n"


# Models at an address


@pytest.mark.parametrize("name", PROVIDERS)
def test_models_at_an_address_ask_nobody_else(
    session: Session, person: Path, traffic: list[Any], name: str
) -> None:
    provider = PROVIDERS[name]
    model = provider.make(session.url + provider.path)
    assert model.invoke("hi").text == "Hello."
    if name != "anthropic":  # its SDK adds what the person wants on every request
        assert "secret" not in str(traffic).casefold()
    assert "sk-ant" not in str(traffic)
    assert not person.exists()


def test_models_at_an_address_share_their_clients() -> None:
    make = chosen_provider().make
    one, two = make("http://127.0.0.1:1/a"), make("http://127.0.0.1:1/b")
    assert one.http_client is two.http_client  # type: ignore[attr-defined]
    assert str(two.openai_api_base) == "http://127.0.0.1:1/b"  # type: ignore[attr-defined]
    one, two = (PROVIDERS["anthropic"].make(f"http://127.0.0.1:1/{name}") for name in "ab")
    assert one._client._client is two._client._client  # type: ignore[attr-defined]
    assert str(two._client.base_url) == "http://127.0.0.1:1/b/"  # type: ignore[attr-defined]


# In a notebook


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_lab_runs_on_every_provider(
    setup_here: Setup, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("LLM_PROVIDER", name)
    kit = setup_here()
    assert capsys.readouterr().out == (
        f"01_persistence: recorded answers ({name}), no key and no network needed; "
        "kit.may_ask() says what you may ask.\n"
    )
    assert kit.model().invoke(WARMER).text == UNCLEAR
    assert "".join(chunk.text for chunk in kit.model().stream(WARMER)) == UNCLEAR
    assert len(kit.requests()) == 2


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_line_of_plain_langchain_works_as_well(setup_here: Setup, name: str) -> None:
    import langchain_anthropic
    import langchain_aws
    import langchain_openai

    setup_here(provider=name)
    names = {**vars(langchain_openai), **vars(langchain_anthropic), **vars(langchain_aws)}
    assert eval(PROVIDERS[name].line, names).invoke(WARMER).text == UNCLEAR


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_real_key_is_neither_sent_nor_shown_and_comes_back(
    setup_here: Setup, person: Path, traffic: list[Any], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    before = dict(os.environ)
    kit = setup_here(provider=name)
    assert kit.model().invoke(WARMER).text == UNCLEAR
    assert "".join(chunk.text for chunk in kit.model().stream(WARMER)) == UNCLEAR
    told = str(traffic)
    assert len(traffic) == 2
    assert NO_KEY in told
    told += f"{kit!r}{kit.requests()}{capsys.readouterr()}"
    assert "secret" not in told.casefold()
    assert "AKIAFILE" not in told
    assert not person.exists(), "nobody was asked for credentials"
    kit.close()
    assert dict(os.environ) == before


@pytest.mark.usefixtures("person")
def test_another_provider_afterwards_leaves_nothing_of_the_first(setup_here: Setup) -> None:
    before = dict(os.environ)
    for name in (*PROVIDERS, *reversed(PROVIDERS)):
        kit = setup_here(provider=name)
        assert kit.model().invoke(WARMER).text == UNCLEAR
        for other in set(PROVIDERS) - {name}:
            assert os.environ.get(PROVIDERS[other].address) == before.get(PROVIDERS[other].address)
            assert [os.environ[key] for key in PROVIDERS[other].keys] == [
                before[key] for key in PROVIDERS[other].keys
            ]
    kit.close()
    assert dict(os.environ) == before


@pytest.mark.parametrize("name", PROVIDERS)
def test_an_unrecorded_question_is_one_sentence_in_a_notebook(setup_here: Setup, name: str) -> None:
    from utils.notebook.ipython import not_recorded

    kit = setup_here(provider=name)
    with pytest.raises(Exception, match="No recorded answer for") as caught:
        kit.model().invoke("Who invented tea?")
    assert str(not_recorded(caught.value)).startswith('No recorded answer for "Who invented tea?".')


@pytest.mark.parametrize("name", OTHERS)
def test_a_process_that_the_notebook_starts_asks_the_same_provider(setup_here: Setup, name: str) -> None:
    kit = setup_here(provider=name)
    code = (
        "from utils import setup\n"
        "kit = setup('01_persistence')\n"
        f"print(type(kit.model()).__name__, kit.model().invoke({WARMER!r}).text)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    said = told.stdout.splitlines()[-1]
    assert said == f"{PROVIDERS[name].line.partition('(')[0]} {UNCLEAR}"
    assert len(kit.requests()) == 1
    assert setup_here().provider.name == "openai", "what was asked for once is not kept"
    assert "LLM_PROVIDER" in os.environ
    current_kit().close()
    assert "LLM_PROVIDER" not in os.environ


# Live


@pytest.mark.parametrize("name", PROVIDERS)
def test_live_answers_need_all_the_keys(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for key in PROVIDERS[name].keys:
        with pytest.raises(SetupError, match=f"need a key, and {key} is not set"):
            setup_here(provider=name, mode="live")
        monkeypatch.setenv(key, "mine")
    with pytest.raises(SetupError, match="TAVILY_API_KEY is not set"):
        setup_here(provider=name, mode="live")
    monkeypatch.setenv("TAVILY_API_KEY", "tvly-mine")
    assert setup_here(provider=name, mode="live").mode == "live"


@pytest.mark.parametrize("instead", PROVIDERS["bedrock"].instead)
def test_a_profile_or_a_token_does_instead_of_aws_s_keys(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, instead: str
) -> None:
    with pytest.raises(SetupError) as caught:
        setup_here(provider="bedrock", mode="live")
    assert instead in caught.value.hint
    monkeypatch.setenv(instead, "mine")
    monkeypatch.setenv("TAVILY_API_KEY", "tvly-mine")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "credentials").write_text("[mine]\naws_access_key_id = AKIA1\naws_secret_access_key = s\n")
    kit = setup_here(provider="bedrock", mode="live")
    assert kit.mode == "live"
    assert instead not in os.environ, "the kit's server holds it"
    kit.close()
    assert os.environ[instead] == "mine"


def test_a_profile_that_does_not_exist_is_a_sentence(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("TAVILY_API_KEY", "tvly-mine")
    with pytest.raises(SetupError, match=r"AWS's keys are not found \(ProfileNotFound\)"):
        setup_here(provider="bedrock", mode="live")


def test_the_real_address_is_the_region_s_or_the_person_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    bedrock = PROVIDERS["bedrock"]
    assert upstream_of(PROVIDERS["anthropic"]) == "https://api.anthropic.com"
    assert upstream_of(bedrock) == "https://bedrock-runtime.us-east-1.amazonaws.com"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert upstream_of(bedrock) == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    monkeypatch.setenv(bedrock.address, "https://proxy.example")
    assert upstream_of(bedrock) == "https://proxy.example"


def test_the_settings_of_a_provider_hold_no_real_key(person: Path) -> None:
    for provider in PROVIDERS.values():
        told = settings(provider, "http://127.0.0.1:1/x")
        assert told[provider.address] == f"http://127.0.0.1:1/x{provider.path}"
        assert {told[key] for key in provider.keys} == {NO_KEY}
        assert "secret" not in str(told)
