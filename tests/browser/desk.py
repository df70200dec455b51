"""One page with JupyterLab, on which notebooks are opened one after the other: to load it costs seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.jupyterlab import THEMES, Notebook, Watch, wait_for_theme
from tests.browser.kernels import Kernels
from tests.browser.server import Server

# All this goes through JupyterLab's own commands, as its menus and links do.
_IS_THERE = "() => window.jupyterapp && document.querySelector('#jp-main-statusbar')"
_BE_LIGHT = f"""async () => {{
  await window.jupyterapp.restored;
  await window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{THEMES[0]}'}});
}}"""
_OPEN = """async path => {
  const panel = await window.jupyterapp.commands.execute('docmanager:open', {path, factory: 'Notebook'});
  await panel.revealed;
  await panel.sessionContext.ready;
}"""
# What was run has changed the notebook, and JupyterLab would ask whether that is to be saved.
_CLOSE = """() => {
  const panels = [...window.jupyterapp.shell.widgets('main')].filter(panel => panel.sessionContext);
  for (const panel of panels) {
    panel.context.model.dirty = false;
    panel.close();
  }
}"""
_DO = """async ([id, code]) => {
  const kernel = window.jupyterapp.serviceManager.kernels.connectTo({model: {id, name: 'python3'}});
  const reply = await kernel.requestExecute({code, silent: true}).done;
  kernel.dispose();
  return reply.content.status;
}"""
_FORGET = "from ipywidgets import Widget; Widget.close_all(); get_ipython().reset(new_session=False)"


class Desk:
    """The page, and a kernel that is warm."""

    def __init__(self, browser: BrowserContext, server: Server) -> None:
        self._browser, self._server = browser, server
        self._kernels = Kernels(browser.request, server)
        self._loaded: tuple[Page, Watch] | None = None
        self._kernel = ""

    @contextmanager
    def opened(self, path: str, *, warm: bool = False) -> Iterator[Notebook]:
        """A notebook, the only one on the desk.

        Its kernel ends with the block. A `warm` one has run notebooks before: what they defined and showed is
        gone, what they imported need not be imported again.
        """
        page, loading = self._load()
        watch = Watch(page, self._server)
        page.evaluate(_BE_LIGHT)
        wait_for_theme(page, THEMES[0])
        notebook = Notebook(page, self._server, path, loading, watch)
        try:
            if warm:
                self._kernels.give(self._warmed(page, path), path)
            page.evaluate(_OPEN, path)
            notebook.wait_until_there()
            yield notebook
        except Exception:
            notebook.keep()
            raise
        finally:
            watch.end()
            if notebook.failed:
                self._clear()
            else:
                page.evaluate(_CLOSE)
                expect(page.locator(".jp-Notebook")).to_have_count(0)
            if not warm:
                self._kernels.end_of(path)

    def _load(self) -> tuple[Page, Watch]:
        if self._loaded is None:
            page = self._browser.new_page()
            loading = Watch(page, self._server)
            page.goto(f"{self._server.address}/lab?token={self._server.token}&reset")
            page.wait_for_function(_IS_THERE)
            loading.end()
            self._loaded = page, loading
        return self._loaded

    def _warmed(self, page: Page, path: str) -> str:
        if not self._kernel:
            self._kernel = self._kernels.start(path)
        assert page.evaluate(_DO, [self._kernel, _FORGET]) == "ok"
        return self._kernel

    def _clear(self) -> None:
        """Throw page and kernel away: nobody knows what a test that failed has left in them."""
        if self._loaded is not None:
            self._loaded[0].close()
            self._loaded = None
        if self._kernel:
            self._kernels.end(self._kernel)
            self._kernel = ""
