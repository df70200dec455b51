"""Draw the rooms of the house from the imports of the code: ``python -m make.rooms [--check]``.

A room is a package below ``utils`` or ``grader``, or a single module there. The picture stands between two
marks in ``docs/architecture.md``. It has the packages only, and an arrow from each to those that it rests on,
directly or by way of single modules; an arrow that follows from two others is left out. The tests of the
house look at the same imports, to see that none goes the wrong way.
"""

from __future__ import annotations

import ast
import graphlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
BEGIN = "<!-- The drawing is made from the imports of the code by `make rooms`. -->"
END = "<!-- End of the drawing. -->"
PACKAGES = ("utils", "grader")

Arrows = Mapping[str, set[str]]
"""for each name the names that it imports, or rests on"""


# Imports


def modules(package: str, root: Path = ROOT) -> Iterator[tuple[str, Path]]:
    """Yield the dotted name and the file of every module of a package, or of the single module."""
    top = root.joinpath(*package.split("."))
    for path in sorted([*top.rglob("*.py"), *top.parent.glob(f"{top.name}.py")]):
        parts = path.relative_to(root).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(module: str, path: Path, *, types: bool = True) -> Iterator[tuple[int, str]]:
    """Yield line and full dotted name of everything this module imports, wherever in it.

    Without ``types``, what is imported only for annotations is left out.
    """
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    tree = ast.parse(path.read_text("utf-8"))
    for block in () if types else [node for node in ast.walk(tree) if isinstance(node, ast.If)]:
        if ast.unparse(block.test) == "TYPE_CHECKING":
            block.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for name in node.names:
                yield node.lineno, f"{source}.{name.name}"


def module_arrows(root: Path = ROOT) -> dict[str, set[str]]:
    """Return our modules, and which of them each imports when it runs."""
    known = {module: path for package in PACKAGES for module, path in modules(package, root)}
    arrows: dict[str, set[str]] = {}
    for module, path in known.items():
        whole = (name for _, name in imports(module, path, types=False))
        used = {name if name in known else name.rpartition(".")[0] for name in whole}
        arrows[module] = (used & known.keys()) - {module}
    return arrows


def room(module: str) -> str:
    """Return the room of a module: the first two parts of its name."""
    return ".".join(module.split(".")[:2])


def room_arrows(arrows: Arrows) -> dict[str, set[str]]:
    """Return the rooms, and which others each imports from, given the same of the modules."""
    rooms: dict[str, set[str]] = {}
    for module, used in arrows.items():
        rooms.setdefault(room(module), set()).update(set(map(room, used)) - {room(module)})
    return rooms


def circle(arrows: Arrows) -> list[str]:
    """Return one circle, as the names along it; empty where there is no circle."""
    try:
        tuple(graphlib.TopologicalSorter(arrows).static_order())
    except graphlib.CycleError as error:
        return [str(name) for name in error.args[1]]
    return []


# The drawing


def packages(root: Path = ROOT) -> tuple[str, ...]:
    """Return the rooms that are packages, by name."""
    return tuple(
        sorted(f"{top}.{path.parent.name}" for top in PACKAGES for path in root.glob(f"{top}/*/__init__.py"))
    )


def rests_on(arrows: Arrows, some: Iterable[str]) -> dict[str, set[str]]:
    """Return for each of some names which others of them it reaches.

    Arrows that follow from two others are left out. Raises graphlib.CycleError where there is a circle.
    """
    some = set(some)
    below: dict[str, set[str]] = {}
    for name in graphlib.TopologicalSorter(arrows).static_order():
        used = arrows.get(name, set())
        below[name] = set(used).union(*(below[other] for other in used))
    reached = {name: below.get(name, set()) & some for name in some}
    return {
        name: others - set().union(*(reached[other] for other in others)) for name, others in reached.items()
    }


def drawing(root: Path = ROOT) -> str:
    """Return the rooms and their arrows as the text of a Mermaid drawing."""
    arrows = rests_on(room_arrows(module_arrows(root)), packages(root))
    lines = ["```mermaid", "graph TD", "    accTitle: Rooms, and which of them each rests on"]
    for top in reversed(PACKAGES):
        inside = (f'{_key(name)}["{name}"]' for name in sorted(arrows) if name.startswith(f"{top}."))
        lines += [f"    subgraph {top}", f"        {'; '.join(inside)}", "    end"]
    lines += [
        f"    {_key(name)} --> {' & '.join(map(_key, sorted(used)))}"
        for name, used in sorted(arrows.items())
        if used
    ]
    return "\n".join([*lines, "```"])


def _key(name: str) -> str:
    return name.replace(".", "_")


def drawn(text: str, picture: str) -> str:
    """Return a page with the picture between its marks. Raises ValueError where a mark is missing."""
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        msg = f"the page needs two marks around its drawing: put {BEGIN!r} and {END!r} into it"
        raise ValueError(msg)
    return f"{before}{BEGIN}\n\n{picture}\n\n{END}{after}"


def main(words: list[str]) -> int:
    """Write the drawing into the page, or with ``--check`` say whether it is there; return the exit code."""
    text = PAGE.read_text("utf-8")
    wanted = drawn(text, drawing())
    if text == wanted:
        print("The drawing is up to date.")
        return 0
    if "--check" in words:
        print(
            f"{PAGE.relative_to(ROOT)}: the drawing is not that of the code: run make rooms", file=sys.stderr
        )
        return 1
    PAGE.write_text(wanted, encoding="utf-8", newline="\n")
    print(f"{PAGE.relative_to(ROOT)}: the drawing is new.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
