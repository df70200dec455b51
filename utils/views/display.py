"""What all views have in common: a text form, an HTML form, and the pair that Jupyter asks for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container
from typing import ClassVar

from utils.views.page import with_style


class View(ABC):
    """A picture of data that is shown as the last line of a cell; the same data gives the same bytes."""

    __slots__ = ()

    sheets: ClassVar[tuple[str, ...]] = ()
    """stylesheets that it needs beside the shared one"""

    @abstractmethod
    def text(self) -> str:
        """Return the picture as plain text, 80 columns wide where its content allows."""

    @abstractmethod
    def html(self) -> str:
        """Return the picture as HTML without a stylesheet (see `page.with_style`)."""

    def __repr__(self) -> str:
        return self.text()

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": with_style(self.html(), *self.sheets)}
