"""hand_in() runs the saved notebook afresh and says what the grader will see."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

from tests.conftest import same_surroundings
from utils.notebook import handin
from utils.notebook.handin import HandInError, hand_in, run_notebook
from utils.notebook.kit import setup
from utils.notebook.runs import watch_runs
from utils.views.hand_in import HandInView

LAB = "01_persistence"
ASK = """
def ask(agent, thread_id, text):
    config = {"configurable": {"thread_id": thread_id}}
    return agent.invoke({"messages": [("user", text)]}, config)["messages"][-1].text
"""
SETUP = f'from utils import check, hand_in, setup\nkit = setup("{LAB}")'
POINTS = {"1.1": 0, "1.2": 2, "1.3": 0, "1.4": 0, "1.5": 0, "1.6": 0}

NOTEBOOK = {
    "set up": f"{SETUP}\nassert kit.mode == 'replay', kit.mode",
    "the answer": ASK,
    "an error, with markup": "<b>1</b> / 0",
    "another one": "1 / 0",
    "the real stdout": 'import os\nos.write(1, b"no end of line")',
}
"""what the notebook is that is run for most tests here: each looks at something else"""


@pytest.fixture(autouse=True)
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    kit = setup(LAB)
    yield
    kit.close()


def save(path: Path, *cells: str) -> Path:
    written = [nbformat.v4.new_code_cell(source) for source in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=written), path)
    return path


def points(view: HandInView | None) -> dict[str, float]:
    assert view is not None
    return {exercise.exercise: exercise.points for exercise in view.result.exercises}


# What a run says


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory, empty_home: Path) -> HandInView:
    """A notebook handed in from a folder whose settings ask for a real model."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / ".env").write_text("LLM_MODE=live\nLANGSMITH_TRACING=true\nOPENAI_API_KEY=sk-x\n")
    save(folder / f"{LAB}.ipynb", *NOTEBOOK.values())
    with same_surroundings(empty_home), chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.delenv("JPY_SESSION_NAME", raising=False)
        kit = setup(LAB)
        patch.setenv("LLM_MODE", "live")
        view = hand_in()
        kit.close()
    assert view is not None
    return view


@pytest.mark.kernel
def test_it_judges_the_file_and_not_what_the_kernel_holds(handed_in: HandInView) -> None:
    assert points(handed_in) == POINTS
    folder = Path(handed_in.file).parent
    assert f"Hand in this file: {folder}/{LAB}.ipynb" in handed_in.text()
    assert f"Hand in this file: {folder}/{LAB}.ipynb" in handed_in.html()
    assert handed_in.cells == len(NOTEBOOK)


@pytest.mark.kernel
def test_errors_of_cells_are_named_and_cost_nothing(handed_in: HandInView) -> None:
    assert handed_in.problems == (
        "the cell that begins with “<b>1</b> / 0”: SyntaxError in its line 1: invalid syntax",
        "the cell that begins with “1 / 0”: ZeroDivisionError",
    )
    assert points(handed_in)["1.2"] == 2
    assert "<b>1</b>" not in handed_in.html()


@pytest.mark.kernel
def test_it_never_asks_a_real_model(handed_in: HandInView) -> None:
    assert points(handed_in)["1.2"] == 2
    assert not [problem for problem in handed_in.problems if "AssertionError" in problem]


@pytest.mark.kernel
def test_whatever_writes_to_the_real_stdout_does_not_matter(handed_in: HandInView) -> None:
    assert points(handed_in) == POINTS


# Runs of their own


@pytest.mark.kernel
def test_a_deleted_setup_cell_and_a_hand_in_cell_do_not_matter(tmp_path: Path) -> None:
    save(tmp_path / f"{LAB}.ipynb", ASK, "from utils import hand_in\nhand_in()")
    view = hand_in()
    assert points(view) == POINTS
    assert view is not None
    assert view.problems == ()


@pytest.mark.kernel
def test_a_notebook_that_ends_its_kernel_gets_a_sentence(tmp_path: Path) -> None:
    save(tmp_path / f"{LAB}.ipynb", SETUP, "import os\nos._exit(0)", ASK)
    with pytest.raises(HandInError, match="the kernel died or hung"):
        hand_in()


# Which file, without running it


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The notebooks that would be run; a run says that there is nothing in them."""
    paths: list[Path] = []

    def run(path: Path, lab: str, counting: object) -> dict[str, Any]:
        paths.append(path)
        return {"result": {"lab": lab, "title": "Lab 1", "exercises": []}, "cells": 0, "problems": []}

    monkeypatch.setattr(handin, "_run_in_fresh_process", run)
    return paths


def test_the_notebook_that_asks_is_the_one_that_jupyter_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked_for: list[Path]
) -> None:
    named = save(tmp_path / "renamed.ipynb", SETUP, ASK)
    monkeypatch.setenv("JPY_SESSION_NAME", str(named))
    view = hand_in()
    assert asked_for == [named]
    assert view is not None
    assert view.file == f"{tmp_path.name}/renamed.ipynb"


def copy_of(path: Path, name: str, *more: str, saved: float) -> Path:
    """Save a notebook of the lab again under another name, so many seconds after the beginning of time."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells += [nbformat.v4.new_code_cell(source) for source in more]
    notebook.metadata["kit"] = {"lab": LAB}
    copy = path.with_name(name)
    nbformat.write(notebook, copy)
    os.utime(copy, (saved, saved))
    return copy


@pytest.mark.parametrize("told", ["by jupyter", "by nobody"])
def test_of_two_notebooks_of_a_lab_the_later_one_is_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked_for: list[Path], told: str
) -> None:
    original = copy_of(save(tmp_path / "x.ipynb", SETUP), f"{LAB}.ipynb", saved=100)
    mine = copy_of(original, "mine.ipynb", saved=200)
    if told == "by jupyter":
        monkeypatch.setenv("JPY_SESSION_NAME", str(original))
    with pytest.raises(HandInError) as caught:
        hand_in()
    assert "any of them may be the open one: mine.ipynb (saved at " in str(caught.value)
    assert 'hand_in("mine.ipynb")' in str(caught.value)
    assert asked_for == []
    hand_in("mine.ipynb")
    assert asked_for == [mine]


def test_the_notebook_that_has_what_this_session_ran_is_the_open_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked_for: list[Path]
) -> None:
    ip = InteractiveShell()
    watch_runs(ip)
    monkeypatch.setattr("IPython.get_ipython", lambda: ip)
    ip.run_cell("1 + 1")
    ip.run_cell("2 + 2")
    told = copy_of(save(tmp_path / "x.ipynb", "1 + 1"), f"{LAB}.ipynb", saved=100)
    ip.user_ns["__vsc_ipynb_file__"] = str(told)
    mine = copy_of(told, "mine.ipynb", "2 + 2", saved=200)
    copy_of(told, "old.ipynb", "2 + 2", saved=50)
    hand_in()
    assert asked_for == [mine]


def test_a_path_that_is_given_is_the_one_that_is_run(tmp_path: Path, asked_for: list[Path]) -> None:
    save(tmp_path / f"{LAB}.ipynb", SETUP)
    given = save(tmp_path / "mine.ipynb", SETUP, ASK)
    view = hand_in(given)
    assert asked_for == [given]
    assert view is not None
    assert view.file == f"{tmp_path.name}/mine.ipynb"


@pytest.mark.parametrize("name", [None, "other.ipynb", "notes.txt"])
def test_a_missing_file_gets_a_sentence(tmp_path: Path, name: str | None) -> None:
    (tmp_path / "notes.txt").write_text("no notebook")
    with pytest.raises(HandInError, match="there is no saved notebook"):
        hand_in(name)


def test_a_file_that_is_no_notebook_gets_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / f"{LAB}.ipynb"
    path.write_text("{ half sav")
    # Not by hand_in(): such a run ends before there is a kernel, and its process would cost three seconds.
    told = run_notebook(path, LAB)
    assert "this is not a notebook" in told["error"]
    assert "save it again" in told["hint"]


def test_what_is_not_a_path_gets_a_sentence() -> None:
    with pytest.raises(HandInError, match=r"takes the path of a notebook, got int\n.*01_persistence\.ipynb"):
        hand_in(3)  # type: ignore[arg-type]


def test_a_python_that_cannot_be_started_gets_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / f"{LAB}.ipynb", SETUP)
    monkeypatch.setattr("sys.executable", str(tmp_path / "gone"))
    with pytest.raises(HandInError, match=r"the notebook could not be run: .*No such file"):
        hand_in(path)
