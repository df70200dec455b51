"""`studio` as a notebook calls it: with its kit's questions, and with words for what nobody recorded."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from utils import studio
from utils.agent import Agent
from utils.notebook import kit as kits
from utils.notebook.kit import Kit
from utils.notebook.studio import questions

CONFIG = {"configurable": {"thread_id": "1"}}


def test_what_the_kit_answers_is_offered_and_answered(setup_here: Callable[..., Kit]) -> None:
    kit = setup_here()
    view = studio(Agent(kit.model(), [kit.search()], InMemorySaver()), CONFIG)
    assert view.questions[0] == "What is the weather in sf?"
    assert "What should I pack for Kyoto?" in view.questions
    assert "mostly sunny" in view.ask(view.questions[0]).talk_html()


def test_what_nobody_recorded_is_told_in_a_sentence_and_leaves_nothing(
    setup_here: Callable[..., Kit],
) -> None:
    kit = setup_here()
    agent = Agent(kit.model(), [kit.search()], InMemorySaver())
    view = studio(agent, CONFIG).ask("Who painted the Mona Lisa?")
    assert view.problem.startswith("No recorded answer")
    assert "Error" not in view.problem
    assert list(agent.graph.get_state_history(CONFIG)) == []


def test_without_setup_nothing_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kits._Current, "kit", None)
    assert questions() == ()
