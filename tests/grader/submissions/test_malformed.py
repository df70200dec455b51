"""Every kind of file that is no notebook gets its own reason, and none holds up the others."""

import csv
import io
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.submissions.layout import find_submissions
from grader.submissions.names import original_name, safe_name
from grader.submissions.reader import parse_notebook, read_notebook
from grader.submissions.roster import Student, join
from grader.submissions.safe_text import for_terminal, write_table
from grader.submissions.submission import Submission, Unreadable
from tests.grader.submissions.files import GOOD, LAB, cell, crowd, data, hand_in, notebook

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
MERGE = json.dumps(notebook(cell()), indent=1).replace(' "metadata"', "<<<<<<< HEAD\n=======\n>>>>>>> b\n", 1)
LOGIN = b'<!DOCTYPE html>\n<html><form action="/login"><input type="password"></form></html>'
OLD = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": "x = 1"}]}]}
TEXT = json.dumps(notebook(cell("Grüße")), ensure_ascii=False)

FILES: dict[str, tuple[bytes, str, str]] = {
    "nothing": (b"", "empty", "The file is empty"),
    "blanks": (b" \n\t\r\n", "empty", "nothing but blanks or zero bytes"),
    "zero bytes": (b"\0" * 4096, "empty", "nothing but blanks or zero bytes"),
    "half of a notebook": (GOOD[:60], "truncated", "breaks off in the middle, at line 1"),
    "a text that never ends": (b'{"cells": [{"source": "x = ', "truncated", "breaks off in the middle"),
    # Where exactly, and in which words, depends on the version of Python.
    "a comma too much": (b'{"cells": [],}', "json", "not valid JSON at line 1, column 1"),
    "a line end in a text": (b'{"cells": ["a\nb"]}', "json", "invalid control character."),
    "two notebooks in one": (GOOD + b"\n" + GOOD, "json", "goes on after the notebook has ended, at line 2"),
    "binary data": (bytes(range(256)) * 9, "binary", "binary data, not text"),
    "a list": (b"[1, 2]", "shape", "a list and not a notebook"),
    "null": (b"null", "shape", "null and not a notebook"),
    "a number": (b"42", "shape", "a number and not a notebook"),
    "a text": (b'"notebook"', "shape", "a text and not a notebook"),
    "true": (b"true", "shape", "true or false and not a notebook"),
    "an object of something else": (b'{"message": "Not Found"}', "shape", "has no list of cells"),
    "cells that are a number": (b'{"nbformat": 4, "cells": 7}', "shape", "has no list of cells"),
    "format 3": (json.dumps(OLD).encode(), "version", "before 2015"),
    "format 2 with a list of cells": (data(cell(), nbformat=2), "version", "before 2015"),
    "format 5": (data(cell(), nbformat=5), "version", "a format that is not known"),
    "a format that is a text": (data(cell(), nbformat="4"), "version", "a format that is not known"),
    "a format that is true": (data(cell(), nbformat=True), "version", "a format"),
    "a cell that is a number": (data(cell(), 7), "cells", "Cell 2 is not a cell but a number"),
    "a cell that is null": (data(None), "cells", "Cell 1 is not a cell but null"),
    "a cell of an unknown kind": (data(cell("x", "heading")), "cells", "neither code, Markdown nor raw"),
    "a cell without a kind": (data(cell(drop=["cell_type"])), "cells", "neither code, Markdown nor raw"),
    "a source that is a number": (data(cell(7)), "cells", "Cell 1 has no source"),
    "a source with a number in it": (data(cell(["x", 7])), "cells", "Cell 1 has no source"),
    "no source": (data(cell(drop=["source"])), "cells", "Cell 1 has no source"),
    "100,000 cells": (crowd(100_000), "complex", "hundreds of thousands of cells"),
    "20,000 cells": (crowd(20_000), "cells", "20,000 cells, more than the 1,000"),
    "a very long source": (data(cell("x" * 1_000_001)), "source", "more than 1,000,000 characters"),
    "a list 200,000 deep": (b"[" * 200_000 + b"]" * 200_000, "complex", "hundreds of thousands"),
    "a list 100,000 deep": (b"[" * 100_000 + b"]" * 100_000, "deep", "more than 100 levels deep"),
    "an object 50,000 deep": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "deep", "more than 100 levels"),
    "millions of lists": (b"[" + b"[]," * 2_000_000 + b"[]]", "complex", "hundreds of thousands"),
    "millions of texts": (b"[" + b'"",' * 2_000_000 + b'""]', "complex", "hundreds of thousands"),
    "a number of 100,000 digits": (
        b'{"nbformat": ' + b"4" * 100_000 + b"}",
        "number",
        "more than 1,000 digits",
    ),
    "NaN": (b'{"nbformat": 4, "x": NaN, "cells": []}', "number", "a NaN where JSON wants a number"),
    "Infinity": (b'{"x": Infinity}', "number", "an Infinity where"),
    "minus Infinity": (b'{"x": -Infinity}', "number", "a -Infinity where"),
    "UTF-16": (TEXT.encode("utf-16"), "encoding", "UTF-16 or UTF-32"),
    "UTF-16 without a mark": (TEXT.encode("utf-16-be"), "encoding", "UTF-16 or UTF-32"),
    "UTF-32 without a mark": (TEXT.encode("utf-32-le"), "encoding", "UTF-16 or UTF-32"),
    "Latin-1": (TEXT.encode("latin-1"), "encoding", "not UTF-8: line 1 has a byte"),
    "a Git LFS pointer": (POINTER, "pointer", "Git LFS pointer"),
    "the marks of a merge": (MERGE.encode(), "conflict", "conflict marks of an unfinished merge"),
    "a zip archive": (b"PK\x03\x04\x14\0\0\0", "archive", "a zip archive or an Office document"),
    "an empty zip archive": (b"PK\x05\x06" + b"\0" * 18, "archive", "an empty zip archive"),
    "a gzip archive": (b"\x1f\x8b\x08\0", "archive", "a gzip archive"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3", "binary", "This is a PDF"),
    "a picture": (b"\x89PNG\r\n\x1a\n", "binary", "This is a picture"),
    "a database": (b"SQLite format 3\0\x10\0", "binary", "a SQLite database"),
    "a word processor's file": (b"{\\rtf1\\ansi {\\fonttbl}}", "text", "a word processor (RTF)"),
    "a login form": (LOGIN, "page", "a web page with a login form"),
    "an error page": (b"<html><h1>502 Bad Gateway</h1></html>", "page", "a web page (HTML or XML)"),
    "an export to HTML": (b'<!DOCTYPE html><div class="jp-Notebook">log in</div>', "page", "an HTML export"),
    "Python": (b"# my answers\nimport os\n\nx = {}\n", "python", "This is Python source"),
    "Python with cells": (b"# %%\nx = 1\n", "python", "This is Python source"),
    "a note": (b"Sorry, I could not finish the lab.\n", "text", "text of another kind"),
}

SYSTEM: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a link to a file": (lambda path: path.symlink_to("/etc/hostname"), "link", "a symbolic link"),
    "a link to zeros without end": (lambda path: path.symlink_to("/dev/zero"), "link", "a symbolic link"),
    "a link to nowhere": (lambda path: path.symlink_to("gone"), "link", "a symbolic link"),
    "a pipe": (os.mkfifo, "special", "This is a pipe, not a file"),
    "a socket": (lambda path: bound(path), "special", "This is a socket, not a file"),
    "a folder": (Path.mkdir, "folder", "This is a folder, not a file"),
    "50 MB": (lambda path: sparse(path, 50_000_000), "large", "The file has 48 MiB, more than the 16 MiB"),
    "a terabyte of nothing": (lambda path: sparse(path, 1 << 40), "large", "1,048,576 MiB, more than"),
}


def bound(path: Path) -> None:
    above = Path.cwd()
    os.chdir(path.parent)  # the path of a socket has to be short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(above)


def sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def test_there_are_more_kinds_than_those_that_were_met():
    assert len(FILES) + len(SYSTEM) > 36


@pytest.mark.parametrize(("content", "kind", "words"), FILES.values(), ids=FILES.keys())
def test_the_reason_says_what_the_file_is_and_what_to_do(content, kind, words):
    got = parse_notebook(content)
    assert isinstance(got, Unreadable)
    assert (got.kind, got.sha256 != "") == (kind, True)
    assert words in got.reason
    check_sentences(got)


@pytest.mark.parametrize(("make", "kind", "words"), SYSTEM.values(), ids=SYSTEM.keys())
def test_what_is_no_regular_file_is_named_and_never_opened(tmp_path, make, kind, words):
    make(tmp_path / "x.ipynb")
    got = read_notebook(tmp_path, "x.ipynb")
    assert isinstance(got, Unreadable)
    assert (got.kind, got.sha256) == (kind, "")
    assert words in got.reason
    check_sentences(got)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        pytest.param("gone.ipynb", "gone", "is not there any more", id="a file that vanished"),
        pytest.param("gone/x.ipynb", "gone", "is not there any more", id="a folder that vanished"),
        pytest.param("link/x.ipynb", "link", "behind a symbolic link", id="a folder that is a link"),
        pytest.param("x" * 300, "denied", "File name too long", id="a name that the system refuses"),
    ],
)
def test_what_cannot_be_reached_is_named(tmp_path, name, kind, words):
    hand_in(tmp_path, "alice/x.ipynb")
    (tmp_path / "link").symlink_to("alice")
    got = read_notebook(tmp_path, name)
    assert isinstance(got, Unreadable)
    assert got.kind == kind
    assert words in got.reason
    check_sentences(got)


@pytest.mark.parametrize("name", ["zero", "null"])
def test_a_device_is_not_read(name):
    got = read_notebook(Path("/dev"), name)
    assert isinstance(got, Unreadable)
    assert (got.kind, got.what) == ("special", "This is a device, not a file")


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path):
    # the files of the kernel say that they are empty, and are not
    got = read_notebook(Path("/proc/self"), "status")
    assert isinstance(got, Unreadable)
    assert got.what == "The file grew while it was read"


def test_nothing_of_a_file_gets_into_a_reason():
    canary = "QZ7canary"
    stored = [
        json.dumps(notebook(cell(canary, canary))),
        json.dumps(notebook(cell(), nbformat=canary)),
        json.dumps({canary: 1}),
        f'{{"{canary}": {canary}}}',
        f'{{"a": "\\{canary}"}}',
        f"import {canary}",
        f"<{canary}>",
    ]
    for text in stored:
        got = parse_notebook(text.encode())
        assert isinstance(got, Unreadable)
        assert canary not in got.reason


NAMES = [
    "alice",
    "a,b",
    'O"Brien, Jr',
    "a\nb",
    "\x1b[31mred",
    "\u202egnp",
    "<script>",
    "=cmd|' C calc'!A0",
    "..\u2215..",
    os.fsdecode(b"inv\xff\xfealid"),
]


@pytest.fixture
def batch(tmp_path):
    """A folder with every kind of file and name, and what reading each should give."""
    root = tmp_path / "in"
    expected = dict.fromkeys(NAMES, "readable")
    hand_in(root, *(f"{name}/{LAB}.ipynb" for name in NAMES))
    for name, (content, kind, _) in FILES.items():
        hand_in(root, f"{name}/{LAB}.ipynb")
        (root / name / f"{LAB}.ipynb").write_bytes(content)
        expected[name] = kind
    for name, (make, kind, _) in SYSTEM.items():
        (root / name).mkdir()
        make(root / name / f"{LAB}.ipynb")
        expected[name] = kind
    return root, expected


def test_a_batch_of_all_of_them_is_complete_and_the_honest_ones_are_read(batch):
    root, expected = batch
    handed = find_submissions(root, [LAB])
    got = {one.student: read_notebook(root, one.path) for one in handed.found}
    kinds = {name: "readable" if isinstance(one, Submission) else one.kind for name, one in got.items()}
    assert kinds == expected
    assert handed.strays == ()
    # a second look gives the same, in the same order
    assert handed == find_submissions(root, [LAB])
    assert got == {one.student: read_notebook(root, one.path) for one in handed.found}


def test_what_is_told_of_a_batch_is_safe_wherever_it_is_shown(batch, tmp_path):
    root, expected = batch
    stream, out = io.StringIO(), tmp_path / "results"
    for one in find_submissions(root, [LAB]).found:
        got = read_notebook(root, one.path)
        reason = got.reason if isinstance(got, Unreadable) else ""
        line = f"{for_terminal(one.student)}: {for_terminal(one.path)}: {reason}"
        assert line.isprintable()
        write_table(stream, [[one.student, one.lab, reason]])
        (out / safe_name(one.student)).mkdir(parents=True)
        (out / safe_name(one.student) / f"{LAB}.json").touch()
    rows = list(csv.reader(io.StringIO(stream.getvalue(), newline="")))
    assert {len(row) for row in rows} == {3}
    assert not [row for row in rows if row[0].startswith(tuple("=+-@\t\r"))]
    assert {original_name(folder.name) for folder in out.iterdir()} == set(expected)
    roster = [Student(name) for name in expected]
    assert {entry.status for entry in join(roster, find_submissions(root, [LAB]).found, [LAB])} == {
        "handed in"
    }


def check_sentences(got: Unreadable) -> None:
    """What an instructor reads is two whole sentences on one line, of printable ASCII."""
    assert got.reason.isascii()
    assert got.reason.isprintable()
    assert len(got.reason) < 200
    for part in (got.what, got.do):
        assert part[0].isupper()
        assert not part.endswith(".")
