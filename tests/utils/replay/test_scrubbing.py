"""Keys are found in every spelling in which a service may repeat one, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.utils.replay.standin import spellings
from utils.replay.scrubbing import Scrubber

SECRET = "sk-Proj_a/b+c0123456789"
SCRUBBER = Scrubber([SECRET, "short", ""])


@pytest.mark.parametrize("form", spellings(SECRET))
def test_every_spelling_is_found_within_a_text(form: str) -> None:
    spelled = spellings(SECRET)[form]
    text = f"before {spelled} after"
    assert SCRUBBER.finds(text)
    told = SCRUBBER.text(text)
    assert spelled not in told
    assert told.startswith("before ")
    assert told.endswith(" after")


def test_what_is_no_key_is_left_alone() -> None:
    for text in ("", "short", "sk-Proj_a/b+c", "The weather in Oslo is fine.", "\\" * 500):
        assert SCRUBBER.text(text) == text
        assert not SCRUBBER.finds(text)
    assert Scrubber().text(SECRET) == SECRET
    assert not Scrubber().may_begin(SECRET)


def test_data_is_freed_of_keys_in_names_and_values() -> None:
    data = {"a": [SECRET, 1, None], SECRET: {"b": f"x{SECRET}"}}
    assert SCRUBBER.data(data) == {"a": ["[key]", 1, None], "[key]": {"b": "x[key]"}}


@pytest.mark.parametrize("form", spellings(SECRET))
@given(st.data())
def test_the_beginning_of_a_key_is_held_until_it_is_certain(form: str, data: st.DataObject) -> None:
    """However a stream cuts the text: what was let go before the key is complete holds little of it."""
    spelled = spellings(SECRET)[form]
    text = f"You said {spelled}, did you?"
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text) - 1), min_size=1, max_size=30)))
    let_go = ""
    for end in [*cuts, len(text)]:
        if SCRUBBER.finds(text[:end]):
            break
        if not SCRUBBER.may_begin(text[:end]):
            let_go = text[:end]
    assert len(let_go) < len("You said ") + 7 * 6
    assert not any(spelled[at : at + 40] in let_go for at in range(len(spelled) - 40))
