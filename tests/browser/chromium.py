"""The browser: Debian's chromium or whatever else there is of it, without a window and without a network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = f"none of {', '.join(NAMES)} is on PATH: apt-get install chromium"
PATIENCE = 180_000
"""milliseconds after which a step has failed; none takes as long, however busy the machine is"""
_WORDS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> str | None:
    """The program, or ``None`` where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def needed() -> str:
    """The program; where there is none the test is skipped, and fails on CI."""
    program = find()
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return program


@contextmanager
def browsing(program: str, home: Path) -> Iterator[BrowserContext]:
    """A browser with a fresh profile; it ends with the block. Its pages share what they load."""
    # Chromium refuses root its sandbox; the pages it is shown here are our own.
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    words = [*_WORDS, *(["--no-sandbox"] if as_root else [])]
    environment: Mapping[str, str] = {**os.environ, "HOME": str(home), "TMPDIR": str(home)}
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, headless=True, args=words, env=dict(environment)
        )
        try:
            context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
            context.set_default_timeout(PATIENCE)
            yield context
        finally:
            browser.close()
