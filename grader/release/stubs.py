"""Solution in, lab out. Pure: nothing is read or written here.

A release keeps what is named below and drops everything else, so that nothing an author's editor leaves in a
notebook (timings, widget state, outputs, other tools' metadata) can reach students by accident.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from grader.errors import FaultySolution, Problem
from grader.release.notebook import Cell, Notebook, short_hash

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"
STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")
SOLUTION_ONLY = "solution-only"
SOLUTION_SHOWN = "solution-shown"
"""tag of an exercise whose solution students may read elsewhere, as in a later cell"""
EXERCISE = "exercise:"

# A marker that is spelled slightly wrong would hand the solution to the class.
RESEMBLES_A_MARKER = re.compile(r"(?<!#)#+\s*(BEGIN|END)[\s_-]*SOLUTION", re.IGNORECASE)
VALID_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")

KEPT_OF_A_CELL = ("tags", "editable", "deletable", "jupyter", "slideshow", "raw_mimetype")
KEPT_OF_A_NOTEBOOK = ("title",)
KERNEL: dict[str, Any] = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    # without the version of Python, which would change with the person who releases
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}


def release(solution: Notebook, lab: str, where: str) -> Notebook:
    """Return the lab that students get from a solution.

    ``metadata.kit.released`` of each cell is the hash of its source, and ``metadata.kit`` of the notebook has
    the lab's name, a hash over all cells (``version``), which also changes with their order and tags, and the
    cell of each exercise as it is given (``given``), so that a student can begin one again.
    Raises ``FaultySolution`` with every problem that the notebook has; ``where`` names it.
    """
    problems = [*_identity_problems(solution, where)]
    cells = []
    for cell in solution.cells:
        if SOLUTION_ONLY in cell.tags:
            continue
        found = list(marker_problems(cell, where))
        if not found:
            cells.append(_released(cell))
            found = list(_compile_problems(cells[-1], where))
        problems += found
    if problems:
        raise FaultySolution(problems)
    kept = {key: solution.metadata[key] for key in KEPT_OF_A_NOTEBOOK if key in solution.metadata}
    given = {
        tag.removeprefix(EXERCISE): cell.source
        for cell in cells
        for tag in cell.tags
        if tag.startswith(EXERCISE)
    }
    kit = {"kit": {"lab": lab, "version": _version(cells)} | ({"given": given} if given else {})}
    return Notebook(tuple(cells), KERNEL | kept | kit)


def is_open(cell: Cell) -> bool:
    """Tell whether a released cell waits for the learner's own code."""
    return any(tag.startswith(EXERCISE) for tag in cell.tags) or STUB[0] in cell.source


def stubbed(source: str) -> str:
    """Return the source with every solution region replaced by the stub, at the region's indentation.

    The regions must be balanced and not nested.
    """
    lines = []
    inside = False
    for line in source.split("\n"):
        if line.strip() == BEGIN:
            indent = line[: len(line) - len(line.lstrip())]
            lines += [indent + text for text in STUB]
            inside = True
        elif line.strip() == END:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def solution_bodies(solution: Notebook) -> Iterator[str]:
    """Yield what no student may see: the inside of each region, and each cell for the solution only."""
    for cell in solution.cells:
        if SOLUTION_ONLY in cell.tags:
            yield cell.source
        elif cell.kind == "code":
            yield from regions(cell.source)


def regions(source: str) -> Iterator[str]:
    """Yield the inside of each solution region of a cell's source."""
    for part in source.split(BEGIN)[1:]:
        yield part.split(END)[0].strip("\n")


def _released(cell: Cell) -> Cell:
    source = stubbed(cell.source) if cell.kind == "code" else cell.source
    kept = {key: cell.metadata[key] for key in KEPT_OF_A_CELL if key in cell.metadata}
    metadata = kept | {"kit": {"released": short_hash(source)}}
    return replace(cell, source=source, metadata=metadata, outputs=(), execution_count=None)


def _version(cells: list[Cell]) -> str:
    described = [[cell.id, cell.kind, cell.source, cell.metadata, cell.attachments] for cell in cells]
    return short_hash(json.dumps(described, sort_keys=True))


def _identity_problems(solution: Notebook, where: str) -> Iterator[Problem]:
    """Yield what keeps the cells from being found again in a lab."""
    for number, cell in enumerate(solution.cells, 1):
        if not VALID_ID.fullmatch(cell.id):
            what = f"cell {number} has no id, or not one of letters, digits, '-' and '_'"
            yield Problem(where, "", what, "Give it a readable one, as in 'ex-1-2'")
        if "tags" in cell.metadata and cell.metadata["tags"] != list(cell.tags):
            yield Problem(where, cell.id, "its tags are not a list of texts", "Set them again in JupyterLab")
    for name, times in Counter(cell.id for cell in solution.cells).items():
        if times > 1 and name:
            yield Problem(where, name, f"{times} cells have this id", "Give each cell an id of its own")


def marker_problems(cell: Cell, where: str) -> Iterator[Problem]:
    """Yield what is wrong with the markers in a cell."""
    opened = 0
    for number, line in enumerate(cell.source.split("\n"), 1):
        text, place = line.strip(), f"{cell.id}, line {number}"
        if cell.kind != "code":
            if RESEMBLES_A_MARKER.search(line):
                do = f"Tag the whole cell '{SOLUTION_ONLY}' to leave it out"
                yield Problem(where, place, f"a solution region in a {cell.kind} cell", do)
        elif text == BEGIN and opened:
            do = f"Close the region of line {opened} first"
            yield Problem(where, place, f"{BEGIN!r} inside a solution region", do)
        elif text == BEGIN:
            opened = number
        elif text == END and not opened:
            do = "Add the beginning, or remove this line"
            yield Problem(where, place, f"{END!r} without {BEGIN!r}", do)
        elif text == END:
            opened = 0
        elif RESEMBLES_A_MARKER.search(line):
            do = f"Put {BEGIN!r} and {END!r} alone on their lines, and spell other text differently"
            yield Problem(where, place, "this resembles a solution marker, but is not one", do)
    if opened:
        do = f"Add {END!r} after the solution"
        yield Problem(where, f"{cell.id}, line {opened}", f"{BEGIN!r} without {END!r}", do)


def _compile_problems(cell: Cell, where: str) -> Iterator[Problem]:
    """Yield why what remains of a cell is not Python as a notebook understands it."""
    if cell.kind != "code":
        return
    error = _compile_error(cell.source)
    if error is not None:  # a magic, perhaps
        # imported only here: it takes longer than all the rest of a release
        from IPython.core.inputtransformer2 import TransformerManager  # noqa: PLC0415

        # it stumbles over some cells that are no Python; then what the compiler said stands
        with contextlib.suppress(SyntaxError, IndexError):
            transform = TransformerManager().transform_cell  # type: ignore[no-untyped-call]
            error = _compile_error(transform(cell.source))
    if error is not None:
        line = getattr(error, "lineno", None)
        place = f"{cell.id}, line {line} of the released cell" if line else cell.id
        what = f"what remains is not Python: {getattr(error, 'msg', error)}"
        in_region = "Indent the markers as the code that they replace"
        yield Problem(where, place, what, in_region if STUB[0] in cell.source else "Mend the cell")


def _compile_error(source: str) -> SyntaxError | ValueError | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a strange escape in a string is the author's business
        try:
            compile(source, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            return error
    return None
