"""Reading refuses what is no notebook; writing gives the bytes that nbformat would."""

import json
import os
from dataclasses import replace

import nbformat
import pytest

from grader.errors import UnreadableNotebook
from grader.release import notebook as module
from grader.release.notebook import Cell, dump, parse, read, short_hash
from tests.grader.release.notebooks import code, notebook, solution, text


def test_what_is_written_is_what_nbformat_writes_and_finds_valid():
    picture = {"dot.png": {"image/png": "aGVsbG8="}}
    stored = notebook(
        *solution().cells,
        text("words", "Grüße\u2028über zwei Zeilen\n\nund noch eine\n", attachments=picture),
        Cell("plain", "raw", ""),
        language_info={"name": "python"},
    )
    data = dump(stored)
    parsed = nbformat.reads(data.decode(), as_version=4)
    nbformat.validate(parsed)
    assert data.decode() == nbformat.writes(parsed) + "\n"


def test_a_notebook_survives_being_written_and_read():
    stored = solution()
    assert parse(dump(stored), "x.ipynb") == stored


def test_a_byte_order_mark_and_windows_line_ends_change_nothing():
    stored = notebook(text("a", "one\ntwo"), code("b", "x = 1\n\ny = 2\n"))
    windows = dump(stored).replace(b"\n", b"\r\n").replace(rb"\n", rb"\r\n")
    assert parse(b"\xef\xbb\xbf" + windows, "x.ipynb") == stored


def test_a_source_may_be_one_text_or_a_list_of_lines():
    stored = json.loads(dump(solution()))
    for cell in stored["cells"]:
        cell["source"] = "".join(cell["source"])
    assert parse(json.dumps(stored).encode(), "x.ipynb") == solution()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "no valid JSON at line 1, column 1", id="an empty file"),
        pytest.param(dump(solution())[:300], "no valid JSON at line", id="half a file"),
        pytest.param(b"\xff\xfe{}", "the text is not UTF-8", id="bytes that are no text"),
        pytest.param(b'{"a": "\\ud800"}', "the text is not UTF-8", id="half a surrogate pair"),
        pytest.param(b"[" * 200_000, "nested too deeply", id="JSON without a bottom"),
        pytest.param(b"[1]", "the JSON is not an object", id="a list"),
        pytest.param(b"{}", "nbformat 4 is expected", id="an empty object"),
        pytest.param(b'{"nbformat": 3}', "nbformat 4 is expected", id="an old format"),
        pytest.param(b'{"nbformat": 4}', "it has no list of cells", id="no cells"),
        pytest.param(b'{"nbformat": 4, "cells": [], "metadata": 1}', "metadata is not an", id="odd metadata"),
        pytest.param(b'{"nbformat": 4, "cells": [1]}', "cell 1 is neither", id="a cell that is a number"),
        pytest.param(
            b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": [1]}]}',
            "cell 1 has no source",
            id="a source that is no text",
        ),
    ],
)
def test_reading_refuses(data, reason):
    with pytest.raises(UnreadableNotebook, match=r"^labs/x\.ipynb: is not a notebook: ") as caught:
        parse(data, "labs/x.ipynb")
    assert reason in caught.value.message
    assert caught.value.hint


def test_odd_values_that_harm_nobody_are_read_as_absent():
    cell = {
        "cell_type": "code",
        "source": "1",
        "id": 5,
        "metadata": 1,
        "outputs": [3],
        "execution_count": True,
    }
    read_cell = parse(json.dumps({"nbformat": 4, "cells": [cell]}).encode(), "x.ipynb").cells[0]
    assert read_cell == Cell("", "code", "1")
    assert replace(read_cell, metadata={"tags": [1, 2]}).tags == ()


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "x.ipynb")
    with pytest.raises(UnreadableNotebook, match="is not a regular file"):
        read(tmp_path / "x.ipynb", "labs/x.ipynb")


def test_a_huge_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    (tmp_path / "x.ipynb").write_bytes(dump(solution()))
    with pytest.raises(UnreadableNotebook, match="too large"):
        read(tmp_path / "x.ipynb", "labs/x.ipynb")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnreadableNotebook, match=r"labs/x\.ipynb: cannot be read: No such file"):
        read(tmp_path / "x.ipynb", "labs/x.ipynb")


def test_hashes_are_short_and_take_any_text():
    assert short_hash("") == "e3b0c44298fc"
    assert short_hash("\ud800") != short_hash("\ud801")


def test_a_code_cell_is_written_as_the_format_says():
    assert json.loads(dump(notebook(code("a", "x = 1\ny = 2"))))["cells"] == [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": "a",
            "metadata": {},
            "outputs": [],
            "source": ["x = 1\n", "y = 2"],
        }
    ]
