"""Whose models a lab can run on, and how one is chosen."""

from __future__ import annotations

import pytest

from utils.errors import SetupError
from utils.providers import PROVIDERS, chosen_provider
from utils.replay.wires import WIRES


def test_openai_is_the_default() -> None:
    assert chosen_provider().name == "openai"


@pytest.mark.parametrize("value", ["openai", " OpenAI ", ""])
def test_the_environment_chooses_whatever_its_case(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LLM_PROVIDER", value)
    assert chosen_provider().name == "openai"


def test_an_unknown_provider_is_refused_with_those_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_PROVIDER", "nobody")
    with pytest.raises(SetupError, match=r"no provider 'nobody'\n  What to do: set LLM_PROVIDER .*openai"):
        chosen_provider()
    assert chosen_provider("openai").name == "openai", "what is asked for goes before the environment"


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
def test_every_provider_s_path_is_spoken_by_the_recorded_model(provider: object) -> None:
    assert any(wire.route.startswith(provider.path) for wire in WIRES)  # type: ignore[attr-defined]


def test_models_at_an_address_share_their_clients() -> None:
    make = chosen_provider().make
    one, two = make("http://127.0.0.1:1/a"), make("http://127.0.0.1:1/b")
    assert one.http_client is two.http_client  # type: ignore[attr-defined]
    assert str(two.openai_api_base) == "http://127.0.0.1:1/b"  # type: ignore[attr-defined]
