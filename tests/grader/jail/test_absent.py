"""An import of what is not here is left out of a cell, and of nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from grader.jail.absent import MOST, present


@pytest.mark.parametrize(
    ("cell", "runs", "absent"),
    [
        ("import not_here_1\nx = 1", "pass\nx = 1", ("not_here_1",)),
        ("import not_here_1 as n; x = 1", "pass; x = 1", ("not_here_1",)),
        ("import os, not_here_1, sys as s", "import os, sys as s", ("not_here_1",)),
        (
            "from not_here_1.deep import (\n    a,\n    b,\n)\nx = 1",
            "pass\n\n\n\nx = 1",
            ("not_here_1.deep",),
        ),
        ("ü = 'ü'; import not_here_1\nx = 1", "ü = 'ü'; pass\nx = 1", ("not_here_1",)),
        (
            "import not_here_2\nimport json\nfrom not_here_1 import a",
            "pass\nimport json\npass",
            ("not_here_2", "not_here_1"),
        ),
    ],
)
def test_it_is_left_out_and_named_and_lines_keep_their_numbers(
    cell: str, runs: str, absent: tuple[str, ...]
) -> None:
    found = present(cell, cell)
    assert (found.source, found.absent) == (runs, absent)


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param("import json\nfrom os import path", id="what is here"),
        pytest.param("from os import nothing_of_this_name", id="a name that a module lacks"),
        pytest.param("from . import a", id="a relative import"),
        pytest.param("def f():\n    import not_here_1", id="in a function"),
        pytest.param("try:\n    import not_here_1\nexcept ImportError:\n    pass", id="in a try"),
        pytest.param("import not_here_1 as = 3", id="no Python"),
        pytest.param("x = '\x00'", id="no text that Python takes"),
        pytest.param("from json.not_here import a", id="a module that a package lacks"),
    ],
)
def test_all_other_cells_are_as_they_were(cell: str) -> None:
    assert present(cell, cell).source == cell
    assert present(cell, cell).absent == ()


def test_a_cell_in_ipython_s_syntax_runs_as_the_python_that_it_means() -> None:
    python = "get_ipython().run_line_magic('time', 'x = 1')\nimport not_here_1\n"
    assert present("%time x = 1\nimport not_here_1\n", python).source == python.replace(
        "import not_here_1", "pass"
    )


def test_a_module_that_a_cell_before_has_made_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "not_here_1", ModuleType("not_here_1"))
    assert present("import not_here_1", "import not_here_1").absent == ()


def test_a_part_of_a_shared_folder_is_looked_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "shared_by_many" / "mine").mkdir(parents=True)
    assert present("import shared_by_many.mine", "import shared_by_many.mine").absent == ()
    cell = "from shared_by_many.yours import a"
    assert present(cell, cell).absent == ("shared_by_many.yours",)


def test_a_finder_of_the_student_s_own_may_fail_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Finder:
        def find_spec(self, name: str, *_: object) -> None:
            raise ZeroDivisionError

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    assert present("import not_here_1", "import not_here_1").absent == ()


def test_few_of_many_are_named() -> None:
    cell = "\n".join(f"import not_here_{n}" for n in range(50))
    assert present(cell, cell).absent == tuple(f"not_here_{n}" for n in range(MOST))
