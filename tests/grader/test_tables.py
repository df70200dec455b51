"""Tables are read as spreadsheets save them, and what cannot be read is told with its line."""

from __future__ import annotations

import pytest

from grader.errors import UsageError
from grader.tables import Row, rows_of, text_of


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a,b\n1,2\n", id="commas"),
        pytest.param("\ufeffa,b\n1,2\n", id="a mark at the beginning"),
        pytest.param("a;b\r\n1;2\r\n", id="semicolons"),
    ],
)
def test_the_rows_are_the_same_whoever_saved_them(text: str):
    assert list(rows_of(text)) == [Row(1, ("a", "b")), Row(2, ("1", "2"))]


def test_excel_s_line_about_separators_is_a_line_but_not_a_row():
    assert list(rows_of("sep=;\na;b\n1;2\n")) == [Row(2, ("a", "b")), Row(3, ("1", "2"))]


def test_rows_keep_their_lines_where_some_are_blank_or_long():
    assert list(rows_of('a\n\n"two\nlines"\nb\n')) == [
        Row(1, ("a",)),
        Row(3, ("two\nlines",)),
        Row(5, ("b",)),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('a\n"b\nc\n', Row(2, (), "a quotation mark is never closed; lines 2 to 3 were not used")),
        ('a\n"b', Row(2, (), "a quotation mark is never closed; line 2 was not used")),
    ],
)
def test_a_row_that_cannot_be_read_says_why(text: str, problem: Row):
    assert list(rows_of(text))[-1] == problem


def test_the_rows_after_one_that_cannot_be_read_are_read():
    *_, broken, last = rows_of('a\n"b"c\nd\n')
    assert "a quotation mark inside quotes is written twice" in broken.problem
    assert last == Row(3, ("d",))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("a\n".encode("utf-16"), "the roster is saved as UTF-16"),
        (b"PK\x03\x04rest", "the roster is a spreadsheet's own file"),
        (b"a\nb\xff\n", "line 2 of the roster has a byte that is not UTF-8"),
    ],
)
def test_what_is_not_utf_8_is_refused_with_advice(data: bytes, what: str):
    with pytest.raises(UsageError, match=what):
        text_of(data, "the roster", "people.csv")
