"""Goldens, and a reader of HTML that complains about what a view must never contain."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

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
