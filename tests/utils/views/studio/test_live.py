"""What a run gives is put together as it comes: nodes at work, and messages that grow."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessageChunk, ToolMessage

from utils.views.conversation import ToolUse, read_conversation
from utils.views.studio.live import Live


def messages(live: Live, *given: Any) -> None:
    for message in given:
        live.take(("messages", (message, {})))


def call(args: str, id: str | None = None, name: str | None = None, index: int = 0) -> AIMessageChunk:
    return AIMessageChunk(
        "", id="m", tool_call_chunks=[{"name": name, "args": args, "id": id, "index": index}]
    )


def test_a_node_is_at_work_from_its_task_to_its_result() -> None:
    live = Live()
    assert live.take(("tasks", {"id": "1", "name": "llm", "input": {}}))
    live.take(("tasks", {"id": "2", "name": "llm", "input": {}}))
    live.take(("tasks", {"id": "1", "name": "llm", "result": {}}))
    assert live.running == ("llm",)
    live.take(("tasks", {"id": "2", "name": "llm", "error": "broken"}))
    assert live.running == ()


def test_pieces_are_one_message_that_comes() -> None:
    live = Live()
    live.asked("sf?")
    messages(live, AIMessageChunk("20 ", id="m"), AIMessageChunk("degrees", id="m"))
    (coming,) = live.coming()
    assert (coming.role, coming.text) == ("model", "20 degrees")
    assert [message.text for message in live.whole()] == ["sf?"]


def test_a_call_comes_in_pieces_and_gets_its_result() -> None:
    live = Live()
    messages(live, call('{"ci', "1", "search"), call('ty": "sf"}'), ToolMessage("20", tool_call_id="1"))
    assert live.coming() == ()
    (said,) = read_conversation(live.whole())
    assert said.uses == (ToolUse("1", "search", '{"city": "sf"}', "20"),)


def test_blocks_of_content_are_read_as_text() -> None:
    live = Live()
    messages(live, AIMessageChunk([{"type": "text", "text": "hi"}], id="m"))
    assert live.coming()[0].text == "hi"


def test_what_is_of_another_mode_changes_nothing() -> None:
    live = Live()
    assert not live.take(("values", {}))
    assert live.whole() == []


def test_after_the_run_nothing_is_left() -> None:
    live = Live()
    live.asked("sf?")
    live.take(("tasks", {"id": "1", "name": "llm", "input": {}}))
    live.clear()
    assert (live.running, live.whole(), live.coming()) == ((), [], ())
