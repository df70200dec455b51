"""Errors of the kit say what is wrong, where, and what to do."""

from __future__ import annotations

import pickle

import pytest

from utils import errors
from utils.errors import CallError, KitError, SetupError, ViewError, ViewTypeError


@pytest.mark.parametrize(
    ("where", "hint", "said"),
    [
        ("", "", "it is broken"),
        ("lab.yaml:3", "", "lab.yaml:3: it is broken"),
        ("", "mend it", "it is broken\n  What to do: mend it"),
        ("lab.yaml:3", "mend it", "lab.yaml:3: it is broken\n  What to do: mend it"),
    ],
)
def test_an_error_says_where_and_what_to_do(where: str, hint: str, said: str) -> None:
    error = SetupError("it is broken", where=where, hint=hint)
    assert str(error) == said
    assert error._render_traceback_() == [f"SetupError: {said}"]
    assert error.sentence == said.replace("\n  What to do", ". What to do")


def test_an_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(SetupError("broken", where="here", hint="mend it")))
    assert (error.message, error.where, error.hint) == ("broken", "here", "mend it")
    assert "mend it" in str(error)


def test_code_that_catches_pythons_own_kinds_catches_those_of_the_kit() -> None:
    for kind, base in ((CallError, ValueError), (ViewError, ValueError), (ViewTypeError, TypeError)):
        assert issubclass(kind, base)


def test_every_error_of_the_kit_has_one_base() -> None:
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    assert len(found) > 3
    assert all(issubclass(kind, KitError) for kind in found)
