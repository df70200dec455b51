"""The start page, as a learner meets it: it opens first, leads to an exercise, and knows what has passed."""

from __future__ import annotations

import re

import nbformat
import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.jupyterlab import opened
from tests.browser.server import Server

pytestmark = pytest.mark.browser

START, LAB = "labs/00_start.ipynb", "labs/01_persistence.ipynb"
NEEDED = ("parameters", "setup", "imports", "ex-1-2", "check-1-2")


def test_a_first_pass_is_on_the_start_page_when_its_cell_runs_again(
    browser: BrowserContext, server: Server
) -> None:
    assert any(f"/lab/tree/{START}?token=" in line for line in server.said), "what make lab opens"
    lab = nbformat.read(server.folder / LAB, as_version=4)
    solved = nbformat.read(server.folder / LAB.replace("labs", "solutions"), as_version=4)
    answer = next(cell.source for cell in solved.cells if cell.id == "ex-1-2")
    cells = [cell for cell in lab.cells if cell.id in NEEDED or cell.id in ("title", "task-1-2", "task-1-3")]
    for cell in cells:
        cell.source = answer if cell.id == "ex-1-2" else cell.source
    before = (server.folder / LAB).read_bytes()
    try:
        lab.cells = cells
        nbformat.write(lab, server.folder / LAB)
        with opened(browser, server, START) as page:
            page.run_all()
            cards = page.output(1)
            expect(cards.get_by_role("listitem")).to_have_count(4)
            expect(cards.get_by_role("listitem").first).to_contain_text("0 of 20 points")
            cards.get_by_role("link", name="1.1 Build the graph").click()
            expect(page.page.get_by_role("heading", name=re.compile("^Lab 1: Keep"))).to_be_visible()
        with opened(browser, server, LAB) as work:
            work.run_all()
            at = next(number for number, cell in enumerate(cells) if cell.id == "check-1-2")
            card = work.output(at)
            expect(card).to_contain_text("1.2 done · 2 of 20 · next: 1.3 Keep it on disk")
            card.get_by_role("link", name="1.3 Keep it on disk").click()
            expect(work.page.get_by_role("heading", name=re.compile("^Exercise 1.3"))).to_be_in_viewport()
        with opened(browser, server, START) as page:
            page.run_cell(1)
            first = page.output(1).get_by_role("listitem").first
            expect(first).to_contain_text("2 of 20 points")
            expect(first).to_contain_text("Continue at 1.1 Build the graph")
    finally:
        (server.folder / LAB).write_bytes(before)
        (server.folder / "labs" / ".kit-progress.json").unlink(missing_ok=True)
