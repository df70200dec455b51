"""One JupyterLab and one browser for the tests of this folder, and one notebook at a time on a page."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext

from tests.browser import chromium
from tests.browser.desk import Desk
from tests.browser.jupyterlab import Notebook
from tests.browser.server import Server, serving

Writing = Callable[..., Notebook]
PAGES = pytest.StashKey[list[Notebook]]()


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A browser; where there is none its tests are skipped, and fail on CI."""
    program = chromium.needed()
    with chromium.browsing(program, tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory, browser: BrowserContext) -> Iterator[Server]:
    """JupyterLab on a copy of labs and solutions; not started where there is no browser."""
    # Scripts of the page may then give its commands.
    with serving(tmp_path_factory.mktemp("jupyterlab"), "--LabApp.expose_app_in_browser=True") as started:
        yield started


@pytest.fixture(scope="package")
def reading(browser: BrowserContext, server: Server) -> Desk:
    """The page for notebooks that tests only look at."""
    return Desk(browser, server)


@pytest.fixture(scope="package")
def writing(browser: BrowserContext, server: Server) -> Desk:
    """Another page, for notebooks that tests have written: both kinds may be open at once."""
    return Desk(browser, server)


@pytest.fixture(scope="package")
def ran(request: pytest.FixtureRequest, reading: Desk) -> Iterator[Notebook]:
    """A notebook (the test's parameter) after *Run All Cells*; tests that only look at it share the run."""
    with reading.opened(request.param) as notebook:
        notebook.run_all()
        yield notebook


def name_of(request: pytest.FixtureRequest) -> str:
    """The test's name, and its parameters', as a file may be called."""
    return re.sub(r"\W+", "-", request.node.name).strip("-")


@pytest.fixture
def written(server: Server, writing: Desk, request: pytest.FixtureRequest) -> Iterator[Writing]:
    """Write a notebook with these cells and open it; its kernel knows of no other notebook."""
    pages = request.node.stash.setdefault(PAGES, [])
    with contextlib.ExitStack() as stack:

        def write(*cells: str) -> Notebook:
            path = server.write(name_of(request), cells)
            pages.append(stack.enter_context(writing.opened(path, warm=True)))
            return pages[-1]

        yield write


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Keep a picture of the pages of a test that failed."""
    report = yield
    if report.when == "call" and report.failed:
        shared = [value for value in item.funcargs.values() if isinstance(value, Notebook)]
        kept = [page.keep() for page in (*shared, *item.stash.get(PAGES, []))]
        report.sections.append(("pictures of the page", "\n".join(kept)))
    return report
