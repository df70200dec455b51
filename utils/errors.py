"""Errors that the kit raises on purpose, for the people who use it."""

from __future__ import annotations


class KitError(Exception):
    """Base of every error the kit raises on purpose: what is wrong, where, and what to do next."""

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}\n  What to do: {self.hint}" if self.hint else head

    @property
    def sentence(self) -> str:
        """What is wrong and what to do as running text, for a place inside of a picture."""
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}. What to do: {self.hint}" if self.hint else head

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows instead of a traceback: the sentence is all that a reader needs."""
        return [f"{type(self).__name__}: {self}"]


class SetupError(KitError):
    """The surroundings of a notebook do not allow it to start."""


class ExerciseError(KitError):
    """Someone asked for an exercise that the lab does not have, or before ``setup()``, or let a picture of
    the kit do the work of one.
    """


class CallError(KitError, ValueError):
    """A function of the kit was called with values that make no sense together, or at this moment."""


class ViewError(CallError):
    """A picture cannot show, or do, what it was asked to."""


class ViewTypeError(KitError, TypeError):
    """A picture was given something of another kind than it draws."""


class FixtureError(KitError):
    """A file of recorded conversations cannot be used as it is."""


class RecordingError(KitError):
    """Recording could not start, or did not finish."""
