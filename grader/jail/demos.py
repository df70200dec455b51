"""Which released demonstrations a run leaves out: those that nothing else in the notebook needs.

Demonstrations do not count, so most are not run. But students try things out in them, and use what they
define; what was changed or written around one then runs as it does in JupyterLab.
"""

from __future__ import annotations

import symtable
from collections.abc import Callable, Collection, Iterator, Sequence

from grader.jail.job import Cell


def left_out(cells: Sequence[Cell], demo: Collection[str], python: Callable[[str], str]) -> frozenset[str]:
    """Ids of the cells that need not run.

    ``demo`` are the hashes of released demonstrations: tags may be lost, some editors drop them. ``python``
    gives the Python code of a cell's source.
    """
    names = [_names(python(cell.source)) for cell in cells]
    spare = {number for number, cell in enumerate(cells) if cell.hash in demo}
    while needed := set(_needed(names, spare)):
        spare -= needed
    return frozenset(cells[number].id for number in spare)


def _needed(names: Sequence[tuple[set[str], set[str]]], spare: Collection[int]) -> Iterator[int]:
    """Which of the spare cells bind a name that one of the others reads, and no earlier one of them binds."""
    bound: set[str] = set()
    for number, (reads, binds) in enumerate(names):
        if number in spare:
            continue
        lacking = reads - bound
        yield from (one for one in spare if not lacking.isdisjoint(names[one][1]))
        bound |= binds


def _names(source: str) -> tuple[set[str], set[str]]:
    """The notebook's names that a cell reads before it binds them, and those that it binds."""
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
