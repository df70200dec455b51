"""Tables that people write: CSV as their spreadsheets save it."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from grader.errors import UsageError

SAVE_AS = "save it as “CSV UTF-8”"
_OTHER_FORMS = (
    (codecs.BOM_UTF16_LE, "is saved as UTF-16 (Excel's “Unicode text”)"),
    (codecs.BOM_UTF16_BE, "is saved as UTF-16 (Excel's “Unicode text”)"),
    (b"PK\x03\x04", "is a spreadsheet's own file"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row that is not blank."""

    line: int
    """in which it begins, from 1"""
    cells: tuple[str, ...]
    problem: str = ""
    """why it could not be read; empty for a row that was"""


def text_of(data: bytes, name: str, where: str) -> str:
    """Return a file's text. Raises UsageError, which calls the file by its name, when it is not UTF-8."""
    for start, what in _OTHER_FORMS:
        if data.startswith(start):
            raise UsageError(f"{name} {what}", where=where, hint=SAVE_AS)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"line {line} of {name} has a byte that is not UTF-8"
        raise UsageError(message, where=where, hint=SAVE_AS) from error


def rows_of(text: str) -> Iterator[Row]:
    """Yield the rows of a table, between commas or semicolons as its first line has them."""
    text = text.removeprefix("\ufeff")
    first, _, rest = text.partition("\n")
    skipped = 0
    if first.strip().lower() in ("sep=,", "sep=;"):  # Excel writes it, and reads it
        delimiter, text, skipped = first.strip()[-1], rest, 1
    else:
        delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        begins = reader.line_num + 1 + skipped
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(begins, (), _problem(error, begins, reader.line_num + skipped))
            continue
        if any(cell.strip() for cell in cells):
            yield Row(begins, tuple(cells))


def _problem(error: csv.Error, begins: int, ends: int) -> str:
    if "unexpected end" in str(error):
        lines = f"lines {begins} to {ends} were" if ends > begins else f"line {begins} was"
        return f"a quotation mark is never closed; {lines} not used"
    return f"this is no CSV ({error}); a quotation mark inside quotes is written twice"
