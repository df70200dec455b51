"""A cell's source as a syntax tree, whatever it holds: notebooks' own syntax, nonsense, a bomb.

What ``ast.parse`` can be made to do on CPython 3.11, 3.12 and 3.13 was measured: some 80 constructs,
repeated and nested up to 20,000 times, and 220,000 random mixtures of them. It counts its own nesting and
gives up with MemoryError or RecursionError; 1 MiB of stack was always enough, and every thread here has
more. Its time and memory grow with the length (3 µs and 1.3 kB for each character at worst), except for
``import a.a.a…``, whose memory grows with the square. So lengths and that one construct are what is limited
here.
"""

from __future__ import annotations

import ast
import re
import threading
import warnings

LONGEST = 50_000
"""characters of one cell; a whole lab has 15,000"""
_DOTS = 500

_BREAK = re.compile(r"\r\n|\r|\n")
_CELL_MAGIC = re.compile(r"\s*%%(\w*)")
_PYTHON = frozenset(("capture", "prun", "time", "timeit"))
"""cell magics whose cell is Python"""
_SHELL = frozenset(("bash", "sh", "script", "sx", "system"))
_TIMED = re.compile(r"(\s*)%(?:prun|timeit|time)\s+(?=\S)(?!-)")
# What is read once is not given back: spaces fit in two places here.
_MAGIC = re.compile(r"(\s*+)(?:[\w.,\s]++=\s*+)?[%!](?!=)")
_HELP = re.compile(r"(\s*)(?:\?{1,2}[\w.*]+|[%\w.*]+\?{1,2})\s*$")
_PROMPT = re.compile(r"(\s*)(?:>>>|\.\.\.|In \[\d+\]:)(?: |$)")


_PARSING = threading.Lock()
"""Filters of warnings belong to the process, and several submissions are looked at at a time."""


class TooMuch(Exception):
    """Longer or deeper nested than code that a person writes."""


def lines_of(source: str) -> list[str]:
    """Return the lines as Python counts them."""
    return _BREAK.split(source)


def parsed(source: str) -> ast.Module | None:
    """Return the tree of a cell; ``None`` if it is not Python. Raises TooMuch."""
    if len(source) > LONGEST:
        raise TooMuch
    lines = lines_of(source)
    magic = _cell_magic(lines)
    if magic is not None:
        start, name = magic
        if name not in _PYTHON:
            return None
        lines[start] = "pass"
    tree = _parse("\n".join(lines))
    return tree if tree is not None else _parse("\n".join(_plain(lines)))


def shell_lines(source: str) -> list[tuple[int, str]]:
    """Return what a cell hands to a shell: numbers of lines, from 1, and their texts."""
    lines = lines_of(source[:LONGEST])
    magic = _cell_magic(lines)
    everything = magic is not None and magic[1] in _SHELL
    return [(n, line) for n, line in enumerate(lines, 1) if everything or line.lstrip().startswith("!")]


def _cell_magic(lines: list[str]) -> tuple[int, str] | None:
    """Return where the cell's magic is, and its name; ``None`` if it has none."""
    for number, line in enumerate(lines):
        if line.strip():
            found = _CELL_MAGIC.match(line)
            return (number, found[1]) if found else None
    return None


def _plain(lines: list[str]) -> list[str]:
    """Return the lines without what only IPython understands; as many as before."""
    plain: list[str] = []
    goes_on = False
    for line in lines:
        if (prompt := _PROMPT.match(line)) is not None:
            line = line[prompt.end() :]
        if goes_on:
            goes_on = line.endswith("\\")
            plain.append("")
        elif (timed := _TIMED.match(line)) is not None:
            plain.append(timed[1] + line[timed.end() :])
        elif (magic := _MAGIC.match(line) or _HELP.match(line)) is not None:
            goes_on = line.endswith("\\")
            plain.append(f"{magic[1]}pass")
        else:
            plain.append(line)
    return plain


def _parse(source: str) -> ast.Module | None:
    if any(line.count(".") > _DOTS and "import" in line for line in source.replace("\\\n", "").split("\n")):
        raise TooMuch
    try:
        with _PARSING, warnings.catch_warnings():  # of backslashes in strings, say
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (RecursionError, MemoryError, SystemError) as error:
        raise TooMuch from error
    except (SyntaxError, ValueError):
        return None
