"""The programs of the course notes run after setup(), each on its own provider.

Only what no longer exists was replaced, and what a note forgets was added; everything else is the note's,
word for word. Note 001: a saver as a value, where the async saver lives, and that it is opened with
``async with``. Note 003: where the async saver lives. Note 004: ``Literal``, ``tools`` and ``tool_node``,
which it never defines; its picture, which a server in the web would draw; and its installation, which is a
cell of its own (see tests/utils/notebook/test_pip.py).
"""

from __future__ import annotations

import ast
import asyncio
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from langchain_core._api import LangChainDeprecationWarning

from utils.notebook.kit import Kit

DATA = Path(__file__).parent / "data"
TOKENS = (
    "The| current| weather| in| San| Francisco| is| mostly| sunny| with| a| high| of| |69|°F| (|approximately"
    "| |20|.|5|°C|).| Winds| are| coming| from| the| west| at| |15| to| |25| mph|.| During| the| night|,| "
    "partly| cloudy| skies| are| expected| with| a| low| around| |60|°F| (|approximately| |15|.|5|°C|)| and| "
    "winds| from| the| west| at| |10| to| |20| mph|.|"
)
Setup = Callable[..., Kit]


def program(note: str) -> str:
    return (DATA / f"note_{note}.txt").read_text("utf-8")


def run(text: str) -> None:
    """Run it as a notebook cell: awaiting at the top level."""
    code = compile(text, "<note>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    with warnings.catch_warnings():
        # Two ways of streaming that the notes use are deprecated, and say so at each call.
        warnings.filterwarnings("ignore", r".*astream_(events|log).*", LangChainDeprecationWarning)
        asyncio.run(eval(code, {"__name__": "__main__"}))


@pytest.fixture(autouse=True)
def _no_env_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dotenv.main.find_dotenv", lambda *_, **__: "")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_program_of_note_001_prints_its_conversation(
    setup_here: Setup, capsys: pytest.CaptureFixture[str], version: str
) -> None:
    setup_here("01_persistence")
    capsys.readouterr()
    run(program("001").replace('version="v1"', f'version="{version}"'))
    printed = capsys.readouterr()
    assert printed.err == ""
    said, tokens = printed.out.rsplit("Back to the model!\n", 1)
    assert tokens == TOKENS
    answers = re.findall(r"AIMessage\(content='([^']+)'", said)
    assert len(answers) == 4
    sf, la, warmer, unclear = answers
    assert sf.startswith("The current weather in San Francisco is mostly sunny with a high of 69°F")
    assert la.startswith("The current weather in Los Angeles is 15.1°C")
    assert warmer.startswith("San Francisco is warmer")
    assert unclear.startswith("I need a little more to go on")
    assert said.count("Calling: {'name': 'tavily_search_results_json'") == 3


def test_the_program_of_note_003_streams_messages_and_tokens_from_bedrock(
    setup_here: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    kit = setup_here("01_persistence", provider="bedrock")
    capsys.readouterr()
    run(program("003"))
    printed = capsys.readouterr()
    assert re.search(r"INFO - TAVILY_API_KEY .*environment", printed.err)
    said, tokens = printed.out.rsplit("Back to the model!\n", 1)
    texts = re.findall(r"'text': '([^']*)'", tokens)
    assert "".join(texts).startswith("The current weather in San Francisco is mostly sunny")
    assert len(texts) > 50
    assert "San Francisco is warmer" in said
    assert "I need a little more to go on" in said
    assert said.count("Calling: {'name': 'tavily_search_results_json'") == 3
    assert Path("checkpoints.db").is_file()
    assert not [request for request in kit.requests() if request.status != 200]


def test_the_program_of_note_004_runs_its_own_tool_on_anthropic(
    setup_here: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    kit = setup_here("03_async_graphs", provider="anthropic")
    capsys.readouterr()
    run(program("004"))
    said = capsys.readouterr().out
    assert said.count("Output from node 'agent':") == 2
    assert said.count("Output from node 'action':") == 1
    assert said.count("The answer to your question lies within.") == 2, "by the tool, and by the model"
    assert [request.status for request in kit.requests()] == [200] * 4
    _, streamed = said.rsplit("\n---\n", 1)
    assert "The| answer| to| your| question| lies| within|.|" in streamed
