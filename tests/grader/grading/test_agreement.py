"""Self-check and grade agree: what a notebook's own check says of a solution, the grader says as well."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from types import ModuleType

import pytest

from grader.results.result import Result
from grader.submissions import CodeCell, Submission
from tests.grader.grading.judged import judge_all, of_cells, points, released, solution, told
from tests.utils.checks import (
    async_graphs_right,
    async_graphs_wrong,
    human_in_the_loop_right,
    human_in_the_loop_wrong,
    persistence_right,
    persistence_wrong,
    streaming_right,
    streaming_wrong,
)
from tests.utils.checks.variants import Variant
from utils.checks.registry import LabChecks, load_checks, slug_of

pytestmark = pytest.mark.jail

TAG = "exercise:"
DAILY = 3
"""groups of wrong solutions of each lab that are judged at every change; the others are judged once a day"""

# What the modules of variants import of the tests is not in a jail; everything else of them runs there.
MODULES = """
import types

class Table:
    def right(self, *args, **kwargs):
        return lambda work: work
    wrong = right

right, wrong = types.ModuleType("right"), types.ModuleType("wrong")
right.Table = wrong.Table = Table
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A lab's known solutions, right and wrong."""

    lab: str
    right: ModuleType
    wrong: ModuleType

    @property
    def checks(self) -> LabChecks:
        return load_checks(slug_of(self.lab))

    @property
    def groups(self) -> dict[str, list[Variant]]:
        """The variants in as few notebooks as there are ways to solve one exercise."""
        return {
            f"{kind} {number}": [variant for variant in row if variant is not None]
            for kind, module in (("right", self.right), ("wrong", self.wrong))
            for number, row in enumerate(
                zip_longest(
                    *(
                        [variant for variant in module.TABLE.variants if variant.exercise == exercise]
                        for exercise in self.checks.exercises
                    )
                )
            )
        }

    def in_one(self, variants: list[Variant]) -> Submission:
        """A notebook that solves each exercise in one of these ways."""
        give = "\n".join(f"wrong.{name} = right.{name}" for name in self._kept())
        return of_cells(
            MODULES,
            loaded(self.right, "right"),
            give,
            loaded(self.wrong, "wrong"),
            "\n".join(map(self._chosen, variants)),
        )

    def _kept(self) -> list[str]:
        """What the wrong ones use of the right ones."""
        imported = [
            node for node in ast.parse(inspect.getsource(self.wrong)).body if isinstance(node, ast.ImportFrom)
        ]
        return [alias.name for node in imported if node.module == self.right.__name__ for alias in node.names]

    def _chosen(self, variant: Variant) -> str:
        exercise = self.checks.find(variant.exercise)
        where = "right" if variant.points is None else "wrong"
        names = ", ".join((exercise.function, *exercise.others))
        made = "()" if exercise.others else ""
        return f"{names} = {where}.__dict__[{variant.work.__name__!r}]{made}"

    def with_only(self, number: str) -> Submission:
        """The released lab with one exercise solved."""
        solved = {cell.id: cell for cell in solution(self.lab).cells if f"{TAG}{number}" in cell.tags}
        cells = tuple(solved.get(cell.id, cell) for cell in released(self.lab).cells)
        return Submission(cells, f"only {number}", 0)

    def alone(self) -> Submission:
        """The imports and the solved exercises, and nothing else."""
        kept = [
            cell.source
            for cell in solution(self.lab).cells
            if cell.id == "imports" or any(tag.startswith(TAG) for tag in cell.tags)
        ]
        return Submission(
            tuple(CodeCell(n, None, source) for n, source in enumerate(kept, 1)), "exercises", 0
        )


TABLES = {
    table.lab: table
    for table in (
        Table("01_persistence", persistence_right, persistence_wrong),
        Table("02_streaming", streaming_right, streaming_wrong),
        Table("03_async_graphs", async_graphs_right, async_graphs_wrong),
        Table("04_human_in_the_loop", human_in_the_loop_right, human_in_the_loop_wrong),
    )
}


def loaded(module: ModuleType, name: str) -> str:
    """A cell that has a module of variants under a name, without what it imports of the tests."""
    lines = Path(str(module.__file__)).read_text("utf-8").splitlines()
    for node in ast.parse("\n".join(lines)).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("tests", "__future__"):
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or 0) - node.lineno + 1)
    source = "\n".join(lines)
    return f"exec(compile({source!r}, '<{name}>', 'exec'), {name}.__dict__)"


def is_nightly(group: str) -> bool:
    kind, _, number = group.partition(" ")
    return kind == "wrong" and int(number) >= DAILY


@pytest.fixture(scope="module")
def results() -> dict[str, dict[str, Result]]:
    """By lab and time of day; a lab is judged when a test first asks for it."""
    return {}


def judged_labs(
    results: dict[str, dict[str, Result]], lab: str, *, nightly: bool = False
) -> dict[str, Result]:
    key = f"{lab} nightly" if nightly else lab
    if key not in results:
        table = TABLES[lab]
        submissions = {
            name: table.in_one(group) for name, group in table.groups.items() if is_nightly(name) == nightly
        }
        if not nightly:
            submissions |= {f"only {number}": table.with_only(number) for number in table.checks.exercises}
            submissions |= {"solution": solution(lab), "released": released(lab)}
            submissions |= {"empty": Submission((), "empty", 0), "exercises only": table.alone()}
        results[key] = judge_all(submissions, lab=lab)
    return results[key]


Results = dict[str, dict[str, Result]]
LABS = pytest.mark.parametrize("lab", list(TABLES))


@pytest.mark.parametrize(
    ("lab", "group", "variant"),
    [
        pytest.param(t.lab, name, variant, marks=[pytest.mark.nightly] if is_nightly(name) else [])
        for t in TABLES.values()
        for name, group in t.groups.items()
        for variant in group
    ],
    ids=lambda value: value.name if isinstance(value, Variant) else value,
)
def test_a_solution_gets_in_the_jail_what_its_own_check_says(
    results: Results, lab: str, group: str, variant: Variant
) -> None:
    result = judged_labs(results, lab, nightly=is_nightly(group))[group]
    (exercise,) = (e for e in result.exercises if e.exercise == variant.exercise)
    failed = {check.check: check for check in exercise.checks if check.status != "passed"}
    assert set(failed) == set(variant.fails), told(result)
    points = exercise.max_points if variant.points is None else variant.points
    assert exercise.points == points, told(result)
    for name, part in variant.fails.items():
        assert part in failed[name].message, told(result)


@pytest.mark.parametrize(
    ("lab", "number"), [(lab, number) for lab, table in TABLES.items() for number in table.checks.exercises]
)
def test_an_exercise_alone_earns_exactly_its_points(results: Results, lab: str, number: str) -> None:
    result = judged_labs(results, lab)[f"only {number}"]
    assert points(result) == {number: TABLES[lab].checks.find(number).points}, told(result)


@LABS
def test_the_solution_gets_everything_and_no_flag(results: Results, lab: str) -> None:
    result = judged_labs(results, lab)["solution"]
    assert sum(points(result).values()) == 20, told(result)
    assert (result.status, result.flags, result.losses, result.lacking) == ("graded", (), (), ()), result


@LABS
@pytest.mark.parametrize(("name", "lost"), [("released", []), ("empty", ["nothing-found"])])
def test_a_lab_without_work_gets_nothing_and_no_flag(
    results: Results, lab: str, name: str, lost: list[str]
) -> None:
    result = judged_labs(results, lab)[name]
    assert points(result) == {}, told(result)
    assert (result.status, result.flags) == ("graded", ()), told(result)
    assert [loss.kind for loss in result.losses] == lost, told(result)


@LABS
def test_answers_need_none_of_the_labs_other_cells(results: Results, lab: str) -> None:
    """Without setup, examples, ids, tags and checks: what counts is what the answers do."""
    result = judged_labs(results, lab)["exercises only"]
    assert sum(points(result).values()) == 20, told(result)
