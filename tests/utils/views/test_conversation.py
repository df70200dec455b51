"""A conversation reads as it was held: roles, and each call with its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from utils.errors import ViewTypeError
from utils.views.conversation import MOST_MESSAGES, Said, ToolUse, conversation, read_conversation, said_html


def call(id: str, city: str) -> dict[str, Any]:
    return {"name": "search", "args": {"city": city}, "id": id}


TALK = [
    SystemMessage("Be short."),
    HumanMessage("sf and la?"),
    AIMessage("Let me see.", tool_calls=[call("1", "sf"), call("2", "la")]),
    ToolMessage("closed", tool_call_id="2", status="error"),
    ToolMessage("20 degrees", tool_call_id="1"),
    AIMessage("", tool_calls=[call("3", "la")]),
    ToolMessage("left over", tool_call_id="9"),
    AIMessage("20 in sf."),
]


def test_the_text_form_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    golden(conversation(TALK).text(), "conversation")


def test_a_result_stands_with_its_call_whatever_the_order() -> None:
    (said,) = (one for one in read_conversation(TALK) if one.text == "Let me see.")
    sf = ToolUse("1", "search", '{"city": "sf"}', "20 degrees")
    la = ToolUse("2", "search", '{"city": "la"}', "closed", failed=True)
    assert said.uses == (sf, la)


def test_a_call_without_result_and_a_result_without_call_are_shown() -> None:
    said = read_conversation(TALK)
    assert said[3].uses[0].result is None
    assert said[4] == Said("tool", "left over")


def test_page_and_text_say_the_same(read_html: Callable[[str], Any]) -> None:
    view = conversation({"messages": TALK})
    page = " ".join(" ".join(read_html(view.html()).words).split())
    for word in ("Be short.", "20 degrees", "closed", "no result yet", "left over", "20 in sf."):
        assert word in page
        assert word in view.text()
    assert "6 messages, 3 tool calls" in page


@pytest.mark.parametrize("message", [("user", "hi"), {"role": "user", "content": "hi"}, "hi"])
def test_other_forms_of_messages_are_understood(message: Any) -> None:
    assert conversation([message]).text() == "user  hi"


def test_a_state_snapshot_is_understood(weather: Any) -> None:
    world = weather()
    world.ask()
    assert "no result yet" in conversation(world.graph.get_state(world.config)).text()


def test_nothing_said_is_said(read_html: Callable[[str], Any]) -> None:
    assert conversation([]).text() == "nothing has been said yet"
    assert "Nothing has been said yet." in read_html(conversation([]).html()).words


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (3, "got int"),
        ({"n": 1}, r"no `messages`, but \['n'\]"),
        ([{"role": "nobody"}], "a form that LangChain does not know"),
    ],
)
def test_what_is_not_a_conversation_is_refused(state: Any, said: str) -> None:
    with pytest.raises(ViewTypeError, match=said):
        conversation(state)


def test_a_long_text_is_folded(read_html: Callable[[str], Any]) -> None:
    assert "details" in read_html(conversation([AIMessage("word " * 300)]).html()).seen


def test_of_a_long_text_that_still_comes_the_end_is_shown(read_html: Callable[[str], Any]) -> None:
    page = read_html(said_html(Said("model", "first " + "word " * 1_000 + "last"), typing=True))
    words = " ".join(page.words)
    assert "details" not in page.seen
    assert "[… 2,010 characters before …]" in words
    assert words.endswith("word last")


def test_of_a_very_long_conversation_the_middle_is_counted() -> None:
    view = conversation([HumanMessage(str(n)) for n in range(MOST_MESSAGES + 7)])
    assert "[… 7 more messages …]" in view.text()
    assert "[… 7 more messages …]" in view.html()


def test_hostile_texts_stay_texts(hostile: str, read_html: Callable[[str], Any]) -> None:
    # In JSON an escape code is spelled out, and the address inside of it is a text as any other.
    args = {"a": hostile.replace("http:", "")}
    uses = AIMessage(hostile, tool_calls=[{"name": hostile[:1000], "args": args, "id": "1"}])
    view = conversation([HumanMessage(hostile), uses, ToolMessage(hostile, tool_call_id="1")])
    page = view.html()
    assert {"script", "img"}.isdisjoint(read_html(page).seen)
    assert len(page) < 200_000
    assert not {"\x1b", "\u202e", "\r"} & set(view.text() + page)
