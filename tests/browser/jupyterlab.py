"""What a person does in JupyterLab, and what is on the screen then.

Nothing here waits for a time to pass: each step ends when the page shows that it is done.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import nbformat
from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
    expect,
)

from tests.browser.chromium import PATIENCE
from tests.browser.kernels import Kernels
from tests.browser.server import ROOT, Server

Theme = Literal["JupyterLab Light", "JupyterLab Dark"]
THEMES: tuple[Theme, ...] = ("JupyterLab Light", "JupyterLab Dark")
FAILED = ROOT / "build" / "failed"
# JupyterLab shows tracebacks in the same way as what was written to stderr.
_STDERR = "application/vnd.jupyter.stderr"
_TRACEBACK = "Traceback (most recent call last)"
_IDLE = "Python 3 (ipykernel) | Idle"
_ACTIVE = re.compile(r"\bjp-mod-active\b")
_DONE = r"""() => {
  const cells = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell')];
  const prompts = cells.map(cell => cell.querySelector('.jp-InputArea-prompt').textContent.trim());
  const stderr = '.jp-Notebook [data-mime-type="application/vnd.jupyter.stderr"]';
  const red = [...document.querySelectorAll(stderr)];
  const failed = red.some(output => output.textContent.includes('Traceback (most recent call last)'));
  if (prompts.some(prompt => prompt === '[*]:')) return false;
  return prompts.every(prompt => /^\[\d+\]:$/.test(prompt)) || failed;
}"""


class Watch:
    """What goes on in a page without being seen."""

    def __init__(self, page: Page, server: Server) -> None:
        self.complaints: list[str] = []
        """what the page's scripts wrote as errors, or raised"""
        self.elsewhere: list[str] = []
        """addresses beyond this server that the page asked for"""
        self._page, self._ours = page, (f"{server.address}/", "data:", "blob:")
        page.on("console", self._hear)
        page.on("pageerror", self._see_error)
        page.on("request", self._see_request)

    def end(self) -> None:
        """Look away: another notebook comes."""
        self._page.remove_listener("console", self._hear)
        self._page.remove_listener("pageerror", self._see_error)
        self._page.remove_listener("request", self._see_request)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def _see_error(self, error: Error) -> None:
        self.complaints.append(str(error))

    def _see_request(self, request: Request) -> None:
        if not request.url.startswith(self._ours):
            self.elsewhere.append(request.url)


class Notebook:
    """The one notebook that is open in a page."""

    def __init__(self, page: Page, server: Server, path: str, *watches: Watch) -> None:
        self.page, self.server, self.path = page, server, path
        self.failed = False
        """whether a test with it has failed"""
        self._watches = watches

    @property
    def complaints(self) -> list[str]:
        """What scripts wrote as errors, or raised, while JupyterLab was loaded and since this was opened."""
        return [complaint for watch in self._watches for complaint in watch.complaints]

    @property
    def elsewhere(self) -> list[str]:
        """Addresses beyond this server that were asked for in that time."""
        return [address for watch in self._watches for address in watch.elsewhere]

    def wait_until_there(self) -> None:
        """Wait until all cells are there and the kernel is idle."""
        cells = len(nbformat.read(self.server.folder / self.path, as_version=4).cells)
        expect(self.page.locator(".jp-Notebook .jp-Cell")).to_have_count(cells)
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        # The notebook's own indicator says idle before there is a kernel, too.
        expect(self.page.locator("#jp-main-statusbar").get_by_text(_IDLE)).to_be_visible()

    def menu(self, *labels: str) -> None:
        """Choose from the menu bar: its entry, then what is below it."""
        self.page.get_by_role("menuitem", name=labels[0], exact=True).click()
        for label in labels[1:]:
            # An entry that opens another menu has no role of its own in JupyterLab.
            wanted = re.compile(f"^{re.escape(label)}$")
            self.page.locator(".lm-Menu-itemLabel").filter(has_text=wanted).click()

    def run_all(self) -> None:
        """Run all cells that have not been run, and wait for the last, or for the first error."""
        self.menu("Run", "Run All Cells")
        # By itself playwright looks at every frame, and keeps the browser busy with that.
        self.page.wait_for_function(_DONE, polling=250, timeout=2 * PATIENCE)
        self.wait_until_idle()

    def start_cell(self, number: int) -> None:
        """Run one cell, without waiting for its end."""
        # Not by a click: a card above that is drawn anew meanwhile would move the cell away from the mouse.
        self.cell(number).locator(".cm-content").focus()
        expect(self.cell(number)).to_have_class(_ACTIVE)
        self.page.keyboard.press("Control+Enter")

    def run_cell(self, number: int) -> None:
        """Run one cell to its end. It must not have been run since the kernel started."""
        self.start_cell(number)
        expect(self.prompt(number)).to_have_text(re.compile(r"^\[\d+\]:$"))
        self.wait_until_idle()

    def restart_kernel(self) -> None:
        """Restart the kernel and clear all outputs; the cells have no number then."""
        self.menu("Kernel", "Restart Kernel and Clear Outputs of All Cells…")
        self.page.get_by_role("button", name="Confirm Kernel Restart").click()
        expect(self.page.locator(".jp-Notebook .jp-OutputArea-output")).to_have_count(0)
        self.page.wait_for_function(
            """() => [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')]
                     .every(prompt => prompt.textContent.trim() === '[ ]:')"""
        )
        self.wait_until_idle()

    def use_theme(self, theme: Theme) -> None:
        """Choose a theme in the menu, and wait until the page has it."""
        self.menu("Settings", "Theme", theme)
        wait_for_theme(self.page, theme)

    def cell(self, number: int) -> Locator:
        """A cell, counted from 0."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def prompt(self, number: int) -> Locator:
        return self.cell(number).locator(".jp-InputArea-prompt")

    def output(self, number: int) -> Locator:
        """All that a cell shows."""
        return self.cell(number).locator(".jp-OutputArea-output")

    def errors(self) -> list[str]:
        """Tracebacks that the notebook shows."""
        return [text for text in self._red() if _TRACEBACK in text]

    def warnings(self) -> list[str]:
        """What cells wrote to stderr."""
        return [text for text in self._red() if _TRACEBACK not in text]

    def keep(self) -> str:
        """Keep a picture of the page for whoever looks for the reason of a failure; where it is."""
        self.failed = True
        FAILED.mkdir(parents=True, exist_ok=True)
        path = FAILED / f"{self.path.replace('/', '-').removesuffix('.ipynb')}.png"
        self.page.screenshot(path=path)
        return str(path)

    def _red(self) -> list[str]:
        shown = self.page.locator(".jp-Notebook .jp-OutputArea-output")
        return shown.and_(self.page.locator(f"[data-mime-type='{_STDERR}']")).all_inner_texts()


def wait_for_theme(page: Page, theme: Theme) -> None:
    """Wait until the page has a theme, and is not hidden any more as it is while it gets one."""
    page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
    page.locator("#jupyterlab-splash").wait_for(state="detached")


@contextmanager
def opened(browser: BrowserContext, server: Server, path: str, *, without: str = "") -> Iterator[Notebook]:
    """A notebook, opened as from a link in a page of its own; its kernel ends with the block.

    The page does not get what it loads from addresses that match `without`.
    """
    server.forget_theme()
    page = browser.new_page()
    notebook = Notebook(page, server, path, Watch(page, server))
    if without:
        page.route(without, lambda route: route.abort())
    try:
        page.goto(f"{server.address}/lab/tree/{path}?token={server.token}&reset")
        notebook.wait_until_there()
        yield notebook
    except Exception:
        notebook.keep()
        raise
    finally:
        page.close()
        Kernels(browser.request, server).end_of(path)
