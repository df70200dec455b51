"""What labs and solutions show can be used by everybody: axe finds nothing serious, in both themes."""

from __future__ import annotations

import pytest

from tests.browser.axe import bad
from tests.browser.conftest import Writing
from tests.browser.jupyterlab import THEMES, Notebook, Theme
from tests.browser.server import notebooks

pytestmark = pytest.mark.browser
NOTEBOOKS = [*notebooks("labs"), *notebooks("solutions")]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ran", NOTEBOOKS, indirect=True)
def test_axe_finds_nothing_serious(ran: Notebook, theme: Theme) -> None:
    ran.use_theme(theme)
    found = bad(ran.page)
    assert not found, "\n\n" + "\n\n".join(map(str, found))


def test_a_field_without_a_label_and_grey_on_grey_would_be_found(written: Writing) -> None:
    grey = '<input><p style="color: #ddd; background: #fff">grey on white</p>'
    notebook = written(f"from IPython.display import HTML\nHTML({grey!r})")
    notebook.run_all()
    assert {finding.rule for finding in bad(notebook.page)} == {"label", "color-contrast"}
