"""HTML of the marking room. Jinja2 escapes every text; hidden characters in it are made visible before."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from grader.results.words import points, result_mark
from grader.review.queue import Filter
from utils.views.page import minified, stylesheet
from utils.views.page import prose as prose_html
from utils.views.plain import clean, one_line, plural
from utils.views.words import Mark, check_mark, exercise_mark, number

CODE, CODE_LINES = 60_000, 2_000
"""letters and lines of the cells of one look"""
SAID, SAID_LINES = 4_000, 80
"""of one text that came out of the jail"""
WORDS, WORDS_LINES = 2_000, 40


def page(name: str, **facts: Any) -> str:
    """Return a page made of the template of that name."""
    return _environment().get_template(f"{name}.html.jinja").render(**facts)


def address(where: str, chosen: Filter, **more: str) -> str:
    """Return an address that keeps what was asked for; ``more`` takes the place of some of it."""
    asked = {
        "kind": chosen.kind,
        "lab": chosen.lab,
        "exercise": chosen.exercise,
        "mistake": chosen.mistake,
        "find": chosen.find,
        "state": "" if chosen.state == "open" else chosen.state,
        **more,
    }
    words = urlencode({name: text for name, text in asked.items() if text}, errors="replace")
    return f"{where}?{words}" if words else where


@cache
def assets() -> Mapping[str, tuple[str, bytes]]:
    """Return what pages fetch, by its name: kind and bytes. There is nothing else to be had."""
    here = resources.files(__package__)
    pages_css = resources.files("grader.results").joinpath("pages.css").read_text("utf-8")
    own = here.joinpath("review.css").read_text("utf-8")
    return {
        "review.css": ("text/css", (stylesheet() + minified(pages_css) + minified(own)).encode()),
        "review.js": ("text/javascript", here.joinpath("review.js").read_bytes()),
    }


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("grader.review", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "code": lambda text: clean(text, chars=CODE, lines=CODE_LINES),
        "said": lambda text: clean(text, chars=SAID, lines=SAID_LINES, tail=True),
        "words": lambda text: clean(text, chars=WORDS, lines=WORDS_LINES),
        "line": one_line,
        "prose": _prose,
        "number": number,
        "plural": plural,
        "check_mark": check_mark,
        "exercise_mark": exercise_mark,
        "result_mark": result_mark,
    }
    made.globals |= {"address": address, "of": points, "Mark": Mark}
    return made


def _prose(text: str) -> Markup:
    """Return an author's sentence, escaped, with what stands in backticks as code."""
    return Markup(prose_html(text, chars=WORDS, lines=WORDS_LINES))  # noqa: S704 - it escapes by itself
