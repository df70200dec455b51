from __future__ import annotations

import datetime

import pytest
from pydantic import ValidationError

from tests.utils.replay.talks import (
    AUTHORED,
    ask,
    calling,
    giving,
    plain,
    say,
)
from utils.replay.conversation import Conversation, Hit, Origin, ToolAnswer, turn_problem


def test_a_recorded_origin_names_its_provider_model_and_date() -> None:
    with pytest.raises(ValidationError, match="names its provider, model and date"):
        Origin(kind="recorded", provider="openai", model="gpt-4o")
    today = datetime.date(2026, 11, 20)
    assert Origin(kind="recorded", provider="openai", model="gpt-4o", date=today).date == today


def test_a_transcribed_origin_names_its_note() -> None:
    with pytest.raises(ValidationError, match="names its note"):
        Origin(kind="transcribed")


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(ValidationError, match="extra"):
        Origin.model_validate({"kind": "authored", "by": "me"})


def test_what_was_told_cannot_be_changed() -> None:
    told = plain("hi", "hello")
    with pytest.raises(ValidationError, match="frozen"):
        told.name = "other"


def test_a_tool_answers_with_a_plain_string_or_a_list_of_hits() -> None:
    turn = giving("sunny", [{"url": "https://a.example", "content": "fog"}], {"raises": "no luck"})
    assert [answer.needle for answer in turn.results] == ["sunny", "fog", "no luck"]


@pytest.mark.parametrize(
    ("answer", "needle"),
    [
        (ToolAnswer(text="sunny"), "sunny"),
        (ToolAnswer(raises="no luck"), "no luck"),
        (ToolAnswer(text="sunny", raises="no luck", times=1), "sunny"),
        (ToolAnswer(hits=(Hit(url="a", content="one"), Hit(url="b", content="two"))), "one"),
        (ToolAnswer(), ""),
    ],
    ids=["text", "an error for ever", "an error that passes", "the first of several hits", "nothing"],
)
def test_a_result_is_known_by(answer: ToolAnswer, needle: str) -> None:
    assert answer.needle == needle


def test_pieces_add_up_to_the_answer() -> None:
    assert say("one two", pieces="one| two").pieces == ("one", " two")
    with pytest.raises(ValidationError, match="do not add up"):
        say("one two", pieces="one|two")


@pytest.mark.parametrize(
    ("turns", "at", "why"),
    [
        ((ask("a"), ask("b"), say("c")), 1, "a question can only come first or after an answer"),
        ((say("c"), ask("a")), 0, "the model can only speak after a question or after results"),
        ((ask("a"), say("b"), say("c")), 2, "the model can only speak after a question or after results"),
        ((ask("a"), giving("x"), say("c")), 1, "results can only come after calls"),
        ((ask("a"), calling("x"), giving("1", "2"), say("c")), 2, "1 asked for, 2 given"),
        ((ask("a"), calling("x"), say("c")), 2, "the model can only speak after a question or after results"),
        ((ask("a"), say("b"), ask("c")), 2, "a conversation ends with the model's turn"),
    ],
)
def test_a_turn_that_can_never_match_is_found(turns: tuple, at: int, why: str) -> None:
    found = turn_problem(turns)
    assert found is not None
    assert found[0] == at
    assert why in found[1]
    with pytest.raises(ValidationError, match=why[:30]):
        Conversation(name="n", origin=AUTHORED, turns=turns)


def test_a_conversation_may_end_with_calls() -> None:
    assert turn_problem((ask("a"), calling("x"))) is None
