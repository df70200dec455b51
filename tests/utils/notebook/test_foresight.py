"""hand_in() names the packages that the grader will not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from utils.notebook.foresight import not_in_the_lab

OWNERS = {
    "pandas": ["pandas"],
    "langgraph": ["langgraph", "langgraph-prebuilt"],
    "utils": ["langgraph-course-kit"],
}


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.lock"
    path.write_text("langgraph==1.0 \\\n    --hash=sha256:00\nPyYAML==6.0\n")
    return path


def foreseen(lock: Path, *sources: str) -> list[str]:
    return not_in_the_lab(sources, lock, lambda: OWNERS)


@pytest.mark.parametrize(
    "cell",
    [
        "import pandas",
        "import pandas as pd, os",
        "from pandas.api import types",
        "%pip install pandas\nimport pandas",
    ],
)
def test_a_package_that_the_lab_does_not_have_is_named(lock: Path, cell: str) -> None:
    assert foreseen(lock, cell, cell) == ["pandas"]


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(
            "import os\nfrom langgraph.graph import START\nfrom utils import check", id="the lab's own"
        ),
        pytest.param("import helpers_of_mine", id="a file beside the notebook"),
        pytest.param("def f():\n    import pandas", id="in a function"),
        pytest.param("from . import pandas", id="a relative import"),
        pytest.param("import pandas as", id="no Python"),
    ],
)
def test_of_other_imports_nothing_is_said(lock: Path, cell: str) -> None:
    assert foreseen(lock, cell) == []


def test_without_a_lock_nothing_is_known(tmp_path: Path) -> None:
    assert not_in_the_lab(["import pandas"], tmp_path / "none.lock", lambda: OWNERS) == []


def test_no_import_of_the_labs_is_foreign() -> None:
    import nbformat

    for path in sorted((Path(__file__).parents[3] / "solutions").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        assert not_in_the_lab(cell.source for cell in cells if cell.cell_type == "code") == []
