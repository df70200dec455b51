"""The authors' command, from a notebook to a fixture; the provider is a server of our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from typer.testing import CliRunner

from tests.utils.replay.talks import ask, calling, conversation, giving, plain, say, scenario
from tests.utils.replay.test_recording import Refusing
from utils.errors import RecordingError, SetupError
from utils.notebook.kit import Kit
from utils.providers import chosen_provider
from utils.replay.__main__ import app
from utils.replay.conversation import Scenario
from utils.replay.fixtures import load_scenario
from utils.replay.rerecord import notebook_of, slug
from utils.replay.storing import dump_scenario

KEY, SEARCH_KEY = "sk-test-a-key-that-must-not-leak", "tvly-test-a-key-that-must-not-leak"
HEAD = "# The head of the fixture,\n# in two lines.\n\n"
HITS = [{"url": "https://a.example", "content": "20.5 °C in SF", "title": "SF", "score": 0.9}]
THERE = scenario(
    conversation(
        "there",
        ask("What is the weather in sf?"),
        calling("sf now"),
        giving({"hits": HITS}),
        say("The provider says: 20.5 °C."),
        ask("And is that warm?"),
        say("Rather."),
    )
)
OLD = scenario(plain("What is the weather in sf?", "An older answer."), plain("hi", "Not asked this time."))
CELLS = {
    "setup": 'from utils import setup\nkit = setup("01_persistence")',
    "setup-again": 'kit = setup("01_persistence")',
    "agent": (
        "from langgraph.checkpoint.memory import InMemorySaver\n"
        "from utils.agent import Agent\n"
        "graph = Agent(kit.model(), [kit.search()], InMemorySaver()).graph\n"
        'thread = {"configurable": {"thread_id": "1"}}'
    ),
    "ask": (
        'for event in graph.stream({"messages": [("user", "What is the weather in sf?")]}, thread):\n'
        "    print(event)"
    ),
    "ask-again": (
        "async for _ in graph.astream_events(\n"
        '    {"messages": [("user", "And is that warm?")]}, thread, version="v2"\n'
        "):\n    pass"
    ),
}

runner = CliRunner()


def notebook(path: Path, cells: dict[str, str]) -> Path:
    made = [nbformat.v4.new_code_cell(source, id=name) for name, source in cells.items()]
    nbformat.write(nbformat.v4.new_notebook(cells=made), path)
    return path


@pytest.fixture
def fixture(tmp_path: Path) -> Path:
    path = tmp_path / "fixture.yaml"
    path.write_text(dump_scenario(OLD, HEAD), encoding="utf-8")
    return path


@pytest.fixture
def provider(open_session: Callable, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Lets a session play the provider and the search service."""

    def play(told: Scenario = THERE) -> Any:
        session = open_session(told)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{session.url}/openai/v1")
        monkeypatch.setenv("TAVILY_API_URL", f"{session.url}/tavily")
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("TAVILY_API_KEY", SEARCH_KEY)
        return session

    return play


def record(path: Path, fixture: Path) -> Any:
    words = ["record", "01_persistence", "--notebook", str(path), "--fixture", str(fixture)]
    return runner.invoke(app, words)


@pytest.mark.kernel
def test_a_lab_is_recorded_with_one_command(
    tmp_path: Path, fixture: Path, provider: Callable, open_session: Callable, chat: Callable
) -> None:
    asked = provider()
    done = record(notebook(tmp_path / "lab.ipynb", CELLS), fixture)
    assert done.exit_code == 0, done.output
    assert "fixture.yaml: 1 conversations recorded, 1 kept." in done.output
    assert 'look at "What is the weather' not in done.output

    text = fixture.read_text(encoding="utf-8")
    assert text.startswith(HEAD)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes()
            assert SEARCH_KEY.encode() not in path.read_bytes()
    told = load_scenario(fixture)
    assert [(c.name, c.origin.kind) for c in told.conversations] == [
        ("hi", "authored"),
        ("What is the weather in sf? / And is that warm?", "recorded"),
    ]
    origin = next(c.origin for c in told.conversations if c.origin.kind == "recorded")
    assert (origin.provider, origin.model) == ("openai", "gpt-4o")
    assert {request.stream for request in asked.traffic().of()} == {False}
    assert len(asked.traffic().of()) == 3

    replayed = open_session(told)
    model = chat(replayed).bind_tools([web_search])
    history: list[Any] = [HumanMessage("What is the weather in sf?")]
    call = model.invoke(history)
    history += [call, ToolMessage(str(HITS), tool_call_id=call.tool_calls[0]["id"])]
    assert model.invoke(history).text == "The provider says: 20.5 °C."
    assert "".join(chunk.text for chunk in model.stream(history)) == "The provider says: 20.5 °C."
    assert replayed.traffic().misses == ()


@tool
def web_search(query: str) -> str:
    """Search."""
    return query


def refused(done: Any, fixture: Path) -> str:
    """What the command said; it wrote nothing."""
    assert done.exit_code == 1
    assert fixture.read_text(encoding="utf-8") == dump_scenario(OLD, HEAD)
    assert [path.suffix for path in fixture.parent.iterdir()].count(".yaml") == 1
    told: str = done.output.split("cost money.\n")[-1]
    assert told.startswith("Not recorded. ")
    assert len(told.splitlines()) <= 2
    assert KEY not in told
    assert SEARCH_KEY not in told
    return told


@pytest.mark.kernel
def test_without_a_key_nothing_starts(
    tmp_path: Path, fixture: Path, provider: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider()
    monkeypatch.setenv("OPENAI_API_KEY", "")
    told = refused(record(notebook(tmp_path / "lab.ipynb", {"setup": CELLS["setup"]}), fixture), fixture)
    assert "live answers need a key, and OPENAI_API_KEY is not set" in told


UNSEEN = """\
import json, os, urllib.error, urllib.request

def post(url, **body):
    key = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
    request = urllib.request.Request(url, json.dumps(body).encode(), key)
    try:
        urllib.request.urlopen(request).close()
    except urllib.error.HTTPError as error:
        print("swallowed", error)

post(os.environ["OPENAI_BASE_URL"] + "/chat/completions", messages=[{"role": "user", "content": "hi"}])
post(os.environ["TAVILY_API_URL"] + "/search", api_key="x", query="something")
"""


@pytest.mark.kernel
def test_what_is_refused_unseen_is_no_recording(
    tmp_path: Path, fixture: Path, provider: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider()
    service = Refusing(401, b'{"error": {"message": "Incorrect API key provided: <key>."}}', {})
    monkeypatch.setenv("OPENAI_BASE_URL", service.url)
    monkeypatch.setenv("TAVILY_API_URL", "http://127.0.0.1:9")
    cells = {"setup": CELLS["setup"], "unseen": UNSEEN}
    told = refused(record(notebook(tmp_path / "lab.ipynb", cells), fixture), fixture)
    service.close()
    assert "the model (openai) answered 401: Incorrect API key provided: Bearer [key]." in told
    assert "; the search service answered 502: it cannot be reached (ConnectError)" in told


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"fine": "1", "broken": "1 / 0"}, "lab.ipynb, cell 1 (broken): ZeroDivisionError: division by zero"),
        ({"only": "1"}, "this lab has not been set up"),
        ({"end": "import os; os._exit(1)"}, "lab.ipynb: a cell ended the kernel"),
    ],
    ids=["a cell that fails", "no setup", "a kernel that dies"],
)
def test_a_notebook_that_does_not_run_is_one_sentence(
    tmp_path: Path, fixture: Path, provider: Callable, cells: dict[str, str], says: str
) -> None:
    provider()
    assert says in refused(record(notebook(tmp_path / "lab.ipynb", cells), fixture), fixture)


# Without a kernel


def test_there_is_nothing_to_write_where_nothing_is_recorded(tmp_path: Path, open_session: Callable) -> None:
    kit = Kit("01_persistence", chosen_provider(), "replay", tmp_path)
    with pytest.raises(SetupError, match="nothing is being recorded"):
        kit.write_recording()
    kit.session = open_session(OLD)
    with pytest.raises(SetupError, match="nothing is being recorded") as caught:
        kit.write_recording()
    assert "set LLM_MODE=record" in caught.value.hint


def test_a_file_that_is_no_notebook_is_one_sentence(tmp_path: Path, fixture: Path) -> None:
    path = tmp_path / "lab.ipynb"
    for text in ("hello", "[]", "{}"):
        path.write_text(text)
        assert "it is not a notebook that can be read" in refused(record(path, fixture), fixture)
    path.unlink()
    assert "it is not a notebook that can be read" in refused(record(path, fixture), fixture)


def test_a_lab_is_called_by_its_name_or_its_slug(tmp_path: Path) -> None:
    path = notebook(tmp_path / "01_persistence.ipynb", {})
    for name in ("01_persistence", "persistence", "01_persistence.ipynb", "solutions/01_persistence.ipynb"):
        assert notebook_of(name, tmp_path) == path
    assert slug("01_persistence") == slug("solutions/01_persistence.ipynb") == "persistence"
    with pytest.raises(RecordingError, match="there is no solution called '02'") as caught:
        notebook_of("02", tmp_path)
    assert caught.value.hint == "the labs in solutions/ are: 01_persistence"


def test_an_unknown_lab_is_one_sentence() -> None:
    done = runner.invoke(app, ["record", "99_nothing"])
    assert done.exit_code == 1
    assert "there is no solution called '99_nothing'" in done.output


def test_check_says_one_line_for_each_fixture(tmp_path: Path, fixture: Path) -> None:
    done = runner.invoke(app, ["check", str(fixture)])
    assert done.output == "fixture.yaml: fine, 2 conversations (2 authored)\n"
    assert done.exit_code == 0
    broken = tmp_path / "broken.yaml"
    broken.write_text("conversations: 3\n")
    done = runner.invoke(app, ["check", str(broken), str(fixture)])
    assert done.exit_code == 1
    assert done.output.startswith("broken.yaml, line 1: 'conversations' must be a list")
    assert "fixture.yaml: fine" in done.output


def test_check_looks_at_all_labs_by_default() -> None:
    done = runner.invoke(app, ["check"])
    assert done.exit_code == 0
    assert "persistence/conversations.yaml: fine" in done.output


def test_the_command_explains_itself() -> None:
    done = runner.invoke(app, ["--help"])
    assert done.exit_code == 0
    assert "record" in done.output
    assert "check" in done.output
