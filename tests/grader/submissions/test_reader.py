"""What is a notebook is read, however odd; outputs are never looked at."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.submissions import reader
from grader.submissions.files import opened_folder
from grader.submissions.reader import LIMITS, parse_notebook, read_notebook
from grader.submissions.submission import CodeCell, Limits, Submission, Unreadable
from tests.grader.submissions.files import GOOD, cell, data, hand_in, notebook

ROOT = Path(__file__).resolve().parents[3]


def read(content: bytes) -> Submission:
    got = parse_notebook(content)
    assert isinstance(got, Submission), got
    return got


def test_the_code_cells_come_in_their_order_with_ids_and_tags():
    got = read(
        data(
            cell("# Title", "markdown", id="title"),
            cell("x = 1", id="ex-1-2", metadata={"tags": ["exercise:1.2", "demo"]}),
            cell("raw", "raw"),
            cell("y = 2", id="b"),
        )
    )
    assert got.cells == (
        CodeCell(2, "ex-1-2", "x = 1", ("exercise:1.2", "demo")),
        CodeCell(4, "b", "y = 2"),
    )
    assert got.notes == ()


def test_the_hash_and_the_size_are_those_of_the_bytes_that_were_read():
    assert read(GOOD).sha256 == hashlib.sha256(GOOD).hexdigest()
    assert read(GOOD).size == len(GOOD)
    assert parse_notebook(b"{").sha256 == hashlib.sha256(b"{").hexdigest()


@pytest.mark.parametrize("folder", ["solutions", "labs"])
def test_the_kits_own_notebooks_are_read_as_they_are(folder):
    stored = json.loads((ROOT / folder / "01_persistence.ipynb").read_text("utf-8"))
    code = ["".join(one["source"]) for one in stored["cells"] if one["cell_type"] == "code"]
    got = read_notebook(ROOT / folder, "01_persistence.ipynb")
    assert isinstance(got, Submission)
    assert [one.source for one in got.cells] == code


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbf" + GOOD, id="a byte order mark"),
        pytest.param(data(cell(["x ", "= 1"])), id="a source in lines"),
        pytest.param(data(cell(drop=["metadata"])), id="a cell without metadata"),
        pytest.param(data(cell(metadata=7)), id="metadata that are a number"),
        pytest.param(data(cell(metadata={"tags": "demo"})), id="tags that are no list"),
        pytest.param(data(cell(metadata={"tags": [7, None, "x" * 81]})), id="tags that are no words"),
        pytest.param(data(cell(drop=["outputs"])), id="a cell without outputs"),
        pytest.param(data(cell(outputs=7, execution_count="now")), id="outputs that are a number"),
        pytest.param(data(cell(extra=[{}], attachments=None)), id="a cell with more keys"),
        pytest.param(data(cell(), metadata=None, more=[1]), id="a notebook with more keys"),
        pytest.param(data(cell(7, "markdown"), cell()), id="Markdown with a broken source"),
        *[pytest.param(data(cell(), nbformat_minor=minor), id=f"format 4.{minor}") for minor in range(7)],
        pytest.param(data(cell(), nbformat_minor="x"), id="an odd minor version"),
    ],
)
def test_it_makes_no_difference(content):
    (only,) = read(content).cells
    assert (only.source, only.tags) == ("x = 1", ())


def test_a_notebook_without_metadata_or_version_is_still_one():
    stored = notebook(cell())
    for key in ("metadata", "nbformat", "nbformat_minor"):
        del stored[key]
    assert read(json.dumps(stored).encode()).cells == (CodeCell(1, "a", "x = 1"),)


@pytest.mark.parametrize("name", [None, 7, "", "a b", "x" * 65, "<script>", "\x1b[31m", ["a"]])
def test_an_id_that_the_format_does_not_allow_is_none(name):
    assert read(data(cell(id=name))).cells[0].id is None


def test_cells_with_one_id_are_all_kept():
    assert [one.id for one in read(data(cell("1"), cell("2"))).cells] == ["a", "a"]


def test_a_notebook_without_code_is_readable_and_empty():
    assert read(data()).cells == read(data(cell("x", "markdown"))).cells == ()


def test_line_ends_of_every_system_become_one():
    assert read(data(cell("a\r\nb\rc\n"))).cells[0].source == "a\nb\nc\n"


def test_half_a_surrogate_pair_is_replaced_and_named_and_whole_ones_stay():
    got = read(rb'{"cells": [{"cell_type": "code", "source": "a\ud800b\udfffc \ud83d\ude00 \u00e9"}]}')
    assert got.cells[0].source == "a\ufffdb\ufffdc 😀 é"
    assert got.notes == ("2 characters that are not text (half a surrogate pair) were replaced",)


def test_half_a_surrogate_pair_in_a_tag_is_replaced_too():
    (only,) = read(data(cell(metadata={"tags": ["a\ud800", "b"]}))).cells
    assert only.tags == ("a\ufffd", "b")


@pytest.mark.parametrize(
    "output",
    [
        pytest.param([1.5e300, 1e999, -0.0], id="numbers of every size"),
        pytest.param([int("9" * 1000)], id="a number of a thousand digits"),
        pytest.param(["\ud800"], id="half a surrogate pair"),
        pytest.param(['a, b: [c] {d} \\ " , ' * 100_000], id="signs of JSON in a text"),
        pytest.param(["line\n"] * 200_000, id="very many lines"),
        pytest.param(["x" * 15_000_000], id="fifteen megabytes"),
    ],
)
def test_outputs_may_be_anything(output):
    text = json.dumps(notebook(cell(outputs=output))).replace("Infinity", "1e999")
    assert read(text.encode()).cells[0].source == "x = 1"


def test_lists_inside_each_other_are_allowed_to_a_depth_that_never_varies():
    def nested(depth: int) -> bytes:
        inner = "[" * depth + "]" * depth
        return f'{{"cells": [], "x": {inner}}}'.encode()

    assert isinstance(parse_notebook(nested(LIMITS.depth - 1)), Submission)
    assert parse_notebook(nested(LIMITS.depth)).kind == "deep"
    assert parse_notebook(nested(LIMITS.depth)) == replace(
        parse_notebook(nested(100_000)), sha256=parse_notebook(nested(LIMITS.depth)).sha256
    )


def test_a_file_that_wants_more_memory_than_there_is_gets_a_reason(monkeypatch):
    def greedy(*_):
        raise MemoryError

    monkeypatch.setattr(reader, "_deeper", greedy)
    assert parse_notebook(GOOD).kind == "complex"


def test_every_limit_is_one_that_can_be_set():
    two = data(cell("12345"), cell("67890"))
    assert isinstance(parse_notebook(two, Limits(cells=2, source=10)), Submission)
    assert parse_notebook(two, Limits(cells=1)).kind == "cells"
    assert parse_notebook(two, Limits(source=9)).kind == "source"
    assert parse_notebook(two, Limits(values=5)).kind == "complex"
    assert parse_notebook(two, Limits(objects=5)).kind == "complex"
    assert parse_notebook(two, Limits(depth=1)).kind == "deep"


def test_a_folder_may_be_a_path_or_a_descriptor_that_stays_open(tmp_path):
    hand_in(tmp_path, "alice/x.ipynb")
    with opened_folder(tmp_path) as folder:
        assert (
            read_notebook(folder, "alice/x.ipynb") == read_notebook(tmp_path, "alice/x.ipynb") == read(GOOD)
        )
        os.fstat(folder)


def test_reading_leaves_no_descriptor_open(tmp_path):
    hand_in(tmp_path, "a/b/x.ipynb")
    (tmp_path / "a/b/broken.ipynb").symlink_to("x.ipynb")
    (tmp_path / "a/link").symlink_to("b")
    before = len([*Path("/proc/self/fd").iterdir()])
    for name in ("a/b/x.ipynb", "a/b/broken.ipynb", "a/link/x.ipynb", "a/b", "gone", "gone/x"):
        read_notebook(tmp_path, name)
    assert len([*Path("/proc/self/fd").iterdir()]) == before


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../x.ipynb", "a/../../x", "a//b", "./a", "a\0b", "\ud800"]
)
def test_a_path_that_leads_out_of_the_folder_is_wrong_use(tmp_path, name):
    with pytest.raises(UsageError, match="below its folder"):
        read_notebook(tmp_path, name)


def test_a_folder_that_is_not_there_is_wrong_use(tmp_path):
    with pytest.raises(UsageError, match="cannot be opened: No such file"):
        read_notebook(tmp_path / "gone", "x.ipynb")


def test_a_file_that_is_swapped_for_another_kind_is_not_read(tmp_path, monkeypatch):
    hand_in(tmp_path, "x.ipynb")
    os.mkfifo(tmp_path / "pipe")
    real = os.open

    def swapped(path, flags, *args, **more):
        return real("pipe" if path == "x.ipynb" else path, flags, *args, **more)

    monkeypatch.setattr(os, "open", swapped)
    got = read_notebook(tmp_path, "x.ipynb")
    assert isinstance(got, Unreadable)
    assert got.what == "This is a pipe, not a file"
