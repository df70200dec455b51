"""Which released cells a run leaves out: those that nothing else in the notebook needs.

Demonstrations do not count, and most of a lab's other cells show something and are done with it. But students
try things out, and use what a cell defines. What was changed or written around such a cell then runs as it
does in JupyterLab, and so does everything that it needs.
"""

from __future__ import annotations

import symtable
from collections.abc import Callable, Collection, Iterator, Sequence

from grader.jail.job import Cell, Spare

UNTOLD = frozenset(
    ("globals", "locals", "vars", "eval", "exec", "compile", "get_ipython", "In", "Out", "__import__")
)
"""what reads a notebook's names without spelling them; IPython's own commands become calls of get_ipython"""


def left_out(cells: Sequence[Cell], spare: Spare, python: Callable[[str], str]) -> frozenset[str]:
    """Return the ids of the cells that need not run. ``python`` gives the Python code of a cell's source."""
    names = [_names(python(cell.source)) for cell in cells]
    given = {number for number, cell in enumerate(cells) if cell.hash in spare.given}
    demos = {number for number, cell in enumerate(cells) if cell.hash in spare.demo}
    kept = [names[number] for number in range(len(cells)) if number not in given | demos]
    candidates = demos if any(not reads.isdisjoint(UNTOLD) for reads, _ in kept) else demos | given
    while needed := set(_needed(names, candidates)):
        candidates -= needed
    return frozenset(cells[number].id for number in candidates)


def _needed(names: Sequence[tuple[set[str], set[str]]], spare: Collection[int]) -> Iterator[int]:
    """Yield which spare cells bind a name that another cell reads, and no earlier one of those binds."""
    bound: set[str] = set()
    for number, (reads, binds) in enumerate(names):
        if number in spare:
            continue
        lacking = reads - bound
        yield from (one for one in spare if not lacking.isdisjoint(names[one][1]))
        bound |= binds


def _names(source: str) -> tuple[set[str], set[str]]:
    """Return the notebook's names that a cell reads before it binds them, and those that it binds."""
    try:
        top = symtable.symtable(source, "cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
        return set(), set()
    symbols = top.get_symbols()
    binds = {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}
    reads = {symbol.get_name() for symbol in symbols if symbol.is_referenced()}
    return (reads | set(_inside(top))) - binds, binds


def _inside(top: symtable.SymbolTable) -> Iterator[str]:
    """Yield names of the notebook that functions and classes of a cell read, however deep they are nested."""
    todo = list(top.get_children())
    while todo:
        table = todo.pop()
        for symbol in table.get_symbols():
            if symbol.is_global() and symbol.is_referenced():
                yield symbol.get_name()
        todo += table.get_children()
