"""Points a person at code that no honest solution of these labs needs. Never a verdict; costs no points.

It is a look at the text and can be evaded: the jail keeps a submission from doing harm, and judging outside
keeps it from points that it has not earned. So this would rather miss something than accuse anybody. Left
out on purpose, because honest notebooks do it: printing ``os.environ``, ``atexit``, ``sys.exit``,
downloads, paths below one's own home.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence

from grader.grading.scan import tables
from grader.grading.scan.names import Names
from grader.grading.scan.rules import Finding, findings
from grader.grading.scan.source import LONGEST as LONGEST_CELL
from grader.grading.scan.source import TooMuch, lines_of, parsed, shell_lines
from grader.results.result import Flag
from grader.submissions.submission import CodeCell

MOST = 20
"""flags of one submission; who sees so many reads all of it"""
LONGEST = 200_000
"""characters of all cells together that are looked at"""
SHOWN = 200
"""characters of a line"""
_ORDER = {kind: place for place, kind in enumerate(tables.KINDS)}


def scan(cells: Sequence[CodeCell], released: Collection[str] = ()) -> tuple[Flag, ...]:
    """Return what a person should look at: by cell, each kind once a cell.

    Cells equal to one in ``released`` are the course's own: they say what names mean, and are passed over.
    """
    given = {source.strip() for source in released}
    names = Names(tables.REFERENCES)
    flags: list[Flag] = []
    left = LONGEST
    for cell in cells:
        left -= len(cell.source)
        if left < 0:
            flags.append(_flag(("not-looked-at", 1), cell))
        elif cell.source.strip() in given:
            _learn(cell, names)
        else:
            flags += [_flag(finding, cell) for finding in _looked_at(cell, names)]
        if left < 0 or len(flags) >= MOST:
            break
    return tuple(flags[:MOST])


def _learn(cell: CodeCell, names: Names) -> None:
    """Note what a released cell says of names."""
    with contextlib.suppress(TooMuch):
        if (tree := parsed(cell.source)) is not None:
            names.learn(tree)


def _looked_at(cell: CodeCell, names: Names) -> list[Finding]:
    """Return the first finding of each kind."""
    first: dict[str, int] = {}
    for kind, line in _findings(cell, names):
        first[kind] = min(line, first.get(kind, line))
    return sorted(first.items(), key=lambda finding: _ORDER[finding[0]])


def _findings(cell: CodeCell, names: Names) -> Iterator[Finding]:
    for number, line in shell_lines(cell.source):
        if tables.SECRET_COMMAND.search(line):
            yield "reads-system", number
    try:
        tree = parsed(cell.source)
    except TooMuch:
        yield "not-looked-at", 1
        return
    if tree is not None:
        names.learn(tree)
        yield from findings(tree, names)


def _flag(finding: Finding, cell: CodeCell) -> Flag:
    kind, line = finding
    lines = lines_of(cell.source[:LONGEST_CELL])  # nothing is found behind that
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    return Flag(kind, tables.KINDS[kind], cell.number, shown.strip()[:SHOWN])
