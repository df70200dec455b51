"""check(): a card for one exercise, a table for all, by the checks that will grade them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from utils.errors import ExerciseError, SetupError
from utils.notebook import ipython
from utils.notebook import kit as kits
from utils.notebook.check import check
from utils.notebook.kit import Kit
from utils.notebook.runs import watch_runs
from utils.views import ExerciseView, LabView

Setup = Callable[..., Kit]
KEYS = ("id", "step", "source", "next", "messages", "parent")


def unlink(path: str) -> None:
    Path(path).unlink()


def lock(path: str) -> None:
    link = sqlite3.connect(path, timeout=0, check_same_thread=False)
    KEPT.append(link)
    link.execute("BEGIN EXCLUSIVE")


def swap(path: str) -> None:
    Path(path).unlink()
    os.mkfifo(path)


def replace(path: str) -> None:
    Path(path).unlink()
    Path(path).write_text("no database")


KEPT: list[sqlite3.Connection] = []


def ask(agent: Any, thread_id: str, text: str) -> str:
    state = agent.invoke({"messages": [("user", text)]}, {"configurable": {"thread_id": thread_id}})
    return str(state["messages"][-1].text)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of a notebook."""
    namespace: dict[str, Any] = {}
    running = SimpleNamespace(user_ns=namespace, **{ipython.MARK: True})
    monkeypatch.setattr("IPython.get_ipython", lambda: running)
    return namespace


def points(view: ExerciseView | LabView) -> tuple[float, float]:
    return view.result.points, view.result.max_points


def test_a_card_for_one_exercise_and_a_table_for_all(setup_here: Setup, names: dict[str, Any]) -> None:
    kit = setup_here()
    names["ask"] = ask
    table = check()
    assert isinstance(table, LabView)
    assert points(table) == (0, 20)
    assert {c.status for e in table.result.exercises for c in e.checks} == {"not run"}
    assert points(check("1.2")) == (2, 2)
    assert points(check(" 1.5 ")) == (0, 3)
    assert points(check()) == (2, 20)
    assert kit.requests() == (), "a check asks models of its own"


def test_a_number_may_be_written_as_one(setup_here: Setup, names: dict[str, Any]) -> None:
    setup_here()
    names["ask"] = ask
    assert points(check(1.2)) == (2, 2)  # type: ignore[arg-type]


def test_a_better_answer_replaces_the_one_before_and_so_does_a_worse_one(
    setup_here: Setup, names: dict[str, Any]
) -> None:
    setup_here()
    assert points(check("1.2")) == (0, 2)
    names["ask"] = ask
    assert points(check("1.2")) == (2, 2)
    names["ask"] = lambda agent, thread_id, text: "hello"
    assert points(check("1.2")) == (0, 2)
    assert points(check()) == (0, 20)


def test_results_and_checks_survive_a_second_setup(setup_here: Setup, names: dict[str, Any]) -> None:
    setup_here()
    names["ask"] = ask
    check("1.2")
    setup_here()
    assert points(check()) == (2, 20)
    assert points(check("1.2")) == (2, 2)


def test_a_setup_in_the_student_s_own_function_harms_nobody(setup_here: Setup, names: dict[str, Any]) -> None:
    setup_here()

    def ask_after_setup(agent: Any, thread_id: str, text: str) -> str:
        setup_here()
        return ask(agent, thread_id, text)

    names["ask"] = ask_after_setup
    assert check("1.2").result.max_points == 2
    names["ask"] = ask
    assert points(check("1.2")) == (2, 2)


def test_it_works_where_the_model_is_another_process_s(
    setup_here: Setup, names: dict[str, Any], recorded_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = recorded_server.open()
    monkeypatch.setenv("KIT_RECORDED_MODEL", parent.url)
    kit = setup_here()
    assert kit.server is None
    names["ask"] = ask
    assert points(check("1.2")) == (2, 2)
    assert parent.traffic().requests == ()
    parent.close()


def test_outside_of_notebooks_the_main_module_is_looked_at(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    import __main__

    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    monkeypatch.setattr(__main__, "ask", ask, raising=False)
    setup_here()
    assert points(check("1.2")) == (2, 2)


def test_before_setup_and_for_unknown_numbers_a_sentence_says_what_to_do(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch, names: dict[str, Any]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(kits._Current, "kit", None)
        with pytest.raises(SetupError, match="run the setup cell first"):
            check("1.2")
    setup_here()
    with pytest.raises(ExerciseError, match=r"no exercise '7' in this lab\n  What to do: use one of 1\.1"):
        check("7")


def test_nothing_of_the_student_s_prints_is_shown_and_the_card_can_be_drawn(
    setup_here: Setup, names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def loud(agent: Any, thread_id: str, text: str) -> str:
        print("\x1b[31mloud")
        return "<script>alert(1)</script>\x1b[31m"

    setup_here()
    capsys.readouterr()
    names["ask"] = loud
    view = check("1.2")
    assert capsys.readouterr() == ("", "")
    assert "<script>" not in view.html()
    assert "\x1b" not in view.text() + view.html()


def test_what_the_code_printed_stands_in_the_details_of_what_failed(
    setup_here: Setup, names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def loud(agent: Any, thread_id: str, text: str) -> str:
        print("thread is", thread_id)
        return "no"

    setup_here()
    names["ask"] = loud
    capsys.readouterr()
    view = check("1.2")
    assert isinstance(view, ExerciseView)
    assert "Your code printed:\nthread is trip" in view.result.checks[0].detail
    assert "printed" not in view.result.checks[1].detail
    assert capsys.readouterr().out == ""


def test_an_interrupted_check_is_one_sentence_and_the_next_one_works(
    setup_here: Setup, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    setup_here()
    names["ask"] = ask
    with monkeypatch.context() as patch:
        patch.setattr("utils.notebook.check.run_exercise", interrupted)
        with pytest.raises(ExerciseError, match=r"the check of 1\.2 was interrupted"):
            check("1.2")
    assert points(check("1.2")) == (2, 2)


@pytest.mark.parametrize("hurt", [unlink, lock, swap, replace])
def test_a_file_that_the_notebook_hurts_under_a_check_is_its_own_fault(
    setup_here: Setup, names: dict[str, Any], hurt: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    setup_here()
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: connect(*args, **{"timeout": 0, **more}))

    def history(agent: Any, thread_id: str) -> list[dict[str, Any]]:
        rows = [
            {**dict.fromkeys(KEYS), "id": state.config["configurable"]["checkpoint_id"]}
            for state in agent.get_state_history({"configurable": {"thread_id": thread_id}})
        ]
        hurt(agent.checkpointer.conn.execute("PRAGMA database_list").fetchone()[2])
        return rows

    names["history"] = history
    try:
        view = check("1.5")
        assert isinstance(view, ExerciseView)
        assert {c.status for c in view.result.checks} <= {"failed", "passed"}, view.result
        assert view.result.checks[0].status == "failed"
    finally:
        while KEPT:
            KEPT.pop().close()


def test_a_version_that_python_could_not_read_is_told(
    names: dict[str, Any], setup_here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    ip = InteractiveShell()
    setattr(ip, ipython.MARK, True)
    watch_runs(ip)
    monkeypatch.setattr("IPython.get_ipython", lambda: ip)
    setup_here()
    ip.run_cell("def ask(agent, thread_id, text):\n    raise NotImplementedError()", store_history=True)
    ip.run_cell("def ask(agent, thread_id, text):\nreturn 1", store_history=True)
    view = check("1.2")
    assert view is not None
    assert "IndentationError" in view.text()
    assert "is not written yet" not in view.text()
    assert "in line 2 of the cell" in " ".join(view.text().split())
    assert 'role="alert"' in view.html()
    ip.run_cell("def ask(agent, thread_id, text):\n    return 1", store_history=True)
    again = check("1.2")
    assert again is not None
    assert "did not run" not in again.text()
