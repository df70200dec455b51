"""Every lab grades what it says: right solutions get everything, wrong ones exactly what they deserve."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent

from grader.release.requirements import read_requirements
from tests.utils.checks.every_lab import LABS, OF, PARTS, ROOT, RUNS, Judged, MakeLab, judge, name_of, told
from tests.utils.checks.variants import Variant
from utils.checks.run import run_exercise, run_lab

EACH = pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.notebook)


@pytest.mark.parametrize(
    ("lab", "variant"), [(lab, variant) for lab in LABS for variant in lab.wrong.wrongs], ids=name_of
)
def test_a_wrong_solution_gets_exactly_its_points_and_is_told_why(
    make_lab: MakeLab, lab: Judged, variant: Variant
) -> None:
    result = judge(lab.checks, make_lab, variant)
    failed = {check.check: check for check in result.checks if check.status != "passed"}
    assert set(failed) == set(variant.fails), told(result)
    assert result.points == variant.points, told(result)
    for name, part in variant.fails.items():
        assert failed[name].status == "failed", told(result)
        assert part, f"{variant.name} does not say what it is told"
        assert part in failed[name].message, told(result)
        assert failed[name].called, told(result)


@pytest.mark.parametrize(
    ("lab", "variant"), [(lab, variant) for lab in LABS for variant in lab.right.rights], ids=name_of
)
def test_a_right_solution_gets_everything_every_time(
    make_lab: MakeLab, lab: Judged, variant: Variant
) -> None:
    for _ in range(RUNS):
        result = judge(lab.checks, make_lab, variant)
        assert result.points == result.max_points, told(result)


@EACH
def test_the_reference_gets_everything(make_lab: MakeLab, lab: Judged) -> None:
    for _ in range(RUNS):
        result = run_lab(lab.checks, make_lab(lab.authored.solved()), lab.checks.example)
        assert (result.points, result.max_points) == (lab.points, lab.points), "\n".join(
            map(told, result.exercises)
        )


@EACH
def test_the_untouched_lab_gets_nothing_and_says_what_is_not_written(make_lab: MakeLab, lab: Judged) -> None:
    result = run_lab(lab.checks, make_lab(lab.authored.untouched()), lab.checks.example)
    assert (result.points, result.max_points) == (0, lab.points)
    for exercise in result.exercises:
        declared = lab.checks.find(exercise.exercise)
        first, *others = exercise.checks
        assert (first.status, first.message) == ("not begun", f"{declared.function} is not written yet.")
        assert (first.called, first.returned, first.expected, first.why) == ("", "", "", "")
        if declared.others:
            unwritten = {f"{name} is not written yet." for name in declared.functions}
            assert {check.message for check in others} == unwritten
        else:
            assert {check.status for check in others} <= {"not run"}


@EACH
def test_an_empty_notebook_gets_nothing_and_says_what_is_missing(make_lab: MakeLab, lab: Judged) -> None:
    result = run_lab(lab.checks, make_lab({}), lab.checks.example)
    assert (result.points, result.max_points) == (0, lab.points)
    for exercise in result.exercises:
        assert {check.message for check in exercise.checks} == {
            f"There is no {name} in this notebook yet."
            for name in lab.checks.find(exercise.exercise).functions
        }


@pytest.mark.parametrize(
    ("lab", "number"), [(lab, number) for lab in LABS for number in lab.checks.exercises], ids=name_of
)
def test_an_exercise_alone_earns_exactly_its_points(make_lab: MakeLab, lab: Judged, number: str) -> None:
    namespace = {**lab.authored.untouched(), **lab.authored.solved(number)}
    result = run_lab(lab.checks, make_lab(namespace), lab.checks.example)
    earned = {e.exercise: e.points for e in result.exercises if e.points}
    assert earned == {number: lab.checks.find(number).points}


# Of the exercises that are given an agent, those that need not know its nodes.
@pytest.mark.parametrize("number", ["1.2", "1.4", "1.6", "2.2", "2.6"])
def test_what_is_right_is_right_for_any_compiled_graph(make_lab: MakeLab, number: str) -> None:
    def prebuilt(model: Any, tools: Any, saver: Any = None) -> Any:
        return create_agent(model, tools, checkpointer=saver)

    checks, authored = OF[number].checks, OF[number].authored
    lab = make_lab(authored.solved(), {**PARTS, "agent": prebuilt})
    result = run_exercise(checks.find(number), lab, checks.example)
    assert result.passed, told(result)


@EACH
def test_every_check_is_failed_by_a_wrong_solution(lab: Judged) -> None:
    failed = {(variant.exercise, check) for variant in lab.wrong.wrongs for check in variant.fails}
    exercises = lab.checks.exercises.values()
    assert failed == {(exercise.number, check.name) for exercise in exercises for check in exercise.checks}


@pytest.mark.parametrize(
    ("lab", "number"), [(lab, number) for lab in LABS for number in lab.checks.exercises], ids=name_of
)
def test_every_exercise_has_right_and_wrong_solutions_enough(lab: Judged, number: str) -> None:
    assert sum(variant.exercise == number for variant in lab.right.rights) >= 2
    assert sum(variant.exercise == number for variant in lab.wrong.wrongs) >= 5


@EACH
def test_each_requirement_of_a_text_is_proved_by_a_wrong_solution(lab: Judged) -> None:
    fails = {variant.name: set(variant.fails) for variant in lab.wrong.wrongs}
    tables = read_requirements(ROOT / "utils" / "checks" / lab.checks.slug)
    unproved = [
        f"{number} {name}: {row.wrong} does not fail {row.check}"
        for number, table in tables.items()
        for name, row in table.asked.items()
        if row.check not in fails.get(f"{number} {row.wrong.replace('_', ' ')}", ())
    ]
    assert not unproved, "\n".join(unproved)
    assert set(tables) == set(lab.checks.exercises)


@EACH
def test_the_table_of_the_notebook_is_what_is_checked(lab: Judged) -> None:
    declared = {number: exercise.points for number, exercise in lab.checks.exercises.items()}
    assert lab.authored.points == declared
    assert set(lab.authored.exercises) == set(declared)
    for number, exercise in lab.checks.exercises.items():
        for function in exercise.functions:
            assert f"def {function}(" in lab.authored.exercises[number]
