"""Exercises and checks as data, and the decorator that makes a check of a function."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import random
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from types import ModuleType
from typing import Any, NoReturn, Protocol, Self

from utils.brief import MOST, Inner, first, listed, mapped, written
from utils.errors import ExerciseError, KitError
from utils.lab.lab import Lab, Ref
from utils.lab.plain import Message
from utils.mistakes import Mistake

_YIELDS = ": is it yield where return is meant?"
HINTS = {"generator": _YIELDS, "async_generator": _YIELDS, "coroutine": ": is an await missing?"}
"""by the type of what came back: what it most likely comes from"""

CheckFunction = Callable[[Lab, Any], None]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that an exercise's work must do."""

    exercise: str
    name: str
    title: str
    points: float
    run: CheckFunction


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise: what students write, and how it is judged."""

    number: str
    title: str
    function: str
    """the name that the notebook must define"""
    points: float
    checks: tuple[Check, ...] = ()
    others: tuple[str, ...] = ()
    """further names that it must define"""
    mistakes: tuple[Mistake, ...] = ()
    """errors of Python's that mean something in this exercise, before those that mean it anywhere"""

    @property
    def functions(self) -> tuple[str, ...]:
        """All names that the notebook must define."""
        return (self.function, *self.others)


class Case(Protocol):
    """What the checks of a lab ask with: each lab has a frozen dataclass of its own."""

    @classmethod
    def fresh(cls, rng: random.Random) -> Self:
        """Return a case with other values, all of them drawn from ``rng``."""


@dataclass
class LabChecks:
    """The exercises of one lab, filled by the ``@check`` functions of its modules."""

    slug: str
    """name of the lab's folder in ``utils/checks``"""
    title: str
    _example: Case | None = field(default=None, init=False)
    exercises: dict[str, Exercise] = field(default_factory=dict)

    @property
    def example(self) -> Any:
        """Return the case that the notebook prints. Raises KitError for a lab that has none."""
        if self._example is None:
            msg = "the lab has no case to ask with"
            where, hint = f"utils/checks/{self.slug}/lab.py", "write a class Case and set LAB.example"
            raise KitError(msg, where=where, hint=hint)
        return self._example

    @example.setter
    def example(self, case: Case) -> None:
        self._example = case

    def exercise(
        self,
        number: str,
        title: str,
        *,
        function: str,
        points: float,
        others: tuple[str, ...] = (),
        mistakes: tuple[Mistake, ...] = (),
    ) -> None:
        """Declare an exercise; its checks must add up to its points."""
        if number in self.exercises:
            msg = f"exercise {number} is declared twice"
            raise KitError(msg, where=f"utils/checks/{self.slug}")
        self.exercises[number] = Exercise(number, title, function, points, others=others, mistakes=mistakes)

    def check(self, number: str, *, points: float, title: str) -> Callable[[CheckFunction], CheckFunction]:
        """Make a check of a function of ``(lab, case)``, which says what is wrong through ``expect``."""

        def register(function: CheckFunction) -> CheckFunction:
            exercise = self.exercises.get(number)
            name = function.__name__
            if exercise is None:
                msg = f"{name} belongs to exercise {number}, which is not declared"
                raise KitError(msg, where=f"utils/checks/{self.slug}")
            if any(check.name == name for check in exercise.checks):
                msg = f"exercise {number} has two checks called {name}"
                raise KitError(msg, where=f"utils/checks/{self.slug}")
            checks = (*exercise.checks, Check(number, name, title, points, function))
            self.exercises[number] = replace(exercise, checks=checks)
            return function

        return register

    def fresh_case(self, rng: random.Random) -> Case:
        """Return a case of the same kind as the example, with values from ``rng``."""
        case: type[Case] = type(self.example)
        if not hasattr(case, "fresh"):
            msg = f"{case.__name__} has no fresh(), so the grader has nothing to ask with"
            where = f"utils/checks/{self.slug}/lab.py"
            raise KitError(
                msg, where=where, hint="add a classmethod fresh(cls, rng) that draws each field from rng"
            )
        return case.fresh(rng)

    def find(self, number: str) -> Exercise:
        """Return the exercise with this number. Raises ExerciseError, naming those that exist."""
        wanted = number.strip()
        if wanted not in self.exercises:
            known = ", ".join(self.exercises)
            msg = f"there is no exercise {wanted!r} in this lab"
            raise ExerciseError(
                msg, hint=f'use one of {known}, such as check("{next(iter(self.exercises))}")'
            )
        return self.exercises[wanted]


MODULE = "exercise_"
"""how the names of the modules begin that have an exercise's checks"""
LAB_NAME = re.compile(r"\d\d_([a-z][a-z0-9_]*)")


def slug_of(lab: str) -> str:
    """Return the slug in a lab's name: ``persistence`` for ``01_persistence``. Raises ExerciseError."""
    found = LAB_NAME.fullmatch(str(lab))
    if found is None:
        msg = f"{lab!r} is not the name of a lab"
        raise ExerciseError(msg, hint='a lab is called by its notebook, such as "01_persistence"')
    return found[1]


def load_checks(slug: str) -> LabChecks:
    """Return the checks of a lab.

    Raises ExerciseError when there is no such lab, and KitError when a module of its folder cannot be
    imported, with the line.
    """
    if not slug.isidentifier() or not _has_lab(slug):
        msg = f"there is no lab called {slug!r}"
        raise ExerciseError(msg, hint="check the name in setup(...)")
    package = _imported(f"utils.checks.{slug}")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith(MODULE):
            # Its @check functions enter themselves.
            _imported(f"{package.__name__}.{module.name}")
    found: LabChecks = _imported(f"{package.__name__}.lab").LAB
    return found


def _imported(name: str) -> ModuleType:
    """Return a module. Raises KitError, with the line at fault, for one whose author has made a slip."""
    try:
        return importlib.import_module(name)
    except KitError:
        raise
    except SyntaxError as error:
        where, line = error.filename or name, error.lineno or 0
        msg = f"line {line} is not Python: {error.msg}"
        raise KitError(
            msg, where=_relative(where), hint=f"correct the line: {(error.text or '').strip()}"
        ) from error
    except Exception as error:
        frames = [
            f for f in traceback.extract_tb(error.__traceback__) if f"{os.sep}utils{os.sep}" in f.filename
        ]
        last = frames[-1]
        msg = f"line {last.lineno} raised {type(error).__name__}: {error}"
        raise KitError(msg, where=_relative(last.filename), hint=f"correct the line: {last.line}") from error


def _relative(path: str) -> str:
    """Return the path of a module of the kit from the folder ``utils`` on, with forward slashes."""
    parts = PurePath(path).parts
    at = max((i for i, part in enumerate(parts) if part == "utils"), default=0)
    return "/".join(parts[at:])


def _has_lab(slug: str) -> bool:
    name = f"utils.checks.{slug}"
    found = importlib.util.find_spec(name)
    is_package = found is not None and found.submodule_search_locations is not None
    return is_package and importlib.util.find_spec(f"{name}.lab") is not None


class Failed(Exception):
    """A check found something wrong; everything here but ``returned`` is the author's text."""

    def __init__(self, message: str, *, returned: str, expected: str, why: str, keeps: float) -> None:
        super().__init__(message)
        self.message = message
        self.returned = returned
        self.expected = expected
        self.why = why
        self.keeps = keeps


def expect(condition: bool, message: str, *, got: Any, expected: str, why: str, keeps: float = 0.0) -> None:
    """Go on if the condition holds.

    Raises Failed otherwise, with what came back (``got``, as Python shows it, unless it is ``Words``),
    what was ``expected``, ``why`` it matters and the points that the check still ``keeps``. A plain
    ``assert`` would vanish under ``python -O``.

    Raises KitError for words that are no text and for points that are no number, also where the condition
    holds: an author is to see that with a right solution, and not only a student with a wrong one.
    """
    _see_whether_it_can_be_said(message, expected, why, keeps)
    if not condition:
        fail(message, got=got, expected=expected, why=why, keeps=keeps)


def fail(message: str, *, got: Any, expected: str, why: str, keeps: float = 0.0) -> NoReturn:
    """Say that a check found something wrong; see ``expect``."""
    _see_whether_it_can_be_said(message, expected, why, keeps)
    returned = str(got) if isinstance(got, Words) else shown(got)
    raise Failed(message, returned=returned, expected=expected, why=why, keeps=keeps)


def _see_whether_it_can_be_said(message: Any, expected: Any, why: Any, keeps: Any) -> None:
    """Raise KitError when an author's words are no text, or the points that a check keeps are no number."""
    for name, value in (("message", message), ("expected", expected), ("why", why)):
        if not isinstance(value, str):
            msg = f"a check's {name} is not a text but {shown(value)}"
            raise KitError(msg, hint=f"give expect() a text for {name}, such as repr(…) of a value")
    if isinstance(keeps, bool) or not isinstance(keeps, int | float) or not keeps >= 0:
        msg = f"a check cannot keep {shown(keeps)} points"
        raise KitError(msg, hint="give expect() a number of points that is not below 0")


class Words(str):
    """Text in the author's own words, shown as it is; anything else that came back is shown as Python."""

    __slots__ = ()


def shown(value: Any) -> str:
    """Return a value as a card shows it: short, item by item, and with words for what is not plain data.

    It takes no more work than the letters that are shown, however large the value is.
    """
    if isinstance(value, Message):
        return f"{_head(value)}{shown(value.text)}"
    return first(value, MOST, _on_a_card)


def _on_a_card(value: Any, room: int) -> Iterable[str | Inner]:
    if value is None:
        return ("None (as from a function without return)",)
    if isinstance(value, Ref):
        return (f"an object of the type {value.type}{HINTS.get(value.type, '')}",)
    if isinstance(value, Message):
        return (_head(value), Inner(value.text))
    if isinstance(value, list) and any(isinstance(item, Ref | Message | Mapping) for item in value):
        return listed("[", value, "]", _on_a_card)
    if isinstance(value, Mapping):
        return mapped(value, _on_a_card)
    return written(value, room)


def _head(message: Message) -> str:
    return f"a message of the type {message.type} with the text "
