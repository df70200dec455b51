"""Each lab, as it is released, is opened in JupyterLab and run from the top to the bottom."""

from __future__ import annotations

import re

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Writing
from tests.browser.jupyterlab import Notebook
from tests.browser.server import ROOT, notebooks

pytestmark = pytest.mark.browser
LABS = [path for path in notebooks("labs") if not path.startswith("labs/00_")]
_CHECK = re.compile(r'^check\("([\d.]+)"\)$', re.MULTILINE)


def exercises(path: str) -> list[str]:
    """The numbers of the exercises that the notebook checks, in their order."""
    sources = [cell.source for cell in nbformat.read(ROOT / path, as_version=4).cells]
    return [number for source in sources for number in _CHECK.findall(source)]


@pytest.mark.parametrize("ran", LABS, indirect=True)
def test_an_untouched_lab_runs_to_its_end_without_a_traceback(ran: Notebook) -> None:
    assert ran.errors() == []
    assert ran.warnings() == []


@pytest.mark.parametrize("ran", LABS, indirect=True)
def test_each_exercise_has_a_card_that_says_not_begun(ran: Notebook) -> None:
    numbers = exercises(ran.path)
    assert numbers
    for number in numbers:
        card = ran.page.get_by_role("region", name=re.compile(f"^Exercise {re.escape(number)} .*: 0 of "))
        expect(card).to_have_count(1)
        expect(card).to_contain_text("not begun")


@pytest.mark.parametrize("ran", LABS, indirect=True)
def test_the_table_at_the_end_has_a_row_for_each_exercise(ran: Notebook) -> None:
    table = ran.page.locator(".jp-Notebook").get_by_role("table").last
    for number in exercises(ran.path):
        expect(table.get_by_role("row", name=re.compile(f"^{re.escape(number)} .*not begun"))).to_have_count(
            1
        )


@pytest.mark.parametrize("ran", LABS, indirect=True)
def test_no_script_of_the_page_complains_and_nothing_is_asked_of_the_network(ran: Notebook) -> None:
    assert ran.complaints == []
    assert ran.elsewhere == []


def test_an_error_a_warning_and_a_complaint_would_be_seen(written: Writing) -> None:
    notebook = written(
        "import sys\nprint('careful', file=sys.stderr)",
        'from IPython.display import HTML\nHTML(\'<img src="http://127.0.0.1:9/none.png" alt="">\')',
        "raise NotImplementedError('not written')",
        "print('never reached')",
    )
    notebook.run_all()
    assert notebook.warnings() == ["careful\n"]
    assert ["NotImplementedError: not written" in error for error in notebook.errors()] == [True]
    assert set(notebook.elsewhere) == {"http://127.0.0.1:9/none.png"}
    assert "http://127.0.0.1:9/none.png" in notebook.complaints[0]
