"""What students write does nothing where it is shown."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.submissions.safe_text import for_cell, for_terminal, write_table
from utils.views.page import escape, escape_line

ANY = st.text(st.characters(exclude_categories=()), max_size=80)
ACTING = {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), *"\u200b\u200e\u202a\u202e\u2028\u2066\ufeff"}


@given(ANY)
def test_nothing_that_acts_reaches_a_terminal_a_table_or_a_page(text):
    for shown in (for_terminal(text), for_cell(text), escape_line(text, 80)):
        assert not ACTING & set(shown)
        shown.encode("utf-8")
    assert not (ACTING - {"\n"}) & set(escape(text))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07name", "name"),
        ("a\nb", "a⏎b"),
        ("\u202egnp.exe", "<U+202E>gnp.exe"),
        ("\udcff", "<U+DCFF>"),
        ("a\rb\x08", "a␍b␈"),
        ("\r=1", "␍=1"),
        ("José O'Brien", "José O'Brien"),
    ],
)
def test_a_terminal_shows(text, shown):
    assert for_terminal(text) == shown


def test_long_text_is_cut_with_a_mark():
    assert for_terminal("x" * 100, 10) == "xxxxxxxxxx… (+90 characters)"


@pytest.mark.parametrize("sign", [*"=+-@", "\t=", " =", "\uff1d", "\x1b[m="])
def test_a_cell_is_no_formula(sign):
    assert for_cell(f"{sign}cmd|' /C calc'!A0").startswith("'")


@pytest.mark.parametrize("text", ["alice", "a=b", "1-2", "O'Brien, Jr", '"quoted"', ""])
def test_a_harmless_cell_stays_as_it_is(text):
    assert for_cell(text) == text


@given(ANY)
def test_a_table_has_as_many_rows_and_cells_as_were_written_and_no_formula(text):
    stream = io.StringIO()
    write_table(stream, [["student_id", "score"], [text, 1.5], [text, None]])
    rows = list(csv.reader(io.StringIO(stream.getvalue(), newline="")))
    assert [len(row) for row in rows] == [2, 2, 2]
    assert rows[1] == [for_cell(text), "1.5"]
    assert not rows[1][0].lstrip().startswith(tuple("=+-@\t\r"))


def test_numbers_stay_numbers_even_below_zero():
    stream = io.StringIO()
    write_table(stream, [["-1", -1, 0.5]])
    assert stream.getvalue() == "'-1,-1,0.5\n"


def test_a_page_gets_text_and_no_markup():
    assert escape("<script>\n'\"&") == "&lt;script&gt;\n&#x27;&quot;&amp;"
    assert escape_line("<a>\nb", 80) == "&lt;a&gt;⏎b"
