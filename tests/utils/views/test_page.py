"""The stylesheet touches nothing but the kit's own views and can be read in every theme."""

from __future__ import annotations

import re

import pytest

from utils.views.page import escape, escape_line, prose, prose_line, stylesheet, with_style

LIGHT, DARK = ("#ffffff", "#f5f6f8"), ("#111111", "#212121", "#2b2e33")


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def palette(start: str) -> dict[str, str]:
    block = stylesheet().split(start, 1)[1].split("}", 1)[0]
    return dict(re.findall(r"--kit-(soft|good|part|bad): (#[0-9a-f]{6})", block))


@pytest.mark.parametrize(
    ("start", "grounds"),
    [(".kit-view{", LIGHT), ('[data-jp-theme-light="false"] .kit-view{', DARK)],
    ids=["light", "dark"],
)
def test_every_colour_of_a_word_has_enough_contrast(start: str, grounds: tuple[str, ...]) -> None:
    colours = palette(start)
    assert set(colours) == {"soft", "good", "part", "bad"}
    for name, colour in colours.items():
        for ground in grounds:
            assert contrast(colour, ground) >= 4.5, f"{name} {colour} on {ground}"


def test_every_selector_belongs_to_the_kit() -> None:
    rules = re.sub(r"@media[^{]*\{((?:[^{}]*\{[^{}]*\})*)\}", r"\1", stylesheet())
    for selectors in re.findall(r"([^{}]+)\{", rules):
        for selector in selectors.split(","):
            assert ".kit-" in selector, selector


def test_every_theme_variable_has_a_fallback() -> None:
    assert not re.findall(r"var\(--jp-[a-z0-9-]+\)", stylesheet())


def test_the_stylesheet_is_small_and_refers_to_nothing_remote() -> None:
    assert len(stylesheet()) < 6_500
    assert not re.search(r"url\(|@import|http", stylesheet())


def test_an_output_carries_the_stylesheet_once() -> None:
    assert with_style("<p>x</p>").count("<style>") == 1


def test_code_in_backticks_is_marked_after_escaping() -> None:
    assert prose("use `a < b`, <b>") == "use <code>a &lt; b</code>, &lt;b&gt;"
    assert prose_line("`x`\ny") == "<code>x</code>⏎y"


def test_nothing_leaves_an_attribute_or_an_element(hostile: str) -> None:
    for escaped in (escape(hostile), escape_line(hostile)):
        assert not set('<>"') & set(escaped)
        assert len(escaped) < 2_000


@pytest.mark.parametrize("name", ["drawing", "touch"])
def test_what_only_some_views_need_is_no_burden_to_the_others(name: str) -> None:
    more = stylesheet(name).removeprefix(stylesheet())
    assert 0 < len(more) < 2_200
    assert "url(" not in more
    selectors = re.findall(r"([^{}]+)\{", more)
    assert all("kit-" in one or one.startswith("@media") for part in selectors for one in part.split(","))
