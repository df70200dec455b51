"""Writing labs and checking them, on files: what is written, what is refused, and that nothing is lost."""

import json
import os
from dataclasses import replace

import pytest

from grader.errors import FaultySolution, GraderError, LabWorkedIn, UnreadableNotebook
from grader.release import files
from grader.release.labs import check_lab, orphans, release_lab
from grader.release.notebook import dump
from tests.grader.release.notebooks import (
    LAB,
    STUBBED,
    code,
    course,
    edit,
    rewrite,
    run_all,
    solution,
    sources,
)


@pytest.fixture
def here(tmp_path):
    """A repository with one solution and its lab."""
    found = course(tmp_path / "a course with spaces")
    release_lab(found, LAB)
    return found


@pytest.fixture
def lab(here):
    return here.lab_path(LAB)


def author_changes(here, **changes):
    course(here.root, _01_persistence=solution(**changes))


def everything(here):
    """Return name, bytes and time of each file in labs/."""
    found = sorted((here.root / "labs").iterdir())
    return [(path.name, path.read_bytes(), path.stat().st_mtime_ns) for path in found]


def said(here):
    return [str(problem) for problem in check_lab(here, LAB)]


def test_a_missing_lab_is_written(tmp_path):
    here = course(tmp_path)
    assert str(release_lab(here, LAB)) == "labs/01_persistence.ipynb: written"
    assert sources(here.lab_path(LAB)) == {
        "title": "# Keep the conversation",
        "run": "1 + 1",
        "ex-1-2": STUBBED,
    }
    assert said(here) == []


def test_the_same_solution_gives_the_same_bytes(here, lab, tmp_path):
    other = course(tmp_path / "elsewhere")
    release_lab(other, LAB)
    data = lab.read_bytes()
    assert other.lab_path(LAB).read_bytes() == data
    assert data.endswith(b"}\n")
    assert b"\r" not in data


def test_releasing_again_touches_nothing(here):
    before = everything(here)
    assert str(release_lab(here, LAB)) == "labs/01_persistence.ipynb: up to date"
    assert everything(here) == before


@pytest.mark.parametrize("force", [False, True])
def test_a_solved_lab_is_up_to_date_and_touched_by_nothing(here, lab, force):
    edit(lab, "ex-1-2", "def ask(agent, text): return 'mine'")
    run_all(lab)
    before = everything(here)
    outcome = release_lab(here, LAB, force=force)
    assert str(outcome) == "labs/01_persistence.ipynb: up to date; your work is kept (ex-1-2)"
    assert everything(here) == before
    assert said(here) == []


def test_a_lab_that_was_only_run_follows_the_solution_and_keeps_the_outputs_that_still_hold(here, lab):
    run_all(lab)
    author_changes(here, run="2 + 2")
    expected = "cell run: was released from another solution. Run `python -m grader release`."
    assert said(here) == [f"labs/01_persistence.ipynb, {expected}"]
    outcome = release_lab(here, LAB)
    assert outcome.action == "updated"
    assert outcome.details == "1 cell changed, outputs of the others kept"
    cells = {cell["id"]: cell for cell in json.loads(lab.read_text())["cells"]}
    assert cells["run"]["outputs"] == []
    assert cells["ex-1-2"]["outputs"][0]["text"] == "ran ex-1-2\n"
    assert "blank" not in cells
    assert said(here) == []


@pytest.mark.parametrize(
    "newer",
    [
        pytest.param(solution(code("more", "3")), id="a new cell"),
        pytest.param(replace(solution(), cells=solution().cells[1:]), id="a cell less"),
        pytest.param(replace(solution(), cells=solution().cells[::-1]), id="another order"),
    ],
)
def test_an_untouched_lab_follows_the_cells_of_its_solution(here, lab, newer):
    course(here.root, _01_persistence=newer)
    assert said(here)
    assert release_lab(here, LAB).action == "updated"
    assert lab.read_bytes() == dump(here.fresh(LAB))
    assert said(here) == []


def test_a_lab_that_was_worked_in_is_refused_when_the_solution_changed(here, lab):
    edit(lab, "ex-1-2", "def ask(agent, text): return 'mine'")
    author_changes(here, run="2 + 2")
    before = everything(here)
    with pytest.raises(LabWorkedIn) as caught:
        release_lab(here, LAB)
    assert str(caught.value) == (
        "labs/01_persistence.ipynb: the solution has changed, and this lab has been worked in (ex-1-2); "
        "nothing was written\n"
        "  What to do: --force writes the new release and keeps this one as labs/01_persistence.kept-1.ipynb"
    )
    assert everything(here) == before


def test_force_keeps_a_copy_under_a_free_name_and_writes_the_release(here, lab):
    for number in (1, 2):
        edit(lab, "ex-1-2", f"mine = {number}")
        mine = lab.read_bytes()
        author_changes(here, run=f"{number} + 2")
        outcome = release_lab(here, LAB, force=True)
        assert outcome.details == f"what was there is now labs/01_persistence.kept-{number}.ipynb"
        assert lab.with_name(f"01_persistence.kept-{number}.ipynb").read_bytes() == mine
        assert lab.read_bytes() == dump(here.fresh(LAB))
    assert not list(orphans(here))
    assert said(here) == []


def test_force_also_puts_back_cells_that_are_no_exercises_and_keeps_a_copy(here, lab):
    edit(lab, "run", "1 + 100")
    assert "was edited, but is not an exercise" in said(here)[0]
    assert release_lab(here, LAB).action == "up to date"
    assert release_lab(here, LAB, force=True).action == "replaced"
    assert said(here) == []


def test_force_needs_no_copy_where_nobody_worked(here, lab):
    author_changes(here, run="2 + 2")
    assert release_lab(here, LAB, force=True).action == "updated"
    assert [path.name for path in lab.parent.iterdir()] == [lab.name]


def test_a_lab_that_is_half_saved_is_refused_and_with_force_kept(here, lab):
    half = lab.read_bytes()[:200]
    lab.write_bytes(half)
    with pytest.raises(UnreadableNotebook) as caught:
        release_lab(here, LAB)
    assert "labs/01_persistence.ipynb: is not a notebook: no valid JSON at line" in str(caught.value)
    assert "--force, which keeps this one as labs/01_persistence.kept-1.ipynb" in caught.value.hint
    assert lab.read_bytes() == half
    (problem,) = said(here)
    assert "is not a notebook" in problem
    assert problem.endswith("or run `python -m grader release --force`, which keeps a copy.")

    assert release_lab(here, LAB, force=True).action == "replaced"
    assert lab.with_name("01_persistence.kept-1.ipynb").read_bytes() == half
    assert said(here) == []


def test_a_folder_with_the_name_of_a_lab_is_refused_even_with_force(here, lab):
    lab.unlink()
    lab.mkdir()
    with pytest.raises(UnreadableNotebook, match="is not a regular file"):
        release_lab(here, LAB, force=True)


def test_a_lab_is_not_half_written_when_writing_fails(here, lab, monkeypatch):
    author_changes(here, run="2 + 2")
    before = everything(here)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(GraderError) as caught:
        release_lab(here, LAB)
    assert caught.value.message == "labs/01_persistence.ipynb cannot be written: No space left on device"
    assert everything(here) == before

    edit(lab, "ex-1-2", "mine = 1")
    before = everything(here)
    with pytest.raises(GraderError, match="cannot be copied, so it was left alone"):
        release_lab(here, LAB, force=True)
    assert everything(here) == before


def test_labs_may_be_anything_but_a_file(tmp_path):
    here = course(tmp_path)
    (tmp_path / "labs").write_text("")
    with pytest.raises(GraderError, match=r"labs/01_persistence\.ipynb cannot be written"):
        release_lab(here, LAB)


def test_a_new_lab_keeps_the_mode_of_the_old_one(here, lab):
    lab.chmod(0o640)
    author_changes(here, run="2 + 2")
    release_lab(here, LAB)
    assert lab.stat().st_mode & 0o777 == 0o640


def test_a_new_file_has_the_mode_that_the_umask_allows(tmp_path):
    before = os.umask(0o027)
    try:
        here = course(tmp_path)
        release_lab(here, LAB)
    finally:
        os.umask(before)
    assert here.lab_path(LAB).stat().st_mode & 0o777 == 0o640


def test_a_missing_lab_disagrees(tmp_path):
    expected = "labs/01_persistence.ipynb: is missing. Run `python -m grader release`."
    assert said(course(tmp_path)) == [expected]


def test_a_faulty_solution_is_told_and_nothing_is_written(here):
    before = everything(here)
    author_changes(here, exercise="### BEGIN SOLUTION")
    with pytest.raises(FaultySolution):
        release_lab(here, LAB, force=True)
    assert everything(here) == before
    assert said(here)[0].startswith("solutions/01_persistence.ipynb, cell ex-1-2, line 1: ")


def test_a_solution_that_is_no_notebook_is_told(here):
    (here.root / "solutions" / "01_persistence.ipynb").write_text("{")
    (problem,) = said(here)
    assert problem.startswith("solutions/01_persistence.ipynb: is not a notebook")
    assert problem.endswith("Restore the file, from version control for example.")


def test_checking_writes_nothing(here, lab):
    edit(lab, "run", "5")
    before = everything(here)
    assert said(here)
    assert everything(here) == before


def test_a_released_lab_without_a_solution_disagrees_and_peoples_own_notebooks_do_not(here, lab):
    labs = lab.parent
    for name in ("09_notes", "02_gone", "01_persistence-Copy1", "01_persistence.kept-1", "scratch"):
        (labs / f"{name}.ipynb").write_bytes(lab.read_bytes())
    (labs / "03_broken.ipynb").write_text("{")
    rewrite(labs / "02_gone.ipynb", lambda content: content["metadata"]["kit"].update(lab="02_gone"))
    assert [str(problem) for problem in orphans(here)] == [
        "labs/02_gone.ipynb: has no solution. Remove the lab, or bring back solutions/02_gone.ipynb."
    ]
