"""Two notebooks side by side: what is the learner's, what is out of date, what disagrees."""

from dataclasses import replace

import pytest

from grader.release.compare import disagreements, is_current, paired, with_outputs_of, work_in
from grader.release.stubs import release
from tests.grader.release.notebooks import LAB, code, notebook, solution, text

FRESH = release(solution(), LAB, "x")
TITLE, RUN, EXERCISE = FRESH.cells


def lab(*cells, **changes):
    return replace(FRESH, cells=cells, **changes)


def said(mine, fresh=FRESH):
    return [str(problem) for problem in disagreements(mine, fresh, "labs/x.ipynb")]


DONE = replace(EXERCISE, source="def ask(agent, text):\n    return 'mine'")
PASTED = replace(EXERCISE, id="5d1f")
RUN_EDITED = replace(RUN, source="1 + 2")
NEW = code("mine", "print('tried')")
BLANK = code("blank", " \n")


@pytest.mark.parametrize(
    ("mine", "expected"),
    [
        pytest.param(FRESH, "", id="an untouched lab has no work in it"),
        pytest.param(lab(TITLE, RUN, DONE), "ex-1-2", id="a solved exercise is work"),
        pytest.param(lab(TITLE, RUN_EDITED, DONE), "run, ex-1-2", id="so is any other edit"),
        pytest.param(lab(*FRESH.cells, NEW), "1 added cell", id="and a new cell"),
        pytest.param(
            lab(*FRESH.cells, NEW, NEW, DONE), "ex-1-2, 2 added cells", id="and a second, solved copy"
        ),
        pytest.param(lab(*FRESH.cells, BLANK), "", id="a blank cell is none"),
        pytest.param(lab(*FRESH.cells, EXERCISE, PASTED), "", id="nor is a copy of what was released"),
        pytest.param(lab(RUN, TITLE), "", id="nor are moved and deleted cells"),
        pytest.param(lab(*(replace(c, metadata={}) for c in FRESH.cells)), "", id="nor lost metadata"),
        pytest.param(
            lab(*(replace(c, source=f"{c.source}\n", metadata={}) for c in FRESH.cells)),
            "title, run, ex-1-2",
            id="without metadata, what differs from the release is work",
        ),
        pytest.param(
            notebook(NEW, text("t", "my notes")), "2 added cells", id="all of somebody's own notebook"
        ),
        pytest.param(
            lab(*FRESH.cells, replace(DONE, id="ex-1-9")), "ex-1-9", id="an exercise that the solution lost"
        ),
        pytest.param(
            lab(*FRESH.cells, replace(DONE, id="\x1b[31m")), "1 added cell", id="an odd id is not printed"
        ),
    ],
)
def test_work_in_a_lab(mine, expected):
    assert str(work_in(mine, FRESH)) == expected


def test_what_already_says_what_the_new_solution_says_is_no_work():
    newer = release(solution(run="1 + 2"), LAB, "x")
    assert not work_in(lab(TITLE, RUN_EDITED, EXERCISE), newer)


@pytest.mark.parametrize(
    "mine",
    [
        pytest.param(lab(TITLE, RUN, DONE), id="a solved exercise"),
        pytest.param(lab(TITLE, NEW, RUN, BLANK, EXERCISE), id="added cells"),
        pytest.param(lab(EXERCISE, RUN, TITLE), id="another order"),
        pytest.param(lab(*FRESH.cells, replace(EXERCISE, source="x")), id="a second cell with the same id"),
        pytest.param(lab(*FRESH.cells, replace(PASTED, source="x")), id="a changed copy under a new id"),
        pytest.param(lab(RUN, EXERCISE, replace(TITLE, id="0a3f")), id="a text cell moved by cut and paste"),
        pytest.param(lab(*FRESH.cells, metadata={}), id="metadata of the notebook that an editor lost"),
    ],
)
def test_what_a_learner_may_do_agrees_and_is_up_to_date(mine):
    assert said(mine) == []
    assert is_current(mine, FRESH)


def test_an_edited_cell_that_is_no_exercise_disagrees_though_it_is_up_to_date():
    (problem,) = said(lab(TITLE, RUN_EDITED, EXERCISE))
    assert problem.startswith(
        "labs/x.ipynb, cell run: was edited, but is not an exercise. Undo the edit, or run "
    )
    assert is_current(lab(TITLE, RUN_EDITED, EXERCISE), FRESH)


def test_the_first_of_two_cells_with_one_id_counts():
    assert said(lab(TITLE, RUN_EDITED, RUN, EXERCISE))
    assert paired(lab(TITLE, RUN_EDITED, RUN, EXERCISE), FRESH)["run"] is not RUN


@pytest.mark.parametrize(
    ("mine", "expected"),
    [
        pytest.param(lab(TITLE, RUN), "cell ex-1-2: is missing. Put it back", id="a deleted cell"),
        pytest.param(
            lab(TITLE, replace(RUN, metadata={}), EXERCISE),
            "run: does not say what was released",
            id="no record",
        ),
        pytest.param(
            lab(TITLE, replace(RUN, metadata={"kit": 3}), EXERCISE), "run: does not say", id="an odd record"
        ),
        pytest.param(
            lab(TITLE, replace(RUN, metadata={"kit": {"released": "beef"}}), EXERCISE),
            "run: was released from another solution",
            id="a record of another release",
        ),
    ],
)
def test_a_lab_that_was_not_written_from_this_release_says_so(mine, expected):
    (problem,) = said(mine)
    assert expected in problem
    assert not is_current(mine, FRESH)


def test_a_cell_of_another_kind_disagrees():
    (problem,) = said(lab(TITLE, replace(RUN, kind="markdown"), EXERCISE))
    assert "is a markdown cell, but was released as code" in problem


@pytest.mark.parametrize(
    "newer",
    [
        pytest.param(notebook(*reversed(solution().cells)), id="moved cells"),
        pytest.param(notebook(*solution().cells[1:]), id="a cell less"),
        pytest.param(notebook(solution().cells[0], code("run", "1 + 1", "demo"), EXERCISE), id="other tags"),
    ],
)
def test_changes_of_a_solution_that_change_no_source_are_seen(newer):
    fresh = release(newer, LAB, "x")
    (problem,) = said(FRESH, fresh)
    assert "removed, moved or tagged differently" in problem
    assert not is_current(FRESH, fresh)


def test_outputs_stay_where_the_source_is_the_same():
    ran = lab(*(replace(cell, outputs=({"n": 1},), execution_count=3) for cell in FRESH.cells))
    newer = release(solution(run="1 + 2"), LAB, "x")
    carried = with_outputs_of(newer, ran).cells
    assert [(cell.id, len(cell.outputs), cell.execution_count) for cell in carried] == [
        ("title", 0, None),
        ("run", 0, None),
        ("ex-1-2", 1, 3),
    ]
