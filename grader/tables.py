"""Tables that people write: CSV as their spreadsheets save it."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError

_MIB = 2**20
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


def read_text(path: Path, name: str, option: str, most: int, hint: str = "") -> str:
    """Return the text of a file that an ``option`` of the command line names, of at most ``most`` bytes.

    Raises UsageError, which calls the file by its name, for what cannot be read, is too large or no UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        message = f"{name} cannot be read: {error.strerror or error}"
        raise UsageError(message, where=str(path), hint=f"check the path after {option}") from error
    if len(data) > most:
        raise UsageError(f"{name} has more than {most // _MIB} MiB", where=str(path), hint=hint)
    return text_of(data, name, str(path))


def delimiter_of(text: str) -> str:
    """Return what stands between a table's cells, a comma or a semicolon, as its first line has them."""
    first = text.removeprefix("\ufeff").partition("\n")[0]
    if _is_excels(first):
        return first.strip()[-1]
    return ";" if first.count(";") > first.count(",") else ","


def _is_excels(first: str) -> bool:
    """Return whether a first line only names the delimiter: Excel writes it, and reads it."""
    return first.strip().lower() in ("sep=,", "sep=;")


def rows_of(text: str) -> Iterator[Row]:
    """Yield the rows of a table, between commas or semicolons as its first line has them."""
    delimiter = delimiter_of(text)
    text = text.removeprefix("\ufeff")
    first, _, rest = text.partition("\n")
    skipped = 0
    if _is_excels(first):
        text, skipped = rest, 1
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
