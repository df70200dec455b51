"""Pictures that run a graph are for people: they do no exercise's work, wherever they are called from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from utils.errors import ExerciseError
from utils.lab.lab import Lab, StudentError
from utils.questions import asking
from utils.views import approval_card, checkpoint_explorer, token_watch
from utils.views.pending import Stop, code_for, open_calls, read_stop

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


@EACH
def test_a_thread_with_an_empty_context_is_asked_as_well(view: str) -> None:
    with asking(), ThreadPoolExecutor() as pool, pytest.raises(ExerciseError):
        pool.submit(Context().run, VIEWS[view]).result()


@pytest.mark.parametrize(
    "work",
    [
        lambda: read_stop(graph().get_state(CONFIG)),
        lambda: open_calls([]),
        lambda: code_for(Stop("nothing", ("action",)), {}),
    ],
)
def test_what_a_card_rests_on_does_no_exercise_s_work_either(work: Callable[[], Any]) -> None:
    work()
    with asking(), ThreadPoolExecutor() as pool, pytest.raises(ExerciseError):
        pool.submit(work).result()


def test_a_card_that_was_made_before_does_nothing_for_a_check() -> None:
    card = approval_card(graph(), CONFIG)
    with asking():
        card.refresh()
    assert "does for a person what this function is to do itself" in card.problem
    card.refresh()
    assert not card.problem
