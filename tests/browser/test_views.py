"""The views with buttons, in the hands of a person: by mouse, by keyboard, and without the buttons."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from tests.browser.axe import bad
from tests.browser.conftest import Writing, name_of
from tests.browser.jupyterlab import THEMES, Notebook, opened
from tests.browser.server import Server

pytestmark = pytest.mark.browser

WIDGETS = "**/@jupyter-widgets/**"
"""the addresses of the script that draws buttons"""
BUTTONS = ("Approve", "Send edited arguments", "Reject", "Answer instead")
NO_ARGUMENTS = {
    "{'query': 'oslo'}": "use double quotes, as JSON does",
    '["oslo"]': "this is a list",
    "": "line 1, column 1",
}
"""what somebody may type there, and what the card says"""
SF = "The current weather in San Francisco is mostly sunny"
OSLO = "It is 3.4°C in Oslo"

HUMAN = """
import sqlite3
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from utils import setup
from utils.agent import Agent
from utils.views import approval_card

kit = setup("04_human_in_the_loop")
file = sqlite3.connect("FILE.db", check_same_thread=False)
saver = SqliteSaver(file)
graph = Agent(kit.model(), [kit.search()], saver, interrupt_before=["action"]).graph
config = {"configurable": {"thread_id": "1"}}
"""
ASK = 'state = graph.invoke({"messages": [HumanMessage("What is the weather in PLACE?")]}, config)'
CARD = "card = approval_card(graph, config)\ncard"
TOLD = """
import json
print(json.dumps([
    [message.type, message.text, [call["args"] for call in getattr(message, "tool_calls", [])]]
    for message in graph.get_state(config).values["messages"]
]))
"""

PAST = """
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from utils import setup
from utils.agent import Agent
from utils.views import checkpoint_explorer, checkpoint_tree

kit = setup("01_persistence")
graph = Agent(kit.model(), [kit.search()], InMemorySaver()).graph
config = {"configurable": {"thread_id": "1"}}
for question in ("What is the weather in sf?", "What about in la?"):
    state = graph.invoke({"messages": [HumanMessage(question)]}, config)
"""
EXPLORER = "explorer = checkpoint_explorer(graph, config)\nexplorer"
TREE = "checkpoint_tree(graph.get_state_history(config))"
THREADS = 'print([len(s.values["messages"]) for s in graph.get_state_history(config) if not s.next])'

HELD = """
import itertools, socket, threading
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from utils import setup
from utils.agent import Agent
from utils.replay.conversation import Fault
from utils.replay.fixtures import fixture_of, load_scenario
from utils.views.live import TokenWatch

kit = setup("01_persistence")
session = kit.server.open(load_scenario(fixture_of("persistence")), patience=600)
session.break_next("answer", Fault(kind="stall", after=5))
graph = Agent(ChatOpenAI(model="gpt-4o", base_url=session.url + kit.provider.path), [kit.search()]).graph

def let_go():
    door.accept()[0].close()
    session.release()

door = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=let_go, daemon=True).start()
print(door.getsockname()[1])
"""
"""a model that says five pieces of its answer, and the rest when somebody knocks at a door"""
READ = """
question = {"messages": [HumanMessage("What is the weather in sf?")]}
# A clock on which each look is a second later: every piece is drawn.
later = itertools.count().__next__
for message, about in TokenWatch(graph.stream(question, stream_mode="messages"), None, None, now=later):
    if about["langgraph_node"] == "llm" and message.text:
        print(message.text, end="|", flush=True)
"""

HUMAN_AT, ASK_AT, CARD_AT, TOLD_AT = range(4)


@pytest.fixture
def waiting(written: Writing, request: pytest.FixtureRequest) -> Callable[..., Notebook]:
    """A notebook in which a search waits before it is run, and a card shows it."""

    def write(place: str = "sf") -> Notebook:
        human = HUMAN.replace("FILE", name_of(request)).strip()
        notebook = written(human, ASK.replace("PLACE", place), CARD, TOLD)
        for number in (HUMAN_AT, ASK_AT, CARD_AT):
            notebook.run_cell(number)
        return notebook

    return write


def button(where: Locator, name: str) -> Locator:
    return where.get_by_role("button", name=name, exact=True)


def messages(notebook: Notebook, told: int = TOLD_AT) -> list[tuple[str, str, list[dict[str, str]]]]:
    """The messages of the thread, as the kernel has them: type, text, arguments of its calls."""
    notebook.run_cell(told)
    return [tuple(row) for row in json.loads(notebook.output(told).inner_text())]


def go_on_with_tab(notebook: Notebook, target: Locator) -> None:
    """Press Tab until the focus is on the target, as a person without a mouse does."""
    for _ in range(60):
        if target.evaluate("element => element === document.activeElement"):
            return
        notebook.page.keyboard.press("Tab")
    raise AssertionError("60 times Tab did not get there")


def write(notebook: Notebook, text: str) -> None:
    """Put a text into the field that has the focus, as from the clipboard.

    Of letters typed one by one, ipywidgets keeps all but the first back until the kernel has answered; a
    button that is pressed within that time, as no person does, would overtake them.
    """
    notebook.page.keyboard.insert_text(text)


# The approval card


def test_approving_runs_the_call_and_shows_the_answer(waiting: Callable[..., Notebook]) -> None:
    notebook = waiting()
    card = notebook.output(CARD_AT)
    button(card, "Approve").click()
    expect(card).to_contain_text(SF)
    expect(button(card, "Approve")).to_have_count(0)
    assert [kind for kind, _, _ in messages(notebook)] == ["human", "ai", "tool", "ai"]


def test_edited_arguments_are_the_ones_that_run(waiting: Callable[..., Notebook]) -> None:
    notebook = waiting("springfield")
    card = notebook.output(CARD_AT)
    query = {"query": "current weather in Springfield, Illinois"}
    card.get_by_role("textbox", name="Arguments").fill(json.dumps(query))
    button(card, "Send edited arguments").click()
    expect(card.locator("pre, textarea").first).to_have_value(json.dumps(query))
    expect(card).to_contain_text("update_state")
    button(card, "Approve").click()
    expect(card).to_contain_text("It is 11.2°C in Springfield, Illinois, with rain.")
    assert messages(notebook)[1][2] == [query]


def test_arguments_that_are_none_are_refused_with_the_reason(waiting: Callable[..., Notebook]) -> None:
    notebook = waiting()
    card = notebook.output(CARD_AT)
    field = card.get_by_role("textbox", name="Arguments")
    for typed, why in NO_ARGUMENTS.items():
        field.fill(typed)
        button(card, "Send edited arguments").click()
        expect(card.get_by_role("alert")).to_contain_text(why)
        expect(field).to_have_value(typed)
        expect(field).to_be_focused()
    asked = messages(notebook)
    assert [kind for kind, _, _ in asked] == ["human", "ai"]
    assert asked[1][2] == [{"query": "current weather in San Francisco"}]


def test_rejecting_tells_the_model_why(waiting: Callable[..., Notebook]) -> None:
    notebook = waiting()
    card = notebook.output(CARD_AT)
    card.get_by_role("textbox", name="Message").fill("not today")
    button(card, "Reject").click()
    expect(card).to_contain_text("I have not searched; all I know is what you told me.")
    assert ("tool", "not today", []) in messages(notebook)


def test_an_answer_in_place_of_the_tools_is_what_the_model_gets(waiting: Callable[..., Notebook]) -> None:
    notebook = waiting()
    card = notebook.output(CARD_AT)
    card.get_by_role("textbox", name="Message").fill("San Francisco: hail, -2°C.")
    button(card, "Answer instead").click()
    expect(card).to_contain_text("It is hailing in San Francisco, at -2°C. Take a hard hat.")
    assert ("tool", "San Francisco: hail, -2°C.", []) in messages(notebook)


def test_after_a_restart_of_the_kernel_what_waited_can_be_approved(
    waiting: Callable[..., Notebook],
) -> None:
    notebook = waiting()
    notebook.restart_kernel()
    notebook.run_cell(HUMAN_AT)
    notebook.run_cell(CARD_AT)
    card = notebook.output(CARD_AT)
    button(card, "Approve").click()
    expect(card).to_contain_text(SF)
    assert [kind for kind, _, _ in messages(notebook)] == ["human", "ai", "tool", "ai"]


def test_the_card_is_used_by_keyboard_alone(waiting: Callable[..., Notebook]) -> None:
    notebook = waiting()
    card, press = notebook.output(CARD_AT), notebook.page.keyboard.press
    press("Escape")
    go_on_with_tab(notebook, card.get_by_role("textbox", name="Message"))
    write(notebook, "not today")
    go_on_with_tab(notebook, button(card, "Reject"))
    press("Enter")
    expect(card).to_contain_text("I have not searched; all I know is what you told me.")
    expect(button(card, "Look again")).to_be_focused()


# The explorer


@pytest.fixture
def explored(written: Writing) -> Callable[..., Notebook]:
    """A notebook with a conversation of two questions, and the explorer of its checkpoints."""

    def write() -> Notebook:
        notebook = written(PAST, EXPLORER, THREADS)
        notebook.run_cell(0)
        notebook.run_cell(1)
        return notebook

    return write


def option(explorer: Locator, name: str) -> Locator:
    return explorer.get_by_role("option", name=re.compile(rf"\b{name}\s"))


def test_a_fork_by_mouse_asks_something_else_and_keeps_the_old_branch(
    explored: Callable[..., Notebook],
) -> None:
    notebook = explored()
    explorer = notebook.output(1)
    option(explorer, "c4").click()
    expect(explorer.locator(".kit-chosen")).to_contain_text("c4")
    explorer.get_by_role("textbox", name="Question").fill("What about in oslo?")
    button(explorer, "Fork here: ask this").click()
    expect(explorer).to_contain_text("2 branches")
    expect(explorer.locator(".kit-chosen")).to_contain_text(OSLO)
    notebook.run_cell(2)
    assert notebook.output(2).inner_text().strip() == "[8, 8, 4]"


def test_a_fork_by_keyboard_alone(explored: Callable[..., Notebook]) -> None:
    notebook = explored()
    explorer, press = notebook.output(1), notebook.page.keyboard.press
    press("Escape")
    # Not by the list's arrow keys: JupyterLab takes them for its own, and selects the next cell.
    go_on_with_tab(notebook, explorer.get_by_role("listbox", name="Checkpoint"))
    press("Home")
    expect(explorer.locator(".kit-chosen")).to_contain_text("c0")
    go_on_with_tab(notebook, button(explorer, "Later"))
    for chosen in ("c1", "c2", "c3", "c4"):
        press("Enter")
        expect(explorer.locator(".kit-chosen")).to_contain_text(f"{chosen} step")
    go_on_with_tab(notebook, explorer.get_by_role("textbox", name="Question"))
    write(notebook, "What about in oslo?")
    go_on_with_tab(notebook, button(explorer, "Fork here: ask this"))
    press("Enter")
    expect(explorer).to_contain_text("2 branches")
    expect(explorer.locator(".kit-chosen")).to_contain_text(OSLO)


def test_a_fork_without_a_question_is_refused_with_the_reason(explored: Callable[..., Notebook]) -> None:
    notebook = explored()
    explorer = notebook.output(1)
    button(explorer, "Fork here: ask this").click()
    expect(explorer.get_by_role("alert")).to_contain_text("write what is to be asked")
    expect(explorer.get_by_role("textbox", name="Question")).to_be_focused()
    notebook.run_cell(2)
    assert notebook.output(2).inner_text().strip() == "[8, 4]"


def test_enter_in_the_question_asks_it_and_what_came_is_said_below_the_button(
    explored: Callable[..., Notebook],
) -> None:
    notebook = explored()
    explorer = notebook.output(1)
    option(explorer, "c4").click()
    expect(explorer.locator(".kit-chosen")).to_contain_text("c4")
    question = explorer.get_by_role("textbox", name="Question")
    question.fill("What about in oslo?")
    explorer.get_by_role("textbox", name="Values").focus()
    expect(explorer).not_to_contain_text("2 branches")
    question.press("Enter")
    expect(explorer).to_contain_text("2 branches")
    expect(explorer.get_by_role("status")).to_contain_text("Done")
    expect(explorer.get_by_role("status")).to_have_count(1)
    above, said, below = (
        one.bounding_box() or {}
        for one in (
            button(explorer, "Fork here: ask this"),
            explorer.get_by_role("status"),
            explorer.get_by_role("textbox", name="Values"),
        )
    )
    assert above["y"] + above["height"] <= said["y"]
    assert said["y"] + said["height"] <= below["y"]


# Where no button can be drawn


@pytest.fixture(scope="module")
def bare(browser: BrowserContext, server: Server) -> Iterator[Notebook]:
    """A notebook with an explorer and a card, in a page of its own that does not get the widgets' script."""
    human = HUMAN.replace("FILE", "bare").strip()
    path = server.write("bare", (PAST, EXPLORER, human, ASK.replace("PLACE", "sf"), CARD, TOLD))
    with opened(browser, server, path, without=WIDGETS) as notebook:
        for number in range(5):
            notebook.run_cell(number)
        yield notebook


def test_without_the_widgets_script_the_card_is_read_and_decided_by_code(bare: Notebook) -> None:
    card = bare.output(4)
    expect(card.get_by_role("region", name=re.compile("^Approval, thread 1: 1 call waits"))).to_be_visible()
    expect(card).to_contain_text("current weather in San Francisco")
    for name in BUTTONS:
        expect(button(card, name)).to_have_count(0)
    card.get_by_text("As code").click()
    expect(card.get_by_text("graph.invoke(None, config)").first).to_be_visible()
    assert [kind for kind, _, _ in messages(bare, told=5)] == ["human", "ai"]


def test_without_the_widgets_script_the_explorer_is_a_picture(bare: Notebook) -> None:
    explorer = bare.output(1)
    expect(explorer.get_by_role("region", name="Checkpoints of thread 1: 10 checkpoints")).to_be_visible()
    expect(explorer.get_by_role("button")).to_have_count(0)
    expect(explorer.get_by_role("listbox")).to_have_count(0)


# Pictures of what comes, and of who asked when


def test_tokens_are_drawn_as_they_arrive_and_not_at_the_end(written: Writing) -> None:
    notebook = written(HELD, READ)
    notebook.run_cell(0)
    door = int(notebook.output(0).last.inner_text().split()[-1])
    notebook.start_cell(1)
    cell = notebook.cell(1)
    expect(cell).to_contain_text("The| current| weather| in| San|")
    drawn = cell.get_by_role("region", name=re.compile(r"^Timeline of a stream: \d+ items"))
    expect(drawn).to_be_visible()
    held = drawn.get_attribute("aria-label")
    expect(notebook.prompt(1)).to_have_text("[*]:")
    socket.create_connection(("127.0.0.1", door)).close()
    expect(notebook.prompt(1)).to_have_text(re.compile(r"^\[\d+\]:$"))
    expect(cell).to_contain_text("mph|.|")
    expect(drawn).not_to_have_attribute("aria-label", held or "")
    assert "Francisco|" in cell.inner_text()


def test_calls_side_by_side_are_a_picture_with_a_name_and_a_text(written: Writing) -> None:
    notebook = written(PAST, "from utils.views import gantt\ngantt(kit.requests())")
    notebook.run_all()
    shown = notebook.output(1)
    expect(shown.get_by_role("region", name="Calls side by side: 4 calls")).to_be_visible()
    expect(shown.get_by_role("img", name=re.compile("^Calls side by side"))).to_be_visible()
    text = shown.locator("pre")
    expect(text).not_to_be_visible()
    shown.get_by_text("As text").click()
    expect(text).to_contain_text("4 calls, at most 1 open at once; took 4 rounds, all calls together 4")


NAMED = """
from types import SimpleNamespace
from utils.views import gantt

def asked(name):
    return SimpleNamespace(kind="search", opened_at=0, finished_at=1, args={"query": name})

gantt([asked(name) for name in NAMES])
"""
NAMES = (
    ("current weather in Amsterdam", "current weather in Oslo"),
    ("CURRENT WEATHER IN AMSTERDAM, NL", "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW", "日本" * 30, "0123456789" * 4),
)


def test_no_letter_of_a_drawing_is_cut(written: Writing) -> None:
    notebook = written(*(NAMED.replace("NAMES", repr(names)) for names in NAMES))
    notebook.run_all()
    for number, names in enumerate(NAMES):
        drawn = notebook.output(number).locator("svg.kit-svg text")
        expect(drawn.first).to_be_visible()
        boxes = drawn.evaluate_all("all => all.map(one => [one.getBBox().x, one.getBBox().width])")
        assert len(boxes) > len(names)
        assert all(x >= 0 and x + wide <= 760 for x, wide in boxes), boxes
    assert NAMES[0][0] in notebook.output(0).locator("svg.kit-svg text").all_text_contents()


# All can be read by everybody


RING = """element => {
  element.focus();
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  const reach = parseFloat(style.outlineWidth) + parseFloat(style.outlineOffset);
  const cut = [];
  let ground = '';
  for (let around = element.parentElement; around; around = around.parentElement) {
    const its = getComputedStyle(around), room = around.getBoundingClientRect();
    ground ||= its.backgroundColor.startsWith('rgb(') ? its.backgroundColor : '';
    if (around.classList.contains('jp-OutputArea-output')) break;
    if (its.overflowX === 'visible' && its.overflowY === 'visible') continue;
    if (box.top - reach < room.top || box.bottom + reach > room.bottom
        || box.left - reach < room.left || box.right + reach > room.right) cut.push(around.className);
  }
  const {outlineColor: colour, outlineWidth: wide, outlineStyle: kind} = style;
  return {tag: element.tagName, cut, ground, colour, wide, kind};
}"""


def contrast(one: str, other: str) -> float:
    """How far two colours of a page are apart, as WCAG counts it."""

    def light(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_who_has_the_focus_is_seen_whole_in_both_themes(written: Writing) -> None:
    notebook = written(HUMAN.replace("FILE", "ring"), ASK.replace("PLACE", "sf"), CARD, PAST, EXPLORER)
    notebook.run_all()
    button(notebook.output(CARD_AT), "Approve").wait_for()
    notebook.output(4).get_by_role("listbox").wait_for()
    for theme in THEMES:
        notebook.use_theme(theme)
        notebook.page.keyboard.press("Tab")
        for number in (CARD_AT, 4):
            controls = (
                notebook.output(number).locator(".kit-touch").locator("button, input, textarea, select")
            )
            shown = [one for one in controls.all() if one.is_enabled() and one.is_visible()]
            assert len(shown) > 6
            for one in shown:
                ring = one.evaluate(RING)
                assert (ring["cut"], ring["kind"], ring["wide"]) == ([], "solid", "2px"), (theme, ring)
                assert contrast(ring["colour"], ring["ground"]) >= 3, (theme, ring)


def test_axe_finds_nothing_serious_in_the_views_in_both_themes(written: Writing) -> None:
    notebook = written(HUMAN.replace("FILE", "axe"), ASK.replace("PLACE", "sf"), CARD, PAST, EXPLORER)
    notebook.run_all()
    button(notebook.output(CARD_AT), "Approve").wait_for()
    notebook.output(4).get_by_role("listbox").wait_for()
    for theme in THEMES:
        notebook.use_theme(theme)
        found = bad(notebook.page)
        assert not found, f"{theme}\n\n" + "\n\n".join(map(str, found))
