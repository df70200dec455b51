"""A solution becomes a lab: nothing of the solution is left, and an author's slip is named."""

import json

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import FaultySolution
from grader.release.notebook import Cell, dump, short_hash
from grader.release.stubs import is_open, release, solution_bodies, stubbed
from tests.grader.release.notebooks import EXERCISE, LAB, STUBBED, code, notebook, solution, text


def released(*cells, **metadata):
    return release(notebook(*cells, **metadata), LAB, f"solutions/{LAB}.ipynb")


def problems(*cells):
    with pytest.raises(FaultySolution) as caught:
        released(*cells)
    return [str(problem) for problem in caught.value.problems]


def test_a_region_becomes_the_stub_at_its_own_indentation():
    assert stubbed(EXERCISE) == STUBBED


def test_each_of_several_regions_becomes_a_stub_and_the_rest_stays():
    region = ["### BEGIN SOLUTION", "b = 2", "### END SOLUTION"]
    inner = ["\t\t" + line for line in region]
    source = "\n".join(["a = 1", *region, "class C:", "\tdef f(self):", *inner, "", "c = 3"])
    assert stubbed(source).split("\n") == [
        "a = 1",
        *["# YOUR CODE HERE", "raise NotImplementedError()"],
        *["class C:", "\tdef f(self):"],
        *["\t\t# YOUR CODE HERE", "\t\traise NotImplementedError()"],
        *["", "c = 3"],
    ]


def test_an_empty_region_becomes_a_stub_as_well():
    assert stubbed("### BEGIN SOLUTION\n### END SOLUTION").startswith("# YOUR CODE HERE")


def test_outputs_counts_and_cells_for_authors_are_gone_and_ids_and_tags_stay():
    lab = release(solution(), LAB, "x")
    assert [cell.id for cell in lab.cells] == ["title", "run", "ex-1-2"]
    assert lab.cells[2].tags == ("exercise:1.2",)
    assert all(not cell.outputs and cell.execution_count is None for cell in lab.cells)


def test_each_cell_records_the_hash_of_its_released_source():
    for cell in release(solution(), LAB, "x").cells:
        assert cell.metadata["kit"] == {"released": short_hash(cell.source)}


def test_what_editors_and_runners_leave_in_metadata_is_dropped():
    left = {"execution": {"iopub.execute_input": "2026"}, "ExecuteTime": {}, "papermill": {"duration": 1}}
    kept = {"jupyter": {"source_hidden": True}, "editable": False}
    lab = released(code("a", "1", metadata=left | kept), widgets={"state": {}}, papermill={}, title="Lab 1")
    assert lab.cells[0].metadata == kept | {"kit": {"released": short_hash("1")}}
    assert lab.metadata.keys() == {"kernelspec", "language_info", "title", "kit"}
    assert lab.metadata["kernelspec"]["name"] == "python3"
    assert "version" not in lab.metadata["language_info"]


def test_a_release_is_valid_for_nbformat_and_names_its_lab():
    picture = {"dot.png": {"image/png": "aGVsbG8="}}
    lab = release(solution(text("see", "![dot](attachment:dot.png)", attachments=picture)), LAB, "x")
    parsed = nbformat.reads(dump(lab).decode(), as_version=4)
    nbformat.validate(parsed)
    assert parsed.metadata.kit.lab == LAB
    assert parsed.cells[-1].attachments == picture


def test_the_version_changes_with_order_tags_and_sources_and_with_nothing_else():
    a, b = code("a", "1", outputs=({"x": 1},)), code("b", "2")
    version = {
        name: released(*cells).metadata["kit"]["version"]
        for name, cells in {
            "plain": (a, b),
            "outputs": (code("a", "1"), b),
            "order": (b, a),
            "tags": (code("a", "1", "demo"), b),
            "source": (code("a", "3"), b),
        }.items()
    }
    assert version.pop("outputs") == version["plain"]
    assert len(set(version.values())) == 4


@pytest.mark.parametrize(
    "source",
    ["await f()", "%time x = 1", "!ls", "x?", "%%bash\nls | wc", "async with a as b:\n    pass", "", "'\\d'"],
)
def test_what_a_notebook_understands_may_stay_in_a_cell(source):
    assert released(code("a", source)).cells[0].source == source


def test_a_region_in_a_file_that_a_cell_writes_is_a_region_too():
    source = "%%writefile agent.py\n### BEGIN SOLUTION\nsecret = 1\n### END SOLUTION"
    assert "secret" not in released(code("a", source)).cells[0].source


def test_what_waits_for_the_learner_is_known_by_its_tag_or_its_stub():
    stretch, tagged, shown = released(
        code("a", "### BEGIN SOLUTION\n1\n### END SOLUTION"), text("b", "x", "exercise:1.1"), code("c", "1")
    ).cells
    assert [is_open(cell) for cell in (stretch, tagged, shown)] == [True, True, False]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(
            "x = 1\n### BEGIN SOLUTION\ny = 2",
            "cell a, line 2: '### BEGIN SOLUTION' without '### END SOLUTION'",
            id="a region that never ends",
        ),
        pytest.param(
            "x = 1\n### END SOLUTION",
            "cell a, line 2: '### END SOLUTION' without '### BEGIN SOLUTION'",
            id="an end without a beginning",
        ),
        pytest.param(
            "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION",
            "line 2: '### BEGIN SOLUTION' inside a solution region. Close the region of line 1 first.",
            id="a region in a region",
        ),
        pytest.param("## BEGIN SOLUTION\n1", "line 1: this resembles", id="two hashes"),
        pytest.param("### Begin solution\n1", "line 1: this resembles a solution marker", id="small letters"),
        pytest.param("### BEGIN  SOLUTION", "line 1: this resembles a solution marker", id="two spaces"),
        pytest.param("###BEGIN_SOLUTION", "line 1: this resembles a solution marker", id="no spaces"),
        pytest.param("1\nx = 1  ### BEGIN SOLUTION", "cell a, line 2: this resembles", id="behind code"),
        pytest.param("print('### BEGIN SOLUTION')", "line 1: this resembles", id="in a string"),
        pytest.param(
            "def f():\n### BEGIN SOLUTION\n    return 1\n### END SOLUTION",
            "cell a, line 3 of the released cell: what remains is not Python: expected an indented block",
            id="markers at another indentation than the code",
        ),
        pytest.param(
            "x = (", "what remains is not Python: '(' was never closed. Mend the cell.", id="no Python"
        ),
        pytest.param("%time x\nx = (", "what remains is not Python", id="a magic before no Python"),
        pytest.param("\tx = 1\n y = 2", "not Python: unexpected indent", id="what IPython stumbles over"),
        pytest.param("\n;a\\\n =%\\", "what remains is not Python", id="what makes IPython fail"),
        pytest.param("return 1", "what remains is not Python: 'return' outside function", id="a lost return"),
        pytest.param("x = '\0'", "what remains is not Python", id="a null byte"),
    ],
)
def test_a_slip_in_a_cell_is_named_with_its_place(source, expected):
    (problem,) = problems(code("a", source))
    assert problem.startswith(f"solutions/{LAB}.ipynb, cell a")
    assert expected in problem


@pytest.mark.parametrize(
    "cell", [text("t", "a\n### BEGIN SOLUTION"), Cell("t", "raw", "a\n  # end solution")]
)
def test_a_marker_outside_code_is_refused(cell):
    (problem,) = problems(cell)
    assert f"cell t, line 2: a solution region in a {cell.kind} cell" in problem
    assert "solution-only" in problem


def test_every_problem_is_told_at_once():
    found = problems(code("a", "### BEGIN SOLUTION"), code("b", "x = ("), text("c", "### END SOLUTION"))
    assert [problem.split("cell ")[1][0] for problem in found] == ["a", "b", "c"]


def test_cells_without_an_id_of_their_own_are_refused():
    found = problems(code("", "1"), code("a b", "1"), code("c", "1"), code("c", "2"))
    assert "cell 1 has no id" in found[0]
    assert "cell 2 has no id, or not one of letters" in found[1]
    assert "cell c: 2 cells have this id" in found[2]


def test_tags_that_are_no_list_of_texts_are_refused():
    assert "tags are not a list" in problems(code("a", "1", metadata={"tags": "solution-only"}))[0]


def test_cells_for_authors_may_contain_anything():
    assert not released(text("a", "### BEGIN SOLUTION", "solution-only")).cells


def test_the_bodies_are_the_insides_of_regions_and_the_cells_for_authors():
    first, second = solution_bodies(solution())
    assert "secret_recipe" in first
    assert "BEGIN" not in first
    assert second == "hidden_proof = 42"


# A cell of blocks; each block is a plain line, or a region whose lines all carry the word `secret`.
names = st.integers(min_value=0, max_value=99)
plain = names.map(lambda number: [f"open_{number} = {number}"])
secret = st.lists(names, max_size=4).map(
    lambda numbers: [
        "### BEGIN SOLUTION",
        *(f"secret_{number} = 'secret'  # secret" for number in numbers),
        "### END SOLUTION",
    ]
)
blocks = st.lists(plain | secret, max_size=5).map(lambda found: [line for block in found for line in block])
indents = st.sampled_from(["", "    ", "\t"])
ends = st.sampled_from(["\n", "\n\n"])


@st.composite
def cell_sources(draw):
    indent = draw(indents)
    head = ["def open_function():", f"{indent}open_first = 0"] if indent else []
    return draw(ends).join([*head, *(indent + line for line in draw(blocks))])


@given(st.lists(st.tuples(cell_sources(), st.booleans()), max_size=4))
def test_releasing_twice_is_releasing_once_and_no_line_of_a_solution_comes_through(drawn):
    cells = [
        code(f"c{number}", source, *(["solution-only"] if hidden else []), outputs=({"text": "secret"},))
        for number, (source, hidden) in enumerate(drawn)
    ]
    lab = released(*cells, widgets={"state": "secret"})
    assert release(lab, LAB, "x") == lab
    assert b"secret" not in dump(lab)
    assert b"SOLUTION" not in dump(lab)
    shown = "\n".join(source for source, hidden in drawn if not hidden)
    kept = "\n".join("".join(cell["source"]) for cell in json.loads(dump(lab))["cells"])
    assert [line for line in kept.split("\n") if "open_" in line] == [
        line for line in shown.split("\n") if "open_" in line
    ]
