"""HTML that is safe to show: escaping, and the stylesheet that all views share."""

from __future__ import annotations

import html
import re
from functools import cache
from importlib import resources

from utils.views.plain import CHARS, LINES, clean, one_line

_CODE = re.compile(r"`([^`\n]+)`")


@cache
def stylesheet(*more: str) -> str:
    """Return the shared stylesheet, and those named here that only some views need: `drawing`, `graph`, …

    Every selector names a class with the prefix ``kit-``.
    """
    return "".join(_sheet(name) for name in ("style", *more))


@cache
def _sheet(name: str) -> str:
    text = resources.files(__package__).joinpath(f"{name}.css").read_text(encoding="utf-8")
    return minified(text)


def minified(css: str) -> str:
    """Return a stylesheet without its comments and without spaces that say nothing."""
    before, *rest = css.split("/*")
    plain = before + "".join(part.partition("*/")[2] for part in rest)
    return re.sub(r" ?([{};,]) ?", r"\1", " ".join(plain.split()))


def with_style(body: str, *more: str) -> str:
    """Return the HTML of one output: the stylesheet, then what it is for."""
    return f"<style>{stylesheet(*more)}</style>\n{body}"


def escape(text: str, *, chars: int = CHARS, lines: int = LINES, tail: bool = False) -> str:
    """Return the text cleaned, cut and escaped, for a place that keeps its line ends."""
    return html.escape(clean(text, chars=chars, lines=lines, tail=tail))


def escape_line(text: str, chars: int = 80) -> str:
    """Return the text cleaned, cut and escaped, on one line; it also fits an attribute."""
    return html.escape(one_line(text, chars))


def prose(text: str, *, chars: int = 4 * CHARS, lines: int = 4 * LINES) -> str:
    """Return an author's sentence as HTML: escaped, with what stands in backticks as code."""
    return _with_code(escape(text, chars=chars, lines=lines))


def prose_line(text: str, chars: int = 80) -> str:
    """Return an author's title as HTML, on one line, with what stands in backticks as code."""
    return _with_code(escape_line(text, chars))


def _with_code(escaped: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escaped)
