"""A page that stands alone: one file, no script, nothing fetched; in light, in the dark and on paper."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from typing import TypeVar

from utils.views.page import escape_line, minified, stylesheet
from utils.views.words import Mark

_T = TypeVar("_T")

# Were a page ever to hold markup that somebody slipped in, it could still do nothing.
CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(title: str, body: str, *, wide: bool = False) -> str:
    """Return the whole page. ``title`` is text, ``body`` is HTML."""
    size = ' class="wide"' if wide else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{CSP}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape_line(title, 120)}</title>\n<style>{stylesheet()}{_frame()}</style>\n</head>\n"
        f'<body>\n<main{size}>\n<div class="kit-view">\n{body}\n</div>\n</main>\n</body>\n</html>\n'
    )


def mark_html(mark: Mark) -> str:
    """Return a mark as its shape and its word; the colour comes from a class ``kit-<tone>`` around it."""
    return (
        f'<span class="kit-symbol" aria-hidden="true">{mark.symbol}</span> '
        f'<span class="kit-word">{mark.word}</span>'
    )


def item_list(items: Sequence[str], every: int) -> str:
    """Return items, each of them ``<li>``, as a list that says how many of ``every`` it leaves out."""
    return "\n".join(list_of(items, every - len(items)))


def list_of(items: Iterable[str], more: int) -> Iterator[str]:
    """Yield the lines of a list; it leaves out ``more`` items, and says so."""
    yield '<ul class="kit-list">'
    yield from items
    if more > 0:
        yield f"<li>and {more:,} more</li>"
    yield "</ul>"


def fitting(parts: Iterable[str], room: int) -> str | None:
    """Return the parts as one text; None as soon as they take more bytes than there is room."""
    kept: list[str] = []
    for part in parts:
        room -= size(part) + 1
        if room < 0:
            return None
        kept.append(part)
    return "\n".join(kept)


def as_many(parts: Iterable[str], room: int) -> list[str]:
    """Return the first parts, as many as there is room for in bytes."""
    kept: list[str] = []
    for part in parts:
        room -= size(part) + 1
        if room < 0:
            break
        kept.append(part)
    return kept


def fit_all(items: Sequence[_T], ways: Sequence[Callable[[_T], str | None]], room: int) -> list[str]:
    """Return a text for each item, all of them within ``room`` bytes where that can be.

    ``ways`` make a text of an item, from the longest to the shortest; None where it would be far too long,
    but for the last one. Those that are longer than others are shortened, and the others are not.
    """
    made = [_first(item, ways, room) for item in items]
    share = _share([size(text) for text, _ in made], room)
    return [
        text if size(text) <= share else _first(item, shorter or ways[-1:], share)[0]
        for item, (text, shorter) in zip(items, made, strict=True)
    ]


def _first(
    item: _T, ways: Sequence[Callable[[_T], str | None]], room: int
) -> tuple[str, Sequence[Callable[[_T], str | None]]]:
    """Return the longest text for which there is room, and the ways that make shorter ones."""
    text: str | None = None
    for number, way in enumerate(ways, 1):
        text = way(item)
        if text is not None and size(text) <= room:
            return text, ways[number:]
    return text or "", ()


def _share(sizes: Sequence[int], room: int) -> int:
    """Return how long each may be: as long as can be, if only those that are longer are shortened to it."""
    ordered = sorted(sizes)
    for number, one in enumerate(ordered):
        share = room // (len(ordered) - number)
        if one > share:
            return share
        room -= one
    return ordered[-1] if ordered else 0


def size(text: str) -> int:
    """Return the bytes of a text in a file."""
    return len(text.encode())


@cache
def _frame() -> str:
    text = resources.files(__package__).joinpath("pages.css").read_text(encoding="utf-8")
    return minified(text)
