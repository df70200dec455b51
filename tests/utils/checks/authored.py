"""A solution notebook as tests use it: what it gives, what it solves, and the examples that it prints."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import inspect
import io
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from grader.release.notebook import read
from grader.release.stubs import stubbed

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_FENCE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Authored:
    """The parts of a solution notebook."""

    imports: str
    """what its cells import, whether they are run here or not"""
    given: tuple[str, ...]
    """cells that the examples rely on"""
    exercises: Mapping[str, str]
    """the cells that solve an exercise, by its number"""
    examples: Mapping[str, str]
    """the examples that an exercise's text prints, by its number"""
    points: Mapping[str, int]
    """what the table at the top says"""

    @classmethod
    def read(cls, path: Path) -> Authored:
        cells = read(path, path.name).cells
        exercises = {
            tag.removeprefix("exercise:"): cell.source
            for cell in cells
            for tag in cell.tags
            if tag.startswith("exercise:")
        }
        tasks = {cell.id.removeprefix("task-").replace("-", "."): cell.source for cell in cells}
        return cls(
            imports="\n".join(_imports(cell.source) for cell in cells if cell.kind == "code"),
            given=tuple(cell.source for cell in cells if "given" in cell.tags),
            exercises=exercises,
            examples={n: "\n".join(_FENCE.findall(tasks.get(n, ""))) for n in exercises},
            points={
                number: int(points)
                for number, points in re.findall(
                    r"^\| (\d+\.\d+) \|.*\| (\d+) \|$", cells[0].source, re.MULTILINE
                )
            },
        )

    def solved(self, *numbers: str) -> dict[str, Any]:
        """A namespace with the reference's solutions of some exercises; of all, if none is named."""
        return self._namespace({n: self.exercises[n] for n in numbers or self.exercises})

    def untouched(self) -> dict[str, Any]:
        """A namespace as the released lab leaves it: every exercise a stub."""
        return self._namespace({number: stubbed(source) for number, source in self.exercises.items()})

    def _namespace(self, sources: Mapping[str, str]) -> dict[str, Any]:
        names: dict[str, Any] = {}
        for where, source in [("imports", self.imports), *sources.items()]:
            exec(compile(source, f"<{where}>", "exec", dont_inherit=True), names)
        return names


def _imports(source: str) -> str:
    try:
        body = ast.parse(source).body
    except SyntaxError:  # a cell with a magic, or an await
        return ""
    return "\n".join(ast.unparse(node) for node in body if isinstance(node, ast.Import | ast.ImportFrom))


@dataclass
class Player:
    """Runs cells and printed examples as a notebook would, on one loop."""

    names: dict[str, Any]
    loop: asyncio.AbstractEventLoop

    def cell(self, source: str) -> str:
        """What a cell prints."""
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            self._run(_compiled(source, "exec"))
        return printed.getvalue()

    def example(self, text: str) -> list[str]:
        """What is wrong with the examples in a text: nothing, if all print what they say."""
        return [
            f">>> {example.source}expected:\n{example.want}got:\n{got}"
            for example in doctest.DocTestParser().get_examples(text)
            if not self._as_printed(example, got := self._outcome(example))
        ]

    def _as_printed(self, example: doctest.Example, got: str) -> bool:
        wanted = example.exc_msg if example.exc_msg is not None else example.want
        return doctest.OutputChecker().check_output(wanted, got, FLAGS)

    def _outcome(self, example: doctest.Example) -> str:
        code = _compiled(example.source, "single")
        display = sys.displayhook
        sys.displayhook = self._show
        try:
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                self._run(code)
        except Exception as error:
            error.__notes__ = []  # LangGraph's note on a task holds its random id
            return "".join(traceback.format_exception_only(error))
        finally:
            sys.displayhook = display
        return printed.getvalue()

    def _show(self, value: object) -> None:
        if value is not None:
            print(repr(value))

    def _run(self, code: CodeType) -> None:
        result = eval(code, self.names)
        if inspect.iscoroutine(result):
            self.loop.run_until_complete(result)

    def awaited(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """An async function as one that an example without ``await`` can call."""
        if not inspect.iscoroutinefunction(work):
            return work
        return lambda *args, **kwargs: self.loop.run_until_complete(work(*args, **kwargs))


def _compiled(source: str, mode: str) -> CodeType:
    """Code as a notebook compiles it: with top-level await, without this module's own future imports."""
    code: CodeType = compile(source, "<cell>", mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return code
