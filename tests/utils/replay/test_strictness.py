from __future__ import annotations

import pytest

from tests.utils.replay.talks import assistant, called, result, system, user
from utils.replay.matching import Heard
from utils.replay.strictness import Defect, defect

TWO = assistant("", called("a"), called("b"))


@pytest.mark.parametrize(
    "history",
    [
        (user("hi"),),
        (system("Be brief."), user("hi"), assistant("hello"), user("bye")),
        (user("hi"), TWO, result("1", "a"), result("2", "b")),
        (user("hi"), TWO, result("2", "b"), result("1", "a"), assistant("done"), user("more")),
        (
            user("hi"),
            assistant("", called("a")),
            result("1", "a"),
            assistant("", called("a")),
            result("2", "a"),
        ),
    ],
    ids=["a question", "a talk", "all calls answered", "in another order", "an id used again later"],
)
def test_every_provider_accepts(history: tuple[Heard, ...]) -> None:
    assert defect(history) is None


@pytest.mark.parametrize(
    ("history", "found"),
    [
        ((), Defect("no messages", 0)),
        ((user("hi"), TWO), Defect("unanswered", 1, ("a", "b"))),
        ((user("hi"), TWO, result("1", "a")), Defect("unanswered", 1, ("b",))),
        ((user("hi"), TWO, result("1", "a"), user("so?"), result("2", "b")), Defect("unanswered", 1, ("b",))),
        ((user("hi"), result("1", "a")), Defect("unexpected", 1, ("a",))),
        ((user("hi"), assistant("hello"), result("1", "a")), Defect("unexpected", 2, ("a",))),
        ((user("hi"), TWO, result("1", "x")), Defect("unknown", 2, ("x",))),
        ((user("hi"), TWO, result("1", "")), Defect("unknown", 2, ("",))),
        ((user("hi"), TWO, result("1", "a"), result("2", "a")), Defect("doubled", 3, ("a",))),
        ((user("hi"), assistant("", called("a"), called("a"))), Defect("doubled", 1, ("a", "a"))),
    ],
    ids=[
        "nothing",
        "no call answered",
        "one call not answered",
        "a question in between",
        "an answer to nothing",
        "an answer to text",
        "an unknown id",
        "no id",
        "an id answered twice",
        "an id asked twice",
    ],
)
def test_a_provider_refuses(history: tuple[Heard, ...], found: Defect) -> None:
    assert defect(history) == found


def test_where_calls_need_tools_a_request_without_any_is_refused() -> None:
    history = (user("hi"), TWO, result("1", "a"), result("2", "b"))
    assert defect(history, ("search",)) is None
    assert defect(history, ()) == Defect("no tools", 1)
    assert defect((user("hi"), assistant("hello")), ()) is None
    assert defect(history) is None
