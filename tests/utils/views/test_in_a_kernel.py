"""In a real kernel: a widget where somebody sits in front of it, the static form where nobody does."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import nbclient
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from utils.views.touch import WIDGET_VIEW

ROOT = Path(__file__).resolve().parents[3]

BUILD = """
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from utils.views import approval_card, checkpoint_explorer, token_watch

def llm(state):
    if state["messages"][-1].type == "tool":
        return {"messages": [AIMessage("20 degrees")]}
    return {"messages": [AIMessage("", tool_calls=[{"name": "search", "args": {"city": "sf"}, "id": "1"}])]}

def action(state):
    return {"messages": [ToolMessage("20", tool_call_id="1")]}

builder = StateGraph(MessagesState)
builder.add_node("llm", llm)
builder.add_node("action", action)
builder.add_edge(START, "llm")
asks = lambda state: state["messages"][-1].content == ""
builder.add_conditional_edges("llm", asks, {True: "action", False: END})
builder.add_edge("action", "llm")
graph = builder.compile(checkpointer=InMemorySaver(), interrupt_before=["action"])
config = {"configurable": {"thread_id": "1"}}
question = {"messages": [HumanMessage("sf?")]}
for item in token_watch(graph.stream(question, config, stream_mode=["messages", "updates"])):
    pass
"""
CARD = "card = approval_card(graph, config)\ncard"
PRESS = "card._controls.items[0].by_type['approve'].click()\nprint(card.answer)"
EXPLORER = "checkpoint_explorer(graph, config)"


def outputs_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_outputs", ROOT / "make" / "outputs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(*sources: Any) -> Any:
    """A notebook of these cells after a run by nbclient, which stores what widgets there are."""
    made = (
        new_code_cell(one, id=f"cell-{n}") if isinstance(one, str) else one for n, one in enumerate(sources)
    )
    notebook = new_notebook(cells=list(made))
    options = {"kernel_name": "python3", "timeout": 120, "resources": {"metadata": {"path": str(ROOT)}}}
    nbclient.NotebookClient(notebook, **options).execute()
    return notebook


def bundles(notebook: Any) -> list[set[str]]:
    return [set(output.data) for cell in notebook.cells for output in cell.outputs if "data" in output]


@pytest.mark.kernel
def test_where_nobody_sits_in_front_the_static_forms_are_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.delenv("VSCODE_PID", raising=False)
    notebook = run(BUILD, CARD, EXPLORER)
    assert bundles(notebook) == [{"text/plain", "text/html"}] * 3
    assert "widgets" not in notebook.metadata
    (watched,) = notebook.cells[0].outputs
    assert watched.data["text/plain"].startswith("3 items, in order of arrival")


@pytest.mark.kernel
def test_a_mistake_that_was_foreseen_shows_a_sentence_and_none_of_the_kits_frames() -> None:
    wrong = new_code_cell("card.decide('edit')", id="wrong", metadata={"tags": ["raises-exception"]})
    (output,) = run(BUILD, CARD, wrong).cells[-1].outputs
    said = "edit needs the arguments as a dict, got None\n  What to do: write decide('edit', args={…})"
    assert output.traceback == [f"ViewError: {said}"]


@pytest.mark.kernel
def test_in_jupyterlab_a_button_works_and_what_is_stored_has_no_widget(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "lab.ipynb")
    notebook = run(BUILD, CARD, PRESS, EXPLORER)
    assert WIDGET_VIEW in notebook.cells[1].outputs[0].data
    assert notebook.cells[2].outputs[0].text == "20 degrees\n"
    assert "application/vnd.jupyter.widget-state+json" in notebook.metadata.widgets
    stored = new_notebook(cells=[new_code_cell(c.source, id=c.id) for c in notebook.cells])
    stored.metadata["widgets"] = notebook.metadata["widgets"]
    outputs_script().store(stored, notebook)
    text = nbformat.writes(stored)
    assert "widget" not in text.split('"metadata": {', 1)[0]
    assert bundles(stored) == [{"text/plain", "text/html"}] * 3
    assert "widgets" not in stored.metadata
    assert "model_id" not in text
