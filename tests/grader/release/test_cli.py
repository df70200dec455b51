"""The command: words in, sentences and an exit code out."""

import pickle
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from grader import cli
from grader.errors import FaultySolution, GraderError, Problem
from grader.release import course as module
from tests.grader.release.notebooks import LAB, course, edit, solution


def run(*words):
    return CliRunner().invoke(cli.app, ["release", *map(str, words)])


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A repository with two solutions, and no lab yet. It is the current folder."""
    monkeypatch.chdir(tmp_path)
    return course(tmp_path, _01_persistence=solution(), _02_streaming=solution())


def test_release_writes_every_lab_and_check_agrees(here):
    result = run()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "labs/01_persistence.ipynb: written\nlabs/02_streaming.ipynb: written\n"
    result = run("--check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "2 notebooks checked: labs and solutions agree\n"


def test_check_lists_every_problem_and_ends_with_1(here):
    run()
    here.lab_path("02_streaming").unlink()
    edit(here.lab_path(LAB), "run", "5")
    result = run("--check")
    assert result.exit_code == 1
    assert [line.split(": ")[0] for line in result.stdout.splitlines()] == [
        "labs/01_persistence.ipynb, cell run",
        "labs/02_streaming.ipynb",
    ]
    assert result.stderr == "2 problems in 2 notebooks\n"


def test_one_lab_that_is_refused_does_not_hold_up_the_others(here):
    run()
    edit(here.lab_path(LAB), "ex-1-2", "mine = 1")
    course(here.root, _01_persistence=solution(run="2"), _02_streaming=solution(run="2"))
    result = run()
    assert result.exit_code == 1
    assert result.stdout.startswith("labs/02_streaming.ipynb: updated")
    assert result.stderr.startswith("error: labs/01_persistence.ipynb: the solution has changed")
    assert "--force" in result.stderr
    assert run("--force").exit_code == 0


def test_a_faulty_solution_is_a_line_and_no_traceback(here):
    course(here.root, _01_persistence=solution(exercise="### BEGIN SOLUTION"))
    result = run()
    assert result.exit_code == 1
    assert result.stderr == (
        "solutions/01_persistence.ipynb, cell ex-1-2, line 1: "
        "'### BEGIN SOLUTION' without '### END SOLUTION'. Add '### END SOLUTION' after the solution.\n"
    )
    assert run("--check").exit_code == 1


def test_a_notebook_that_is_no_lab_is_mentioned_and_left_out(here):
    (here.root / "solutions" / "draft.ipynb").write_text("{")
    result = run()
    assert result.exit_code == 0
    assert result.stderr.startswith("note: solutions/draft.ipynb is left out")


def test_the_repository_can_be_named(here, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run("--root", tmp_path).exit_code == 0
    assert here.lab_path(LAB).exists()


def test_without_solutions_here_the_graders_own_repository_is_used(here, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(module, "REPOSITORY", tmp_path)
    assert run("--check").stdout.startswith("labs/01_persistence.ipynb: is missing")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(["--check", "--force"], "exclude each other", id="check and force"),
        pytest.param(["--check", "--bundle", "x"], "exclude each other", id="check and bundle"),
        pytest.param(["--bundle", "labs", "--root", "."], "is not empty", id="a bundle over something"),
        pytest.param(
            ["--root", "solutions"], "there is no solutions/ folder in solutions", id="a wrong root"
        ),
        pytest.param(["--root", "empty"], "there is no lab in", id="a repository without labs"),
        pytest.param(["--nonsense"], "No such option", id="an unknown option"),
    ],
)
def test_wrong_use_ends_with_2(here, words, expected):
    (here.root / "empty" / "solutions").mkdir(parents=True)
    run()
    result = run(*words)
    assert result.exit_code == 2
    assert expected in result.stderr
    assert result.stdout == ""


def test_a_bundle_that_is_refused_ends_with_1(here):
    result = run("--bundle", "out")
    assert result.exit_code == 1
    assert "the bundle needs files that are not there" in result.stderr


def test_a_bundle_is_told_with_the_number_of_its_files(here, monkeypatch):
    monkeypatch.setattr(cli, "write_bundle", lambda course, target: 40 + len(course.labs()))
    result = run("--bundle", "out")
    assert (result.exit_code, result.stdout) == (0, "out: 42 files for students\n")


def test_interrupting_ends_with_130(here, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "release_lab", interrupted)
    result = run()
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")


def test_the_command_starts_without_the_slow_packages(here):
    program = (
        "import sys, grader.cli, grader.release.labs, grader.release.bundle;"
        "sys.exit(str({'nbformat', 'IPython', 'jinja2', 'rich', 'aiohttp', 'langgraph'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "set()"


def test_python_m_grader_is_the_command(here):
    command = [sys.executable, "-m", "grader", "release", "--root", str(here.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "labs/01_persistence.ipynb: written" in done.stdout


def test_errors_survive_being_sent_to_another_process():
    problem = Problem("labs/x.ipynb", "a", "is missing", "Run it")
    faulty = pickle.loads(pickle.dumps(FaultySolution([problem])))
    assert faulty.problems == (problem,)
    plain = pickle.loads(pickle.dumps(GraderError("m", where="w", hint="h")))
    assert str(plain) == "w: m\n  What to do: h"
    assert str(GraderError("m")) == "m"
