"""Exercises and checks as data, and what every check of every lab owes its readers."""

from __future__ import annotations

import ast
import inspect
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import utils.checks
from utils.checks.registry import Failed, LabChecks, Words, expect, fail, load_checks, shown, slug_of
from utils.errors import ExerciseError, KitError
from utils.lab.lab import Ref
from utils.lab.plain import Message

FOLDER = Path(utils.checks.__file__).parent
LABS = sorted(
    path.parent.name for path in FOLDER.glob("*/lab.py") if "\nLAB = LabChecks(" in path.read_text("utf-8")
)
SHARED = (FOLDER / "graphs.py", FOLDER / "weather.py")
"""what several labs share: its expectations are each of theirs"""
SOLUTIONS = Path(__file__).resolve().parents[3] / "solutions"

each_lab = pytest.mark.parametrize("slug", LABS)


def nodes(slug: str) -> Iterator[tuple[str, ast.AST]]:
    """Everything in a lab's modules and in those it shares with others, with file and line of it."""
    for path in (*sorted((FOLDER / slug).rglob("*.py")), *SHARED):
        name = path.relative_to(FOLDER).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            yield f"{name}:{getattr(node, 'lineno', 1)}", node


def calls(slug: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call of ``expect`` or ``fail`` in a lab's checks, with file and line of it."""
    for where, node in nodes(slug):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("expect", "fail")
        ):
            yield where, node


def says_something(node: ast.expr | None) -> bool:
    """Whether an argument is there and is no empty constant."""
    return node is not None and not (isinstance(node, ast.Constant) and node.value in ("", None))


def test_the_checks_of_every_lab_are_found() -> None:
    assert sorted(slug_of(path.stem) for path in SOLUTIONS.glob("0[1-9]_*.ipynb")) == LABS


@each_lab
def test_every_expectation_says_what_came_back_what_was_expected_and_why(slug: str) -> None:
    found = list(calls(slug))
    assert any(where.startswith(f"{slug}/") for where, _ in found)
    silent = []
    for where, call in found:
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        place = 1 if call.func.id == "expect" else 0  # type: ignore[attr-defined]
        message = call.args[place] if len(call.args) > place else given.get("message")
        parts = {"message": message, **{name: given.get(name) for name in ("got", "expected", "why")}}
        silent += [f"{where}: {name}" for name, node in parts.items() if not says_something(node)]
    assert silent == []


@each_lab
def test_no_check_uses_a_plain_assert(slug: str) -> None:
    assert [where for where, node in nodes(slug) if isinstance(node, ast.Assert)] == []


def called(function: ast.AST) -> set[str]:
    """Names of the functions and methods that a function calls."""
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    return {func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "") for func in calls}


@each_lab
def test_every_check_expects_something(slug: str) -> None:
    functions = [node for _, node in nodes(slug) if isinstance(node, ast.FunctionDef)]
    judging = {"expect", "fail"}
    while more := {node.name for node in functions if called(node) & judging} - judging:
        judging |= more
    for exercise in load_checks(slug).exercises.values():
        for check in exercise.checks:
            # Its own text: a function of the same name in another module of the lab says nothing of it.
            assert called(ast.parse(inspect.getsource(check.run))) & judging, f"{check.name} expects nothing"


@each_lab
def test_points_add_up(slug: str) -> None:
    checks = load_checks(slug)
    assert checks.exercises
    for exercise in checks.exercises.values():
        assert sum(check.points for check in exercise.checks) == exercise.points, exercise.number
        assert len({check.title for check in exercise.checks}) == len(exercise.checks)
        assert all(check.points > 0 for check in exercise.checks)


@each_lab
def test_a_lab_prints_an_example_case(slug: str) -> None:
    assert load_checks(slug).example is not None


@pytest.mark.parametrize(
    "lab", ["", "persistence", "1_persistence", "01_Persistence", "01_persistence.ipynb", "01_persistence\n",
            "../01_persistence", "01_../x", 1, None]
)  # fmt: skip
def test_an_odd_name_of_a_lab_is_refused_with_an_example(lab: Any) -> None:
    with pytest.raises(ExerciseError, match=r"is not the name of a lab\n  What to do: .*01_persistence"):
        slug_of(lab)


def test_a_lab_s_name_holds_its_slug() -> None:
    assert slug_of("03_async_graphs") == "async_graphs"


@pytest.mark.parametrize("slug", ["nothing_here", "results", "a.b", "os", ""])
def test_what_is_no_lab_is_refused(slug: str) -> None:
    with pytest.raises(ExerciseError, match="lab"):
        load_checks(slug)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "def (:\n",
            r"^utils/checks/slips/\w+\.py: line 2 is not Python: .*\n  What to do: .*def \(:",
        ),
        ("value = {}['key']\n", r"exercise_9_1\.py: line 2 raised KeyError: 'key'\n  What to do: .*value = "),
        ("import no_such_module\n", r"line 2 raised ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise KitError('declared twice', where='here')\n", r"^here: declared twice$"),
    ],
    ids=["syntax", "an error", "an import", "an error of the kit's own"],
)
def test_a_slip_in_a_module_of_a_lab_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    folder = tmp_path / "utils" / "checks" / "slips"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "lab.py").write_text("LAB = None\n")
    (folder / "exercise_9_1.py").write_text(f"from utils.errors import KitError\n{source}")
    monkeypatch.setattr(utils.checks, "__path__", [*utils.checks.__path__, str(folder.parent)])
    try:
        with pytest.raises(KitError, match=said):
            load_checks("slips")
    finally:
        for name in [name for name in sys.modules if name.startswith("utils.checks.slips")]:
            del sys.modules[name]


def test_an_unknown_exercise_is_refused_with_those_that_exist() -> None:
    with pytest.raises(
        ExerciseError, match=r"no exercise '9.9' in this lab\n.*1\.1, 1\.2.*check\(\"1\.1\"\)"
    ):
        load_checks("persistence").find("9.9")


def test_declaring_twice_or_checking_what_is_not_declared_is_a_fault_of_the_kit() -> None:
    lab = LabChecks("made", "Made")
    lab.exercise("1.1", "One", function="one", points=1)
    with pytest.raises(KitError, match=r"utils/checks/made: exercise 1.1 is declared twice"):
        lab.exercise("1.1", "One", function="one", points=1)

    def one(lab: Any, case: Any) -> None: ...

    with pytest.raises(KitError, match=r"one belongs to exercise 1\.2, which is not declared"):
        lab.check("1.2", points=1, title="one")(one)
    assert lab.check("1.1", points=1, title="one")(one) is one
    with pytest.raises(KitError, match=r"exercise 1\.1 has two checks called one"):
        lab.check("1.1", points=1, title="one")(one)


def test_expect_goes_on_or_says_everything() -> None:
    expect(True, "m", got=1, expected="e", why="w")
    with pytest.raises(Failed, match="m") as caught:
        expect(False, "m", got={"a": [1]}, expected="e", why="w", keeps=0.5)
    failed = caught.value
    assert (failed.message, failed.returned, failed.expected, failed.why, failed.keeps) == (
        "m",
        "{'a': [1]}",
        "e",
        "w",
        0.5,
    )


def test_an_author_s_words_are_shown_as_they_are_and_text_that_came_back_in_quotes() -> None:
    for got, returned in ((Words("as it is"), "as it is"), ("came back", "'came back'")):
        with pytest.raises(Failed) as caught:
            fail("m", got=got, expected="e", why="w")
        assert caught.value.returned == returned


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "None (as from a function without return)"),
        ({"a": [1]}, "{'a': [1]}"),
        (Ref(1, "Agent"), "an object of the type Agent"),
        (Ref(1, "generator"), "an object of the type generator: is it yield where return is meant?"),
        (Ref(1, "coroutine"), "an object of the type coroutine: is an await missing?"),
        ([Ref(1, "Agent"), 2], "[an object of the type Agent, 2]"),
        (Message("ai", "hello"), "a message of the type ai with the text 'hello'"),
    ],
    ids=["nothing", "a mapping", "an object", "a generator", "a coroutine", "a list", "a message"],
)
def test_what_came_back_is_shown_in_a_student_s_terms(value: Any, said: str) -> None:
    assert shown(value) == said


def test_what_came_back_is_shown_in_short() -> None:
    assert len(shown(list(range(10_000)))) == len(shown({"a": "x" * 10_000})) == 500


def plainly(value: Any) -> str:
    """What `shown` says, written down without a thought of how long it takes."""

    def cut(text: str) -> str:
        return text if len(text) <= 500 else f"{text[:499]}…"

    if value is None:
        return "None (as from a function without return)"
    if isinstance(value, Ref):
        return f"an object of the type {value.type}"
    if isinstance(value, Message):
        return f"a message of the type {value.type} with the text {plainly(value.text)}"
    if isinstance(value, list) and any(isinstance(item, Ref | Message | dict) for item in value):
        return cut(f"[{', '.join(plainly(item) for item in value)}]")
    if isinstance(value, dict):
        return cut("{" + ", ".join(f"{key!r}: {plainly(item)}" for key, item in value.items()) + "}")
    return cut(repr(value))


TEXTS = st.text("ab'\"\\\n\x00é名🐍", max_size=12)
LEAVES = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.binary(max_size=5), TEXTS),
    st.tuples(TEXTS, st.integers(1, 300)).map(lambda pair: pair[0] * pair[1]),
    st.builds(Ref, st.integers(), st.sampled_from(["Agent", "Box"])),
    st.builds(Message, st.just("ai"), TEXTS | TEXTS.map(lambda text: text * 99), content=TEXTS),
    st.frozensets(st.integers()),
    st.sets(st.integers()),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(TEXTS, inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
    ),
    max_leaves=30,
)


@given(VALUES)
def test_what_is_shown_is_what_a_whole_repr_would_begin_with(value: Any) -> None:
    assert shown(value) == plainly(value)


class Counted(list[Any]):
    """A list that counts how many of its items were asked for."""

    asked = 0

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            Counted.asked += 1
            yield item


def test_what_is_not_shown_is_not_written() -> None:
    for value in (Counted(["x" * 100] * 10_000), {"a": Counted([{"b": 1}] * 10_000)}):
        Counted.asked = 0
        assert len(shown(value)) == 500
        # A list is looked through once for objects and messages, before it is written.
        assert Counted.asked <= 10_000 + 500
    deep: Any = []
    for _ in range(100_000):
        deep = [deep, {"a": deep}] if len(deep) < 2 else [deep]
    assert len(shown(deep)) == 500
    doubled: Any = "'"
    for _ in range(40):  # quotes of a repr in a repr double: this would be a million million of them
        doubled = {"k": doubled, "again": doubled}
    assert len(shown(doubled)) == 500


def test_a_number_that_python_would_not_write_is_shown_all_the_same() -> None:
    assert shown([1 << 20_000]) == f"[{1 << 20_000:#x}"[:499] + "…"


def test_a_case_without_fresh_values_is_named_with_its_file() -> None:
    checks = LabChecks("small", "A small lab")
    checks.example = object()
    with pytest.raises(KitError, match=r"utils/checks/small/lab\.py.*no fresh\(\)"):
        checks.fresh_case(random.Random(1))
