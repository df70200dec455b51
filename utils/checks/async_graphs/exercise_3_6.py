"""Exercise 3.6, "Several streams as one": judged item by item, on streams that a check feeds by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from utils.checks.async_graphs.gates import PATIENCE
from utils.checks.async_graphs.lab import Case, check
from utils.checks.registry import Words, expect, fail
from utils.lab.lab import Lab, Ref, StudentError
from utils.views.plain import plural

QUIET = 0.1
"""seconds in which nothing may come"""
SILENCE = 3600.0
"""seconds of silence that nobody waits for: the event loop's clock is put forward"""
BROKE = "StreamBroke"
"""what a stream raises that a check breaks"""
FALSE = (None, 0, "")
"""items that are not true"""


class Merged:
    """``interleave`` on streams that a check feeds by hand; as a context manager the reading is stopped."""

    broken = False
    """whether a stream has raised an error, so that one is expected"""
    left = 0
    """how many tasks still ran when the reading had been stopped"""

    def __init__(self, lab: Lab, names: Sequence[str]) -> None:
        self._lab = lab
        self._feeds = {name: lab.make("feed", label="feed") for name in names}
        streams = {
            name: lab.make("stream_of", feed, label=f"{name}'s stream") for name, feed in self._feeds.items()
        }
        called = f"interleave({{{', '.join(f'{name!r}: …' for name in names)}}})"
        if lab.part("is_coroutine_function", lab.get("interleave"), called=called):
            # With streams it would be awaited to its end, which nobody has put into them.
            lab.call("interleave", {})
            self._no_generator(Words("a coroutine function: async def without yield"))
        try:
            items = lab.call("interleave", streams)
        finally:
            lab.last_call = called
        reader = lab.part("reader", items)
        if not isinstance(reader, Ref):
            self._no_generator(items)
        self._reader = reader

    def _no_generator(self, got: Any) -> NoReturn:
        fail(
            "interleave must be an asynchronous generator.",
            got=got,
            expected="async def with yield: what it returns is read by async for",
            why="Items are to be had while the streams still run; a list would come when all is over.",
        )

    def __enter__(self) -> Merged:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        called = self._lab.last_call
        self.left = self.stop()
        if error is not None:  # the card shows the call that went wrong, not this one
            self._lab.last_call = called

    def put(self, name: str, *items: Any, end: bool = False, error: str = "") -> None:
        self.broken = self.broken or bool(error)
        self._lab.part("put", self._feeds[name], *items, end=end, error=error)

    def take(self, patience: float = PATIENCE) -> Mapping[str, Any]:
        """Return what comes next: ``item``, ``ended`` or, for a stream's own error, ``raised``."""
        called = "the next item of interleave(streams)"
        try:
            told = self._lab.part("take", self._reader, patience, called=called)
        except StudentError as error:
            if not self.broken:
                raise
            return {"raised": f"{error.type}: {error.message}", "type": error.type}
        return told if isinstance(told, Mapping) else {}

    def be_silent(self) -> Mapping[str, Any]:
        """Return what comes while no stream says anything, for however long."""
        if told := self.take(QUIET):
            return told
        self._lab.part("pass_time", SILENCE)
        return self.take(QUIET)

    def expect_the_end(self) -> None:
        told = self.take()
        expect(
            told.get("ended") is True,
            "After the end of all streams there must be an end.",
            got=Words(f"an item: {told['item']!r}" if "item" in told else "it waits"),
            expected="the end",
            why=(
                "A stream may end a while after its last item. Whoever waits at the queue by then never "
                "learns of it, unless a mark comes as the last item."
            ),
        )

    def expect_next(self, name: str, item: Any, why: str) -> None:
        told = self.take()
        pair = told.get("item")
        expect(
            isinstance(pair, list | tuple) and list(pair) == [name, item],
            "The item that has just arrived must come next, with the name of its stream.",
            got=came(told),
            expected=repr((name, item)),
            why=why,
        )

    def stop(self) -> int:
        """Read no further; how many tasks still run then."""
        left = self._lab.part(
            "stop_reading", self._reader, PATIENCE, called="aclose() of interleave(streams)"
        )
        return left if isinstance(left, int) else 0


def came(told: Mapping[str, Any]) -> Any:
    """Return what ``take`` gave, for a card."""
    if "item" in told:
        return told["item"]
    return Words("the end" if told.get("ended") else told.get("raised", "nothing came"))


def expect_the_error(told: Mapping[str, Any], words: str) -> None:
    """Fail unless the reader got the error that a stream has raised."""
    raised = told.get("raised", "")
    expect(
        not raised or (told.get("type") == BROKE and words in raised),
        "interleave must raise the stream's own error, and another one came.",
        got=Words(raised),
        expected=f"{BROKE}: {words}, as the stream raised it",
        why=(
            "A TaskGroup puts errors into an ExceptionGroup, and raise … from … makes a new one: whoever "
            "catches the stream's error does not find it then."
        ),
    )
    expect(
        bool(raised),
        "When a stream raises, interleave must raise that error, and at once.",
        got=came(told),
        expected=f"{BROKE}: {words}, as the stream raised it",
        why=(
            "A task keeps its error to itself until somebody awaits it. Whoever waits at the queue for "
            "the mark of a task that failed waits for ever: put the mark in finally, then await the task."
        ),
    )


@check("3.6", points=0.5, title="items come as they arrive, with the name of their stream")
def yields_as_they_arrive(lab: Lab, case: Case) -> None:
    silent, second, third = (city.name for city in case.cities[:3])
    with Merged(lab, [silent, second, third]) as merged:
        for number, name in enumerate((second, second, third, second, third, third)):
            merged.put(name, f"{case.word} {number}")
            merged.expect_next(
                name,
                f"{case.word} {number}",
                "Who takes turns, or waits for all streams, is held up by the one that says nothing.",
            )
        for name in (silent, second, third):
            merged.put(name, end=True)
        merged.expect_the_end()


@check("3.6", points=1, title="nothing is lost when a stream is silent, and the end comes after all ends")
def loses_nothing(lab: Lab, case: Case) -> None:
    first, second, third = (city.name for city in case.cities[:3])
    with Merged(lab, []) as empty:
        ended = empty.take().get("ended")
    expect(
        ended is True,
        "Without streams there is nothing to wait for: the end comes at once.",
        got="it goes on",
        expected="the end",
        why="Whoever loops over it would wait for ever.",
    )
    with Merged(lab, [first, second, third]) as merged:
        merged.put(second, end=True)
        quiet = merged.take(QUIET)
        expect(
            not quiet,
            "One stream has ended without an item and the others are silent: now there is nothing to yield.",
            got=Words("the end came" if quiet.get("ended") else f"an item came: {quiet.get('item')!r}"),
            expected="it waits for the others",
            why="The end of one stream is not the end of all.",
        )
        quiet = merged.be_silent()
        expect(
            not quiet,
            "Silence was taken for the end: the other streams were silent for long, and had not ended.",
            got=came(quiet),
            expected="it waits, for as long as it takes",
            why="A model may think for a minute. Only the end of a stream is its end; no time-out is needed.",
        )
        # The stream that is read first is silent for longest.
        merged.put(third, *(f"{case.word} {n}" for n in range(3)), end=True)
        merged.put(first, case.word)
        told: list[tuple[Any, ...]] = []
        while len(told) < 4 and "item" in (next_one := merged.take()):
            item = next_one["item"]
            told.append(tuple(item) if isinstance(item, list | tuple) else (item,))
        true = [*((third, f"{case.word} {n}") for n in range(3)), (first, case.word)]
        expect(
            len(told) == 4
            and [pair for pair in told if pair != true[-1]] == true[:-1]
            and told.count(true[-1]) == 1,
            "All items must come, those of one stream in their order.",
            got=told,
            expected=f"{true}, the last one at any place",
            why=(
                "Who waits for a silent stream holds up the others; who cancels such a wait, as "
                "asyncio.wait_for(anext(…)) does, ends the stream, and what it yields later is lost."
            ),
        )
        merged.put(first, case.word, *FALSE)
        merged.expect_next(first, case.word, "A stream that was silent for long still counts.")
        for item in FALSE:
            merged.expect_next(
                first,
                item,
                "None, 0 and empty text are items like all others: only an object of your own marks the end.",
            )
        # It ends a while after its last item: then somebody waits for a further one already.
        merged.take(QUIET)
        merged.put(first, end=True)
        merged.expect_the_end()


@check("3.6", points=1, title="an error in a stream is raised to the reader")
def passes_errors_on(lab: Lab, case: Case) -> None:
    silent, broken = (city.name for city in case.cities[:2])
    with Merged(lab, [silent, broken]) as merged:
        merged.put(broken, case.word, error=case.other)
        merged.expect_next(broken, case.word, "What came before the error is not lost.")
        expect_the_error(merged.take(), case.other)


@check("3.6", points=0.5, title="whoever stops reading, or is stopped by an error, leaves nothing running")
def leaves_nothing_running(lab: Lab, case: Case) -> None:
    first, second, third = (city.name for city in case.cities[:3])
    for error in ("", case.other):
        with Merged(lab, [first, second, third]) as merged:
            merged.put(second, case.word)
            merged.expect_next(second, case.word, "Nobody can stop in the middle of what does not begin.")
            told: Mapping[str, Any] = {}
            if error:
                merged.put(second, error=error)
                told = merged.take()
        expect(
            merged.left == 0,
            "When the reading ends early, nothing may go on in the background.",
            got=Words(
                f"{plural(merged.left, 'task')} still in work after {'an error' if error else 'aclose()'}"
            ),
            expected="every task is cancelled in the generator's finally",
            why=(
                "A task that nobody reads waits for ever and keeps its stream open; Python complains at "
                "the end: Task was destroyed but it is pending!"
            ),
        )
        expect(
            not error or "raised" in told,
            "A stream has raised an error, and the reading did not end.",
            got=came(told),
            expected="the stream's error, and no task that still runs",
            why="Only what has ended can leave nothing behind.",
        )
