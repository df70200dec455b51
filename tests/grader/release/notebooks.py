"""Notebooks and repositories for the tests, built from a few words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grader.release.course import Course
from grader.release.notebook import Cell, Notebook, dump

LAB = "01_persistence"

EXERCISE = """\
def ask(agent, text):
    \"\"\"Return the answer.\"\"\"
    ### BEGIN SOLUTION
    secret_recipe = agent.invoke(text)
    return secret_recipe.content
    ### END SOLUTION"""

STUBBED = """\
def ask(agent, text):
    \"\"\"Return the answer.\"\"\"
    # YOUR CODE HERE
    raise NotImplementedError()"""


def code(name: str, source: str, *tags: str, **more: Any) -> Cell:
    """Return a code cell."""
    metadata = more.pop("metadata", {}) | ({"tags": list(tags)} if tags else {})
    return Cell(name, "code", source, metadata, **more)


def text(name: str, source: str, *tags: str, **more: Any) -> Cell:
    """Return a Markdown cell."""
    return Cell(name, "markdown", source, {"tags": list(tags)} if tags else {}, **more)


def notebook(*cells: Cell, **metadata: Any) -> Notebook:
    """Return a notebook."""
    return Notebook(cells, metadata)


def solution(*more: Cell, exercise: str = EXERCISE, run: str = "1 + 1") -> Notebook:
    """Return a small solution: a title, a cell to run, an exercise, and a cell for authors only."""
    printed = {"name": "stdout", "output_type": "stream", "text": ["2\n"]}
    return notebook(
        text("title", "# Keep the conversation"),
        code("run", run, outputs=(printed,), execution_count=7),
        code("ex-1-2", exercise, "exercise:1.2"),
        code("proof", "hidden_proof = 42", "solution-only"),
        *more,
    )


def course(root: Path, **solutions: Notebook) -> Course:
    """Make a repository with solutions and return it."""
    (root / "solutions").mkdir(parents=True, exist_ok=True)
    for name, content in (solutions or {"01_persistence": solution()}).items():
        lab = name.removeprefix("_")
        (root / "solutions" / f"{lab}.ipynb").write_bytes(dump(content))
        declare(root, lab, *_numbers(content))
    return Course(root)


def declare(root: Path, lab: str, *numbers: str) -> None:
    """Write the checks of a lab, as far as they declare its exercises."""
    folder = root / "utils" / "checks" / lab.partition("_")[2]
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"LAB.exercise({number!r}, 'Ask', function='ask', points=2)\n" for number in numbers]
    (folder / "lab.py").write_text("".join(lines), "utf-8")


def _numbers(content: Notebook) -> list[str]:
    tags = [tag for cell in content.cells for tag in cell.tags if tag.startswith("exercise:")]
    return list(dict.fromkeys(tag.removeprefix("exercise:") for tag in tags))


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a notebook file as an editor would."""
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")


def edit(path: Path, cell: str, source: str) -> None:
    """Give the first cell with this id another source."""

    def change(content: dict[str, Any]) -> None:
        next(found for found in content["cells"] if found["id"] == cell)["source"] = source

    rewrite(path, change)


def run_all(path: Path) -> None:
    """Leave what running a notebook leaves: outputs, counts, metadata, and a blank cell at the end."""

    def change(content: dict[str, Any]) -> None:
        for number, cell in enumerate(content["cells"], 1):
            if cell["cell_type"] == "code":
                cell["execution_count"] = number
                cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": f"ran {cell['id']}\n"}]
        content["metadata"]["language_info"]["version"] = "3.12.1"
        blank = {"cell_type": "code", "id": "blank", "metadata": {}, "source": ""}
        content["cells"].append(blank | {"execution_count": None, "outputs": []})

    rewrite(path, change)


def sources(path: Path) -> dict[str, str]:
    """Return the sources of a notebook file by cell id."""
    return {cell["id"]: "".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"]}
