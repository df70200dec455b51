from __future__ import annotations

from pathlib import Path

import pytest

from utils.errors import FixtureError
from utils.replay.conversation import AnswerTurn, CallsTurn
from utils.replay.fixtures import known_fixtures, load_scenario, parse_scenario

GOOD = """\
# A head.
conversations:
  - name: sf
    origin: {kind: authored}
    turns:
      - user: weather in sf?
      - calls:
          - {tool: search, args: {query: sf}}
      - results: [sunny]
      - answer: It is sunny.
"""


def wrong(text: str, name: str = "lab.yaml") -> FixtureError:
    with pytest.raises(FixtureError) as caught:
        parse_scenario(text, name)
    return caught.value


def test_a_fixture_reads_as_a_conversation() -> None:
    (told,) = parse_scenario(GOOD, "lab.yaml").conversations
    assert told.name == "sf"
    assert isinstance(told.turns[1], CallsTurn)
    assert isinstance(told.turns[3], AnswerTurn)


@pytest.mark.parametrize("path", known_fixtures().values(), ids=list(known_fixtures()))
def test_every_fixture_of_the_kit_loads(path: Path) -> None:
    assert load_scenario(path).conversations


def second(name: str = "again", **changes: str) -> str:
    """Another conversation below the good one."""
    text = GOOD.split("conversations:\n")[1].replace("name: sf", f"name: {name}")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return GOOD + text


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "a fixture is a mapping with the key 'conversations'"),
        ("# nothing but a comment\n", 1, "a fixture is a mapping"),
        ("- a\n", 1, "a fixture is a mapping"),
        ("\n\nconversations: []\n", 3, "at least one conversation"),
        ("conversations:\n  - hello\n", 2, "a conversation is a mapping with name, origin and turns"),
        (GOOD + "more: 1\n", 11, "unknown key 'more'"),
        (GOOD.replace("turns:", "about: x\n    turns:"), 5, "unknown key 'about'"),
        (GOOD.replace("authored}", "authored, by: me}"), 4, "unknown key 'by'"),
        (GOOD + "        tone: warm\n", 11, "unknown key 'tone'"),
        (GOOD.replace("query: sf}", "query: sf}, id: 3"), 8, "unknown key 'id'"),
        (GOOD.replace("    origin: {kind: authored}\n", ""), 3, "'sf' does not say where it comes from"),
        (GOOD.replace("authored", "guessed"), 4, "'kind': Input should be 'recorded'"),
        (GOOD.replace("authored", "transcribed"), 4, "a transcribed origin names its note"),
        (GOOD.replace("authored", "recorded"), 4, "a recorded origin names its provider, model and date"),
        (GOOD.replace("authored}", "authored, date: 2026-13-40}"), 4, "month must be in 1..12"),
        (GOOD.replace("[sunny]", "[sunny, rainy]"), 9, "1 asked for, 2 given"),
        (GOOD.replace("[sunny]", "[]"), 9, "nothing in 'results'"),
        (GOOD.replace("[sunny]", "[{hits: [{url: x}]}]"), 9, "missing key 'content'"),
        (GOOD.replace("      - answer: It is sunny.\n", ""), 9, "ends with the model's turn"),
        (GOOD.replace("      - results: [sunny]\n", ""), 9, "can only speak after a question"),
        (GOOD.replace("- answer: It", "- reply: It"), 10, "exactly one of user, calls, results or answer"),
        (GOOD + "        user: and?\n", 10, "exactly one of user, calls, results or answer"),
        (GOOD.replace("weather in sf?", "3"), 6, "'user': Input should be a valid string"),
        (GOOD + "        pieces: It| is\n", 10, "the pieces do not add up to the answer"),
        (GOOD.split("      - user")[0], 5, "the conversation 'sf' has no turns"),
        (GOOD + "        answer: Twice.\n", 11, "the key 'answer' stands here twice"),
        (GOOD.replace("name: sf", "name: sf\n    name: la"), 4, "the key 'name' stands here twice"),
        (GOOD + GOOD.replace("# A head.\n", ""), 11, "the key 'conversations' stands here twice"),
        (second("sf"), 11, "there are two conversations called 'sf'"),
        (
            second(**{"It is sunny.": "It is not."}),
            18,
            "the same conversation so far has another reply in line 10",
        ),
        (
            second(**{"weather in sf?": "and now?", "[sunny]": "[fog]"}),
            11,
            "the tool 'search' gives another result to the same arguments",
        ),
        (GOOD.replace("[sunny]", "[what?, is: {this]"), 9, "not valid YAML"),
        (GOOD.replace("name: sf", "name: *sf"), 3, "not valid YAML: found undefined alias"),
        (GOOD.replace("name: sf", "name: !!python/name:os.system sf"), 3, "not valid YAML"),
        (GOOD + "\x07", 11, "the character U+0007 cannot stand in a file"),
        (GOOD + "---\nanother: document\n", 11, "not valid YAML"),
        ("conversations: &all [*all]\n", 1, "an alias that holds itself"),
        ("[" * 5_000, 1, "nested too deeply"),
        ("? [a, b]\n: c\n", 1, "a key is a plain word"),
        ("? {a: b}\n: c\n", 1, "a key is a plain word"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(text: str, line: int, says: str) -> None:
    error = wrong(text)
    assert error.where == f"lab.yaml, line {line}"
    assert says in error.message
    assert "\n" not in error.message


def test_a_result_written_by_a_person_may_differ_from_the_tools_own() -> None:
    text = second(**{"[sunny]": "[{text: fog, edited: true}]", "It is sunny.": "It is foggy."})
    assert len(parse_scenario(text, "lab.yaml").conversations) == 2


def test_the_same_reply_twice_is_no_clash() -> None:
    assert len(parse_scenario(second(), "lab.yaml").conversations) == 2


def test_anchors_and_merges_save_repetition() -> None:
    text = GOOD.replace("origin: {", "origin: &o {").replace(
        "- user: weather", "- &ask\n        user: weather"
    )
    text += (
        "  - name: b\n    origin:\n      <<: *o\n    turns:\n      - *ask\n      - calls: [{tool: search, "
    )
    text += "args: {query: sf}}]\n"
    assert len(parse_scenario(text, "lab.yaml").conversations) == 2


def test_a_conversation_without_a_name_gets_a_number() -> None:
    (told,) = parse_scenario(GOOD.replace("name: sf\n    origin", "origin"), "lab.yaml").conversations
    assert told.name == "number 1"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        FixtureError, match=r"nothing\.yaml: this file of recorded conversations does not exist"
    ):
        load_scenario(tmp_path / "nothing.yaml")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(FixtureError, match=r"odd\.yaml: cannot be read"):
        load_scenario(path)
    with pytest.raises(FixtureError, match="cannot be read"):
        load_scenario(tmp_path)
