"""Demonstrations are left out, unless what students changed or wrote needs what they define."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grader.jail.demos import left_out
from grader.jail.job import Cell, Spare
from tests.grader.grading.judged import released, solution, spec
from tests.utils.checks.every_lab import LABS

DEMOS = {
    "agent = make()": "a",
    "found = agent.ask()\nimport json": "b",
    "print(found)": "c",
    "other = 1": "d",
}


def left(*written: str, at: int = 9) -> str:
    """Which of the demonstrations are left out when these cells stand between them and behind them."""
    demos = [Cell(name, source) for source, name in DEMOS.items()]
    cells = [*demos[:at], *(Cell(f"mine {n}", source) for n, source in enumerate(written)), *demos[at:]]
    return "".join(sorted(left_out(cells, Spare(frozenset(cell.hash for cell in demos)), str)))


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ([], "abcd"),
        (["x = 1", "print(x)"], "abcd"),
        (["print(other)"], "abc"),
        (["mine = found"], "cd"),  # what defines it needs the agent
        (["json.dumps(1)"], "cd"),
        (["def answer(question):\n    return agent.ask(question)"], "bcd"),
        (["class Mine:\n    kept = [other for _ in ()]"], "abc"),
        (["later = lambda: (lambda: other)"], "abc"),
        (["await agent"], "bcd"),
        (["def answer(agent, found):\n    other = 2\n    return agent, found, other"], "abcd"),
        (["agent = 2", "print(agent)"], "abcd"),
        (["print(agent)", "agent = 2"], "bcd"),
        (["agent = agent"], "abcd"),
        (["no Python at all"], "abcd"),
        (["x = " + "(" * 500 + ")" * 500], "abcd"),
        (["'\\0'.\0"], "abcd"),
    ],
)  # fmt: skip
def test_what_is_needed_runs_and_what_that_needs(written: list[str], told: str) -> None:
    assert left(*written) == told


@pytest.mark.parametrize("times", [1, 50, 90])
def test_what_is_read_deep_inside_of_functions_is_needed(times: int) -> None:
    functions = "".join(f"{' ' * n}def f{n}(a):\n" for n in range(times)) + f"{' ' * times}return other"
    assert left(functions) == "abc"
    assert left("x = " + "(lambda: " * times + "other" + ")" * times) == "abc"


def test_a_cell_of_many_elif_is_read_as_python_reads_it() -> None:
    assert left("if x: pass\n" + "elif x: pass\n" * 1_200 + "else: print(other)") == "abc"


def test_what_stands_before_a_demonstration_may_need_it_as_well() -> None:
    assert left("def answer():\n    return agent", at=0) == "bcd"


def test_a_demonstration_is_known_by_its_source_alone() -> None:
    cell = Cell("any", "x", ())
    assert left_out([cell], Spare(frozenset({cell.hash})), str) == {"any"}
    assert (
        left_out([replace(cell, source="y", tags=("demo",))], Spare(frozenset({cell.hash})), str)
        == frozenset()
    )


@pytest.mark.parametrize("written", [released, solution])
@pytest.mark.parametrize("lab", [lab.notebook for lab in LABS])
def test_no_lab_as_it_is_needs_its_demonstrations(lab: str, written: object) -> None:
    cells = [Cell(str(cell.number), cell.source, cell.tags) for cell in written(lab).cells]  # type: ignore[operator]
    demos = {cell.id for cell in cells if "demo" in cell.tags}
    assert demos
    assert left_out(cells, Spare(spec(lab).spare.demo), str) == demos


def test_other_cells_are_left_out_like_demonstrations_where_they_are_spare() -> None:
    cells = [Cell("given", "x = 1"), Cell("shows", "print(x)"), Cell("answer", "def work(): return x")]
    spare = Spare(given=frozenset(cell.hash for cell in cells[:2]))
    assert left_out(cells, spare, str) == {"shows"}


@pytest.mark.parametrize(
    "reads",
    [
        "globals()['x']",
        "eval('x')",
        "get_ipython().run_line_magic('who', '')",
        "def work():\n    return vars()",
    ],
)
def test_all_but_demonstrations_run_where_names_are_read_without_being_spelled(reads: str) -> None:
    cells = [Cell("given", "x = 1"), Cell("demo", "y = 1"), Cell("mine", reads)]
    spare = Spare(frozenset({cells[1].hash}), frozenset({cells[0].hash}))
    assert left_out(cells, spare, str) == {"demo"}


@pytest.mark.parametrize("lab", [lab.notebook for lab in LABS])
def test_of_a_solution_little_more_than_the_exercises_runs(lab: str) -> None:
    cells = [Cell(str(cell.number), cell.source, cell.tags) for cell in solution(lab).cells]
    answers = {cell.id for cell in cells if any(tag.startswith("exercise:") for tag in cell.tags)}
    run = {cell.id for cell in cells} - left_out(cells, spec(lab).spare, str)
    assert answers <= run
    assert len(run - answers) <= len(cells) // 4
