"""Self-check and grade agree: what a notebook's own check says of a solution, the grader says as well."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import pytest

from grader.grading.judge import Verdict
from grader.submissions import CodeCell, Submission
from tests.grader.grading.judged import judge_all, of_cells, points, released, solution, told
from tests.utils.checks import persistence_right, persistence_wrong
from tests.utils.checks.variants import Variant
from utils.checks.persistence import LAB

pytestmark = pytest.mark.jail

RIGHTS, WRONGS = persistence_right.TABLE.rights, persistence_wrong.TABLE.wrongs
TAG = "exercise:"

# What the modules of variants import of the tests is not in a jail; everything else of them runs there.
MODULES = f"""
import types

class Table:
    def right(self, *args, **kwargs):
        return lambda work: work
    wrong = right

right, wrong = types.ModuleType("right"), types.ModuleType("wrong")
right.Table = wrong.Table = Table
"""
KEPT = ("config", "humans", "row")
"""what the wrong ones use of the right ones"""


def loaded(module: object, name: str) -> str:
    """A cell that has a module of variants under a name."""
    lines = Path(str(getattr(module, "__file__", ""))).read_text("utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(("from tests.", "from __future__"))]
    source = "\n".join(kept)
    return f"exec(compile({source!r}, '<{name}>', 'exec'), {name}.__dict__)"


GIVE = "\n".join(f"wrong.{name} = right.{name}" for name in KEPT)


def in_one(variants: list[Variant]) -> Submission:
    """A notebook that solves each exercise in one of these ways."""
    where = {id(v): "right" for v in RIGHTS} | {id(v): "wrong" for v in WRONGS}
    chosen = [
        f"{LAB.find(v.exercise).function} = {where[id(v)]}.__dict__[{v.work.__name__!r}]" for v in variants
    ]
    return of_cells(
        MODULES,
        loaded(persistence_right, "right"),
        GIVE,
        loaded(persistence_wrong, "wrong"),
        "\n".join(chosen),
    )


def grouped(variants: list[Variant]) -> list[list[Variant]]:
    """The variants in as few notebooks as there are ways to solve one exercise."""
    by_exercise = [[v for v in variants if v.exercise == number] for number in LAB.exercises]
    return [[v for v in row if v is not None] for row in zip_longest(*by_exercise)]


GROUPS = {
    f"{kind} {number}": group
    for kind, variants in (("right", RIGHTS), ("wrong", WRONGS))
    for number, group in enumerate(grouped(variants))
}


def with_only(number: str) -> Submission:
    """The released lab with one exercise solved."""
    solved = {cell.id: cell for cell in solution().cells if f"{TAG}{number}" in cell.tags}
    return Submission(tuple(solved.get(cell.id, cell) for cell in released().cells), f"only {number}", 0)


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    submissions = {name: in_one(group) for name, group in GROUPS.items()}
    submissions |= {f"only {number}": with_only(number) for number in LAB.exercises}
    submissions |= {"solution": solution(), "released": released(), "empty": Submission((), "empty", 0)}
    submissions["exercises only"] = Submission(
        tuple(CodeCell(n, None, cell.source) for n, cell in enumerate(_alone(), 1)), "exercises", 0
    )
    return judge_all(submissions)


def _alone() -> list[CodeCell]:
    """The imports and the solved exercises, and nothing else."""
    cells = solution().cells
    return [cell for cell in cells if cell.id == "imports" or any(tag.startswith(TAG) for tag in cell.tags)]


@pytest.mark.parametrize(
    ("group", "variant"),
    [(name, variant) for name, group in GROUPS.items() for variant in group],
    ids=lambda value: value.name if isinstance(value, Variant) else value,
)
def test_a_solution_gets_in_the_jail_what_its_own_check_says(
    verdicts: dict[str, Verdict], group: str, variant: Variant
) -> None:
    verdict = verdicts[group]
    (result,) = (e for e in verdict.exercises if e.exercise == variant.exercise)
    failed = {check.check: check for check in result.checks if check.status != "passed"}
    assert set(failed) == set(variant.fails), told(verdict)
    assert result.points == (result.max_points if variant.points is None else variant.points), told(verdict)
    for name, part in variant.fails.items():
        assert part in failed[name].message, told(verdict)


@pytest.mark.parametrize("number", list(LAB.exercises))
def test_an_exercise_alone_earns_exactly_its_points(verdicts: dict[str, Verdict], number: str) -> None:
    verdict = verdicts[f"only {number}"]
    assert points(verdict) == {number: LAB.find(number).points}, told(verdict)


def test_the_solution_gets_everything_and_no_flag(verdicts: dict[str, Verdict]) -> None:
    verdict = verdicts["solution"]
    assert sum(points(verdict).values()) == 20, told(verdict)
    assert (verdict.status, verdict.flags, verdict.losses, verdict.lacking) == ("graded", (), (), ()), verdict


@pytest.mark.parametrize("name", ["released", "empty"])
def test_a_lab_without_work_gets_nothing_and_no_flag(verdicts: dict[str, Verdict], name: str) -> None:
    verdict = verdicts[name]
    assert points(verdict) == {}, told(verdict)
    assert (verdict.status, verdict.flags, verdict.losses) == ("graded", (), ()), told(verdict)


def test_answers_need_none_of_the_labs_other_cells(verdicts: dict[str, Verdict]) -> None:
    """Without setup, examples, ids, tags and checks: what counts is what the answers do."""
    verdict = verdicts["exercises only"]
    assert sum(points(verdict).values()) == 20, told(verdict)
