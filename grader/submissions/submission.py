"""What reading a submission gives: code cells, or the reason why there are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MIB = 1024 * 1024

Kind = Literal[
    "gone",  # no such file
    "link",  # a symbolic link, or behind one
    "folder",
    "special",  # a pipe, a socket, a device
    "denied",  # the system will not let it be read
    "large",
    "empty",
    "binary",
    "archive",
    "encoding",  # text, but not UTF-8
    "pointer",  # Git LFS kept the file
    "conflict",  # marks of an unfinished merge
    "page",  # HTML
    "python",
    "text",  # other text
    "truncated",
    "json",  # something else is wrong with the JSON
    "number",  # NaN, or thousands of digits
    "deep",
    "complex",  # too many values
    "shape",  # JSON, but no notebook
    "version",  # of the notebook format
    "cells",  # too many, or one is broken
    "source",  # too long
]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a notebook may have. A lab with all its outputs stays below a tenth of each."""

    size: int = 16 * MIB
    """bytes of the file"""
    cells: int = 1_000
    """cells of all kinds"""
    source: int = 1_000_000
    """characters of all code cells together"""
    values: int = 600_000
    """items in lists and objects; a line of output is one"""
    objects: int = 150_000
    """lists and objects, and also names in objects"""
    depth: int = 100
    """lists and objects inside each other"""


@dataclass(frozen=True, slots=True)
class CodeCell:
    """One code cell, as it would be run."""

    number: int
    """position among all cells of the notebook, from 1"""
    id: str | None
    """None when the file has none, or none that the notebook format allows; may occur twice"""
    source: str
    """valid Unicode; lines end with ``\\n``"""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Submission:
    """A notebook that could be read."""

    cells: tuple[CodeCell, ...]
    """the code cells in their order; there may be none"""
    sha256: str
    """of the bytes that were read"""
    size: int
    notes: tuple[str, ...] = ()
    """what was mended while reading, for the instructor; costs nothing"""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that is not a notebook. No text in here comes out of the file."""

    kind: Kind
    what: str
    do: str
    sha256: str = ""
    """of the bytes that were read; empty when none were"""

    @property
    def reason(self) -> str:
        """What is wrong and what to do, for one line of text."""
        return f"{self.what}. {self.do}."
