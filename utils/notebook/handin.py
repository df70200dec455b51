"""``hand_in()``: the saved notebook is run afresh, as the grader will, and the result is shown.

What a kernel holds and what a file says differ easily: a cell deleted after it ran, one run out of
order, one not saved. This tells before the deadline.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.checks.registry import load_checks, slug_of
from utils.checks.run import run_lab
from utils.errors import KitError, SetupError
from utils.modes import RECORDED, RUNNING
from utils.notebook.desk import desk, is_unattended
from utils.notebook.foresight import not_in_the_lab
from utils.notebook.kit import current_kit, setup
from utils.notebook.pages import full_title, link
from utils.notebook.runs import runs_of
from utils.notebook.saved import is_clearly, newer_rivals, read_saved, told_path
from utils.notebook.whole_file import write_whole
from utils.results import CheckResult, ExerciseResult, LabResult
from utils.shell import shell

if TYPE_CHECKING:
    from utils.views.hand_in import HandInView
    from utils.views.note import NoteView

OUTPUT = "application/vnd.course-kit.results+json"
CELL_SECONDS = 30
SECONDS = 300
LOOK_SECONDS = 0.3
"""after which it is looked how far the run is"""
PROGRESS = "progress.txt"


IN_WORDS = {
    "KeyboardInterrupt": "stopped, it took too long",
    "StdinNotImplementedError": "it waits for input, and nobody types while the grader runs it",
}
"""errors that say little by their names"""


_UNREAD = ("SyntaxError", "IndentationError", "TabError")


class HandInError(KitError):
    """The saved notebook could not be run afresh."""


def hand_in(notebook: str | Path | None = None) -> HandInView | NoteView | None:
    """Return what the grader will see of the saved notebook, and which file to upload.

    Without a path it is the notebook that asks. ``None`` where nobody sits in front, as in the fresh run
    itself and under the grader. Raises HandInError or SetupError.
    """
    from utils.views.hand_in import HandInView  # noqa: PLC0415 - the fresh run needs no views
    from utils.views.note import NoteView  # noqa: PLC0415

    if is_unattended():
        return None
    kit = current_kit()
    path = _find(notebook, kit.lab)
    if not notebook and (nothing := _nothing_in(path)):
        return NoteView(nothing)
    here = desk(kit.lab)
    counting = _Counting() if here is not None else None
    told = _run_in_fresh_process(path, kit.lab, counting)
    saved = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    return HandInView(
        result=_lab_result(told["result"]),
        file=f"{path.parent.name}/{path.name}",
        saved=f"{saved:%H:%M:%S}",
        cells=int(told["cells"]),
        problems=tuple(map(str, told["problems"])),
        href=link(path.name) if here is not None and here.links and path.parent == here.folder else "",
    )


def _nothing_in(path: Path) -> str:
    """Return why a saved notebook has nothing to hand in; empty where it has."""
    saved = read_saved(path)
    if saved is None or not saved.answers:
        return ""
    if not saved.given:
        return f"`{path.name}` is the author's notebook. The one to hand in lies in `labs/`."
    if all(saved.given.get(number) == source for number, source in saved.answers.items()):
        begun = "no exercise has been begun"
        return f"There is nothing to hand in yet: in `{path.name}`, as it was saved last, {begun}."
    return ""


class _Counting:
    """A line below the cell that says how far the fresh run is."""

    def __init__(self) -> None:
        from IPython.display import display  # noqa: PLC0415 - only ever made in a kernel

        self._shown = "The saved notebook is run afresh …"
        self._line = display({"text/plain": self._shown}, raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def show(self, text: str) -> None:
        if text and text != self._shown:
            self._shown = text
            self._line.update({"text/plain": text}, raw=True)


def _find(notebook: str | Path | None, lab: str) -> Path:
    """Return the notebook's file: as given, or as Jupyter and VS Code tell it.

    Where a notebook of the same lab was saved later and is as likely the open one, nothing is guessed:
    raises HandInError that names both.
    """
    if not isinstance(notebook, str | Path | None):
        raise HandInError(
            f"hand_in() takes the path of a notebook, got {type(notebook).__name__}",
            hint=f'give it as a text: hand_in("{lab}.ipynb")',
        )
    ip = shell()
    path = Path(notebook) if notebook else told_path(getattr(ip, "user_ns", {}), lab)
    told = path.name
    if not notebook and not path.is_file():
        path = Path(f"{lab}.ipynb")
    if path.suffix != ".ipynb" or not path.is_file():
        msg = f"there is no saved notebook {told!r} here"
        raise HandInError(msg, hint=f'save it, or give its path: hand_in("{lab}.ipynb")')
    found = path.resolve()
    return found if notebook else _the_open_one(found, lab, [run.source for run in runs_of(ip)])


def _the_open_one(told: Path, lab: str, ran: list[str]) -> Path:
    """Return the notebook that this session has run, of those of the lab that lie beside each other."""
    saved = read_saved(told)
    rivals = newer_rivals(saved, ran, lab) if saved is not None else []
    if not rivals or saved is None:
        return told
    newest = max(rivals, key=lambda rival: rival.at)
    if is_clearly(newest, saved, ran) and len(rivals) == 1:
        return newest.path
    names = ", ".join(f"{one.path.name} ({_clock(one.at)})" for one in (*rivals, saved))
    msg = f"several notebooks of this lab are here, and any of them may be the open one: {names}"
    raise HandInError(msg, hint=f'name the one that you hand in: hand_in("{newest.path.name}")')


def _clock(seconds: float) -> str:
    return f"saved at {datetime.fromtimestamp(seconds).astimezone():%H:%M:%S}"


def _run_in_fresh_process(path: Path, lab: str, counting: _Counting | None = None) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KIT_")}
    environment |= {**RECORDED, RUNNING: "1"}
    with tempfile.TemporaryDirectory(prefix="hand-in-") as folder:
        # Not by way of stdout: whatever runs in the notebook may write there, too.
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "utils.notebook.handin", str(path), lab, str(result)]
        said = ""
        try:
            said = _watched(command, path.parent, environment, Path(folder), counting)
            told = json.loads(result.read_text("utf-8"))
        except subprocess.TimeoutExpired:
            msg = f"the notebook ran longer than {SECONDS} seconds"
            raise HandInError(msg, where=path.name, hint="look for a cell that never ends") from None
        except (OSError, ValueError) as error:
            reason = (said.strip() or str(error) or "no reason given").splitlines()[-1][:300]
            msg = f"the notebook could not be run: {reason}"
            raise HandInError(msg, where=path.name, hint="restart the kernel and run all cells") from None
    if "error" in told:
        raise HandInError(str(told["error"]), where=path.name, hint=str(told.get("hint", "")))
    return dict(told)


def _watched(
    command: list[str], where: Path, environment: dict[str, str], folder: Path, counting: _Counting | None
) -> str:
    """Run a command to its end, show how far it is, and return what it wrote to stderr.

    Raises TimeoutExpired, and OSError where it cannot be started. It is ended when this is interrupted.
    """
    ends = time.monotonic() + SECONDS
    with (folder / "stderr").open("w+b") as said:
        process = subprocess.Popen(
            command,
            cwd=where,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        try:
            while True:
                try:
                    process.wait(LOOK_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if time.monotonic() > ends:
                        raise
                if counting is not None:
                    counting.show(_progress_in(folder))
        finally:
            process.kill()
            process.wait()
        if counting is not None:
            counting.show("The saved notebook was run afresh.")
        said.seek(0)
        return said.read().decode("utf-8", "replace")


def _progress_in(folder: Path) -> str:
    try:
        return (folder / PROGRESS).read_text("utf-8")
    except OSError:
        return ""


def _lab_result(data: dict[str, Any]) -> LabResult:
    exercises = [
        ExerciseResult(e["exercise"], e["title"], tuple(CheckResult(**check) for check in e["checks"]))
        for e in data["exercises"]
    ]
    return LabResult(data["lab"], tuple(exercises), data["title"])


# The fresh run -----------------------------------------------------------------------------------------


def show_results(lab: str) -> None:
    """Judge all exercises of the notebook that runs this and put the results out as data."""
    from IPython.display import display  # noqa: PLC0415 - only ever called in a kernel

    from utils.notebook.check import checker_of  # noqa: PLC0415

    try:
        kit = current_kit()
    except SetupError:
        kit = setup(lab)
    checks = load_checks(slug_of(lab))
    result = run_lab(checks, checker_of(kit).lab, checks.example)
    display({OUTPUT: asdict(LabResult(lab, result.exercises, full_title(lab, checks)))}, raw=True)  # type: ignore[no-untyped-call]


def run_notebook(path: Path, lab: str, progress: Path | None = None) -> dict[str, Any]:
    """Run a notebook's file afresh and return results, number of cells and what went wrong in them.

    Meanwhile a sentence in the file ``progress`` says how far it is.
    """
    import nbformat  # noqa: PLC0415 - a second of imports that no notebook needs
    from nbclient import NotebookClient  # noqa: PLC0415
    from nbclient.exceptions import CellTimeoutError, DeadKernelError  # noqa: PLC0415

    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:
        return {"error": f"this is not a notebook: {error}", "hint": "save it again from JupyterLab"}
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    judge = f"from utils.notebook.handin import show_results\nshow_results({lab!r})"
    notebook.cells.append(nbformat.v4.new_code_cell(judge))
    last = notebook.cells[-1]

    def tell(cell: Any, **_: Any) -> None:
        if progress is not None:
            place = next((number for number, one in enumerate(cells, 1) if one is cell), 0)
            doing = f"cell {place} of {len(cells)}" if place else "now the exercises are checked"
            write_whole(progress, f"The saved notebook is run afresh: {doing} …")

    client = NotebookClient(
        notebook,
        timeout_func=lambda cell: SECONDS if cell is last else CELL_SECONDS,
        kernel_name="python3",
        # Not the remark about unencrypted connections on loopback.
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        allow_errors=True,
        interrupt_on_timeout=True,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_execute=tell,
    )
    try:
        client.execute()
    except (DeadKernelError, CellTimeoutError):
        return {
            "error": "the kernel died or hung while a cell ran",
            "hint": "look for exit(), or for a cell that never ends",
        }
    for output in notebook.cells[-1].outputs:
        if OUTPUT in output.get("data", {}):
            found = output["data"][OUTPUT]
            problems = [*_problems(cells), *_foreseen(cells)]
            return {"result": found, "cells": len(cells), "problems": problems}
    return {
        "error": "the checks did not run",
        "hint": "restart the kernel, run all cells, then check() again",
    }


def _foreseen(cells: list[Any]) -> list[str]:
    """Return a sentence for each package that the grader will not have."""
    return [
        f"the grader has the packages of the lab only, and will leave out the import of {package}"
        for package in not_in_the_lab(cell.source for cell in cells)
    ]


def _error_in_words(name: str, text: str) -> str:
    """Return an error's name; of one that Python found before it ran the cell, also what and where."""
    what, _, line = text.removesuffix(")").rpartition(", line ")
    if not line.isdecimal() or not name.endswith(_UNREAD):
        return name
    return f"{name} in its line {line}: {what.rpartition(' (')[0]}"


def _problems(cells: list[Any]) -> list[str]:
    found = []
    for cell in cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                what = IN_WORDS.get(output.ename) or _error_in_words(output.ename, output.evalue)
                begins = cell.source.strip().splitlines()[0][:40]
                found.append(f"the cell that begins with “{begins}”: {what}")
    return found


if __name__ == "__main__":
    told = Path(sys.argv[3])
    found = run_notebook(Path(sys.argv[1]), sys.argv[2], told.with_name(PROGRESS))
    told.write_text(json.dumps(found), "utf-8")
