"""JupyterLab as students start it, on a copy of the labs, so that no file of the repository changes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from utils.modes import RECORDED

ROOT = Path(__file__).resolve().parents[2]
_ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)/\S*\?token=(\w+)")
# All cells are attached to the page: those out of sight, too, are read and scanned.
_SETTINGS = {"notebook-extension/tracker": {"windowingMode": "none"}}


@dataclass
class Server:
    """A running JupyterLab."""

    folder: Path
    """its root: the copy"""
    address: str
    token: str
    home: Path
    said: list[str] = field(repr=False, default_factory=list)
    """the lines that it has written"""

    def write(self, name: str, cells: Sequence[str]) -> str:
        """Write a notebook with these code cells, or texts that begin with ``#:``, and return its path."""
        made = [
            new_markdown_cell(source.removeprefix("#:").strip(), id=f"cell-{number}")
            if source.startswith("#:")
            else new_code_cell(source, id=f"cell-{number}")
            for number, source in enumerate(cells)
        ]
        kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
        path = self.folder / "tests" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(new_notebook(cells=made, metadata={"kernelspec": kernel}), path)
        return path.relative_to(self.folder).as_posix()

    def forget_theme(self) -> None:
        """Be light again, as JupyterLab is at first: it keeps the theme that was chosen last."""
        (_settings(self.home) / "apputils-extension" / "themes.jupyterlab-settings").unlink(missing_ok=True)


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[Server]:
    """A JupyterLab on a copy of labs and solutions in `folder`; it ends, with its kernels, with the block."""
    root, home = folder / "kit", folder / "home"
    _copy_labs(root)
    _write_settings(home)
    started = subprocess.Popen(
        [sys.executable, str(root / "make" / "lab.py"), "--ServerApp.port=0", "--no-browser", *words],
        cwd=root,
        env=_environment(folder, home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    assert started.stderr is not None
    said: list[str] = []
    reader = threading.Thread(target=said.extend, args=(started.stderr,), daemon=True)
    try:
        address, token = _address(started.stderr, said)
        reader.start()
        yield Server(root, address, token, home, said)
    finally:
        started.terminate()
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        if reader.ident is not None:
            reader.join()
        started.stderr.close()


def _copy_labs(root: Path) -> None:
    """The scripts that start JupyterLab, and the notebooks without what they showed when they were stored."""
    (root / "make").mkdir(parents=True)
    shutil.copy(ROOT / "make" / "lab.py", root / "make")
    shutil.copytree(ROOT / "make" / "jupyter", root / "make" / "jupyter")
    # Found before one of the person's own, which may hold keys.
    (root / ".env").touch()
    for source in notebooks("labs") + notebooks("solutions"):
        notebook = nbformat.read(ROOT / source, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        (root / source).parent.mkdir(exist_ok=True)
        nbformat.write(notebook, root / source)


def _settings(home: Path) -> Path:
    return home / ".jupyter" / "lab" / "user-settings" / "@jupyterlab"


def _write_settings(home: Path) -> None:
    for name, values in _SETTINGS.items():
        path = _settings(home) / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values), encoding="utf-8")


def _environment(folder: Path, home: Path) -> dict[str, str]:
    """No keys and no settings of the person who runs the tests; recorded answers, which come at once."""
    (folder / "tmp").mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    here = {"HOME": str(home), "TMPDIR": str(folder / "tmp"), "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    return {**kept, **here, **RECORDED}


def _address(stream: IO[str], said: list[str]) -> tuple[str, str]:
    """The address and the token that JupyterLab prints once it listens."""
    for line in stream:
        said.append(line)
        if found := _ADDRESS.search(line):
            return found[1], found[2]
    raise AssertionError("JupyterLab ended before it listened:\n" + "".join(said[-40:]))


def notebooks(room: str) -> list[str]:
    """The notebooks of ``labs`` or ``solutions``, as paths below the repository."""
    found = sorted((ROOT / room).glob("[0-9][0-9]_*.ipynb"))
    return [path.relative_to(ROOT).as_posix() for path in found if "." not in path.stem]
