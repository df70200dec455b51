"""The studio's widget: what is drawn goes to the page panel by panel, what is pressed comes back.

All HTML is made, and escaped, by the views; the page's script (`studio.js`) only puts it into place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

import anywidget
import traitlets

from utils.errors import KitError, ViewError
from utils.views.changes import message_line
from utils.views.conversation import about
from utils.views.page import stylesheet
from utils.views.pending import as_json, messages_of, read_arguments
from utils.views.plain import short

if TYPE_CHECKING:
    from utils.views.studio.studio import Studio

_PAUSE = 0.06
"""seconds between two drawings of what comes: more would keep the page busy with what nobody can see"""
_MOST_WAITING = 20


def script() -> str:
    """Return the page's script: one module, without parts from elsewhere."""
    return resources.files(__package__).joinpath("studio.js").read_text(encoding="utf-8")


class StudioWidget(anywidget.AnyWidget):
    """Panels of HTML and what can be pressed; the page keeps nothing of its own."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    heading = traitlets.Unicode().tag(sync=True)
    graph = traitlets.Unicode().tag(sync=True)
    talk = traitlets.Unicode().tag(sync=True)
    talk_at = traitlets.Unicode().tag(sync=True)
    live = traitlets.Unicode().tag(sync=True)
    tree = traitlets.Unicode().tag(sync=True)
    state = traitlets.Unicode().tag(sync=True)
    state_title = traitlets.Unicode().tag(sync=True)
    waits_title = traitlets.Unicode().tag(sync=True)
    outcome = traitlets.Unicode().tag(sync=True)
    notes = traitlets.Unicode().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)
    can = traitlets.Dict().tag(sync=True)
    """what can be pressed, and the values that fields begin with"""


class Controls:
    """The widget of one studio; `box` is what is shown."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self._lock = threading.Lock()
        self._due: threading.Timer | None = None
        self.box = StudioWidget(_esm=script(), _css=stylesheet(*studio.sheets))
        self.box.on_msg(self._heard)
        self.draw()

    # From the studio to the page

    def draw(self) -> None:
        """Show how the studio stands; what has not changed is not sent again."""
        studio = self.studio
        with self._lock, self.box.hold_sync():
            self.box.heading = studio.heading()
            self.box.graph = studio.graph_html()
            self.box.outcome = studio.outcome_html()
            self._draw_talk(studio)
            if not studio.busy:
                self._draw_thread(studio)
            self.box.can = self._can(studio)

    def _draw_thread(self, studio: Studio) -> None:
        """Show what is read from the thread: while the graph runs it stays as it was."""
        self.box.talk_at = f"{studio.explorer.selected or 'the beginning'}, {about(studio.said())}"
        self.box.tree = studio.tree_html()
        self.box.state = studio.state_html()
        self.box.state_title = studio.state_title()
        self.box.waits_title = studio.waiting_title()
        self.box.notes = studio.card.notes_html() if studio.card.waiting else ""
        self.box.code = studio.code_html()

    def _draw_talk(self, studio: Studio) -> None:
        self.box.talk = studio.talk_html()
        self.box.live = studio.live_html() if studio.busy else ""

    def grow(self) -> None:
        """Show what has come of the run, soon and together with what comes until then."""
        if self._due is None:
            self._due = threading.Timer(_PAUSE, self._grown)
            self._due.daemon = True
            self._due.start()

    def _grown(self) -> None:
        self._due = None
        with self._lock:
            if self.studio.busy:
                self._draw_talk(self.studio)

    def _can(self, studio: Studio) -> dict[str, Any]:
        explorer, card = studio.explorer, studio.card
        snapshot = explorer.snapshot
        messages = messages_of(snapshot) if snapshot is not None else ()
        return {
            "busy": studio.busy,
            "questions": list(studio.questions),
            "ask": studio.cannot_ask(),
            "fork": studio.cannot_fork() if explorer.selected else "There is no checkpoint yet.",
            "again": explorer.follows,
            "selected": explorer.selected or "",
            "newest": next((row.name for row in explorer.tree.rows if row.current), ""),
            "against": studio.against or "",
            "messages": [
                {"label": f"{n} {message.type}: {short(message_line(message), 50)}", "text": _text(message)}
                for n, message in enumerate(messages[:200], 1)
            ],
            "waiting": [
                {
                    "id": waiting.id,
                    "name": waiting.name,
                    "args": as_json(waiting.args),
                    "kinds": list(waiting.allowed),
                    "decided": decided.type if (decided := card.decided.get(waiting.id)) else "",
                }
                for waiting in card.waiting[:_MOST_WAITING]
            ],
            "held": card.stop.how == "breakpoint",
        }

    # From the page to the studio

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        """Do what was pressed; what makes no sense is told in the view."""
        if not isinstance(content, Mapping):
            return
        ways: dict[str, Callable[[Mapping[str, Any]], object]] = {
            "ask": lambda said: self.studio.ask(str(said["text"])),
            "fork": lambda said: self.studio.fork(str(said["text"])),
            "again": lambda said: self.studio.fork(),
            "edit": lambda said: self.studio.edit(int(said["number"]), str(said["text"])),
            "select": lambda said: self.studio.select(str(said["row"])),
            "compare": lambda said: self.studio.compare(str(said["row"]) or None),
            "look": lambda said: self.studio.refresh(),
            "decide": self._decide,
        }
        act = ways.get(str(content.get("do")))
        if act is None:
            return
        work = self.studio.work
        work.pressed = True
        try:
            act(content)
        except KitError as error:
            self.studio.say(error.sentence)
        finally:
            work.pressed = False

    def _decide(self, said: Mapping[str, Any]) -> None:
        kind, text = said["kind"], str(said.get("text", ""))
        args = None
        if kind == "edit":
            try:
                args = read_arguments(text)
            except ViewError as error:
                raise ViewError(error.message, where=f"Arguments, {error.where}", hint=error.hint) from None
        message = "" if kind in ("edit", "approve") else text
        self.studio.decide(cast("Any", kind), args=args, message=message, id=str(said["id"]))


def _text(message: Any) -> str:
    content = getattr(message, "content", "")
    return content if isinstance(content, str) else ""
