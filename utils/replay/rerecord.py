"""Record a lab again: its solution is executed in a fresh kernel against the real provider."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from utils.errors import RecordingError
from utils.modes import MODE, PARENT, RECORD_TO, RECORDED

ROOT = Path(__file__).resolve().parent.parent.parent
CELL_SECONDS = 600
_WRITE = "from utils.notebook.kit import current_kit\ncurrent_kit().write_recording()"
_OWN_ERRORS = ("SetupError", "RecordingError", "FixtureError", "ExerciseError")


def rerecord(notebook: Path, fixture: Path) -> str:
    """Execute a notebook in record mode and write its fixture; says what was written.

    Raises RecordingError, and leaves the fixture as it was, when a cell fails or a service refuses.
    """
    # Half a second of imports that ``check`` does without.
    import nbclient  # noqa: PLC0415
    import nbformat  # noqa: PLC0415
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError  # noqa: PLC0415

    try:
        content: Any = nbformat.read(notebook, as_version=4)
    except Exception as error:  # what is not a notebook makes nbformat fail in many ways
        msg = f"it is not a notebook that can be read: {type(error).__name__}"
        raise RecordingError(msg, where=notebook.name) from error
    last = nbformat.v4.new_code_cell(_WRITE, id="write-recording")
    if content.nbformat_minor < 5:  # cells had no ids then
        del last["id"]
    content.cells.append(last)
    client = nbclient.NotebookClient(
        content,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(notebook.parent)}},
    )
    try:
        client.execute(env=_environment(fixture))
    except CellExecutionError as error:
        raise _failed(notebook, content, error.ename, error.evalue) from error
    except CellTimeoutError as error:
        msg = f"a cell ran longer than {CELL_SECONDS // 60} minutes"
        raise RecordingError(msg, where=notebook.name, hint="nothing was written") from error
    except DeadKernelError as error:
        msg = "a cell ended the kernel"
        raise RecordingError(msg, where=notebook.name, hint="nothing was written") from error
    told = (output.get("text", "") for output in content.cells[-1].outputs if output.output_type == "stream")
    return "".join(told).strip()


def _environment(fixture: Path) -> dict[str, str]:
    surroundings = {name: value for name, value in os.environ.items() if name != PARENT}
    return surroundings | {
        **RECORDED,
        MODE: "record",
        RECORD_TO: str(fixture.resolve()),
    }


def _failed(notebook: Path, content: Any, name: str, value: str) -> RecordingError:
    """Return what stopped a notebook, in one sentence; the kit's own errors say enough themselves."""
    if name in _OWN_ERRORS:
        told, _, hint = value.partition("\n  What to do: ")
        return RecordingError(_one_line(told), hint=_one_line(hint))
    index, cell = next(
        (index, cell)
        for index, cell in enumerate(content.cells)
        if any(output.output_type == "error" for output in cell.get("outputs", ()))
    )
    where = f"{notebook.name}, cell {index} ({cell.get('id', 'no id')})"
    return RecordingError(
        f"{name}: {_one_line(value)}", where=where, hint="nothing was written; put it right and record again"
    )


def _one_line(text: str) -> str:
    plain = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())
    return plain if len(plain) <= 300 else f"{plain[:299]}…"


def notebook_of(lab: str, folder: Path = ROOT / "solutions") -> Path:
    """Return a lab's solution, by its name or its slug. Raises RecordingError when there is none."""
    wanted = Path(lab).stem
    known = sorted(folder.glob("*.ipynb"))
    for path in known:
        if wanted in (path.stem, slug(path.name)):
            return path
    msg = f"there is no solution called {wanted!r}"
    names = ", ".join(path.stem for path in known) or "none yet"
    raise RecordingError(msg, hint=f"the labs in solutions/ are: {names}")


def slug(lab: str) -> str:
    """Return the slug of a notebook: ``persistence`` for ``01_persistence.ipynb``."""
    return re.sub(r"^\d+_", "", Path(lab).stem)
