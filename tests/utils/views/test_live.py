"""A watched stream passes on what it reads, draws it on the way and leaves the usual picture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from utils.errors import ViewError, ViewTypeError
from utils.views import token_timeline, token_watch
from utils.views.live import TokenWatch


def chunk(word: str) -> Any:
    return AIMessageChunk(content=word), {"langgraph_node": "llm"}


WORDS = ["It", " is", " sunny"]


class Page:
    """Stands for a notebook's page: keeps every picture that was drawn."""

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def __call__(self, view: Any) -> Page:
        self.update(view)
        return self

    def update(self, view: Any) -> None:
        self.drawn.append(view.text())


class Clock:
    """A clock that goes on at each look."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 10.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def watched(page: Page, stream: Any, *, step: float = 1.0, clock: Any = None) -> TokenWatch:
    return TokenWatch(stream, clock, None, display=page, now=Clock(step))


def test_the_items_are_passed_on_as_they_come() -> None:
    read: list[str] = []

    def stream() -> Iterator[Any]:
        for word in WORDS:
            read.append(word)
            yield chunk(word)

    items = iter(token_watch(stream()))
    assert next(items)[0].content == "It"
    assert read == ["It"]
    assert [item[0].content for item in items] == [" is", " sunny"]


def test_it_is_drawn_on_the_way_and_at_the_end_it_is_the_usual_picture() -> None:
    page = Page()
    watch = watched(page, iter(map(chunk, WORDS))).run()
    assert [text.split("\n")[0] for text in page.drawn[:3]] == [
        "nothing came",
        "1 item, in order of arrival",
        "2 items, in order of arrival",
    ]
    usual = token_timeline(iter(map(chunk, WORDS)))
    assert page.drawn[-1] == usual.text() == watch.text()
    assert watch.html() == usual.html()
    assert watch.moments == usual.moments


def test_fast_items_are_not_drawn_one_by_one() -> None:
    page = Page()
    watched(page, iter(map(chunk, WORDS * 100)), step=0.02).run()
    assert 10 < len(page.drawn) < 100
    assert page.drawn[-1].startswith("300 items")


def test_with_a_clock_it_knows_the_time_to_the_first_token() -> None:
    page = Page()
    watched(page, iter(map(chunk, WORDS)), clock=Clock(0.25)).run()
    assert "the first after 0.25 s" in page.drawn[-1]


def test_an_asynchronous_stream_is_watched_as_well() -> None:
    async def stream() -> AsyncIterator[Any]:
        for word in WORDS:
            yield chunk(word)

    async def play() -> None:
        for given in (stream(), iter(map(chunk, WORDS))):
            page = Page()
            watch = watched(page, given)
            assert [item[0].content async for item in watch] == WORDS
            assert page.drawn[-1] == watch.text()

    asyncio.run(play())


def test_what_came_before_a_pause_is_drawn_during_the_pause() -> None:
    class Waited(Page):
        def update(self, view: Any) -> None:
            super().update(view)
            if view.text().startswith("2 items"):
                drawn.set()

    drawn = asyncio.Event()

    async def stream() -> AsyncIterator[Any]:
        yield chunk("It")
        yield chunk(" is")
        await drawn.wait()
        yield chunk(" sunny")

    async def play() -> None:
        async with asyncio.timeout(10):
            watch = watched(Waited(), stream(), step=0.0)
            assert [item[0].content async for item in watch] == WORDS

    asyncio.run(play())


def test_where_nobody_looks_it_is_drawn_once_at_the_end() -> None:
    page = Page()
    watch = TokenWatch(iter(map(chunk, WORDS)), None, None, live=False, display=page, now=Clock(1.0)).run()
    watch._ipython_display_()
    assert page.drawn == [token_timeline(iter(map(chunk, WORDS))).text()]


def test_an_asynchronous_stream_in_a_plain_loop_is_refused() -> None:
    async def stream() -> AsyncIterator[Any]:
        yield chunk("It")

    with pytest.raises(ViewTypeError, match="async for"):
        token_watch(stream()).run()


def test_a_stream_that_breaks_leaves_the_picture_of_what_came() -> None:
    def stream() -> Iterator[Any]:
        yield chunk("It")
        raise ConnectionError("dropped")

    page = Page()
    with pytest.raises(ConnectionError):
        watched(page, stream(), step=0.0).run()
    assert page.drawn[-1].startswith("1 item")


def test_a_loop_that_stops_early_leaves_the_picture_too() -> None:
    page = Page()
    items = iter(watched(page, iter(map(chunk, WORDS)), step=0.0))
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert page.drawn[-1].startswith("1 item")


def test_a_stream_comes_once() -> None:
    watch = token_watch(iter(map(chunk, WORDS))).run()
    with pytest.raises(ViewError, match="comes once"):
        watch.run()


def test_the_last_line_of_a_cell_does_not_show_it_twice() -> None:
    page = Page()
    watch = watched(page, iter(map(chunk, WORDS))).run()
    drawn = len(page.drawn)
    watch._ipython_display_()
    assert len(page.drawn) == drawn


def test_before_it_is_read_it_shows_that_nothing_came() -> None:
    page = Page()
    watched(page, [])._ipython_display_()
    assert page.drawn == ["nothing came"]
    token_watch([])._ipython_display_()


@pytest.mark.parametrize("wrong", ["text", None, 3, {}], ids=str)
def test_what_is_no_stream_is_refused(wrong: Any) -> None:
    with pytest.raises(ViewTypeError, match="token_watch"):
        token_watch(wrong)
