"""What views with controls have in common: a widget where one can be touched, else the static form.

The controls are ipywidgets, imported when a kernel shows them and never before. All that is said in them is
said in the static form, too. `Acting` is what a view that does something with a thread rests on.
"""

from __future__ import annotations

import os
import sys
from abc import abstractmethod
from collections.abc import Container, Generator
from typing import Any, ClassVar, Protocol

from utils.errors import KitError
from utils.views.display import View
from utils.views.plain import one_line
from utils.views.thread import Making, Thread, Work

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_LAB = "JPY_SESSION_NAME"
"""set for a kernel by the server that JupyterLab talks to"""
_VSCODE = "VSCODE_PID"


def widgets_here() -> bool:
    """Return whether somebody sits in front of this kernel who can press a button.

    Under papermill, nbconvert and nbclient there is a kernel but nobody, and what is stored has to be read
    without one.
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None and any(os.environ.get(n) for n in (_LAB, _VSCODE))


class Touchable(View):
    """A view with controls: as a widget where one can be touched, and always as text and HTML."""

    __slots__ = ()

    sheets: ClassVar[tuple[str, ...]] = ("touch",)

    @abstractmethod
    def widget(self) -> Any:
        """Return the controls as one widget, made when it is first asked for."""

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(include, exclude)
        if widgets_here():
            bundle[WIDGET_VIEW] = widget_view(self.widget())
        return bundle


def widget_view(widget: Any) -> dict[str, Any]:
    """Return what tells a front end to show this widget."""
    return {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}


class Drawn(Protocol):
    """Controls of a view, which show how it stands when they are told to."""

    box: Any

    def draw(self) -> None: ...


class Acting(Touchable):
    """A view of a thread that does something with it: what is wrong is told in it, and nothing blocks."""

    def __init__(self, thread: Thread, work: Work | None = None) -> None:
        self._thread = thread
        self._work = work or Work()
        self._controls: Drawn | None = None
        self.problem = ""
        """why the last action came to nothing; empty where it did not"""
        self.done = ""
        """code that does what was done last"""
        self.busy = False

    def __await__(self) -> Generator[Any, None, Any]:
        """Wait until nothing is under way in the view any more, and return it."""
        yield from self._work.settled().__await__()
        return self

    @property
    def asynchronous(self) -> bool:
        """Whether the graph has to be awaited from here."""
        return self._thread.asynchronous

    @property
    def thread(self) -> str:
        """The thread's id."""
        return one_line(self._thread.name, 40)

    def say(self, problem: str) -> None:
        """Show why something is not taken."""
        self.problem = problem
        self._draw()

    @abstractmethod
    async def read(self) -> None:
        """Read what is shown."""

    @abstractmethod
    def _lost(self) -> None:
        """Forget what was read: it can be read no more."""

    @abstractmethod
    def _new_controls(self) -> Drawn:
        """Return the controls, made when they are first shown."""

    async def _look(self) -> None:
        self.problem = self.done = ""
        await self.read()

    def _refuse_while_busy(self) -> bool:
        """Return whether something is still under way, and if so say it in the view."""
        if self.busy:
            self.say("Not taken: this is still at work. In a cell, `await` it first.")
        return self.busy

    def _start(self, make: Making) -> None:
        self.busy = True
        self._draw()
        self._work.start(lambda: self._careful(make), asynchronous=lambda: self.asynchronous)

    async def _careful(self, make: Making) -> None:
        """Do it; an error becomes a sentence, below which stands how the thread is after it."""
        try:
            await make()
        except Exception as error:  # whatever a student's graph raises
            self.problem, self.done = self._told(error), ""
            await self._read_again()
        finally:
            self.busy = False
            self._draw()

    async def _read_again(self) -> None:
        try:
            await self.read()
        except Exception as error:
            self.problem = self._told(error)
            self._lost()

    def _told(self, error: BaseException) -> str:
        """Return an error as one sentence."""
        return reason(error)

    def widget(self) -> Any:
        if self._controls is None:
            self._controls = self._new_controls()
        return self._controls.box

    def _draw(self) -> None:
        if self._controls is not None:
            self._controls.draw()


def reason(error: BaseException) -> str:
    """Return an error as one sentence; the kit's own errors need no name of a class before it."""
    if isinstance(error, KitError):
        return one_line(error.sentence, 400)
    said = str(error).strip() or "it gave no reason"
    return one_line(f"{type(error).__name__}: {said}", 400)
