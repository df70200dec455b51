"""The studio in the hands of a person: ask, watch, decide, fork and compare, by mouse and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.axe import bad
from tests.browser.conftest import Writing
from tests.browser.jupyterlab import THEMES, Notebook

pytestmark = pytest.mark.browser

MADE = """
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from utils import setup, studio
from utils.agent import Agent
from utils.replay.conversation import Fault
from utils.replay.fixtures import fixture_of, load_scenario

kit = setup("04_human_in_the_loop")
session = kit.server.open(load_scenario(fixture_of("human_in_the_loop"), free=True), patience=600)
model = ChatOpenAI(model="gpt-4o", base_url=session.url + kit.provider.path)
agent = Agent(model, [kit.search()], InMemorySaver(), interrupt_before=["action"])
config = {"configurable": {"thread_id": "1"}}
"""
STUDIO = "studio(agent, config)"
STALL = 'session.break_next("answer", Fault(kind="stall", after=5))'
RELEASE = "session.release()"
TOLD = "print([(m.type, m.text) for m in agent.graph.get_state(config).values['messages']])"
COUNT = "print(len(list(agent.graph.get_state_history(config))))"
SF = "The current weather in San Francisco is mostly sunny"
MADE_AT, STUDIO_AT = range(2)


@pytest.fixture
def shown(written: Writing) -> Callable[..., Notebook]:
    """A notebook with the studio of a new thread, and further cells that were not run."""

    def write(*more: str) -> Notebook:
        notebook = written(MADE, STUDIO, *more)
        notebook.run_cell(MADE_AT)
        notebook.run_cell(STUDIO_AT)
        return notebook

    return write


def button(where: Locator, name: str) -> Locator:
    return where.get_by_role("button", name=name, exact=True)


def row(view: Locator, name: str) -> Locator:
    return view.locator(f'[data-row="{name}"]')


def ask(view: Locator, question: str = "What is the weather in sf?") -> None:
    view.get_by_role("combobox", name="Question").fill(question)
    button(view, "Ask").click()


def status(view: Locator) -> Locator:
    return view.get_by_role("status")


def test_a_run_is_watched_while_the_kernel_stays_free(shown: Callable[..., Notebook]) -> None:
    notebook = shown(STALL, RELEASE, TOLD)
    view = notebook.output(STUDIO_AT)
    notebook.run_cell(2)
    ask(view)
    expect(status(view)).to_contain_text("1 call waits at a breakpoint before action")
    expect(view.locator(".kit-node-waits")).to_contain_text("waits for you")
    button(view, "Approve").click()
    # The model has said five pieces and holds the rest back.
    expect(view.locator(".kit-live .kit-typing")).to_contain_text("The current weather")
    expect(view.locator(".kit-panel-talk .kit-use")).to_contain_text("gave back")
    expect(view.locator(".kit-node-running")).to_contain_text("llm")
    expect(status(view)).to_contain_text("Running llm")
    expect(button(view, "Ask")).to_be_disabled()
    notebook.run_cell(3)
    expect(status(view)).to_contain_text("Done")
    expect(view.locator(".kit-panel-talk")).to_contain_text(SF)
    expect(view.locator(".kit-node-running")).to_have_count(0)
    notebook.run_cell(4)
    expect(notebook.output(4)).to_contain_text(SF)
    assert not notebook.complaints
    assert not notebook.elsewhere


def test_two_studios_in_a_page_have_labels_of_their_own(shown: Callable[..., Notebook]) -> None:
    notebook = shown(STUDIO)
    notebook.run_cell(2)
    for view in (notebook.output(STUDIO_AT), notebook.output(2)):
        expect(view.get_by_role("combobox", name="Question")).to_be_visible()


def test_two_branches_are_made_and_compared(shown: Callable[..., Notebook]) -> None:
    notebook = shown()
    view = notebook.output(STUDIO_AT)
    ask(view)
    button(view, "Approve").click()
    expect(view.locator(".kit-panel-talk")).to_contain_text(SF)
    row(view, "c1").click()
    expect(view.locator(".kit-panel-talk")).not_to_contain_text(SF)
    view.get_by_text("Edit the state").click()
    view.get_by_role("textbox", name="New text").fill("What is the weather in Berlin?")
    button(view, "Fork here: write this message").click()
    expect(status(view)).to_contain_text("c5 is the newest checkpoint now")
    expect(view).to_contain_text("2 branches")
    button(view, "Run again from here").click()
    expect(view.get_by_role("textbox", name="Arguments")).to_have_value(re.compile("Berlin"))
    button(view, "Compare with this").click()
    row(view, "c2").click()
    compared = view.locator(".kit-panel-state")
    expect(compared).to_contain_text("c2 compared with c6")
    expect(compared).to_contain_text("San Francisco")
    expect(compared).to_contain_text("Berlin")
    shapes = {one.evaluate("one => one.firstElementChild.tagName") for one in view.locator(".kit-dot").all()}
    assert len(shapes) == 2


def test_a_question_that_nobody_can_answer_leaves_nothing_behind(shown: Callable[..., Notebook]) -> None:
    notebook = shown(COUNT)
    view = notebook.output(STUDIO_AT)
    ask(view, "Who painted the Mona Lisa?")
    expect(status(view)).to_contain_text("Nothing of this run was kept.")
    expect(status(view)).to_contain_text("Not done")
    expect(status(view)).not_to_contain_text("Error")
    notebook.run_cell(2)
    assert notebook.output(2).inner_text().strip() == "0"


def test_arguments_are_edited_and_a_call_is_rejected(shown: Callable[..., Notebook]) -> None:
    notebook = shown(TOLD)
    view = notebook.output(STUDIO_AT)
    ask(view, "What is the weather in springfield?")
    arguments = view.get_by_role("textbox", name="Arguments")
    arguments.fill("{'query': 'oslo'}")
    button(view, "Change the arguments").click()
    expect(status(view)).to_contain_text("Arguments, line 1, column 2")
    arguments.fill('{"query": "current weather in Springfield, Illinois"}')
    button(view, "Change the arguments").click()
    expect(status(view)).to_contain_text("Edited")
    button(view, "Approve").click()
    expect(view.locator(".kit-panel-talk")).to_contain_text("It is 11.2°C in Springfield, Illinois")
    ask(view)
    view.get_by_role("textbox", name="Reason or answer").fill("not today")
    button(view, "Reject").click()
    expect(view.locator(".kit-panel-talk")).to_contain_text("not today")
    notebook.run_cell(2)
    expect(notebook.output(2)).to_contain_text("('tool', 'not today')")


def go_on_with_tab(notebook: Notebook, target: Locator) -> None:
    """Press Tab until the focus is on the target, as a person without a mouse does."""
    for _ in range(60):
        if target.evaluate("element => element === document.activeElement"):
            return
        notebook.page.keyboard.press("Tab")
    raise AssertionError("60 times Tab did not get there")


def test_all_is_done_by_keyboard_alone(shown: Callable[..., Notebook]) -> None:
    notebook = shown()
    view, press = notebook.output(STUDIO_AT), notebook.page.keyboard.press
    press("Escape")
    go_on_with_tab(notebook, view.get_by_role("combobox", name="Question"))
    notebook.page.keyboard.insert_text("What is the weather in sf?")
    press("Enter")
    expect(status(view)).to_contain_text("1 call waits")
    go_on_with_tab(notebook, view.get_by_role("textbox", name="Reason or answer"))
    notebook.page.keyboard.insert_text("San Francisco: hail, -2°C.")
    go_on_with_tab(notebook, button(view, "Answer instead"))
    press("Enter")
    expect(view.locator(".kit-panel-talk")).to_contain_text("Take a hard hat.")
    newest = row(view, "c4")
    go_on_with_tab(notebook, newest)
    for chosen in ("c3", "c2", "c1"):
        press("ArrowUp")
        expect(row(view, chosen)).to_be_focused()
        expect(row(view, chosen)).to_have_attribute("aria-selected", "true")
    press("End")
    expect(newest).to_be_focused()
    go_on_with_tab(notebook, button(view, "Fork here: ask this"))
    expect(notebook.cell(STUDIO_AT)).to_have_class(re.compile("jp-mod-active"))


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_serious_in_it(shown: Callable[..., Notebook], theme: str) -> None:
    notebook = shown()
    view = notebook.output(STUDIO_AT)
    ask(view)
    expect(button(view, "Approve")).to_be_enabled()
    notebook.use_theme(theme)  # type: ignore[arg-type]
    found = bad(notebook.page)
    assert not found, "\n\n" + "\n\n".join(map(str, found))
