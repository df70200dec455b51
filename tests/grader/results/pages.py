"""What the tests of pages look for: a parser that sees what a browser would."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta", "br"}
DRAWN = {"svg", "text", "rect", "line", "circle"}
"""of a drawing; elements that have nothing inside end themselves"""
HARMLESS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "div",
        "p",
        "h1",
        "h2",
        "h3",
        "ul",
        "li",
        "dl",
    ),
    *("dt", "dd", "pre", "code", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "section", "header"),
    *("span", "strong", "a", "bdi", "nav", "details", "summary", "br"),
    *DRAWN,
}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "scope", "colspan"),
    *("aria-hidden", "aria-label", "open"),
    *("role", "viewbox", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height"),
}


class Page(HTMLParser):
    """A page taken apart; anything that does not belong on it is an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in HARMLESS, tag
        assert {name for name, _ in attrs} <= ATTRIBUTES, attrs
        facts = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)
        self.links += [facts["href"] or ""] if "href" in facts else []
        self.ids += [facts["id"] or ""] if "id" in facts else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)


def harmless(html: str) -> Page:
    """Return the page, once it is sure that it does nothing, fetches nothing and is well built."""
    page = Page(html)
    assert html.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert "default-src 'none'; style-src 'unsafe-inline'" in html
    assert html.count("<title>") == html.count("<h1>") == html.count("<main") == 1
    assert "url(" not in html[: html.index("</style>")]
    assert "@import" not in html[: html.index("</style>")]
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    assert not {"\x1b", "\u202e", "\r", "\x85", "\u2028", "\x07"} & set(html)
    html.encode()
    assert len(set(page.ids)) == len(page.ids)
    for link in page.links:
        assert link.startswith(("#", "feedback/")), link
        assert not link.startswith("#") or link[1:] in page.ids, link
    levels = [int(heading[1]) for heading in page.headings]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    return page
