"""A notebook that is called like no lab says by its metadata which one it is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from grader.submissions import find_submissions
from grader.submissions.layout import NOTE_SAYS_SO, OTHER_LAB
from grader.submissions.metadata import NEAR
from tests.grader.submissions.files import LAB, TWO

OTHER = next(lab for lab in TWO if lab != LAB)


def notebook(lab: Any, *, first: bool = False, cells: int = 0) -> str:
    metadata = {
        "kernelspec": {"name": "x"},
        "kit": {"lab": lab, "version": "1", "exercises": {"1.1": [1, {}]}},
    }
    code = [
        {"cell_type": "code", "source": f'"kit": {{"lab": "{OTHER}"}} # {number}'} for number in range(cells)
    ]
    whole = {"metadata": metadata, "cells": code} if first else {"cells": code, "metadata": metadata}
    return json.dumps({**whole, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(notebook(LAB), id="at the end"),
        pytest.param(notebook(LAB, cells=5_000), id="behind long cells that tell otherwise"),
        pytest.param(notebook(LAB, first=True, cells=5_000), id="at the beginning, as Colab saves it"),
    ],
)
def test_a_renamed_lab_is_graded_with_a_note(tmp_path: Path, text: str) -> None:
    put(tmp_path / "ada" / "homework.ipynb", text)
    put(tmp_path / "ada" / f"{OTHER}.ipynb", "{}")
    handed = find_submissions(tmp_path, TWO)
    assert {one.lab: one.path for one in handed.found} == {
        LAB: "ada/homework.ipynb",
        OTHER: f"ada/{OTHER}.ipynb",
    }
    assert [one.notes for one in handed.found if one.lab == LAB] == [(NOTE_SAYS_SO,)]


def test_one_that_is_called_like_the_lab_counts_more(tmp_path: Path) -> None:
    put(tmp_path / "ada" / "old.ipynb", notebook(LAB))
    put(tmp_path / "ada" / f"{LAB}.ipynb", notebook(LAB))
    assert [one.path for one in find_submissions(tmp_path, TWO).found] == [f"ada/{LAB}.ipynb"]


def test_two_renamed_labs_of_one_person_are_not_guessed_at(tmp_path: Path) -> None:
    put(tmp_path / "ada" / "a.ipynb", notebook(LAB))
    put(tmp_path / "ada" / "b.ipynb", notebook(LAB))
    (one,) = find_submissions(tmp_path, TWO).found
    assert one.problem is not None
    assert "Leave one" not in one.problem


def test_another_lab_is_not_graded_as_this_one(tmp_path: Path) -> None:
    put(tmp_path / "ada" / "homework.ipynb", notebook(OTHER))
    handed = find_submissions(tmp_path, [LAB])
    assert handed.found == ()
    assert [(one.path, one.why, one.student, one.lab) for one in handed.strays] == [
        ("ada/homework.ipynb", OTHER_LAB, "ada", OTHER)
    ]


@pytest.mark.parametrize(
    "text",
    ["", '"kit"', '"kit": ', '"kit": 5', '"kit": {"lab": 5}', '"kit": {"lab": "../x"}', '"kit": {"lab"',
     '"kit": ' + "[" * 100_000, "x" * (3 * NEAR)],
)  # fmt: skip
def test_a_file_that_names_no_lab_is_left_over(tmp_path: Path, text: str) -> None:
    put(tmp_path / "ada" / "homework.ipynb", text)
    handed = find_submissions(tmp_path, TWO)
    assert (handed.found, [one.path for one in handed.strays]) == ((), ["ada/homework.ipynb"])


def test_nothing_is_opened_that_is_not_a_plain_file(tmp_path: Path) -> None:
    put(tmp_path / "real.txt", notebook(LAB))
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "link.ipynb").symlink_to(tmp_path / "real.txt")
    os.mkfifo(tmp_path / "ada" / "pipe.ipynb")
    assert find_submissions(tmp_path, TWO).found == ()
