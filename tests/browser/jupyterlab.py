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
    APIRequestContext,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    expect,
)

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


class Notebook:
    """One notebook in one page of its own, with a kernel of its own."""

    def __init__(self, page: Page, server: Server, path: str) -> None:
        self.page, self.server, self.path = page, server, path
        self.complaints: list[str] = []
        """what the page's scripts wrote as errors, or raised"""
        self.elsewhere: list[str] = []
        """addresses beyond this server that the page asked for"""
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._see)

    def open(self) -> None:
        """Open the notebook as from a link, and wait until its cells are there and its kernel is idle."""
        cells = len(nbformat.read(self.server.folder / self.path, as_version=4).cells)
        self.page.goto(f"{self.server.address}/lab/tree/{self.path}?token={self.server.token}&reset")
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
        self.page.wait_for_function(_DONE)
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
        self.page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")

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
        FAILED.mkdir(parents=True, exist_ok=True)
        path = FAILED / f"{self.path.replace('/', '-').removesuffix('.ipynb')}.png"
        self.page.screenshot(path=path)
        return str(path)

    def _red(self) -> list[str]:
        shown = self.page.locator(".jp-Notebook .jp-OutputArea-output")
        return shown.and_(self.page.locator(f"[data-mime-type='{_STDERR}']")).all_inner_texts()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def _see(self, request: Request) -> None:
        if not request.url.startswith((f"{self.server.address}/", "data:", "blob:")):
            self.elsewhere.append(request.url)


@contextmanager
def opened(browser: BrowserContext, server: Server, path: str, *, without: str = "") -> Iterator[Notebook]:
    """A notebook, opened in a page of its own; its kernel ends with the block.

    The page does not get what it loads from addresses that match `without`.
    """
    server.forget_theme()
    notebook = Notebook(browser.new_page(), server, path)
    if without:
        notebook.page.route(without, lambda route: route.abort())
    try:
        notebook.open()
        yield notebook
    except Exception:
        notebook.keep()
        raise
    finally:
        notebook.page.close()
        _end_kernels(browser.request, server)


def _end_kernels(request: APIRequestContext, server: Server) -> None:
    headers = {"Authorization": f"token {server.token}"}
    sessions = f"{server.address}/api/sessions"
    for session in request.get(sessions, headers=headers).json():
        request.delete(f"{sessions}/{session['id']}", headers=headers)
