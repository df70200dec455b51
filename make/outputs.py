"""Execute the solutions and store their outputs in them.

Cell texts, cell ids and everything an author wrote stay as they are: only outputs and execution counts
change. What would differ from run to run is taken out: timings, the state of widgets, random ids. An id is
replaced by a numbered one of the same form, in the order of appearance, so that a reader still sees which ids
are the same.
Nothing is written when a cell raises, or when an exercise does not earn all its points.
"""

from __future__ import annotations

import copy
import os
import re
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import nbclient
import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from grader.release.points import QUESTION, has_exercises, lost_points
from utils.checks.registry import load_checks, slug_of
from utils.errors import KitError
from utils.modes import RECORDED

ROOT = Path(__file__).resolve().parent.parent
SOLUTIONS = ROOT / "solutions"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# The same run everywhere: the recorded model of the default provider, at once.
SURROUNDINGS = {
    **RECORDED,
    "LLM_PROVIDER": "openai",
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
}

# What is random, and a stand-in of the same form for the n-th one met.
RANDOM: tuple[tuple[re.Pattern[str], Callable[[int], str]], ...] = (
    (
        re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
        lambda n: f"00000000-0000-4000-8000-{n:012d}",
    ),
    (re.compile(r"\b0x[0-9a-f]{8,16}\b"), lambda n: f"0x7f{n:010d}"),
    (re.compile(r"(?<=ipykernel_)\d+/\d+(?=\.py)"), lambda n: f"1/{n}"),
)


class CannotStoreError(Exception):
    """A notebook whose outputs are not worth storing."""


def main() -> int:
    """Execute all solutions, or those named, and write them when every one went well."""
    names = {Path(word).stem for word in sys.argv[1:]}
    paths = [path for path in sorted(SOLUTIONS.glob("*.ipynb")) if not names or path.stem in names]
    if unknown := sorted(names - {path.stem for path in paths}):
        print(f"There is no {unknown[0]}.ipynb in solutions/.", file=sys.stderr)
        return 1
    if not paths:
        print("There are no solutions to execute in solutions/.", file=sys.stderr)
        return 1
    os.environ.update(SURROUNDINGS)
    try:
        texts = {path: with_outputs(path) for path in paths}
    except (CannotStoreError, KitError) as error:
        print(f"Nothing was written: {error}", file=sys.stderr)
        return 1
    for path, text in texts.items():
        changed = text != path.read_text(encoding="utf-8")
        if changed:
            write(path, text)
        print(f"{path.name}: {'outputs stored' if changed else 'as it was'}")
    return 0


def with_outputs(path: Path) -> str:
    """Return the text of this notebook with the outputs of a fresh run.

    Raises CannotStoreError when a cell raises or an exercise misses points.
    """
    notebook: Any = nbformat.read(path, as_version=4)
    executed = copy.deepcopy(notebook)
    graded = has_exercises(notebook.cells)
    if graded:
        executed.cells.append(nbformat.v4.new_code_cell(QUESTION, id="points"))
    execute(executed, path)
    if graded and (lost := lost_points(executed.cells.pop(), load_checks(slug_of(path.stem)))):
        msg = f"{path.name}: {'; '.join(lost)}"
        raise CannotStoreError(msg)
    store(notebook, executed)
    return str(nbformat.writes(notebook)).rstrip("\n") + "\n"


def execute(notebook: Any, path: Path) -> None:
    """Run all cells in place; the first that raises is an error of ours."""
    client = nbclient.NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # no remark on loopback being unencrypted
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        run(client)
    except CellExecutionError as error:
        index, cell = next(
            (index, cell)
            for index, cell in enumerate(notebook.cells)
            if any(output.output_type == "error" for output in cell.get("outputs", []))
        )
        where = f"cell {index} ({cell.get('id', 'no id')})"
        msg = f"{path.name} stops in {where} with {error.ename}: {error.evalue}"
        raise CannotStoreError(msg) from error
    except CellTimeoutError as error:
        msg = f"{path.name} has a cell that runs longer than ten minutes"
        raise CannotStoreError(msg) from error
    except DeadKernelError as error:
        msg = f"{path.name} has a cell that ends the kernel"
        raise CannotStoreError(msg) from error


def run(client: nbclient.NotebookClient) -> None:
    """Run it; what the kernel's process has to say is shown only where nothing else tells what went wrong."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        try:
            # While it is shut down it may say anything, even after the last cell has ended well.
            client.execute(stderr=said)
        except (CellExecutionError, CellTimeoutError):
            raise
        except Exception:
            said.seek(0)
            sys.stderr.write(said.read())
            raise


def store(notebook: Any, executed: Any) -> None:
    """Move the outputs of the run into the notebook, without what differs from run to run."""
    numbers: dict[tuple[int, str], int] = {}
    for cell, done in zip(notebook.cells, executed.cells, strict=True):
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        outputs = [steady(output, numbers) for output in merged(done.outputs)]
        if not (varies(cell) and cell.outputs and kinds(outputs) == kinds(cell.outputs)):
            cell.outputs = outputs
        cell.execution_count = done.execution_count
    notebook.metadata.pop("widgets", None)


def merged(outputs: list[Any]) -> list[Any]:
    """Return the outputs with the pieces of each stream between two other outputs made one, stdout first.

    The kernel sends its two streams whenever their buffers are flushed: which piece comes first, and how many
    there are, is chance.
    """
    found: list[Any] = []
    streams: dict[str, Any] = {}
    for output in outputs:
        if output.output_type != "stream":
            found.extend(streams[name] for name in sorted(streams, reverse=True))
            streams = {}
            found.append(copy.deepcopy(output))
        elif output.name in streams:
            streams[output.name].text += output.text
        else:
            streams[output.name] = copy.deepcopy(output)
    return found + [streams[name] for name in sorted(streams, reverse=True)]


def steady(output: Any, numbers: dict[tuple[int, str], int]) -> Any:
    """Return the output without its widget view and with numbered ids."""
    if "data" in output:
        output.data.pop(WIDGET_VIEW, None)
    return renumbered(output, numbers)


def renumbered(value: Any, numbers: dict[tuple[int, str], int]) -> Any:
    """Replace random ids in every text of a nested value, keeping its types."""
    if isinstance(value, str):
        for kind, (pattern, _) in enumerate(RANDOM):
            value = pattern.sub(partial(numbered, numbers, kind), value)
        return value
    if isinstance(value, list):
        return [renumbered(item, numbers) for item in value]
    if isinstance(value, dict):
        return type(value)({key: renumbered(item, numbers) for key, item in value.items()})
    return value


def numbered(numbers: dict[tuple[int, str], int], kind: int, met: re.Match[str]) -> str:
    """Return the stand-in of this id: numbers count the ids of one kind."""
    known = sum(1 for other, _ in numbers if other == kind)
    return RANDOM[kind][1](numbers.setdefault((kind, met[0]), known + 1))


def varies(cell: Any) -> bool:
    """Tell whether the author has said that this cell's output is not the same each time."""
    return "nbval-ignore-output" in cell.metadata.get("tags", []) or "NBVAL_IGNORE_OUTPUT" in cell.source


def kinds(outputs: list[Any]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return what kinds of output these are: where words vary, other words alone change nothing."""
    return [(o.output_type, o.get("name", ""), tuple(sorted(o.get("data", ())))) for o in outputs]


def write(path: Path, text: str) -> None:
    """Replace the file in one step, so that an interrupted run leaves the old one."""
    fresh = path.with_suffix(".ipynb.new")
    fresh.write_text(text, encoding="utf-8", newline="\n")
    fresh.replace(path)


if __name__ == "__main__":
    sys.exit(main())
