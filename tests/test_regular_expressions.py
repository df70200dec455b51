"""No regular expression of the kit or the grader takes more than linear time, whatever text it is given.

They see what students, or their programs, wrote. While ``re`` works no other thread of the process does.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from grader.submissions.patterns import _lab_pattern
from tests.linear import CannotTell, problems
from utils.checks.registry import load_checks, slug_of
from utils.replay.scrubbing import Scrubber

ROOT = Path(__file__).resolve().parent.parent
BUILT = {
    "grader.submissions.patterns._lab_pattern": [_lab_pattern("01_persistence")],
    "utils.replay.scrubbing.__init__": [Scrubber(["sk-Key/1+_%"])._pattern],
    "utils.mistakes.mistake": [
        mistake.text
        for path in (ROOT / "solutions").glob("0[1-9]_*.ipynb")
        for exercise in load_checks(slug_of(path.stem)).exercises.values()
        for mistake in exercise.mistakes
    ],
}
"""functions that make expressions, and some of those; the others are found where they are kept"""
AUTHORS = {r"\s*\S+": "splits an answer of a check's own into words"}
"""expressions that may take longer, because no text of a student's comes to them"""
ANYWHERE = {"search", "finditer", "findall", "sub", "subn", "split"}
WHOLE = {"fullmatch"}
PLACED = {"match"}
USES = ANYWHERE | WHOLE | PLACED


# What there is


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    """Names and trees of all modules."""
    found = []
    for path in sorted([*(ROOT / "grader").rglob("*.py"), *(ROOT / "utils").rglob("*.py")]):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append((name, ast.parse(path.read_text("utf-8"))))
    return tuple(found)


def _names(node: ast.Import) -> set[str]:
    return {alias.name for alias in node.names if not alias.asname}


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Those that make expressions."""
    for name, tree in modules():
        if any(isinstance(node, ast.Import) and "re" in _names(node) for node in ast.walk(tree)):
            yield name, tree


def kept(value: Any, deep: int = 0) -> Iterator[re.Pattern[Any]]:
    """The expressions in a value, and in what it holds."""
    if isinstance(value, re.Pattern):
        yield value
    elif deep < 5 and not isinstance(value, ModuleType | type):
        inner: Any = ()
        if isinstance(value, dict):
            inner = (*value, *value.values())
        elif isinstance(value, list | tuple | set | frozenset):
            inner = value
        elif dataclasses.is_dataclass(value):
            inner = [getattr(value, field.name, None) for field in dataclasses.fields(value)]
        for one in inner:
            yield from kept(one, deep + 1)


def used() -> dict[str, set[str]]:
    """The methods that are called of what has a name, whichever module it is in."""
    found: dict[str, set[str]] = defaultdict(set)
    for _, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in USES:
                owner = node.func.value
                name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
                found[name].add(node.func.attr)
    return found


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """The calls of functions of ``re``, with their names."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=name)):
                yield name, node


def spelled(call: ast.Call) -> re.Pattern[Any] | None:
    """The expression that stands in a call itself."""
    if not isinstance(call.args[0], ast.Constant):
        return None
    named = [word.value for word in call.keywords if word.arg == "flags"]
    last = [arg for arg in call.args[1:] if isinstance(arg, ast.Attribute) and arg.attr.isupper()]
    flags = [eval(ast.unparse(node), {"re": re}) for node in (*named, *last)]
    return re.compile(call.args[0].value, *flags)


Found = tuple[str, re.Pattern[Any], frozenset[str]]


def everything() -> Iterator[Found]:
    """Where each expression is, and what is done with it."""
    methods = used()
    for module, tree in sources():
        for name, value in vars(importlib.import_module(module)).items():
            for pattern in kept(value):
                yield f"{module}.{name}", pattern, frozenset(methods.get(name, USES))
        for name, call in calls(tree):
            if name in USES and (pattern := spelled(call)) is not None:
                yield f"{module}:{call.lineno}", pattern, frozenset((name,))
    for name, patterns in BUILT.items():
        yield from ((name, pattern, frozenset(USES)) for pattern in patterns)


def unique() -> list[Found]:
    found: dict[re.Pattern[Any], Found] = {}
    for where, pattern, uses in everything():
        before = found.get(pattern, (where, pattern, frozenset()))
        found[pattern] = (before[0], pattern, before[2] | uses)
    return list(found.values())


EVERYTHING = unique()


@pytest.mark.parametrize(
    ("where", "pattern", "uses"), EVERYTHING, ids=[f"{w} {p.pattern!r:.40}" for w, p, _ in EVERYTHING]
)
def test_it_takes_linear_time(where: str, pattern: re.Pattern[Any], uses: frozenset[str]) -> None:
    found: list[str] = []
    if uses & ANYWHERE:
        found += problems(pattern)
    if uses & WHOLE:
        found += problems(pattern, anywhere=False, whole=True)
    if uses & PLACED:
        found += problems(pattern, anywhere=False)
    assert bool(found) == (pattern.pattern in AUTHORS), found


def test_every_expression_is_found() -> None:
    """One that a function makes, or that is put together, has to be named above."""
    missed = []
    for module, tree in sources():
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        inside = {id(call): function.name for function in functions for _, call in calls(function)}
        for name, call in calls(tree):
            made = name == "compile" and id(call) in inside
            if made or (name in USES and spelled(call) is None):
                missed.append(f"{module}.{inside.get(id(call), '')}")
    assert missed == sorted(BUILT)
    taken = [node for _, tree in modules() for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert [node.module for node in taken if node.module == "re"] == []
    assert len(EVERYTHING) > 80
    assert {"Invalid checkpointer", "[0-9a-f]{32}", "`([^`"} <= {
        part
        for part in ("Invalid checkpointer", "[0-9a-f]{32}", "`([^`")
        for _, pattern, _ in EVERYTHING
        if part in str(pattern.pattern)
    }


# That what is blamed is to blame, and what is not is not

QUADRATIC = [
    r"x*y",
    r"\s+$",
    r"a.*b",
    r"a.*?b",
    r"\w+@\w+",
    r"\s*+x",
    r"(?>\s*)x",
    r"(?<!b)a+c",
    r"(?=\s*x)y",
    r"a\s*(?=\s*b)c",
    r"[ab]*(?=a?$)",
    r"[ab]*(?<=xa)",
    r"/\*.*?\*/",
    r"[^/]{1,500}/",
    r"\bsolutions/\S+\.ipynb\b",
    r"Invalid checkpointer provided.*Received _",
    r"(?:a|b)*c",
    r"(?i:K)+s",
    rb"\d+x",
]
AT_ONE_PLACE = [
    r"\s*\s*x",
    r"\s+.+x",
    r"(\s*)(?:[\w.,\s]+=\s*)?[%!](?!=)",
    r"\d{1,50}\d{1,50}x",
    r".*a.*b",
    r"(?:(?>b)*?[^a]*)x",
    r"(?:\w+\s?)*x",
    r"(a*)*b",
    r"(a+)+b",
    r"(a|a)*b",
    r"(a|aa)*b",
    r"(?:a?b?)*c",
    r"(?:a{1,3}){2,9}b",
]
AS_A_WHOLE = [r"/+(?:etc)?/*", r"base64\.\w*decode\w*", r"\s*\s*", r"(?:a|aa)*"]
LINEAR = [
    r"abc",
    r"\s+",
    r"[\W_]+",
    r"a*",
    r"(?<!a)a+c",
    r"(?<!\s)\s++$",
    r"^\s*x",
    r"`([^`\n]+)`",
    r"0x[0-9a-f]+",
    r'"(?:[^"\\]|\\.)*+"?',
    r"a{3}b",
    r"\d{1,50}x",
    r"Invalid checkpointer provided.{0,200}Received _",
    r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{1,4}(?:-[0-9a-f]{0,12}){0,3}(?=…|\.\.\.)",
    r"\s++(?:\w{1,8}|[^\w\s])?|\w{1,8}|[^\w\s]",
    r"\bpid \d+",
    r"(?m:^#.*$)",
]


@pytest.mark.parametrize("pattern", QUADRATIC)
def test_a_search_that_begins_anew_in_a_repeat_is_blamed(pattern: str) -> None:
    assert problems(re.compile(pattern))


@pytest.mark.parametrize("pattern", AT_ONE_PLACE)
def test_two_ways_through_one_text_are_blamed_wherever_it_is_tried(pattern: str) -> None:
    assert problems(re.compile(pattern), anywhere=False)


@pytest.mark.parametrize("pattern", AS_A_WHOLE)
def test_what_can_fail_at_the_end_is_blamed_where_all_must_match(pattern: str) -> None:
    assert problems(re.compile(pattern), anywhere=False, whole=True)


@pytest.mark.parametrize("pattern", LINEAR)
def test_what_is_linear_is_not_blamed(pattern: str) -> None:
    assert problems(re.compile(pattern)) == []


@pytest.mark.parametrize("pattern", [r"(a)\1", r"(a)?(?(1)b|c)"])
def test_what_is_not_known_is_said(pattern: str) -> None:
    with pytest.raises(CannotTell):
        problems(re.compile(pattern))
