"""A notebook in a folder, with somebody who sits in front of it in JupyterLab."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from utils.notebook import ipython

ROOT = Path(__file__).resolve().parents[3]


def sit_down(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Lay the released labs into a folder and open one of them; return its shell."""
    for path in sorted((ROOT / "labs").glob("0[0-9]_*.ipynb")):
        if "." not in path.stem:
            shutil.copy(path, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / f"{name}.ipynb"))
    next_cells: list[tuple[str, bool]] = []
    names: dict[str, Any] = {}
    shell = SimpleNamespace(
        user_ns=names,
        kernel=object(),
        next_cells=next_cells,
        set_next_input=lambda text, replace: next_cells.append((text, replace)),
        **{ipython.MARK: True},
    )
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    return shell
