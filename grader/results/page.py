"""A page that stands alone: one file, no script, nothing fetched; in light, in the dark and on paper."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources

from utils.views.page import escape_line, minified, stylesheet
from utils.views.words import Mark

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
    more = every - len(items)
    shown = [*items, f"<li>and {more:,} more</li>"] if more > 0 else items
    return "\n".join(['<ul class="kit-list">', *shown, "</ul>"])


@cache
def _frame() -> str:
    text = resources.files(__package__).joinpath("pages.css").read_text(encoding="utf-8")
    return minified(text)
