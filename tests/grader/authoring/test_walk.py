"""The page for authors is followed to the letter, in a copy of the repository: it cannot rot."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.release.course import REPOSITORY
from tests.grader.authoring.walk import Step, carry_out, steps_of

PAGE = REPOSITORY / "docs" / "authoring.md"
LAB = "05_memory"
LEFT_OUT = ("samples/", "benchmarks/", "docs/lab.png", "docs/approval.png", "docs/explorer-dark.png")
TESTS = ("tests/test_labs.py", "tests/utils/checks/test_every_lab.py", "tests/utils/checks/test_examples.py")
STEPS = list(steps_of(PAGE.read_text("utf-8")))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of all that is, or would be, committed."""
    root = tmp_path_factory.mktemp("authoring") / "course"
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        source = REPOSITORY / name
        if source.is_file() and not source.is_symlink() and not name.startswith(LEFT_OUT):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, root / name)
    return root


def run(root: Path, *words: str) -> str:
    """Run a command in the copy, with its own kit, and return what it says; the test fails when it fails."""
    done = subprocess.run(
        words,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout + done.stderr


def typed(line: str) -> list[str]:
    """Return a command of the page as it runs here: by this Python, in an environment that is made."""
    command, *words = shlex.split(line, comments=True)
    if command == "make":
        return ["make", "--old-file=setup", *words, f"PY={sys.executable}"]
    assert command == "python"
    return [sys.executable, *words]


@pytest.mark.jail
@pytest.mark.kernel
def test_who_follows_the_page_has_a_lab_with_two_exercises(copy: Path) -> None:
    said = ""
    for step in STEPS:
        if step.do == "sh":
            said += "".join(run(copy, *typed(line)) for line in step.text.splitlines())
        else:
            carry_out(step, copy)
    for one in (
        "the solution       3",
        "the released lab   0",
        "5.1 alone          2",
        "5.2 alone          1",
    ):
        assert f"{LAB}  {one}  as it should be" in said
    assert "(rule: " not in said
    python = [sys.executable, "-m"]
    run(copy, *python, "ruff", "check", "--no-cache", "utils", "tests/utils/checks")
    run(copy, *python, "ruff", "format", "--check", "--no-cache", "utils", "tests/utils/checks")
    told = run(copy, *python, "pytest", "-q", "-p", "no:cacheprovider", *TESTS, "-k", "memory or 5.")
    assert "failed" not in told


def test_the_page_shows_a_file_of_each_kind_that_an_author_writes() -> None:
    named = {step.where.split(" ")[0] for step in STEPS}
    assert {
        f"solutions/{LAB}.ipynb",
        "utils/checks/memory/lab.py",
        "utils/checks/memory/exercise_5_2.py",
        "utils/checks/memory/conversations.yaml",
        "utils/checks/memory/requirements.yaml",
        "tests/utils/checks/memory_right.py",
        "tests/utils/checks/memory_wrong.py",
    } <= named


@pytest.mark.parametrize(
    "step",
    [
        Step("change", "x.txt", " nowhere\n+more\n"),
        Step("write", "x.txt", "again\n"),
        Step("delete", "x.txt", ""),
    ],
    ids=lambda step: step.do,
)
def test_a_step_that_cannot_be_done_fails(tmp_path: Path, step: Step) -> None:
    (tmp_path / "x.txt").write_text("one\n")
    with pytest.raises(AssertionError):
        carry_out(step, tmp_path)
