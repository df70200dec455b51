"""Every command of the page on a term is typed, in its order, on a small class."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.grader.grading.running import ROOT, lean_right, tiny
from tests.grader.submissions.files import LAB
from tests.grader.term import as_csv

PAGE = ROOT / "docs" / "instructors" / "term.md"
LEFT = shutil.ignore_patterns(".git", ".venv", "tests", "docs", "build", "__pycache__", ".*_cache")


def commands() -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def test_the_page_has_commands_of_the_grader_only() -> None:
    assert len(commands()) > 10
    assert {words[0] for words in commands()} == {"grader"}


@pytest.mark.jail
@pytest.mark.nightly
def test_each_command_does_what_the_page_says(tmp_path: Path) -> None:
    course = tmp_path / "course"
    shutil.copytree(ROOT, course, ignore=LEFT)
    for name, data in {"adaokafor_11": lean_right(), "roebob_12": tiny(1)}.items():
        place = course / "handed-in" / f"{name}_7_{LAB}.ipynb"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(data)
    people = [("ada", "Ada Okafor", "11"), ("bob", "Bob Roe", "12"), ("cem", "Cem Yıldız", "13")]
    roster = [("student_id", "name", "SIS User ID"), *people]
    book = [("Student", "ID", "Section", "Lab 1 (9911)"), *((name, who, "S1", "") for _, name, who in people)]
    for file, table in (("class.csv", roster), ("Gradebook.csv", book)):
        (course / file).write_text(as_csv(table), "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(course)}
    for _, *words in commands():
        done = subprocess.run(
            [sys.executable, "-m", "grader", *words],
            cwd=course,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    assert (course / "students" / "labs" / f"{LAB}.ipynb").is_file()
    assert "Ada Okafor,11,S1,20" in (course / "back.csv").read_text("utf-8")
    assert (course / "pages.zip").is_file()
    assert "\nada,Ada Okafor,,20," in (course / "final.csv").read_text("utf-8")
    kept = [path for path in (course / "grades").rglob("*") if path.is_file()]
    assert not [path for path in kept if b"Ada Okafor" in path.read_bytes()]
    assert len(list((course / "handed-in").iterdir())) == 1
