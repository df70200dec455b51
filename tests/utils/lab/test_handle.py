"""The side that lives with the student's objects: every question has an answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from utils.lab import handle as handles
from utils.lab.handle import Handle
from utils.lab.plain import MAX_MESSAGE


class Box:
    """An object with a bit of everything."""

    def __init__(self) -> None:
        self.items = {"a": [1, 2]}

    def add(self, number: int, *, twice: bool = False) -> int:
        return number + 1 + twice

    async def later(self, number: int) -> int:
        await asyncio.sleep(0)
        return number + 1


def count(to: int) -> Any:
    yield from range(to)


async def acount(to: int) -> Any:
    for number in range(to):
        yield number


class Items:
    """Async iterable, but no iterator."""

    def __aiter__(self) -> Any:
        return acount(1)


def breaks(message: str) -> None:
    raise ValueError(message)


NAMESPACE: dict[str, Any] = {
    "box": Box(),
    "Box": Box,
    "count": count,
    "acount": acount,
    "Items": Items,
    "breaks": breaks,
    "number": 5,
    "same": lambda value: value,
    "kind": lambda value: type(value).__name__,
}


@pytest.fixture
def ask() -> Any:
    """Asks one handle, each question crossing as JSON, all on one loop."""
    handle = Handle(
        NAMESPACE,
        {"make": Box, "echo": lambda *args, **kwargs: [list(args), kwargs], "one": lambda graph: graph},
    )
    with asyncio.Runner() as runner:

        def ask(op: str, target: Any = None, **more: Any) -> Any:
            target = {"name": target} if isinstance(target, str) else target
            question = json.loads(json.dumps({"op": op, "target": target, **more}))
            return json.loads(json.dumps(runner.run(handle.answer(question))))

        yield ask


def test_a_name_is_got(ask: Any) -> None:
    assert ask("get", "number") == {"value": 5}
    assert ask("get", "box", path=["items", ["a"], [1]]) == {"value": 2}


def test_a_name_that_is_not_there_is_missing(ask: Any) -> None:
    assert ask("get", "nothing") == ask("call", "nothing") == {"missing": "nothing"}


def test_functions_and_methods_are_called(ask: Any) -> None:
    assert ask("call", "same", args=[{"$tuple": [1, "a"]}]) == {"value": {"$tuple": [1, "a"]}}
    assert ask("call", {"name": "box", "method": "add"}, args=[1], kwargs={"twice": True}) == {"value": 3}
    assert ask("call", {"name": "box", "method": "later"}, args=[1]) == {"value": 2}
    assert ask("call", {"kit": "echo"}, args=[1], kwargs={"a": 2}) == {"value": [[1], {"a": 2}]}


def test_objects_stay_and_are_used_by_their_number(ask: Any) -> None:
    assert ask("call", "Box") == {"value": {"$object": 1, "type": "Box"}}
    assert ask("call", {"kit": "make"}) == {"value": {"$object": 2, "type": "Box"}}
    assert ask("call", {"ref": 1, "method": "add"}, args=[1]) == {"value": 2}
    assert ask("call", "kind", args=[{"$object": 2}]) == {"value": "Box"}
    assert ask("call", "kind", args=[{"$message": {"type": "human", "text": "hi"}}]) == {
        "value": "HumanMessage"
    }


def test_a_closed_object_is_gone(ask: Any) -> None:
    ask("call", "Box")
    ask("call", "Box")
    assert ask("close", {"ref": 1}) == {"value": None}
    assert ask("get", {"ref": 1}) == {"bad": "no object 1 is kept"}
    assert ask("close", {"ref": 1}) == {"value": None}
    assert ask("end", calls=[]) == {"value": None}
    assert ask("get", {"ref": 2}) == {"bad": "no object 2 is kept"}


@pytest.mark.parametrize("name", ["count", "acount"])
def test_iterators_are_pulled_item_by_item(ask: Any, name: str) -> None:
    ask("call", name, args=[2])
    answers = [ask("next", {"ref": 1}) for _ in range(4)]
    assert answers == [{"value": 0}, {"value": 1}, {"end": True}, {"end": True}]


@pytest.mark.parametrize("name", ["count", "acount"])
def test_a_closed_iterator_ends(ask: Any, name: str) -> None:
    ended = []

    def watched() -> Any:
        try:
            yield 1
        finally:
            ended.append("sync")

    async def awatched() -> Any:
        try:
            yield 1
        finally:
            ended.append("async")

    NAMESPACE["watched"] = watched if name == "count" else awatched
    ask("call", "watched")
    assert ask("next", {"ref": 1}) == {"value": 1}
    assert ask("close", {"ref": 1}) == {"value": None}
    assert len(ended) == 1


def test_an_async_iterable_is_iterated(ask: Any) -> None:
    ask("call", "Items")
    assert ask("next", {"ref": 1}) == {"value": 0}


def test_what_is_no_iterator_has_no_next(ask: Any) -> None:
    ask("call", "Box")
    assert ask("next", {"ref": 1})["error"]["type"] == "TypeError"


def test_calls_of_a_gather_run_at_the_same_time(ask: Any) -> None:
    all_here = asyncio.Barrier(3)

    async def meet(name: str) -> str:
        await all_here.wait()
        return name

    NAMESPACE["meet"] = meet
    calls = [{"target": {"name": "meet"}, "args": [name]} for name in "abc"]
    assert ask("gather", calls=calls) == {"values": [{"value": name} for name in "abc"]}


def test_a_call_of_a_gather_that_fails_harms_no_other(ask: Any) -> None:
    calls = [{"target": {"name": name}, "args": ["x"]} for name in ("breaks", "same", "nothing")]
    error, value, missing = ask("gather", calls=calls)["values"]
    assert (error["error"]["message"], value, missing) == ("x", {"value": "x"}, {"missing": "nothing"})


def test_an_error_has_type_bases_message_and_trace(ask: Any) -> None:
    names: dict[str, Any] = {}
    exec(compile("def deep(n):\n    return deep(n - 1) if n else 1 / 0\n", "<cell>", "exec"), names)
    NAMESPACE["deep"] = names["deep"]
    error = ask("call", "deep", args=[5])["error"]
    assert error["type"] == "ZeroDivisionError"
    assert error["bases"][:2] == ["ZeroDivisionError", "ArithmeticError"]
    assert error["message"] == "division by zero"
    assert error["trace"] == [{"function": "deep", "line": 2, "source": ""}] * 3


def test_a_long_message_is_cut(ask: Any) -> None:
    assert len(ask("call", "breaks", args=["x" * 10_000])["error"]["message"]) == MAX_MESSAGE


def test_what_cannot_be_called_is_an_error_of_the_student_s_side(ask: Any) -> None:
    assert ask("call", "number")["error"]["type"] == "TypeError"
    assert ask("call", {"name": "box", "method": "nothing"})["error"]["type"] == "AttributeError"


@pytest.mark.parametrize(
    ("op", "target"),
    [
        ("dance", "box"),
        ("call", {"ref": 99}),
        ("call", {"odd": 1}),
        ("call", {"name": 7}),
    ],
    ids=["an operation", "an object", "a target", "a name"],
)
def test_a_question_of_an_odd_form_is_the_asker_s_fault(ask: Any, op: str, target: Any) -> None:
    assert set(ask(op, target)) == {"bad"}


@pytest.mark.parametrize(
    ("part", "args", "told"),
    [
        ("nothing", [], "the kit has no part 'nothing'"),
        (
            "one",
            [],
            "the kit's part 'one' does not take these arguments: missing a required argument: 'graph'",
        ),
        ("one", [1, 2], "the kit's part 'one' does not take these arguments: too many positional"),
    ],
    ids=["no part", "too few arguments", "too many arguments"],
)
def test_a_part_that_does_not_fit_is_told_apart(ask: Any, part: str, args: list[Any], told: str) -> None:
    assert ask("call", {"kit": part}, args=args)["unfit"].startswith(told)


def test_old_objects_are_let_go_when_there_are_too_many(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handles, "MAX_KEPT", 3)
    for _ in range(4):
        ask("call", "Box")
    assert set(ask("get", {"ref": 1})) == {"bad"}
    assert set(ask("get", {"ref": 4})) == {"value"}


def test_a_cancelled_question_is_cancelled() -> None:
    async def run() -> bool:
        waits = asyncio.Event()
        handle = Handle({"wait": waits.wait}, {})
        task = asyncio.ensure_future(handle.answer({"op": "call", "target": {"name": "wait"}}))
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return True
        return False

    assert asyncio.run(run())
