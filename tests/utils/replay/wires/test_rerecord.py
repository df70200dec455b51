"""The authors' command on the other providers, from a notebook to a fixture that every provider replays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.utils.replay.test_rerecord import CELLS, THERE, notebook, record
from tests.utils.replay.wires.test_recording import SECRET, TOKEN
from tests.utils.replay.wires.ways import WAYS
from utils.providers import PROVIDERS
from utils.replay.fixtures import load_scenario

KEY = "sk-test-a-key-that-must-not-leak"


@pytest.mark.kernel
@pytest.mark.parametrize("name", [name for name in PROVIDERS if name != "openai"])
def test_a_lab_is_recorded_with_one_command(
    tmp_path: Path, open_session: Callable, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    there = open_session(THERE)
    provider = PROVIDERS[name]
    monkeypatch.setenv("LLM_PROVIDER", name)
    monkeypatch.setenv(provider.address, f"{there.url}{provider.path}")
    monkeypatch.setenv("TAVILY_API_URL", f"{there.url}/tavily")
    for key in (*provider.keys, "TAVILY_API_KEY"):
        monkeypatch.setenv(key, KEY)
    if name == "bedrock":
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    fixture = tmp_path / "fixture.yaml"
    done = record(notebook(tmp_path / "lab.ipynb", CELLS), fixture)
    assert done.exit_code == 0, done.output
    assert len(there.traffic().of()) == 3
    assert {request.stream for request in there.traffic().of()} == {False}
    (told,) = load_scenario(fixture).conversations
    assert (told.origin.kind, told.origin.provider) == ("recorded", name)
    text = fixture.read_text("utf-8")
    assert not any(secret in text + done.output for secret in (KEY, SECRET, TOKEN))
    for way in WAYS:
        replayed = open_session(load_scenario(fixture))
        with pytest.raises(way.refused, match="did you forget"):
            way.make(replayed).invoke("What is the weather in sf?")
