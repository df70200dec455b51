"""The page for authors, read as what it asks for: commands, and changes of files and of a notebook's cells.

A block of code with a comment before it is a change: ``write``, ``append`` and ``change`` name a file,
``cells`` a notebook and the cell after which others follow. A block of ``sh`` is commands. Other blocks are
for readers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.authoring.cells import notebook_of
from grader.release.notebook import dump

BLOCK = re.compile(
    r"(?:^<!-- (?P<do>.*?) -->\n)?^(?P<fence>`{3,})(?P<language>\w*)\n(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Step:
    """One thing that the page asks for."""

    do: str
    """``sh``, ``write``, ``append``, ``change`` or ``cells``"""
    where: str
    """the file's path, and for cells of a notebook which; empty for commands"""
    text: str


def steps_of(page: str) -> Iterator[Step]:
    """Yield what a page asks for, in its order."""
    for block in BLOCK.finditer(page):
        if block["do"]:
            do, _, where = block["do"].partition(": ")
            yield Step(do, where, block["text"])
        elif block["language"] == "sh":
            yield Step("sh", "", block["text"])


def carry_out(step: Step, root: Path) -> None:
    """Change what a step asks to change in a repository."""
    name, *more = step.where.split(" ")
    path = root / name
    match step.do, more:
        case "write", []:
            assert not path.exists(), f"{name} is there already"
            path.write_text(step.text, "utf-8")
        case "append", []:
            gap = "\n\n" if path.suffix == ".py" else ""  # as every formatter wants it
            path.write_text(path.read_text("utf-8") + gap + step.text, "utf-8")
        case "change", []:
            path.write_text(changed(path.read_text("utf-8"), step.text), "utf-8")
        case "change", ["cell", id]:
            content = json.loads(path.read_text("utf-8"))
            cell = next(cell for cell in content["cells"] if cell["id"] == id)
            cell["source"] = changed("".join(cell["source"]) + "\n", step.text).removesuffix("\n")
            path.write_text(json.dumps(content), "utf-8")
        case "cells", ["after", id]:
            content = json.loads(path.read_text("utf-8"))
            at = next(n for n, cell in enumerate(content["cells"]) if cell["id"] == id)
            content["cells"][at + 1 : at + 1] = cells(step.text)
            path.write_text(json.dumps(content), "utf-8")
        case _:
            raise AssertionError(f"the page asks for {step.do!r} at {step.where!r}")


def cells(text: str) -> list[dict[str, Any]]:
    """Return cells as JSON has them."""
    found: list[dict[str, Any]] = json.loads(dump(notebook_of(text, "")))["cells"]
    return found


def changed(text: str, diff: str) -> str:
    """Return a text with the lines of a diff changed, which must stand there once."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(old) == 1, f"this stands there {text.count(old)} times:\n{old}"
    return text.replace(old, new)
