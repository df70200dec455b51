"""The start page's cards, the next step on a card, comparing and beginning again, with somebody there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest

from tests.utils.notebook.sitting import ROOT, sit_down
from utils.errors import ExerciseError
from utils.modes import GRADING, RUNNING
from utils.notebook.check import check
from utils.notebook.compare import compare
from utils.notebook.handin import hand_in
from utils.notebook.kit import Kit
from utils.notebook.progress import FILE, read_progress, record
from utils.notebook.reset import reset
from utils.notebook.runs import Run
from utils.notebook.start import SUMMARY, start, summary
from utils.views import ExerciseView
from utils.views.comparison import ComparisonView
from utils.views.hand_in import HandInView
from utils.views.note import NoteView

Setup = Callable[..., Kit]
LAB = "01_persistence"
ASK = '''def ask(agent, thread_id, text):
    """<b>Mine</b>."""
    state = agent.invoke({"messages": [("user", text)]}, {"configurable": {"thread_id": thread_id}})
    return str(state["messages"][-1].text)
'''
ALL = {"1.1": 5, "1.2": 2, "1.3": 3, "1.4": 3, "1.5": 3, "1.6": 4}


@pytest.fixture
def sitting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Lab 1, open in JupyterLab."""
    return sit_down(tmp_path, LAB, monkeypatch)


@pytest.fixture
def answered(sitting: SimpleNamespace, setup_here: Setup) -> SimpleNamespace:
    """Lab 1 with a right answer to 1.2, which ran."""
    setup_here()
    run(sitting, ASK)
    return sitting


def run(shell: SimpleNamespace, source: str) -> None:
    exec(source, shell.user_ns)
    shell._course_kit_runs = [*getattr(shell, "_course_kit_runs", ()), Run(source, 9e9)]


def card(number: str) -> ExerciseView:
    view = check(number)
    assert isinstance(view, ExerciseView)
    return view


# The start page


def test_cards_show_points_and_where_to_go_on(tmp_path: Path, sitting: SimpleNamespace) -> None:
    record(tmp_path, "persistence", ALL)
    record(tmp_path, "streaming", {"2.1": 3, "2.2": 99})
    view = start()
    assert view is not None
    assert [card.facts for card in view.labs][:2] == [
        "75–90 minutes · 20 of 20 points",
        "75–90 minutes · 7 of 20 points",
    ]
    assert "✓ Done" in view.text()
    assert "Continue at 2.3" in view.text()
    assert "Begin with 3.1 Make it asynchronous" in view.text()
    assert 'href="02_streaming.ipynb#Exercise-2.3:-' in view.html()
    assert 'aria-label="The labs: 27 of 80 points"' in view.html()


def test_a_broken_file_is_said_on_the_start_page(tmp_path: Path, sitting: SimpleNamespace) -> None:
    (tmp_path / FILE).write_text("{")
    view = start()
    assert view is not None
    assert "Your progress starts afresh" in view.text()
    assert 'role="alert"' in view.html()


def test_where_nobody_sits_there_are_no_points_and_no_file_is_read(
    tmp_path: Path, sitting: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path, "persistence", ALL)
    monkeypatch.delenv("JPY_SESSION_NAME")
    view = start()
    assert view is not None
    assert all(card.points == 0 for card in view.labs)
    page = summary()
    assert page is not None
    assert page.file == ""
    assert not (tmp_path / SUMMARY).exists()


def test_in_an_empty_folder_the_kit_s_own_labs_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.chdir(tmp_path)
    view = start()
    assert view is not None
    assert len(view.labs) == 4


def test_the_grader_is_shown_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GRADING, "1")
    assert (start(), summary(), compare("1.2"), hand_in()) == (None, None, None, None)


def test_a_summary_is_a_page_to_print_and_says_that_it_is_not_a_mark(
    tmp_path: Path, sitting: SimpleNamespace
) -> None:
    assert "so far" in repr(summary())
    assert not (tmp_path / SUMMARY).exists(), "nothing is done yet"
    record(tmp_path, "persistence", ALL)
    view = summary()
    assert view is not None
    page = (tmp_path / SUMMARY).read_text("utf-8")
    for text in (page, view.text()):
        assert "not a mark" in " ".join(text.split())
        assert "build a graph that asks a model" in text
        assert "pause an agent before its tools" not in text, "lab 4 is not done"
    assert f'<a href="{SUMMARY}">' in view.html()


def test_a_summary_that_cannot_be_written_is_shown_with_a_sentence(
    tmp_path: Path, sitting: SimpleNamespace
) -> None:
    record(tmp_path, "persistence", ALL)
    (tmp_path / SUMMARY).mkdir()
    view = summary()
    assert view is not None
    assert "summary.html cannot be written: Is a directory." in view.text()
    assert "summary.html cannot be written" in view.html()


# The next step


def test_a_pass_says_what_is_done_and_links_to_what_is_next(
    tmp_path: Path, answered: SimpleNamespace
) -> None:
    record(tmp_path, "persistence", {"1.1": 5})
    view = card("1.2")
    assert view.text().endswith("  1.2 done · 7 of 20 · next: 1.3 Keep it on disk")
    link = f'<a href="{LAB}.ipynb#Exercise-1.3:-keep-it-on-disk-(3-points)">1.3 Keep it on disk</a>'
    assert link in view.html()
    assert read_progress(tmp_path).of("persistence") == {"1.1": 5, "1.2": 2}


def test_what_has_not_passed_has_no_next_step(answered: SimpleNamespace) -> None:
    assert "next:" not in card("1.3").text()


def test_the_last_pass_closes_the_lab(tmp_path: Path, answered: SimpleNamespace) -> None:
    record(tmp_path, "persistence", {**ALL, "1.2": 0})
    view = card("1.2")
    for text in (view.text(), view.html()):
        assert "1.2 done · 20 of 20 · Lab 1 is complete" in text
        assert "go back to an earlier moment" in text
        assert "Lab 2: Show it as it happens" in text


def test_behind_the_last_lab_comes_the_summary(tmp_path: Path, answered: SimpleNamespace) -> None:
    record(tmp_path, "persistence", {**ALL, "1.2": 0})
    for path in tmp_path.glob("0[2-4]_*.ipynb"):
        path.unlink()
    assert "`summary()` on the start page" in card("1.2").text()


def test_in_another_editor_the_next_step_is_plain_text(
    answered: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME")
    monkeypatch.setenv("VSCODE_PID", "1")
    answered.user_ns["__vsc_ipynb_file__"] = str(tmp_path / f"{LAB}.ipynb")
    html = card("1.2").html()
    assert "next: 1.3 Keep it on disk" in html
    assert "<a " not in html
    assert read_progress(tmp_path).of("persistence") == {"1.2": 2}


@pytest.mark.parametrize("name", [RUNNING, "nobody"])
def test_where_nobody_sits_nothing_is_kept(
    answered: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if name == RUNNING:
        monkeypatch.setenv(RUNNING, "1")
    else:
        monkeypatch.delenv("JPY_SESSION_NAME")
    assert card("1.2").text().endswith("  1.2 done · 2 of 20 · next: 1.3 Keep it on disk")
    assert not (tmp_path / FILE).exists()


def test_what_is_wrong_with_the_file_is_said_once(
    answered: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "replace", refuse)
    assert card("1.2").way is not None
    assert card("1.2").way is not None
    assert capsys.readouterr().out.count("cannot be written (Read-only file system)") == 1


# Another answer


def test_after_a_pass_the_other_answer_stands_beside(answered: SimpleNamespace) -> None:
    card("1.2")
    view = compare("1.2")
    assert isinstance(view, ComparisonView)
    assert view.mine == ASK
    assert 'config = {"configurable": {"thread_id": thread_id}}' in view.other
    assert "SOLUTION" not in view.text()
    assert "<b>" not in view.html()
    assert "&lt;b&gt;Mine" in view.html()


def test_before_a_pass_it_says_what_to_do(answered: SimpleNamespace) -> None:
    with pytest.raises(ExerciseError, match=r"1\.3 has not passed yet\n.*answer it first.*check\(\"1\.3\"\)"):
        compare("1.3")


def test_a_pass_of_yesterday_counts_and_the_saved_answer_is_shown(
    tmp_path: Path, sitting: SimpleNamespace, setup_here: Setup
) -> None:
    setup_here()
    record(tmp_path, "persistence", {"1.2": 2})
    view = compare("1.2")
    assert isinstance(view, ComparisonView)
    assert "YOUR CODE HERE" in view.mine
    (tmp_path / f"{LAB}.ipynb").unlink()
    assert "not found: run the cell" in repr(compare("1.2"))


def test_a_course_without_solutions_says_so(answered: SimpleNamespace, tmp_path: Path) -> None:
    assert isinstance(view := compare("1.2", tmp_path / "none"), NoteView)
    assert "`solutions/` is not here" in view.text()


# Begin again


def test_an_exercise_comes_back_as_a_new_cell_and_what_was_written_is_kept(
    tmp_path: Path, answered: SimpleNamespace
) -> None:
    card("1.2")
    notebook = (tmp_path / f"{LAB}.ipynb").read_bytes()
    view = reset("1.2")
    assert view is not None
    ((given, replaces),) = answered.next_cells
    assert "raise NotImplementedError()" in given
    assert given.startswith("def ask(")
    assert not replaces
    assert (tmp_path / f"{LAB}.kept-1.2-1.py").read_text() == ASK
    assert f"`{LAB}.kept-1.2-1.py`" in view.text()
    assert (tmp_path / f"{LAB}.ipynb").read_bytes() == notebook
    assert read_progress(tmp_path).of("persistence") == {}
    reset("1.2")
    assert (tmp_path / f"{LAB}.kept-1.2-2.py").exists()


def test_nothing_is_kept_of_what_was_not_begun(
    tmp_path: Path, sitting: SimpleNamespace, setup_here: Setup
) -> None:
    setup_here()
    assert "What you wrote" not in repr(reset("1.2"))
    assert list(tmp_path.glob("*.kept-*")) == []


def test_what_cannot_be_copied_stays_in_its_cell_and_that_is_said(
    answered: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Path.open

    def refuse(path: Path, mode: str = "r", *more: Any, **options: Any) -> Any:
        if mode == "x":
            raise OSError(30, "Read-only file system")
        return read(path, mode, *more, **options)

    monkeypatch.setattr(Path, "open", refuse)
    assert "could not be copied into a file (Read-only file system)" in " ".join(repr(reset("1.2")).split())
    with pytest.raises(ExerciseError, match="a fresh notebook cannot be written: Read-only file system"):
        reset()


def test_a_lab_comes_back_as_a_new_notebook(tmp_path: Path, answered: SimpleNamespace) -> None:
    record(tmp_path, "persistence", ALL)
    path = tmp_path / f"{LAB}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    given = {cell.id: cell.source for cell in notebook.cells}
    for cell in notebook.cells:
        if cell.id in ("ex-1-2", "check-1-2"):
            cell.source = cell.source.replace("raise NotImplementedError()", "return 1")
            cell.outputs = [nbformat.v4.new_output("stream", text="mine")]
    notebook.cells = [cell for cell in notebook.cells if cell.id != "ex-1-3"]
    nbformat.write(notebook, path)
    mine = path.read_bytes()
    view = reset()
    assert view is not None
    fresh = nbformat.read(tmp_path / f"{LAB}.fresh-1.ipynb", as_version=4)
    nbformat.validate(fresh)
    assert {cell.id: cell.source for cell in fresh.cells} == given
    ids = [cell.id for cell in fresh.cells]
    assert ids.index("ex-1-3") == ids.index("check-1-3") - 1
    assert not any(cell.get("outputs") for cell in fresh.cells)
    assert path.read_bytes() == mine
    assert f'href="{LAB}.fresh-1.ipynb"' in view.html()
    assert read_progress(tmp_path).of("persistence") == {}


def test_a_notebook_that_does_not_say_what_was_given_is_told(
    tmp_path: Path, answered: SimpleNamespace
) -> None:
    path = tmp_path / f"{LAB}.ipynb"
    content = json.loads(path.read_text("utf-8"))
    del content["metadata"]["kit"]["given"]["1.2"]
    path.write_text(json.dumps(content))
    with pytest.raises(ExerciseError, match=r"does not say how exercise 1\.2 was given"):
        reset("1.2")
    shutil.copy(ROOT / "solutions" / f"{LAB}.ipynb", path)
    with pytest.raises(ExerciseError, match="does not say how its exercises were given"):
        reset()


def test_where_nobody_sits_nothing_is_reset(
    answered: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert reset("1.2") is None
    assert answered.next_cells == []


# Handing in


def test_an_untouched_lab_has_nothing_to_hand_in(answered: SimpleNamespace) -> None:
    assert isinstance(view := hand_in(), NoteView)
    assert "no exercise has been begun" in " ".join(view.text().split())


def test_an_author_s_notebook_is_not_handed_in(tmp_path: Path, answered: SimpleNamespace) -> None:
    shutil.copy(ROOT / "solutions" / f"{LAB}.ipynb", tmp_path)
    assert "the author's notebook" in repr(hand_in())


def test_a_kernel_that_nobody_watches_hands_nothing_in(
    answered: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert hand_in() is None


@pytest.mark.kernel
def test_a_run_says_how_far_it_is_and_which_file_to_hand_in(
    tmp_path: Path, answered: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    def display(data: dict[str, str], **_: object) -> SimpleNamespace:
        shown.append(data["text/plain"])
        return SimpleNamespace(update=lambda data, raw: shown.append(data["text/plain"]))

    monkeypatch.setattr("IPython.display.display", display)
    path = tmp_path / f"{LAB}.ipynb"
    cells = [nbformat.v4.new_code_cell("import time\ntime.sleep(1)"), nbformat.v4.new_code_cell("1 + 1")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    view = hand_in()
    assert isinstance(view, HandInView)
    assert shown[0] == "The saved notebook is run afresh …"
    assert "The saved notebook is run afresh: cell 1 of 2 …" in shown
    assert shown[-1] == "The saved notebook was run afresh."
    assert f'<a href="{LAB}.ipynb">{tmp_path.name}/{LAB}.ipynb</a>' in view.html()
    assert "Lab 1: Keep the conversation" in view.text()
    assert os.environ.get(RUNNING) is None
