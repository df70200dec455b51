"""Pictures that run a graph are for people: they do no exercise's work, wherever they are called from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from utils.errors import ExerciseError
from utils.lab.lab import Lab, StudentError
from utils.questions import asking
from utils.views import approval_card, checkpoint_explorer, token_watch

CONFIG = {"configurable": {"thread_id": "1"}}
VIEWS: dict[str, Callable[[], Any]] = {
    "approval_card": lambda: approval_card(graph(), CONFIG).waiting,
    "checkpoint_explorer": lambda: checkpoint_explorer(graph(), CONFIG).selected,
    "token_watch": lambda: list(token_watch(iter(()))),
}
EACH = pytest.mark.parametrize("view", VIEWS)


def graph() -> Any:
    builder = StateGraph(MessagesState).add_node("quiet", lambda state: {})
    return builder.add_edge(START, "quiet").compile(checkpointer=InMemorySaver())


@EACH
def test_a_function_that_is_asked_is_told_to_do_it_itself(view: str, make_lab: Callable[..., Lab]) -> None:
    lab = make_lab({"work": VIEWS[view]})
    with pytest.raises(StudentError) as caught:
        lab.call("work")
    assert caught.value.type == "ExerciseError"
    assert f"{view}() does for a person what this function is to do itself" in caught.value.message


def test_a_generator_is_told_as_well(make_lab: Callable[..., Lab]) -> None:
    def works() -> Iterator[Any]:
        yield from token_watch(iter(()))

    lab = make_lab({"work": works})
    items = lab.call("work")
    with pytest.raises(StudentError, match="token_watch"):
        lab.next(items)


@EACH
def test_a_person_is_never_refused(view: str) -> None:
    with asking(), pytest.raises(ExerciseError):
        VIEWS[view]()
    VIEWS[view]()


def test_a_graph_s_worker_threads_are_asked_by_the_same_check() -> None:
    with asking(), ThreadPoolExecutor() as pool, pytest.raises(ExerciseError):
        pool.submit(copy_context().run, VIEWS["approval_card"]).result()
