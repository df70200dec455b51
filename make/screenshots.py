"""Take the pictures of `docs/` again: a lab, approval card, explorer and studio, in a real JupyterLab.

Notebooks are copies in a temporary folder, opened by the browser of the tests; only pictures are written.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat
from playwright.sync_api import BrowserContext

from tests.browser import chromium
from tests.browser.jupyterlab import Notebook, opened
from tests.browser.server import Server, serving

DOCS = Path(__file__).resolve().parent.parent / "docs"
LAB = "labs/01_persistence.ipynb"
MOST_BYTES = 200_000

ANSWERED = '''def ask(agent, thread_id: str, text: str) -> str:
    """The text of the answer to one question on a thread."""
    state = agent.invoke({"messages": [HumanMessage(text)]}, {"configurable": {"thread_id": thread_id}})
    return state["messages"][-1].content'''
"""what most write first: half right"""

MAKING = """from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from utils import setup, views
from utils.agent import Agent

kit = setup("01_persistence")
graph = Agent(kit.model(), [kit.search()], InMemorySaver(){more}).graph
thread = {{"configurable": {{"thread_id": "trip"}}}}
for question in {questions}:
    state = graph.invoke({{"messages": [HumanMessage(question)]}}, thread)
"""
WAITING = MAKING.format(more=', interrupt_before=["action"]', questions='["What is the weather in sf?"]')
TALKING = MAKING.format(more="", questions='["What is the weather in sf?", "What about in la?"]')
FORKED = """ended = [snapshot for snapshot in graph.get_state_history(thread) if not snapshot.next]
after_sf = ended[-1]
state = graph.invoke({"messages": [HumanMessage("What about in oslo?")]}, after_sf.config)
"""
APPROVAL = "views.approval_card(graph, thread)"
EXPLORER = "views.checkpoint_explorer(graph, thread)"
STUDIO = """view = views.studio(graph, thread).decide("approve")
view.select("c1").edit(1, "What is the weather in Oslo?").fork()
view"""

Taking = Callable[[BrowserContext, Server, Path], None]


def take_lab(browser: BrowserContext, server: Server, target: Path) -> None:
    """Take lab 1, in light: an answer that is half right, and what its check says."""
    path = server.folder / LAB
    lab = nbformat.read(path, as_version=4)
    number = next(n for n, cell in enumerate(lab.cells) if cell.id == "ex-1-2")
    lab.cells[number].source = ANSWERED
    nbformat.write(lab, path)
    with opened(browser, server, LAB) as notebook:
        notebook.run_all()
        top = "cell => cell.scrollIntoView({block: 'start'})"
        notebook.cell(number).evaluate(top)
        # Where the mouse rests, JupyterLab marks what is below it.
        notebook.page.mouse.move(0, 0)
        notebook.page.screenshot(path=target)


def take_card(browser: BrowserContext, server: Server, target: Path) -> None:
    """Take the approval card, in light."""
    with opened(browser, server, server.write("card", [WAITING, APPROVAL])) as notebook:
        notebook.run_all()
        notebook.output(1).get_by_role("button", name="Approve", exact=True).wait_for()
        take_output(notebook, 1, target)


def take_explorer(browser: BrowserContext, server: Server, target: Path) -> None:
    """Take the explorer with a branch, in dark."""
    with opened(browser, server, server.write("explorer", [TALKING + FORKED, EXPLORER])) as notebook:
        notebook.run_all()
        notebook.use_theme("JupyterLab Dark")
        listed = notebook.output(1).get_by_role("listbox", name="Checkpoint")
        listed.select_option(label=next(filter(_is_c4, listed.get_by_role("option").all_inner_texts())))
        notebook.output(1).get_by_text(re.compile("^c4$")).wait_for()
        take_output(notebook, 1, target)


def take_studio(browser: BrowserContext, server: Server, target: Path) -> None:
    """Take the studio with two branches and a call that waits, in light."""
    with opened(browser, server, server.write("studio", [WAITING, STUDIO])) as notebook:
        notebook.page.set_viewport_size({"width": 1480, "height": 1300})
        notebook.run_all()
        notebook.output(1).get_by_role("button", name="Approve", exact=True).wait_for()
        take_output(notebook, 1, target, ".kit-studio")


def _is_c4(line: str) -> bool:
    return re.search(r"\bc4\b", line) is not None


def take_output(notebook: Notebook, number: int, target: Path, frame: str = ".kit-touch") -> None:
    """Take what one cell shows, and nothing around it."""
    shown = notebook.output(number).locator(frame).first
    # Nothing is below the mouse, and nothing has the focus.
    notebook.page.mouse.move(0, 0)
    notebook.page.evaluate("document.activeElement.blur()")
    shown.screenshot(path=target)


PICTURES: dict[str, Taking] = {
    "lab.png": take_lab,
    "approval.png": take_card,
    "explorer-dark.png": take_explorer,
    "studio.png": take_studio,
}


def main(names: Sequence[str] = ()) -> int:
    """Take the pictures, or those that are named, and return the exit code."""
    program = chromium.find()
    if program is None:
        print(f"No pictures without a browser: {chromium.MISSING}", file=sys.stderr)
        return 1
    if unknown := set(names) - set(PICTURES):
        print(
            f"No such picture: {', '.join(sorted(unknown))}; there are {', '.join(PICTURES)}", file=sys.stderr
        )
        return 2
    too_big = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "browser")
        home.mkdir()
        with serving(Path(folder)) as server, chromium.browsing(program, home) as browser:
            for name in names or PICTURES:
                PICTURES[name](browser, server, DOCS / name)
                size = (DOCS / name).stat().st_size
                print(f"docs/{name}: {size // 1000} kB")
                too_big += [name] if size > MOST_BYTES else []
    if too_big:
        print(f"Too big for a page that is read on a phone: {', '.join(too_big)}", file=sys.stderr)
    return 1 if too_big else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
