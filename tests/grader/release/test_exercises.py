"""No solution is released in silence: a mark that was forgotten or misspelled is an error with its cell."""

import pytest

from grader.errors import FaultySolution, GraderError
from grader.release.course import Course
from grader.release.exercises import declared_exercises
from grader.release.labs import check_lab, release_lab
from tests.grader.release.notebooks import (
    EXERCISE,
    LAB,
    STUBBED,
    code,
    course,
    declare,
    notebook,
    solution,
    text,
)
from utils.checks.registry import load_checks

UNMARKED = "def ask(agent, text):\n    return agent.invoke(text).content"


def refused(here, lab=LAB):
    """Return the sentences of a release that is refused, after seeing that nothing was written."""
    with pytest.raises(FaultySolution) as caught:
        release_lab(here, lab)
    assert not here.lab_path(lab).exists()
    told = [str(problem) for problem in caught.value.problems]
    assert told == [str(problem) for problem in check_lab(here, lab)]
    return told


def one(tmp_path, *cells, declared=("1.2",)):
    """Return the one sentence on a solution of these cells."""
    here = course(tmp_path, _01_persistence=notebook(text("title", "# Lab"), *cells))
    declare(tmp_path, LAB, *declared)
    (told,) = refused(here)
    return told


def test_an_exercise_without_a_solution_region_is_refused(tmp_path):
    assert one(tmp_path, code("ex-1-2", UNMARKED, "exercise:1.2")) == (
        "solutions/01_persistence.ipynb, cell ex-1-2: the exercise has no solution region, so students would "
        "get the solution. Put the lines '### BEGIN SOLUTION' and '### END SOLUTION' around what students "
        "have to write."
    )


@pytest.mark.parametrize("inside", ["", "\n    \n"])
def test_an_exercise_whose_region_is_empty_is_refused(tmp_path, inside):
    source = f"{UNMARKED}\n    ### BEGIN SOLUTION{inside}\n    ### END SOLUTION"
    told = one(tmp_path, code("ex-1-2", source, "exercise:1.2"))
    assert "cell ex-1-2: the exercise's solution region is empty, so students would get what" in told


def test_an_exercise_in_a_text_cell_is_refused(tmp_path):
    told = one(tmp_path, text("ex-1-2", "write it down", "exercise:1.2"))
    assert "cell ex-1-2: it is a markdown cell, but is tagged as an exercise. Make it a code cell" in told


def test_a_lab_without_exercises_is_refused_whatever_is_declared(tmp_path):
    for declared in ((), ("1.2",)):
        told = one(tmp_path, code("ex-1-2", EXERCISE), declared=declared)
        assert told.startswith(
            "solutions/01_persistence.ipynb: the lab has no exercise: no cell of it is graded."
        )
        assert "'exercise:1.1'" in told


def test_a_declared_exercise_that_no_cell_has_is_refused(tmp_path):
    told = one(tmp_path, code("ex-1-2", EXERCISE, "exercise:1.2"), declared=("1.2", "1.3"))
    assert told == (
        "solutions/01_persistence.ipynb: no cell has the exercise 1.3, which the checks declare. "
        "Tag its cell 'exercise:1.3', or take the declaration out."
    )


def test_an_exercise_that_only_authors_get_counts_as_none(tmp_path):
    cells = (
        code("ex-1-2", EXERCISE, "exercise:1.2"),
        code("ex-1-3", EXERCISE, "exercise:1.3", "solution-only"),
    )
    assert "no cell has the exercise 1.3" in one(tmp_path, *cells, declared=("1.2", "1.3"))


def test_an_exercise_that_nobody_checks_is_refused(tmp_path):
    cells = code("ex-1-2", EXERCISE, "exercise:1.2"), code("ex-1-3", EXERCISE, "exercise:1.3")
    told = one(tmp_path, *cells)
    assert "cell ex-1-3: exercise 1.3 is not declared by the lab's checks. Declare it with" in told
    assert "LAB.exercise('1.3', …)" in told


def test_an_exercise_that_is_declared_twice_is_refused(tmp_path):
    told = one(tmp_path, code("ex-1-2", EXERCISE, "exercise:1.2"), declared=("1.2", "1.2"))
    assert "the checks declare exercise 1.2 2 times" in told


@pytest.mark.parametrize(
    "tag",
    [
        pytest.param("excercise:1.3", id="a slip"),
        pytest.param("Exercise:1.3", id="a capital letter"),
        pytest.param("exercise: 1.3", id="a space"),
        pytest.param("exercise:1-3", id="a dash in the number"),
        pytest.param("exercise:", id="no number"),
        pytest.param("solution_only", id="an underscore"),
        pytest.param("solution-onyl", id="two letters in the wrong order"),
    ],
)
def test_a_misspelled_tag_is_refused(tmp_path, tag):
    cells = code("ex-1-2", EXERCISE, "exercise:1.2"), code("ex-1-3", EXERCISE, tag)
    told = one(tmp_path, *cells)
    assert f"cell ex-1-3: the tag {tag!r} is not known, so it hides and marks nothing. Use one of" in told
    assert "'solution-only'" in told


def test_a_faulty_marker_is_told_once_and_beside_the_rest(tmp_path):
    here = course(tmp_path, _01_persistence=solution(code("a", "1", "dmeo"), exercise="## BEGIN SOLUTION\n1"))
    told = refused(here)
    assert ["resembles a solution marker" in told[0], "the tag 'dmeo'" in told[1], len(told)] == [
        True,
        True,
        2,
    ]


def test_a_lab_without_checks_is_refused(tmp_path):
    here = course(tmp_path)
    (tmp_path / "utils/checks/persistence/lab.py").unlink()
    with pytest.raises(GraderError) as caught:
        release_lab(here, LAB)
    assert str(caught.value) == (
        "utils/checks/persistence/lab.py: there are no checks for the lab 01_persistence\n"
        "  What to do: write the lab's checks, or rename the solution: "
        "its name is a number and the checks' folder"
    )
    (told,) = check_lab(here, LAB)
    assert "lab.py: there are no checks for the lab 01_persistence. Write the lab's checks" in str(told)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("LAB.exercise(", "lab.py: it is not Python: '(' was never closed", id="a broken file"),
        pytest.param("x = '\0'", "lab.py: it is not Python", id="a null byte"),
        pytest.param(
            "\nLAB.exercise(n)", "lab.py, line 2: the number of an exercise is not a text", id="a name"
        ),
        pytest.param("LAB.exercise(1.2)", "line 1: the number of an exercise is not a text", id="a number"),
        pytest.param("LAB.exercise()", "line 1: the number of an exercise is not a text", id="nothing"),
    ],
)
def test_checks_that_cannot_be_read_are_named(tmp_path, content, expected):
    declare(tmp_path, LAB)
    (tmp_path / "utils/checks/persistence/lab.py").write_text(content)
    with pytest.raises(GraderError) as caught:
        declared_exercises(tmp_path, LAB)
    assert expected in str(caught.value)
    assert caught.value.hint


def test_a_folder_in_place_of_the_checks_is_named(tmp_path):
    (tmp_path / "utils/checks/persistence/lab.py").mkdir(parents=True)
    with pytest.raises(GraderError, match=r"lab\.py: it cannot be read"):
        declared_exercises(tmp_path, LAB)


def test_what_is_read_of_the_checks_is_what_they_declare_when_imported(repository):
    for lab in Course(repository).labs():
        declared = load_checks(lab.partition("_")[2]).exercises
        assert declared_exercises(repository, lab) == tuple(declared), lab


def test_a_page_is_released_as_it_is_and_may_not_have_exercises(tmp_path):
    page = notebook(
        text("title", "# Start here"), code("labs", "1 + 1", outputs=({"output_type": "stream"},))
    )
    here = course(tmp_path, _00_start=page, _01_persistence=solution())
    assert (here.labs(), here.released()) == (["01_persistence"], ["00_start", "01_persistence"])
    fresh = here.fresh("00_start")
    assert [cell.source for cell in fresh.cells] == ["# Start here", "1 + 1"]
    assert not any(cell.outputs for cell in fresh.cells)
    assert fresh.metadata["kit"].keys() == {"lab", "version"}
    course(tmp_path, _00_start=solution())
    with pytest.raises(FaultySolution, match="a page whose number is 00 has no exercises: nobody grades it"):
        here.fresh("00_start")


def test_what_is_given_is_stored_so_that_an_exercise_can_be_begun_again(tmp_path):
    assert course(tmp_path).fresh("01_persistence").metadata["kit"]["given"] == {"1.2": STUBBED}
