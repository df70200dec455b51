"""What axe finds in what a notebook shows: its outputs and its texts, not JupyterLab's own frame."""

from __future__ import annotations

import json
from dataclasses import dataclass

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

SHOWN = (".jp-Notebook .jp-OutputArea-output", ".jp-Notebook .jp-MarkdownOutput")
BAD = ("serious", "critical")
# Links in texts have a colour and no line: JupyterLab's themes dress them, for every notebook there is.
THEIRS = ("link-in-text-block",)
_HTML = 300


@dataclass(frozen=True, slots=True)
class Finding:
    """One element that breaks one rule."""

    rule: str
    impact: str
    target: str
    html: str
    help: str

    def __str__(self) -> str:
        return f"{self.rule} ({self.impact})\n  {self.target}\n  {self.html}\n  {self.help}"


def scan(page: Page) -> list[Finding]:
    """Everything that axe finds, of whatever weight."""
    context = json.dumps({"include": [[place] for place in SHOWN if page.locator(place).count()]})
    # JupyterLab's body has no height, and hides what flows over: axe would take everything for hidden.
    page.evaluate("document.body.style.height = '100vh'")
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate(f"axe.run({context}, {{resultTypes: ['violations']}})")
    return [
        Finding(
            rule["id"],
            str(node.get("impact") or rule["impact"]),
            " ".join(map(str, node["target"])),
            node["html"][:_HTML],
            node["failureSummary"].replace("\n", " "),
        )
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def bad(page: Page) -> list[Finding]:
    """What axe calls serious or critical, and a notebook can do something about."""
    return [found for found in scan(page) if found.impact in BAD and found.rule not in THEIRS]
