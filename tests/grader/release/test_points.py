"""What an executed solution has earned is read from one cell, and what it misses is told by exercise."""

import json
from dataclasses import asdict

import pytest

from grader.release.points import OUTPUT, QUESTION, has_exercises, lost_points
from utils.checks.registry import LabChecks
from utils.results import CheckResult, ExerciseResult, LabResult


def declared(worth=2.0):
    """Return the checks of a lab with one exercise."""
    checks = LabChecks("small", "A small lab")
    checks.exercise("5.1", "Sum up", function="sum_up", points=worth)
    return checks


def executed(*checks):
    """Return the last cell of a run whose only exercise ended with these checks."""
    result = LabResult("05_small", (ExerciseResult("5.1", "Sum up", checks),))
    data = json.loads(json.dumps(asdict(result)))
    return {"outputs": [{"output_type": "stream", "text": "x"}, {"data": {OUTPUT: data}}]}


def ended(status, points, message=""):
    return CheckResult("5.1", "adds", "it adds", status, points, 2.0, message)


def test_full_points_are_no_loss():
    assert lost_points(executed(ended("passed", 2.0)), declared()) == []


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        pytest.param(
            ended("failed", 0.5, "It subtracts."),
            'exercise 5.1 misses 1.5 of 2 points: "it adds": It subtracts',
            id="a failed check",
        ),
        pytest.param(
            ended("timeout", 0.0), 'exercise 5.1 misses 2 of 2 points: "it adds": timeout', id="no message"
        ),
        pytest.param(
            ended("passed", 1.0),
            "exercise 5.1 is worth 2 points, but its checks add up to 1",
            id="checks that do not add up",
        ),
        pytest.param(
            ended("not run", 0.0),
            'exercise 5.1 was not checked: no cell runs check("5.1")',
            id="a check that no cell runs",
        ),
    ],
)
def test_missing_points_are_told_with_their_exercise(check, expected):
    assert lost_points(executed(check), declared()) == [expected]


def test_an_exercise_that_is_not_among_the_results_was_not_checked():
    cell = executed()
    cell["outputs"][1]["data"][OUTPUT]["exercises"] = []
    assert lost_points(cell, declared()) == ['exercise 5.1 was not checked: no cell runs check("5.1")']


def test_a_cell_that_says_nothing_is_told():
    assert lost_points({"outputs": []}, declared()) == ["its checks did not say what they found"]


def test_exercises_are_known_by_their_tag():
    assert has_exercises([{}, {"metadata": {"tags": ["given", "exercise:5.1"]}}])
    assert not has_exercises([{"metadata": {}}, {"metadata": {"tags": ["given"]}}])


def test_the_question_is_python_and_asks_only_for_what_is_known():
    compile(QUESTION, "<cell>", "exec")
    assert "_check()" in QUESTION


def test_an_author_is_told_what_broke_in_the_check():
    broken = CheckResult(
        "5.1",
        "adds",
        "it adds",
        "error",
        0.0,
        2.0,
        "Not your fault.",
        detail="NameError: x (exercise_5_1.py, line 7)",
    )
    (told,) = lost_points(executed(broken), declared())
    assert told.endswith('"it adds": the check itself failed: NameError: x (exercise_5_1.py, line 7)')
