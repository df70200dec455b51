"""The marking room in the hands of a person: by keyboard, in light and dark, and after a kill."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, Page, expect

from grader.results import adjustments, store
from grader.results.adjustments import Adjustment
from grader.results.result import Result
from tests.grader.results.made import LAB, check, exercise, partly, result
from tests.grader.review.rooms import hand_in, one, written

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
HOSTILE = "<script>document.title = 'owned'</script>"
SAMPLE = 7
"""exercises that nothing else asks to look at; fewer than a sample has"""
PEOPLE = ("ada", "bob", "cem", "dan", "eve")


class Served:
    """``grader review`` in a process of its own, which can be killed and started again."""

    def __init__(self, out: Path, submissions: Path) -> None:
        self._words = [sys.executable, "-m", "grader", "review", str(out), str(submissions), "--author", "RM"]
        self.out = out
        self.start()

    def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._child = subprocess.Popen(
            self._words, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
        )
        assert self._child.stderr is not None
        line = next(line for line in self._child.stderr if line.startswith("open: "))
        self.address = line.removeprefix("open: ").strip()

    def kill(self) -> None:
        self._child.send_signal(signal.SIGKILL)
        self._child.wait()
        assert self._child.stderr is not None
        self._child.stderr.close()

    @property
    def given(self) -> tuple[Adjustment, ...]:
        return adjustments.read(self.out, store.read_all(self.out).results).given


def near(student: str) -> Result:
    """Somebody who misses one check of exercise 1.2, with texts that would do harm as markup."""
    failed = check("b", "failed", returned=HOSTILE, message=HOSTILE, called="ask(agent, 'trip', 'Oslo?')")
    exercises = (exercise("1.1"), exercise("1.2", check("a"), failed))
    return one(student, partly(student, name=f"{student} {HOSTILE}", exercises=exercises))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    out = written(tmp_path / "out", [*map(near, PEOPLE), result("zoe")])
    started = Served(out, hand_in(tmp_path / "submissions", *PEOPLE))
    yield started
    started.kill()


@pytest.fixture
def page(browser: BrowserContext) -> Iterator[Page]:
    opened = browser.new_page()
    yield opened
    opened.close()


def seen(page: Page) -> None:
    """Nothing that somebody wrote has done anything, nothing is too wide, and axe finds nothing serious."""
    assert page.title() != "owned"
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for width in (1280, 400):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        # The page's own rules let no script be slipped in, so axe comes by way of the browser.
        page.evaluate(AXE_SCRIPT)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        bad = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]
        assert bad == [], "\n".join(bad)
    page.set_viewport_size({"width": 1280, "height": 900})


def to(page: Page, key: str, name: str) -> None:
    """Press a key, and wait for the page that it leads to."""
    page.keyboard.press(key)
    expect(page).to_have_title(re.compile(name))


def test_looks_are_worked_through_by_keyboard_and_all_is_found_after_a_kill(
    served: Served, page: Page
) -> None:
    page.goto(served.address)
    assert "/start/" not in page.url
    seen(page)
    to(page, "n", "^1.2, ")
    seen(page)
    expect(page.locator(".room-code").first).to_contain_text("<script>alert(1)</script>")
    first = page.url
    for number in range(3):
        before = page.url
        page.keyboard.press("e")
        page.keyboard.type("1.5")
        page.locator("#reason").focus()
        page.keyboard.type("half of it")
        page.keyboard.press("Escape")
        page.keyboard.press("c")
        page.keyboard.type(f"Comment {number}\nsecond line")
        page.keyboard.press("Control+Enter")
        page.wait_for_url(lambda url, before=before: url != before)
        expect(page.get_by_role("status")).to_have_text("Saved.")
    assert [one.comment for one in served.given] == [f"Comment {n}\nsecond line" for n in range(3)]
    # Back, past what is decided: with everything shown, the first look is where it was.
    page.goto(f"{first}?state=all")
    seen(page)
    expect(page.locator("#points")).to_have_value("1.5")
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("taken back")).to_be_visible()
    assert len(served.given) == 2
    served.kill()
    served.start()
    page.goto(served.address)
    page.goto(page.url + "?state=all")
    expect(page.get_by_role("cell", name="decided", exact=True)).to_have_count(2)
    expect(page.get_by_role("cell", name="open", exact=True)).to_have_count(3 + SAMPLE)
    to(page, "n", "^1.2, ")
    expect(page.locator("#comment")).to_have_value("")
    expect(page.get_by_text("half of it")).to_have_count(1)
    to(page, "n", "^1.2, ")
    expect(page.locator("#comment")).to_have_value("Comment 1\nsecond line")


def test_what_is_not_saved_is_not_left_by_one_key_and_a_conflict_is_shown(served: Served, page: Page) -> None:
    page.goto(served.address)
    to(page, "n", "^1.2, ")
    look = page.url
    page.keyboard.press("c")
    page.keyboard.type("A thought")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.get_by_text("Not saved yet.")).to_be_visible()
    assert page.url == look
    other = page.context.new_page()
    other.goto(look)
    other.locator("#comment").fill("Somebody else's")
    other.get_by_role("button", name="Save", exact=True).click()
    expect(other.get_by_role("status")).to_have_text("Saved.")
    other.close()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert").first).to_contain_text("RM has decided about this exercise meanwhile")
    seen(page)
    expect(page.locator("#comment")).to_have_value("A thought")
    assert [one.comment for one in served.given] == ["Somebody else's"]
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    assert [one.comment for one in served.given] == ["A thought"]


def test_keys_can_be_switched_off_and_buttons_fill_fields(served: Served, page: Page) -> None:
    page.goto(served.address)
    page.get_by_text("Keys", exact=True).click()
    page.get_by_label("Single keys do something").uncheck()
    page.keyboard.press("n")
    page.get_by_role("link", name="Begin with the first").click()
    expect(page).to_have_title(re.compile("^1.2, "))
    page.get_by_role("button", name="2", exact=True).click()
    expect(page.locator("#points")).to_have_value("2")
    page.locator("#reason").fill("was right")
    page.locator("#comment").fill("Well done.")
    page.get_by_role("button", name="Save, then next").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    page.get_by_text("Comments given here before").click()
    page.get_by_role("button", name="Take", exact=True).click()
    expect(page.locator("#comment")).to_have_value("Well done.")
    assert LAB in page.locator("main").inner_text()
