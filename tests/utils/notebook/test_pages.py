"""What is told of a lab is read from its notebook, and each link on the start page leads somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from utils.checks.registry import load_checks
from utils.notebook.pages import headings_of, labs_in, link, next_of, read_page

ROOT = Path(__file__).resolve().parents[3]
START = ROOT / "solutions" / "00_start.ipynb"
LINK = re.compile(r"\]\(([^()#\s]+\.ipynb)(?:#([^()\s]+))?\)")


def cells(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["cells"]
    return found


def links() -> list[tuple[str, str]]:
    return LINK.findall("".join("".join(cell["source"]) for cell in cells(START)))


def test_the_start_page_explains_the_ideas_of_the_course() -> None:
    text = "".join("".join(cell["source"]) for cell in cells(START))
    for idea in ("thread", "checkpoint", "super-step", "reducer", "interrupt", "stream mode"):
        assert re.search(rf"^\| .*{idea}.* \|", text, re.MULTILINE), idea
    assert len(links()) > 10


@pytest.mark.parametrize("room", ["solutions", "labs"])
@pytest.mark.parametrize(("file", "anchor"), links())
def test_each_link_of_the_start_page_leads_to_a_heading(room: str, file: str, anchor: str) -> None:
    headings = list(headings_of(iter(cells(ROOT / room / file))))
    assert f"{file}#{anchor}" in [unquote(link(file, heading)) for heading in headings]


@pytest.mark.parametrize("page", labs_in(ROOT / "solutions"), ids=lambda page: page.lab)
def test_a_lab_says_all_that_its_card_shows(page: Any) -> None:
    assert page.title == f"Lab {int(page.lab[:2])}: {page.checks.title}"
    assert re.fullmatch(r"\d+–\d+ minutes", page.minutes)
    assert len(page.promise.split()) > 15
    assert 3 <= len(page.aims) <= 5
    for number in page.checks.exercises:
        assert page.href(number).startswith(f"{page.file.name}#Exercise-{number}:-")


def test_copies_pages_and_strangers_are_no_labs(tmp_path: Path) -> None:
    for name in ("00_start", "01_persistence", "01_persistence.fresh-1", "01_persistence-Copy1", "07_mine"):
        (tmp_path / f"{name}.ipynb").write_text("{}")
    assert [page.lab for page in labs_in(tmp_path)] == ["01_persistence"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"cells": []}', '{"cells": [{}]}', '{"cells": 3}'])
def test_a_broken_notebook_has_a_card_with_what_is_known(tmp_path: Path, content: str) -> None:
    path = tmp_path / "01_persistence.ipynb"
    path.write_text(content)
    page = read_page(path, "01_persistence", load_checks("persistence"))
    assert (page.title, page.minutes, page.aims) == ("Lab 1: Keep the conversation", "", ())
    assert page.href("1.1") == "01_persistence.ipynb"


def test_a_gone_or_huge_notebook_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = load_checks("persistence")
    assert read_page(tmp_path / "gone.ipynb", "01_persistence", checks).headings == ()
    monkeypatch.setattr("utils.notebook.pages.MAX_FILE", 10)
    lab = ROOT / "labs" / "01_persistence.ipynb"
    assert read_page(lab, "01_persistence", checks).headings == ()


def test_next_is_the_one_behind_and_then_the_first_that_is_left() -> None:
    exercises = list(load_checks("persistence").exercises.values())
    following = next_of(exercises, {"1.2": 2}, after="1.2")
    assert following is not None
    assert following.number == "1.3"
    first = next_of(exercises, {one.number: one.points for one in exercises[1:]}, after="1.6")
    assert first is not None
    assert first.number == "1.1"
    assert next_of(exercises, {one.number: one.points for one in exercises}) is None
