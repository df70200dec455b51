"""The students' repository holds what the table names, and nothing of a solution."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from grader.errors import FaultySolution, GraderError, UsageError
from grader.release.bundle import SHIPPED, write_bundle
from grader.release.course import Course
from grader.release.labs import release_lab
from grader.release.notebook import dump
from grader.release.stubs import solution_bodies
from tests.grader.release.notebooks import EXERCISE, LAB, code, course, edit, notebook, solution, text

REPOSITORY = Path(__file__).resolve().parents[3]

FILES = {
    "utils/__init__.py": "",
    "utils/py.typed": "",
    "utils/checks/persistence/lab.py": "LAB.exercise('1.2')",
    "utils/checks/persistence/conversations.yaml": "[]",
    "utils/views/card.css": "",
    "pyproject.toml": "",
    "requirements.lock": "",
    "environment.yml": "",
    ".env.example": "",
    ".gitignore": ".env",
    "Makefile": "lab:\n\tpython make/lab.py\n-include make/authors.mk\n",
    "make/python.sh": "",
    "make/environment.py": "",
    "make/lab.py": "",
    "make/jupyter/labconfig/default_setting_overrides.json": "{}",
    "LICENSE": "",
    "LICENSE-PROSE": "",
}
STAYS = {
    ".env": "OPENAI_API_KEY=real",
    ".git/config": "",
    "README.md": "for authors",
    "requirements-dev.lock": "",
    "grader/cli.py": "",
    "grader/grading/secret.py": "",
    "tests/test_x.py": "",
    "samples/a/01_persistence.ipynb": "{}",
    "benchmarks/b.py": "",
    "docs/d.md": "",
    "make/authors.mk": "",
    "make/lock.py": "",
    "labs/mine.ipynb": "{}",
    "utils/__pycache__/x.cpython-311.pyc": "",
    "utils/.ipynb_checkpoints/x.py": "",
    "utils/views/.secret.py": "",
}


@pytest.fixture
def here(tmp_path):
    """A whole repository, small."""
    found = course(tmp_path / "repo")
    for path, content in (FILES | STAYS).items():
        write(found, path, content)
    return found


def write(here, path, content):
    target = here.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content, encoding="utf-8")


def walked(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def refused(here, tmp_path, match, kind=GraderError):
    with pytest.raises(kind, match=match) as caught:
        write_bundle(here, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    return caught.value


def test_the_bundle_has_the_labs_the_readme_and_what_the_table_names(here, tmp_path):
    number = write_bundle(here, tmp_path / "out")
    expected = sorted([*FILES, "README.md", "labs/01_persistence.ipynb"])
    assert walked(tmp_path / "out") == expected
    assert number == len(expected)


def test_a_page_goes_along_and_what_a_learner_left_beside_the_labs_does_not(here, tmp_path):
    course(here.root, _00_start=notebook(text("title", "# Start here")))
    (here.root / "labs").mkdir(exist_ok=True)
    for name in (".kit-progress.json", "summary.html", "01_persistence.kept-1.2-1.py"):
        (here.root / "labs" / name).write_text("{}")
    write_bundle(here, tmp_path / "out")
    assert walked(tmp_path / "out/labs") == ["00_start.ipynb", "01_persistence.ipynb"]
    assert "(labs/00_start.ipynb) | Start here |" in (tmp_path / "out/README.md").read_text()


def test_the_labs_are_fresh_whatever_was_done_in_the_working_copy(here, tmp_path):
    release_lab(here, LAB)
    edit(here.lab_path(LAB), "ex-1-2", "mine = 1")
    before = here.lab_path(LAB).read_bytes()
    write_bundle(here, tmp_path / "out")
    assert (tmp_path / "out/labs/01_persistence.ipynb").read_bytes() == dump(here.fresh(LAB))
    assert here.lab_path(LAB).read_bytes() == before


def test_the_readme_is_for_students_and_lists_the_labs(here, tmp_path):
    course(here.root, _02_streaming=solution(text("more", "x")))
    write_bundle(here, tmp_path / "out")
    readme = (tmp_path / "out/README.md").read_text("utf-8")
    row = "| [`labs/{0}.ipynb`](labs/{0}.ipynb) | Keep the conversation |\n"
    table = "| notebook | title |\n| --- | --- |\n"
    assert table + row.format("01_persistence") + row.format("02_streaming") + "\n## " in readme
    assert "make lab" in readme
    assert not re.search(r"grader|instructor|solutions/|\{[{%]", readme)


def test_a_lab_without_a_heading_is_listed_by_its_name(here, tmp_path):
    course(here.root, _01_persistence=notebook(code("ex-1-2", EXERCISE, "exercise:1.2")))
    write_bundle(here, tmp_path / "out")
    assert "(labs/01_persistence.ipynb) | 01_persistence |" in (tmp_path / "out/README.md").read_text()


def test_an_executable_file_stays_one(here, tmp_path):
    (here.root / "make/python.sh").chmod(0o755)
    write_bundle(here, tmp_path / "out")
    assert (tmp_path / "out/make/python.sh").stat().st_mode & 0o100
    assert not (tmp_path / "out/make/lab.py").stat().st_mode & 0o100


def test_an_empty_folder_is_filled(here, tmp_path):
    (tmp_path / "out").mkdir()
    assert write_bundle(here, tmp_path / "out")


def test_a_folder_with_something_in_it_is_refused_and_left_alone(here, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.hidden").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        write_bundle(here, tmp_path / "out")
    assert walked(tmp_path / "out") == [".hidden"]


def test_a_file_as_a_target_is_refused(here, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="is not a folder"):
        write_bundle(here, tmp_path / "out")
    with pytest.raises(GraderError, match=r"out/deeper cannot be used|is incomplete: Not a directory"):
        write_bundle(here, tmp_path / "out/deeper")


def test_a_missing_file_is_named_with_what_it_is_for(here, tmp_path):
    (here.root / "environment.yml").unlink()
    (here.root / "utils/checks/persistence/conversations.yaml").unlink()
    error = refused(here, tmp_path, "needs files that are not there")
    assert "utils/*.yaml (the recorded conversations), environment.yml (the same for conda)" in error.message


def test_a_file_that_nobody_decided_about_is_refused(here, tmp_path):
    write(here, "utils/checkpoints.db", "")
    error = refused(here, tmp_path, r"nothing says whether students get utils/checkpoints\.db")
    assert "SHIPPED" in error.hint


@pytest.mark.parametrize("path", ["LICENSE", "utils/views/card.css", "utils/views", "utils", "make"])
def test_a_symbolic_link_is_refused(here, tmp_path, path):
    link = here.root / path
    link.rename(tmp_path / "moved")
    link.symlink_to(tmp_path / "moved")
    refused(here, tmp_path, f"^{path} is a symbolic link")


def test_a_broken_symbolic_link_is_refused(here, tmp_path):
    (here.root / "LICENSE").unlink()
    (here.root / "LICENSE").symlink_to("/nowhere")
    refused(here, tmp_path, "LICENSE is a symbolic link")


def test_a_solution_marker_in_a_helper_is_refused(here, tmp_path):
    write(here, "utils/agent.py", "a = 1\n    ### BEGIN SOLUTION\n")
    refused(here, tmp_path, r"utils/agent\.py, line 2: there is a solution marker in a file")


@pytest.mark.parametrize("path", ["utils/agent.py", "utils/fixtures/persistence.yaml", "Makefile"])
def test_a_solution_in_any_file_is_refused_with_its_place(here, tmp_path, path):
    write(here, path, "# secret_recipe = agent.invoke( text )\n#  return secret_recipe.content\n")
    error = refused(
        here, tmp_path, f"^{path}: it holds the solution of cell ex-1-2 in solutions/", FaultySolution
    )
    assert "tag ex-1-2 'solution-shown' if students are meant to read it" in error.message


def test_a_solution_in_another_lab_is_refused(here, tmp_path):
    recap = "Last time you wrote:\n\n    secret_recipe = agent.invoke(text)\n    return secret_recipe.content"
    course(
        here.root,
        _02_streaming=solution(
            text("recap", recap),
            exercise="def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION",
        ),
    )
    refused(
        here, tmp_path, r"labs/02_streaming\.ipynb, cell recap: its text holds the solution", FaultySolution
    )


def test_a_makefile_that_calls_what_stays_here_is_refused(here, tmp_path):
    write(here, "Makefile", "lock:\n\tpython make/lock.py\n")
    refused(here, tmp_path, r"students' Makefile calls make/lock\.py, which stays here")


def test_every_faulty_solution_is_told(here, tmp_path):
    course(
        here.root, _01_persistence=solution(exercise="x = ("), _02_streaming=solution(run="### END SOLUTION")
    )
    error = refused(here, tmp_path, "what remains is not Python", FaultySolution)
    assert [problem.notebook for problem in error.problems] == [
        "solutions/01_persistence.ipynb",
        "solutions/01_persistence.ipynb",
        "solutions/02_streaming.ipynb",
    ]


def test_a_bundle_that_could_not_be_finished_says_so(here, tmp_path, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(GraderError, match="out is incomplete: No space left on device"):
        write_bundle(here, tmp_path / "out")


def whole_repository():
    found = Course(REPOSITORY)
    if not found.labs():
        pytest.skip("there is no solution yet")
    return found


def test_nothing_of_this_repositorys_solutions_is_in_its_bundle(tmp_path):
    """Walk the real bundle: only what the table names, no marker, and no body of a solution."""
    here = whole_repository()
    write_bundle(here, tmp_path / "out")
    bodies = [body for lab in here.labs() for body in solution_bodies(here.solution(lab))]
    telling = [body.strip() for body in bodies if len(body.strip().splitlines()) > 1]
    assert telling
    for path in walked(tmp_path / "out"):
        named = any(fnmatchcase(path, row.pattern) for row in SHIPPED)
        assert named or path == "README.md" or re.fullmatch(r"labs/\d\d_\w+\.ipynb", path), path
        content = (tmp_path / "out" / path).read_text("utf-8")
        if path.endswith(".ipynb"):
            content = "\n\n".join("".join(cell["source"]) for cell in json.loads(content)["cells"])
        assert "### BEGIN SOLUTION" not in content, path
        assert not [body for body in telling if body in content], path
