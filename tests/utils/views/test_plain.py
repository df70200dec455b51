"""Text that came out of a student's process can be shown safely, and fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.views.plain import clean, grid, hang, one_line, plural, short, short_names, spread, width, wrap

FORBIDDEN = {
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    *"\u202a\u202b\u202d\u202e\u2066\u2069\u200b",
} - {"\n"}


@given(st.text())
def test_cleaned_text_holds_nothing_that_acts_instead_of_showing(text: str) -> None:
    shown = clean(text)
    assert not FORBIDDEN & set(shown)
    shown.encode("utf-8")


@given(st.text(alphabet="ab \n", max_size=2_000), st.booleans())
def test_cleaned_text_keeps_to_its_limits_and_says_what_it_leaves_out(text: str, tail: bool) -> None:
    shown = clean(text, chars=100, lines=8, tail=tail)
    marks = [line for line in shown.split("\n") if line.startswith("[…")]
    rest = "\n".join(line for line in shown.split("\n") if line not in marks)
    assert len(rest) <= 101
    assert len(shown.split("\n")) <= 9
    assert bool(marks) == (shown != text.rstrip("\n"))


def test_terminal_colours_go_without_a_trace() -> None:
    assert clean("\x1b[1;31mred\x1b[0m and \x1b]8;;http://x\x07link\x1b]8;;\x1b\\") == "red and link"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b", "a␀b"),
        ("a\x7fb", "a␡b"),
        ("\u202eevil", "<U+202E>evil"),
        ("zero\u200bwidth", "zero<U+200B>width"),
        ("over\rwritten", "over␍written"),
        ("a\r\nb", "a\nb"),
        ("\ud800", "<U+D800>"),
        ("\x1b", "␛"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_characters_that_hide_are_named(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_ten_megabytes_leave_600_characters_and_the_number_of_the_others() -> None:
    assert clean("x" * 10_000_000) == "x" * 600 + "\n[… 9,999,400 more characters …]"


def test_many_lines_leave_twelve_and_the_number_of_the_others() -> None:
    shown = clean("\n".join(str(i) for i in range(100)))
    assert shown.split("\n")[11:] == ["11", "[… 88 more lines, 264 characters …]"]


def test_the_end_of_a_long_text_stays_where_it_says_the_most() -> None:
    text = "\n".join(["Traceback (most recent call last):", *["  File x"] * 1_000, "KeyError: 'messages'"])
    shown = clean(text, lines=8, tail=True).split("\n")
    assert shown[0] == "Traceback (most recent call last):"
    assert shown[-1] == "KeyError: 'messages'"
    assert shown[2].startswith("[… 994 more lines")


def test_one_line_shows_line_ends_and_says_how_much_it_cuts() -> None:
    assert one_line("a\nb") == "a⏎b"
    assert one_line("x" * 100, 10) == "xxxxxxxxxx… (+90 characters)"


@pytest.mark.parametrize("more", range(40))
def test_what_the_mark_would_make_longer_stays_whole(more: int) -> None:
    text = "x" * (24 + more)
    shown = one_line(text, 24)
    assert len(shown) <= len(text)
    assert shown == text or shown.startswith("x" * 24 + "… (+")


def test_colours_are_no_reason_to_say_that_something_was_cut_and_endless_ones_are() -> None:
    assert one_line("\x1b[31m" * 3 + "red", 10) == "red"
    assert one_line("\x1b[31m" * 1_000, 10) == "… (+4,920 characters)"


@given(st.text(alphabet="ab 日é\u0301\n", max_size=60), st.integers(min_value=3, max_value=30))
def test_a_short_text_fits_and_is_cut_only_if_it_has_to_be(text: str, columns: int) -> None:
    shown = short(text, columns)
    assert width(shown) <= columns
    assert shown.endswith("…") != (shown == text.replace("\n", "⏎"))


CITIES = ["current weather in Amsterdam", "current weather in Athens", "current weather in Rome"]


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (28, CITIES),
        (24, ["…weather in Amsterdam", "…weather in Athens", "…weather in Rome"]),
        (14, ["…in Amsterdam", "…in Athens", "…in Rome"]),
        (8, ["…Amster…", "…Athens", "…Rome"]),
    ],
)
def test_names_that_begin_alike_lose_their_beginning_first(columns: int, shown: list[str]) -> None:
    assert list(short_names(CITIES, columns).values()) == shown


def test_names_that_do_not_begin_alike_lose_their_end() -> None:
    names = ["current weather in Amsterdam", "the weather in Rome"]
    assert list(short_names(names, 20).values()) == ["current weather in…", "the weather in Rome"]
    assert short_names([], 20) == {}
    assert short_names(["one two three", "one two three"], 9) == {"one two three": "one two…"}


@given(st.text(alphabet="ab 日é\u0301\n", max_size=300), st.integers(min_value=2, max_value=30))
def test_wrapped_lines_fit_and_lose_only_spaces(text: str, columns: int) -> None:
    lines = list(wrap(text, columns))
    assert all(width(line) <= columns for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_hanging_text_is_indented_to_where_it_starts() -> None:
    assert hang("Called  ", "one two\nthree", 29) == "Called  one two\n        three"


def test_points_stand_at_the_right_edge_of_the_last_line() -> None:
    assert (
        spread("a title of some more words", "1 of 1", 30)
        == "a title of some more\nwords" + 19 * " " + "1 of 1"
    )


def test_columns_align_also_with_wide_characters() -> None:
    assert grid([("日本", "1"), ("a", "22")], right={1}) == ["日本   1", "a     22"]


def test_a_number_agrees_with_its_noun() -> None:
    assert [plural(n, "message") for n in (0, 1, 2_000)] == ["0 messages", "1 message", "2,000 messages"]


def test_a_number_has_its_noun() -> None:
    counted = [plural(number, word) for word in ("row", "search") for number in (0, 1, 2, 1_000)]
    assert counted == [
        *("0 rows", "1 row", "2 rows", "1,000 rows"),
        *("0 searches", "1 search", "2 searches", "1,000 searches"),
    ]
