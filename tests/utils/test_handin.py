"""hand_in() runs the saved notebook afresh and says what the grader will see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from utils.errors import KitError
from utils.handin import HandInError, hand_in
from utils.kit import setup
from utils.views.handin import HandInView

pytestmark = pytest.mark.kernel
LAB = "01_persistence"
ASK = """
def ask(agent, thread_id, text):
    config = {"configurable": {"thread_id": thread_id}}
    return agent.invoke({"messages": [("user", text)]}, config)["messages"][-1].text
"""
SETUP = f'from utils import check, hand_in, setup\nkit = setup("{LAB}")'


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


def test_it_judges_the_file_and_not_what_the_kernel_holds(tmp_path: Path):
    save(tmp_path / f"{LAB}.ipynb", SETUP, ASK)
    view = hand_in()
    assert points(view) == {"1.1": 0, "1.2": 2, "1.3": 0, "1.4": 0, "1.5": 0, "1.6": 0}
    assert view is not None
    assert view.problems == ()
    assert f"Hand in this file: {tmp_path.name}/{LAB}.ipynb" in view.text()
    assert f"Hand in this file: {tmp_path.name}/{LAB}.ipynb" in view.html()


def test_errors_of_cells_are_named_and_cost_nothing(tmp_path: Path):
    name = save(tmp_path / "mine.ipynb", SETUP, ASK, "<b>1</b> / 0 if False else 1 / 0", "1 / 0")
    view = hand_in(name)
    assert points(view)["1.2"] == 2
    assert view is not None
    assert view.problems[-1] == "the cell that begins with `1 / 0`: ZeroDivisionError"
    assert "<b>1</b>" not in view.html()


def test_whatever_writes_to_the_real_stdout_does_not_matter(tmp_path: Path):
    save(tmp_path / f"{LAB}.ipynb", SETUP, ASK, 'import os\nos.write(1, b"no end of line")')
    assert points(hand_in())["1.2"] == 2


def test_it_never_asks_a_real_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LLM_MODE", "live")
    (tmp_path / ".env").write_text("LLM_MODE=live\nLANGSMITH_TRACING=true\nOPENAI_API_KEY=sk-x\n")
    save(tmp_path / f"{LAB}.ipynb", f"{SETUP}\nassert kit.mode == 'replay', kit.mode", ASK)
    view = hand_in()
    assert points(view)["1.2"] == 2
    assert view is not None
    assert view.problems == ()


def test_a_deleted_setup_cell_and_a_hand_in_cell_do_not_matter(tmp_path: Path):
    save(tmp_path / f"{LAB}.ipynb", ASK, "from utils import hand_in\nhand_in()")
    assert points(hand_in())["1.2"] == 2


def test_the_notebook_that_asks_is_the_one_that_jupyter_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    named = save(tmp_path / "renamed.ipynb", SETUP, ASK)
    monkeypatch.setenv("JPY_SESSION_NAME", str(named))
    view = hand_in()
    assert view is not None
    assert view.file == f"{tmp_path.name}/renamed.ipynb"


@pytest.mark.parametrize("name", [None, "other.ipynb", "notes.txt"])
def test_a_missing_file_gets_a_sentence(tmp_path: Path, name: str | None):
    (tmp_path / "notes.txt").write_text("no notebook")
    with pytest.raises(HandInError, match="there is no saved notebook"):
        hand_in(name)


def test_a_file_that_is_no_notebook_gets_a_sentence(tmp_path: Path):
    (tmp_path / f"{LAB}.ipynb").write_text("{ half sav")
    with pytest.raises(KitError, match="this is no notebook"):
        hand_in()


def test_a_notebook_that_ends_its_kernel_gets_a_sentence(tmp_path: Path):
    save(tmp_path / f"{LAB}.ipynb", SETUP, "import os\nos._exit(0)", ASK)
    with pytest.raises(HandInError, match="the kernel died or hung"):
        hand_in()
