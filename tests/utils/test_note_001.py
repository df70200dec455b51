"""The program of course note 001 runs after setup(), with only what no longer exists replaced.

Three things were replaced: a saver as a value, where the async saver lives, and that it is opened with
``async with``. Everything else is the note's, word for word.
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

PROGRAM = (Path(__file__).parent / "data" / "note_001.txt").read_text("utf-8")
TOKENS = (
    "The| current| weather| in| San| Francisco| is| mostly| sunny| with| a| high| of| |69|°F| (|approximately"
    "| |20|.|5|°C|).| Winds| are| coming| from| the| west| at| |15| to| |25| mph|.| During| the| night|,| "
    "partly| cloudy| skies| are| expected| with| a| low| around| |60|°F| (|approximately| |15|.|5|°C|)| and| "
    "winds| from| the| west| at| |10| to| |20| mph|.|"
)


def run(program: str) -> None:
    """Run it as a notebook cell: awaiting at the top level."""
    code = compile(program, "<note 001>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    result = eval(code, {"__name__": "__main__"})
    asyncio.run(result)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_program_of_note_001_prints_its_conversation(
    setup_here: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    version: str,
) -> None:
    monkeypatch.setattr("dotenv.main.find_dotenv", lambda *_, **__: "")
    setup_here("01_persistence")
    capsys.readouterr()
    program = PROGRAM.replace('version="v1"', f'version="{version}"')
    with warnings.catch_warnings():
        # Version 1 of the events is deprecated, and says so at each call; the note uses it.
        warnings.filterwarnings("ignore", r".*astream_events.*", LangChainDeprecationWarning)
        run(program)
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
