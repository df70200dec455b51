"""A new lab is written whole, or nothing is written and the sentence says why."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader import cli
from grader.authoring.cells import notebook_of
from grader.authoring.new import BY_HAND, new_lab, next_steps
from grader.authoring.outputs import store_outputs
from grader.errors import GraderError, UsageError
from grader.release.course import REPOSITORY, Course
from grader.release.labs import check_lab
from grader.release.notebook import Cell

LAB = "07_memory"
FILES = [
    "solutions/07_memory.ipynb",
    "utils/checks/memory/lab.py",
    "utils/checks/memory/exercise_7_1.py",
    "utils/checks/memory/conversations.yaml",
    "utils/checks/memory/requirements.yaml",
    "utils/checks/memory/__init__.py",
    "docs/instructors/07_memory.md",
    "tests/utils/checks/memory_right.py",
    "tests/utils/checks/memory_wrong.py",
    "labs/07_memory.ipynb",
]


@pytest.fixture
def here(tmp_path: Path) -> Course:
    """A course with the folders that every course has, and one lab by name."""
    for folder in ("solutions", "labs", "utils/checks", "docs/instructors", "tests/utils/checks"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "solutions/01_first.ipynb").write_text("{}")
    (tmp_path / "utils/checks/weather.py").write_text("")
    return Course(tmp_path)


def walked(course: Course) -> dict[str, bytes]:
    return {
        path.relative_to(course.root).as_posix(): path.read_bytes()
        for path in course.root.rglob("*")
        if path.is_file()
    }


def test_a_lab_is_written_whole_and_its_release_agrees(here: Course) -> None:
    before = walked(here)
    assert new_lab(here, LAB) == FILES
    assert walked(here).keys() - before.keys() == set(FILES)
    assert check_lab(here, LAB) == []
    for path in FILES:
        assert "{{" not in (here.root / path).read_text("utf-8"), path


def test_five_files_are_for_the_author_to_write() -> None:
    assert len(BY_HAND) == 5
    assert next_steps(LAB)[0] == f"write {', '.join(FILES[:5])}"


def test_a_title_is_where_a_reader_sees_it_and_the_name_stands_for_none(here: Course) -> None:
    new_lab(here, LAB, "Remember me")
    assert here.solution(LAB).cells[0].source.startswith("# Lab 7: Remember me\n")
    assert 'LabChecks("memory", "Remember me")' in (here.root / FILES[1]).read_text("utf-8")
    new_lab(here, "12_long_memory")
    assert here.solution("12_long_memory").cells[0].source.startswith("# Lab 12: Long memory\n")
    assert (here.root / "utils/checks/long_memory/exercise_12_1.py").exists()


@pytest.mark.parametrize("path", FILES)
def test_nothing_is_written_over(here: Course, path: str) -> None:
    mine = here.root / path
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine")
    if path.startswith("solutions/"):  # then the number is taken as well
        with pytest.raises(UsageError, match="07_memory has the number 07 already"):
            new_lab(here, LAB)
    else:
        with pytest.raises(UsageError, match=re.escape(f"there is already {path}; nothing was written")):
            new_lab(here, LAB)
    assert mine.read_text() == "mine"
    assert walked(here).keys() & set(FILES) == {path}


@pytest.mark.parametrize(
    ("name", "title", "expected"),
    [
        ("memory", "", "'memory' is not the name of a lab\n  What to do: call it by two digits and a word"),
        ("7_memory", "", "'7_memory' is not the name of a lab"),
        ("00_memory", "", "'00_memory' is not the name of a lab"),
        ("07_Memory", "", "'07_Memory' is not the name of a lab"),
        ("07_", "", "'07_' is not the name of a lab"),
        ("07_../x", "", "'07_../x' is not the name of a lab"),
        ("07_class", "", "'class' is a word of Python's own"),
        ("07_weather", "", "there is already utils/checks/weather.py"),
        ("01_memory", "", "01_first has the number 01 already\n  What to do: choose the next free number"),
        (LAB, 'Say "hello"', "has a sign that it cannot have"),
        (LAB, "one | two", "has a sign that it cannot have"),
    ],
)
def test_a_name_that_cannot_be_is_refused(here: Course, name: str, title: str, expected: str) -> None:
    before = walked(here)
    with pytest.raises(UsageError) as caught:
        new_lab(here, name, title)
    assert expected in str(caught.value)
    assert walked(here) == before


def test_the_modules_of_a_new_lab_are_as_the_tools_want_them(here: Course) -> None:
    for name in ("07_memory", "08_asking", "09_zebra"):
        modules = [path for path in new_lab(here, name) if path.endswith(".py")]
        for words in (["check"], ["format", "--check"]):
            settings = ["--config", str(REPOSITORY / "pyproject.toml"), "--no-cache"]
            command = [sys.executable, "-m", "ruff", *words, *settings, *modules]
            done = subprocess.run(command, cwd=here.root, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("text", ["x\n%% code a\n1", "%% code\n1", "%% cod a\n1", "%% \n1"])
def test_a_template_with_a_line_that_begins_no_cell_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"begins no cell|before the first cell"):
        notebook_of(text, "Title")


def test_a_template_is_read_cell_by_cell() -> None:
    notebook = notebook_of("%% markdown a\n# A\n\nb\n%% code c given demo\n1\n", "Title")
    assert notebook.cells == (
        Cell("a", "markdown", "# A\n\nb"),
        Cell("c", "code", "1", {"tags": ["given", "demo"]}),
    )
    assert notebook.metadata["title"] == "Title"


def script(here: Course, source: str) -> None:
    """Write what stands in place of the script that runs a solution."""
    path = here.root / "make/outputs.py"
    path.parent.mkdir()
    path.write_text(source)


def test_a_solution_that_cannot_be_run_is_told_with_what_to_do(here: Course) -> None:
    script(here, "import sys\nsys.exit(f'first\\nNothing was written: {sys.argv[1]} stops')")
    with pytest.raises(GraderError) as caught:
        store_outputs(here, LAB)
    assert str(caught.value) == (
        "solutions/07_memory.ipynb: its outputs are not stored: Nothing was written: 07_memory stops\n"
        "  What to do: mend that, then run make outputs LAB=07_memory"
    )


def test_a_script_that_says_nothing_is_told(here: Course) -> None:
    script(here, "import sys\nsys.exit(3)")
    with pytest.raises(GraderError, match="it does not say why"):
        store_outputs(here, LAB)


def test_the_command_tells_files_and_next_steps(here: Course) -> None:
    script(here, "")
    told = CliRunner().invoke(cli.app, ["new", LAB, "--root", str(here.root)])
    assert told.exit_code == 0
    assert told.stdout.splitlines() == FILES
    assert "make outputs LAB=07_memory" in told.stderr
    again = CliRunner().invoke(cli.app, ["new", LAB, "--root", str(here.root)])
    assert (again.exit_code, again.stdout) == (2, "")
    assert "07_memory has the number 07 already" in again.stderr
