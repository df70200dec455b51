"""What the kit adds to a notebook: short errors, graphs that draw themselves offline, quiet warnings."""

from __future__ import annotations

import re
import warnings
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from utils.notebook import ipython

CELLS = {
    "setup": 'from utils import check, setup\nkit = setup("01_persistence")',
    "asked": 'kit.model().invoke("Who invented the umbrella?")',
    "asked later": 'await kit.model().ainvoke("Who invented the umbrella?")',
    "in a function": "def f():\n    return kit.model().invoke('Who invented the umbrella?')\n\nf()",
    "kit error": 'check("9.9")',
    "other error": "def divide(a, b):\n    return a / b\n\ndivide(1, 0)",
    "later error": "import asyncio\nawait asyncio.sleep(0)\n{}['nothing']",
    "no syntax": "1 +",
    "other body": (
        "class Refused(Exception):\n    body = {'code': 'other', 'message': 'no'}\n\nraise Refused('usual')"
    ),
    "graph": (
        "from utils.agent import Agent\n"
        "from langgraph.checkpoint.memory import InMemorySaver\n"
        "agent = Agent(kit.model(), [kit.search()], InMemorySaver()).graph\n"
        "agent"
    ),
    "again": 'kit = setup("01_persistence")\nkit.model().invoke("Which one is warmer?").text[:19]',
    "asked again": 'kit.model().invoke("Who invented the umbrella?")',
    "ask": (
        "def ask(agent, thread_id, text):\n"
        "    config = {'configurable': {'thread_id': thread_id}}\n"
        "    return agent.invoke({'messages': [('user', text)]}, config)['messages'][-1].text\n"
        "check('1.2')"
    ),
    "others": "check()",
    "wrong": "def ask(agent, thread_id, text):\n    return 'no'\n\ncheck('1.2')",
    "literally": (
        "from langchain_community.tools.tavily_search import TavilySearchResults\n"
        "TavilySearchResults(max_results=2).name"
    ),
    "notes' installation": "%%capture --no-stderr\n%pip install --quiet -U langgraph langchain_anthropic",
    "own streams": "print('still here')",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """The outputs of all cells, run once in a kernel of their own."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("LLM_MODE", "replay"), ("REPLAY_PACE", "off"), ("NO_COLOR", "1")):
            patch.setenv(name, value)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS.values()])
        folder = tmp_path_factory.mktemp("labs")
        NotebookClient(
            made, timeout=60, allow_errors=True, resources={"metadata": {"path": str(folder)}}
        ).execute()
    return dict(zip(CELLS, (cell.outputs for cell in made.cells), strict=True))


def error(outputs: list[Any]) -> Any:
    (found,) = [output for output in outputs if output.output_type == "error"]
    return found


def plain(lines: list[str]) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(lines))


@pytest.mark.kernel
@pytest.mark.parametrize("cell", ["asked", "asked later", "in a function", "asked again"])
def test_a_question_that_nobody_recorded_is_one_sentence(outputs: dict[str, list[Any]], cell: str) -> None:
    told = error(outputs[cell])
    assert len(outputs[cell]) == 1, outputs[cell]
    (line,) = plain(told.traceback).splitlines()
    assert line.startswith('NotRecorded: No recorded answer for "Who invented the umbrella?".')
    assert line.endswith("To ask a real model, with a key or on your own machine, see docs/live.md.")
    assert told.ename == "UnprocessableEntityError", "papermill and nbval still see the error"


@pytest.mark.kernel
def test_an_error_of_the_kit_is_its_sentence(outputs: dict[str, list[Any]]) -> None:
    lines = plain(error(outputs["kit error"]).traceback).splitlines()
    assert lines[0] == "ExerciseError: there is no exercise '9.9' in this lab"
    assert lines[1].startswith("  What to do: use one of 1.1, 1.2")
    assert len(lines) == 2


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("cell", "shown", "name"),
    [
        ("other error", "return a / b", "ZeroDivisionError"),
        ("later error", "{}['nothing']", "KeyError"),
        ("no syntax", "1 +", "SyntaxError"),
        ("other body", "raise Refused('usual')", "Refused"),
    ],
)
def test_other_errors_keep_their_traceback(
    outputs: dict[str, list[Any]], cell: str, shown: str, name: str
) -> None:
    told = error(outputs[cell])
    assert told.ename == name
    trace = plain(told.traceback)
    assert shown in trace
    assert len(trace.splitlines()) > 3
    assert "utils/notebook/ipython.py" not in trace, "the kit's own lines are no help"
    assert len(outputs[cell]) == 1


@pytest.mark.kernel
def test_a_failed_check_shows_nothing_that_the_student_did_not_print(outputs: dict[str, list[Any]]) -> None:
    (shown,) = outputs["wrong"]
    assert "not yet" in shown.data["text/plain"]
    assert "printed" not in shown.data["text/plain"]


@pytest.mark.kernel
def test_the_notes_search_tool_typed_literally_does_not_warn(outputs: dict[str, list[Any]]) -> None:
    (shown,) = outputs["literally"]
    assert shown.data["text/plain"] == "'tavily_search_results_json'"


@pytest.mark.kernel
def test_a_graph_as_the_last_line_draws_itself_without_a_network(outputs: dict[str, list[Any]]) -> None:
    (shown,) = outputs["graph"]
    assert shown.output_type == "execute_result"
    assert "image/png" not in shown.data
    assert "<svg" in shown.data["text/html"]
    assert "action" in shown.data["text/plain"]


@pytest.mark.kernel
def test_a_second_setup_and_checks_work_and_nothing_is_on_stderr(outputs: dict[str, list[Any]]) -> None:
    assert outputs["again"][-1].data["text/plain"] == "'I need a little mor'"
    assert "2/2" in outputs["ask"][0].data["text/plain"].replace(" of ", "/")
    assert "2/20" in outputs["others"][0].data["text/plain"].replace(" of ", "/")
    assert outputs["own streams"][0].text == "still here\n"
    loud = [
        output.text
        for found in outputs.values()
        for output in found
        if output.output_type == "stream" and output.name == "stderr"
    ]
    assert len(loud) == 1
    assert loud[0].endswith("the version that the labs were written for, and stay as they are.\n")


def test_outside_of_notebooks_only_warnings_are_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ipython, "shell", lambda: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ipython.install()
        warnings.warn("`langchain-community` is being sunset soon", DeprecationWarning, stacklevel=1)
        with pytest.raises(DeprecationWarning):
            warnings.warn("something else", DeprecationWarning, stacklevel=1)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"code": "not_recorded", "message": "No recorded answer."}, "No recorded answer."),
        ({"code": "not_recorded"}, ""),
        ({"code": "other", "message": "no"}, None),
        ("text", None),
        (None, None),
    ],
)
def test_only_the_recorded_model_s_own_refusal_is_shortened(body: Any, sentence: str | None) -> None:
    failed = Exception("failed")
    failed.body = body  # type: ignore[attr-defined]
    assert ipython.not_recorded(failed) == sentence
    assert ipython.not_recorded(Exception("bare")) is None
