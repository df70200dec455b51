"""The saved file of a notebook is read as data, whatever it holds."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from utils.notebook.saved import MAX_FILE, is_clearly, newer_rivals, of_the_lab, read_saved, told_path

LAB = "01_persistence"


def save(path: Path, *sources: str, lab: str = LAB, at: float = 100.0) -> Path:
    cells = [{"cell_type": "code", "source": source.splitlines(keepends=True)} for source in sources]
    path.write_text(json.dumps({"cells": cells, "metadata": {"kit": {"lab": lab}}}), "utf-8")
    os.utime(path, (at, at))
    return path


def test_a_notebook_is_its_sources_and_its_lab(tmp_path: Path) -> None:
    saved = read_saved(save(tmp_path / "a.ipynb", "x = 1\ny = 2", ""))
    assert saved is not None
    assert (saved.sources, saved.lab, saved.at) == (("x = 1\ny = 2", ""), LAB, 100.0)


@pytest.mark.parametrize(
    "text",
    ["{ half", "[]", "3", '{"cells": 3}', '{"cells": [1]}', '{"cells": [{"cell_type": "code"}]}',
     '{"cells": [], "metadata": 5}', '{"cells": [{"cell_type": "code", "source": 5}]}', "[" * 100_000],
)  # fmt: skip
def test_what_is_not_a_notebook_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(text)
    assert read_saved(path) is None


def test_what_is_gone_or_too_large_is_none(tmp_path: Path) -> None:
    assert read_saved(tmp_path / "gone.ipynb") is None
    path = tmp_path / "large.ipynb"
    with path.open("wb") as file:
        file.truncate(MAX_FILE + 1)
    assert read_saved(path) is None


def test_a_notebook_of_no_lab_is_none_of_the_lab_s(tmp_path: Path) -> None:
    save(tmp_path / "a.ipynb")
    save(tmp_path / "b.ipynb", lab="02_streaming")
    (tmp_path / "c.ipynb").write_text('{"cells": [], "metadata": {"kit": [1]}}')
    assert [saved.path.name for saved in of_the_lab(tmp_path, LAB)] == ["a.ipynb"]


def test_vs_code_tells_before_jupyter_and_jupyter_before_the_lab_s_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "jupyter.ipynb")
    assert told_path({"__vsc_ipynb_file__": "code.ipynb"}, LAB) == Path("code.ipynb")
    assert told_path({"__vsc_ipynb_file__": 5}, LAB) == Path(f"{LAB}.ipynb")
    assert told_path({}, LAB) == Path("jupyter.ipynb")
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert told_path({}, LAB) == Path(f"{LAB}.ipynb")


def test_a_rival_was_saved_later_and_has_at_least_as_much_of_what_ran(tmp_path: Path) -> None:
    told = read_saved(save(tmp_path / "told.ipynb", "a", "b"))
    save(tmp_path / "older.ipynb", "a", "b", at=50.0)
    save(tmp_path / "poorer.ipynb", "a", at=200.0)
    save(tmp_path / "other-lab.ipynb", "a", "b", lab="02_streaming", at=200.0)
    save(tmp_path / "equal.ipynb", "a", "b", at=200.0)
    save(tmp_path / "richer.ipynb", "a", "b", "c", at=200.0)
    assert told is not None
    ran = ["a", "b ", "c", "elsewhere"]
    rivals = newer_rivals(told, ran, LAB)
    assert [rival.path.name for rival in rivals] == ["equal.ipynb", "richer.ipynb"]
    assert [is_clearly(rival, told, ran) for rival in rivals] == [False, True]
