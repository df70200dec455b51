"""What ``utils.views`` offers, and what it must not know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from utils import views

MODULES = sorted(Path(views.__file__).parent.glob("*.py"))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_everything_offered_is_there_and_sorted() -> None:
    assert all(hasattr(views, name) for name in views.__all__)
    assert views.__all__ == sorted(views.__all__)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_view_knows_http_or_the_rest_of_the_kit(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kit = ("utils.views", "utils.observed", "utils.results", "utils.errors", "utils.questions")
    for name in imported(tree):
        assert name.split(".")[0] not in {
            "http",
            "urllib",
            "socket",
            "aiohttp",
            "httpx",
            "requests",
            "grader",
        }
        assert not name.startswith("utils") or name.startswith(kit)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_view_imports_langgraph_before_it_needs_it(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
    assert not [name for name in imported(top) if name.startswith(("langgraph", "langchain", "IPython"))]
