"""Goldens, and a reader of HTML that complains about what a view must never contain."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

DATA = Path(__file__).parent / "data"
_VOID = {"br", "hr", "img", "input", "link", "meta"}


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares a text with ``data/<name>.txt``; UPDATE_GOLDENS=1 writes the file instead."""

    def compare(actual: str, name: str) -> None:
        path = DATA / f"{name}.txt"
        if os.environ.get("UPDATE_GOLDENS") == "1":
            in_ci = bool(os.environ.get("CI"))
            assert not in_ci, "goldens are written by people, not by CI"
            path.parent.mkdir(exist_ok=True)
            path.write_text(actual + "\n", encoding="utf-8", newline="\n")
            return
        expected = path.read_text(encoding="utf-8")
        lines = expected.splitlines(), (actual + "\n").splitlines()
        diff = difflib.unified_diff(*lines, path.name, "actual", lineterm="")
        assert actual + "\n" == expected, "\n" + "\n".join(diff)

    return compare


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.labels: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in _VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), f"<{tag}> has a handler {name}"
            assert name not in {"src", "href", "style", "id"}, f"<{tag}> has {name}"
            if name == "aria-label":
                self.labels.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1:] == [tag], f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)


@pytest.fixture
def read_html() -> Callable[[str], _Reader]:
    """Reads HTML of a view: balanced, no script, nothing remote; gives back its tags, labels and words."""

    def read(html: str) -> _Reader:
        reader = _Reader()
        reader.feed(html)
        reader.close()
        assert not reader.open, f"left open: {reader.open}"
        assert not {"script", "iframe", "img", "link", "object", "form"} & set(reader.seen)
        assert not re.search(r"https?:|url\(|@import", html), "a view refers to something remote"
        assert not any(re.fullmatch("h[1-6]", tag) for tag in reader.seen), (
            "a heading would enter the outline"
        )
        return reader

    return read


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b[31mred\x1b[0m\x1b]8;;http://evil.example\x07link\x1b]8;;\x07",
    "txt.exe\u202eexe.txt",
    "a\nb\r\nc\rd\x00e\x7f\x9b31m",
    "&amp; ``` </section></table>",
    "\ud800 lone",
    "z" * 10_000_000,
    "\n" * 100_000,
)


@pytest.fixture(
    params=HOSTILE,
    ids=["script", "quote", "ansi", "rtl", "controls", "closing", "surrogate", "10MB", "lines"],
)
def hostile(request: pytest.FixtureRequest) -> str:
    """A string that somebody may return to break out of a view."""
    assert isinstance(request.param, str)
    return request.param


class Weather:
    """A small graph whose model is a script: it asks for cities, then says what the tools gave."""

    def __init__(
        self, *, interrupting: bool = False, calls: int = 1, rounds: int = 1, saver: Any = None
    ) -> None:
        self.interrupting, self.calls, self.rounds = interrupting, calls, rounds
        self.ran: list[dict[str, Any]] = []
        """arguments that the tool was run with"""
        self.breaks = False
        self.graph = self.built(saver or InMemorySaver())
        self.config = {"configurable": {"thread_id": "1"}}

    def built(self, saver: Any, *, only_async: bool = False) -> Any:
        async def llm(state: MessagesState) -> Any:
            return self.llm(state)

        async def action(state: MessagesState) -> Any:
            return self.action(state)

        builder = StateGraph(MessagesState)
        builder.add_node("llm", llm if only_async else self.llm)
        builder.add_node("action", action if only_async else self.action)
        builder.add_edge(START, "llm")
        wants = {True: "action", False: END}
        builder.add_conditional_edges(
            "llm", lambda state: bool(getattr(state["messages"][-1], "tool_calls", None)), wants
        )
        builder.add_edge("action", "llm")
        return builder.compile(checkpointer=saver, interrupt_before=[] if self.interrupting else ["action"])

    def ask(self, text: str = "sf?") -> None:
        self.graph.invoke({"messages": [HumanMessage(text)]}, self.config)

    def llm(self, state: MessagesState) -> dict[str, Any]:
        asked = max(n for n, m in enumerate(state["messages"]) if m.type == "human")
        results = [m for m in state["messages"][asked:] if m.type == "tool"]
        if len(results) >= self.calls * self.rounds:
            return {"messages": [AIMessage("Results: " + "; ".join(str(m.content) for m in results))]}
        first = len(results)
        return {
            "messages": [
                AIMessage(
                    "",
                    tool_calls=[
                        {"name": "search", "args": {"city": f"city {n}"}, "id": f"call_{n}"}
                        for n in range(first, first + self.calls)
                    ],
                )
            ]
        }

    def action(self, state: MessagesState) -> dict[str, Any]:
        calls = state["messages"][-1].tool_calls
        decisions = [self.decided(call) for call in calls]
        return {"messages": [self.acted(c, d) for c, d in zip(calls, decisions, strict=True)]}

    def decided(self, call: Any) -> dict[str, Any]:
        if not self.interrupting:
            return {"type": "approve"}
        decision = interrupt({"id": call["id"], "name": call["name"], "args": call["args"]})
        assert isinstance(decision, dict)
        return decision

    def acted(self, call: Any, decision: dict[str, Any]) -> ToolMessage:
        if self.breaks:
            raise ValueError("the <weather> service is closed")
        if decision["type"] in {"reject", "respond"}:
            return ToolMessage(decision["message"], tool_call_id=call["id"])
        args = decision.get("args", call["args"])
        self.ran.append(args)
        return ToolMessage(f"20 in {args['city']}", tool_call_id=call["id"])


@pytest.fixture
def weather() -> type[Weather]:
    """Makes small graphs that stop before or inside their tool."""
    return Weather
