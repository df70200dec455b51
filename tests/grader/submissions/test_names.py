"""Any name of a person becomes a name of a file: safe, its own, and back again."""

import os
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grader.submissions.names import LONGEST, original_name, safe_name

ANY = st.text(st.characters(exclude_categories=()), max_size=60)
"""Everything that a str can hold, halves of surrogate pairs included."""


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("alice", "alice"),
        ("jane.doe@uni.example", "jane.doe@uni.example"),
        ("12345", "12345"),
        ("Alice", "%41lice"),
        ("a b", "a%20b"),
        ("O'Brien, Jr", "%4f%27%42rien%2c%20%4ar"),
        ("..", "%2e%2e"),
        ("../../etc", "%2e.%2f..%2fetc"),
        (".hidden", "%2ehidden"),
        ("dot.", "dot%2e"),
        ("-rf", "%2drf"),
        ("@SUM", "%40%53%55%4d"),
        ("=1+1", "%3d1%2b1"),
        ("100%", "100%25"),
        ("a\nb\x1b\x00", "a%0ab%1b%00"),
        ("con", "%63on"),
        ("con.txt", "%63on.txt"),
        ("console", "console"),
        ("\u202egnp", "%e2%80%aegnp"),
        ("", "%"),
    ],
)
def test_a_name_is_quoted_like_this(name, safe):
    assert safe_name(name) == safe
    assert original_name(safe) == name


def test_bytes_that_are_no_text_survive():
    name = os.fsdecode(b"caf\xe9")
    assert original_name(safe_name(name)) == name
    assert os.fsencode(original_name(safe_name(name)) or "") == b"caf\xe9"


@given(ANY)
@example("a" * LONGEST)
@example("é" * 40)
def test_a_quoted_name_can_stand_anywhere_and_is_undone(name):
    safe = safe_name(name)
    assert re.fullmatch(r"[a-z0-9_%~@.-]+", safe)
    assert safe[0] not in ".-@~"
    assert safe[-1] != "."
    assert len(safe) <= LONGEST
    assert original_name(safe) == (None if "~" in safe else name)


@given(ANY, ANY)
@example("Alice", "alice")
@example("jos\u00e9", unicodedata.normalize("NFD", "jos\u00e9"))
@example("a" * 300, "a" * 301)
@example("\U0001f600", "\ud83d\ude00")
def test_two_names_are_never_quoted_alike_on_any_disk(one, other):
    def on_a_careless_disk(name: str) -> str:
        return unicodedata.normalize("NFC", safe_name(name)).casefold()

    assert (on_a_careless_disk(one) == on_a_careless_disk(other)) == (one == other)


def test_a_name_that_is_too_long_keeps_its_start_and_whole_letters():
    safe = safe_name("ab" * 200)
    assert safe.startswith("abab")
    assert len(safe) == LONGEST
    for length in range(70, 90):
        assert re.fullmatch(r"(?:a|%[0-9a-f]{2})+%~[0-9a-f]{32}", safe_name("a" + "é" * length))


@pytest.mark.parametrize("name", ["A", "%41", "%4", "a%2", "%2E", "%61", "é", "%ff%fe", ".x", "a/b"])
def test_what_was_never_quoted_is_not_taken_for_a_name(name):
    known = original_name(name)
    assert known is None or safe_name(known) == name


@given(st.text(alphabet="ab%~0123456789def.@-", max_size=12))
def test_undoing_never_raises_and_never_invents(text):
    name = original_name(text)
    assert name is None or safe_name(name) == text
