from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from tests.utils.replay.talks import (
    ask,
    calling,
    conversation,
    giving,
    looked_up,
    plain,
    say,
    scenario,
    tool_answer,
)
from tests.utils.replay.test_matching import scenarios
from utils.errors import RecordingError
from utils.replay.conversation import Conversation, Origin, Scenario, Usage
from utils.replay.fixtures import load_scenario, parse_scenario
from utils.replay.keys import Upstream
from utils.replay.matching import compile_scenario
from utils.replay.recording import Recorder
from utils.replay.storing import dump_scenario, merged, store, write

RECORDED = Origin(kind="recorded", provider="openai", model="gpt-4o", date=datetime.date(2026, 11, 20))
HEAD = "# Recorded conversations.\n# Two lines of head.\n\n"


def recorded(name: str, *turns: Any) -> Conversation:
    return Conversation(name=name, origin=RECORDED, turns=turns)


class Told(Recorder):
    """A recorder that has recorded this."""

    def __init__(self, *conversations: Conversation, failures: tuple[str, ...] = ()) -> None:
        super().__init__(Upstream({}, ""))
        self._transcripts = {c.name: (c.turns, c.origin) for c in conversations}
        self._failures = {str(n): text for n, text in enumerate(failures)}


def names(told: Scenario) -> list[str]:
    return [told.name for told in told.conversations]


# The text


@given(scenarios())
@settings(max_examples=40)
def test_what_is_written_is_read_back(told: Scenario) -> None:
    index = compile_scenario(told)
    if not index.clashes:
        assert parse_scenario(dump_scenario(told), "x.yaml") == told


def test_every_kind_of_turn_is_read_back() -> None:
    told = scenario(
        conversation(
            "all",
            ask("line\nbreak: #no? [x] ° 🌞"),
            calling("a", "b", say="Look:", kind="stall", after=1),
            giving("text", {"hits": [{"url": "u", "content": "c"}]}),
            say("one|two", pieces=("one|", "two"), usage=Usage(input=1, output=2)),
            ask("and?"),
            say("six nine", pieces="six| nine"),
        ),
        conversation("empty", ask(""), say("")),
        looked_up("null?", "2026-01-01", tool_answer(raises="yes", times=2, delay=0.5), "no"),
    )
    assert parse_scenario(dump_scenario(told, HEAD), "x.yaml") == told


def test_arguments_of_any_kind_are_read_back() -> None:
    args = {"none": None, "flag": True, "list": [1, None, {"a": "1"}], "text": "yes"}
    call = calling("a").model_copy(
        update={"calls": (calling("a").calls[0].model_copy(update={"args": args}),)}
    )
    told = scenario(conversation("a", ask("q"), call))
    assert parse_scenario(dump_scenario(told), "x.yaml") == told


def test_a_fixture_reads_as_a_conversation() -> None:
    text = dump_scenario(scenario(recorded("sf", ask("Weather in sf?"), say("Sunny, 20 °C."))), HEAD)
    assert text == (
        "# Recorded conversations.\n# Two lines of head.\n\n"
        "conversations:\n"
        "- name: sf\n"
        "  origin:\n"
        "    kind: recorded\n"
        "    provider: openai\n"
        "    model: gpt-4o\n"
        "    date: 2026-11-20\n"
        "  turns:\n"
        "  - user: Weather in sf?\n"
        "  - answer: Sunny, 20 °C.\n"
    )


def test_every_value_is_written_out() -> None:
    twice = recorded("a", ask("q"), say("x")), recorded("b", ask("r"), say("x"))
    text = dump_scenario(scenario(*twice))
    assert text.count("date: 2026-11-20") == 2


# Merging


def test_what_was_recorded_takes_the_place_and_the_name_of_what_asks_the_same() -> None:
    old = scenario(plain("a", "old"), plain("hi", "Hello."), plain("z", "z"))
    result = merged(old, scenario(recorded("something", ask("HI"), say("Good day."))))
    assert names(result.scenario) == ["a", "hi", "z"]
    assert result.scenario.conversations[1].origin == RECORDED
    assert (result.recorded, result.kept, result.adapted, result.dropped) == (("hi",), ("a", "z"), (), ())
    assert result.scenario.conversations[0] == old.conversations[0]


def test_what_is_new_comes_at_the_end_under_a_free_name() -> None:
    result = merged(scenario(plain("hi", "Hello.")), scenario(recorded("hi", ask("bye"), say("Farewell."))))
    assert names(result.scenario) == ["hi", "hi (2)"]


def test_a_conversation_that_is_part_of_a_recorded_one_goes() -> None:
    longer = recorded("l", ask("hi"), say("Good day."), ask("more"), say("No."))
    result = merged(scenario(plain("hi", "Hello.")), scenario(longer))
    assert names(result.scenario) == ["l"]


def test_a_conversation_that_goes_on_elsewhere_begins_as_recorded() -> None:
    old = scenario(conversation("oslo", ask("sf?"), say("old sf"), ask("oslo?"), say("cold")))
    result = merged(old, scenario(recorded("sf", ask("sf?"), say("new sf"), ask("la?"), say("fog"))))
    assert (result.adapted, result.recorded) == (("oslo",), ("sf",))
    (oslo,) = [told for told in result.scenario.conversations if told.name == "oslo"]
    assert [getattr(turn, "answer", None) for turn in oslo.turns] == [None, "new sf", None, "cold"]
    assert oslo.origin.kind == "authored"
    assert oslo.origin.remark == "the beginning was recorded anew: openai gpt-4o, 2026-11-20"
    assert not compile_scenario(result.scenario).clashes


def test_what_a_person_edited_stays_behind_the_recorded_call() -> None:
    edited = conversation(
        "edited", ask("sf?"), calling("old"), giving(tool_answer("snow", edited=True)), say("Snow.")
    )
    new = recorded("sf", ask("sf?"), calling("new"), giving("sunny"), say("Sun."))
    result = merged(scenario(edited), scenario(new))
    assert result.adapted == ("edited",)
    assert parse_scenario(dump_scenario(result.scenario), "x.yaml") == result.scenario
    again = merged(result.scenario, scenario(new))
    assert again.scenario.conversations[0].origin == result.scenario.conversations[0].origin


def test_what_a_person_edited_goes_if_the_calls_do_not_fit() -> None:
    edited = conversation(
        "edited", ask("sf?"), calling("old"), giving(tool_answer("snow", edited=True)), say("Snow.")
    )
    new = recorded("sf", ask("sf?"), calling("one", "two"), giving("1", "2"), say("Sun."))
    result = merged(scenario(edited), scenario(new))
    assert result.dropped == ("edited",)
    assert names(result.scenario) == ["sf"]


def test_a_tool_has_one_answer_to_one_question() -> None:
    old = scenario(looked_up("what in sf?", "sf", "old result", "Old."))
    new = recorded("sf", ask("weather?"), calling("sf"), giving("new result"), say("New."))
    result = merged(old, scenario(new))
    assert result.adapted == ("what in sf?",)
    assert not compile_scenario(result.scenario).tool_clashes


@given(scenarios(), scenarios())
@settings(max_examples=60)
def test_merging_two_good_fixtures_gives_a_good_fixture(old: Scenario, new: Scenario) -> None:
    if compile_scenario(old).clashes or compile_scenario(new).clashes:
        return
    result = merged(old, new)
    if not compile_scenario(result.scenario).clashes:
        assert len(set(names(result.scenario))) == len(names(result.scenario))
        rows = {row.key for found in compile_scenario(result.scenario).rows.values() for row in found}
        assert rows >= {row.key for found in compile_scenario(new).rows.values() for row in found}
        assert merged(result.scenario, new).scenario == result.scenario


# The file


def test_storing_keeps_the_head_and_what_was_not_asked(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(dump_scenario(scenario(plain("hi", "Hello."), plain("a", "b")), HEAD), encoding="utf-8")
    told = store(Told(recorded("x", ask("hi"), say("Good day."))), path)
    assert told == "lab.yaml: 1 conversations recorded, 1 kept."
    assert path.read_text(encoding="utf-8").startswith(HEAD + "conversations:")
    assert names(load_scenario(path)) == ["hi", "a"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["lab.yaml"]


def test_a_fixture_may_be_new(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    store(Told(recorded("x", ask("hi"), say("Good day."))), path)
    assert names(load_scenario(path)) == ["x"] or names(load_scenario(path)) == ["hi"]


def test_what_needs_a_look_is_said(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    old = conversation("oslo", ask("sf?"), say("old sf"), ask("oslo?"), say("cold"))
    path.write_text(dump_scenario(scenario(old)), encoding="utf-8")
    recorder = Told(recorded("sf", ask("sf?"), say("new sf")))
    recorder._searches["la"] = tool_answer("fog")
    told = store(recorder, path).splitlines()
    assert told[1:] == [
        '  look at "oslo": the beginning was recorded anew: does its end still fit?',
        '  not stored: the search "la" belongs to no conversation.',
    ]


@pytest.mark.parametrize(
    ("recorder", "says"),
    [
        (Told(), "nothing was recorded"),
        (
            Told(recorded("x", ask("a"), say("b")), failures=("the model answered 401: no",)),
            "answered 401: no",
        ),
        (
            Told(recorded("x", ask("a"), say("b")), recorded("y", ask("a"), say("c"))),
            "does not make a fixture: the same conversation so far has another reply",
        ),
    ],
    ids=["nothing", "a refusal", "a clash"],
)
def test_nothing_is_written_when(tmp_path: Path, recorder: Recorder, says: str) -> None:
    path = tmp_path / "lab.yaml"
    before = dump_scenario(scenario(plain("hi", "Hello.")))
    path.write_text(before, encoding="utf-8")
    with pytest.raises(RecordingError, match=says):
        store(recorder, path)
    assert path.read_text(encoding="utf-8") == before


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"lab\.yaml: it cannot be written: No such file or directory"):
        write(tmp_path / "missing" / "lab.yaml", "text")
