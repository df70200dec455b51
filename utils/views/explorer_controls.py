"""The explorer's controls: a list of checkpoints, and buttons that fork at the selected one.

They read and change nothing themselves: they call methods of the explorer, and `draw` shows how it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from utils.errors import KitError, ViewError
from utils.views.controls import area, button, choice, choices, field, group, note, row
from utils.views.folding import lines
from utils.views.page import escape, with_style
from utils.views.pending import ArgumentsError, read_arguments

if TYPE_CHECKING:
    from utils.views.explorer import CheckpointExplorer

_ROWS = 16
_ANY = "(the node that came before)"


class Controls:
    """The widget of one explorer; `box` is what is shown."""

    def __init__(self, explorer: CheckpointExplorer) -> None:
        self.explorer = explorer
        self._drawing = False
        self._pressed: Any = None
        self.head, self.detail, self.code = (note() for _ in range(3))
        self.below_ask, self.below_write = note(), note()
        self.outcome = self.below_ask
        """where is said what came of the last action: below the row of its button"""
        self._refused = ""
        self.list = choices("Checkpoint", (), _ROWS)
        self.list.observe(self._selected, names="value")
        # JupyterLab takes a list's arrow keys for itself, so a keyboard needs buttons.
        self.earlier = button("Earlier", lambda _: self._move(-1), "selects the checkpoint above")
        self.later = button("Later", lambda _: self._move(1), "selects the checkpoint below")
        self.question = field("Question", "a new message from the user", lambda: self.ask.click())
        self.ask = button(
            "Fork here: ask this", self._doing(self._ask), "asks the question at the selected checkpoint"
        )
        self.replay = button(
            "Run again from here", self._doing(explorer.fork), "runs the nodes after it again"
        )
        self.values = area("Values", '{"messages": []}', rows=2)
        nodes = explorer.node_names()
        self.node = choice("As node", [(_ANY, ""), *((name, name) for name in nodes)])
        self.write = button(
            "Fork here: write these values", self._doing(self._write), "writes a new checkpoint; runs nothing"
        )
        self.again = button("Look again", self._doing(explorer.refresh), "reads the thread again")
        self.box = group()
        self.box.children = (
            self.head,
            self.list,
            row(self.earlier, self.later),
            self.detail,
            self.question,
            row(self.ask, self.replay),
            self.below_ask,
            self.values,
            self.node,
            row(self.write, self.again),
            self.below_write,
            self.code,
        )
        self.draw()

    @property
    def buttons(self) -> tuple[Any, ...]:
        return self.earlier, self.later, self.ask, self.replay, self.write, self.again

    def draw(self) -> None:
        """Show how the explorer stands."""
        explorer = self.explorer
        self._draw_list()
        nothing = explorer.selected is None
        for one in (*self.buttons, self.list, self.question, self.values, self.node):
            one.disabled = explorer.busy or (nothing and one is not self.again)
        self.replay.disabled = self.replay.disabled or not explorer.follows
        if self._pressed is not None and not explorer.busy:
            # A button that cannot be pressed loses the focus.
            # Before the outcome: who has read it and gone elsewhere is not to be fetched back.
            (self.list if self._pressed.disabled else self._pressed).focus()
            self._pressed = None
        self.head.value = with_style(f'<div class="kit-view">{explorer.head_html()}</div>', "touch")
        self.detail.value = _view(explorer.detail_html())
        self._draw_outcome()
        self.code.value = _view(explorer.code_html())

    def _draw_outcome(self) -> None:
        came = self.explorer.outcome_html()
        self._refused = "" if came else self._refused
        said = _view(came or self._refused)
        for place in (self.below_ask, self.below_write):
            place.value = said if place is self.outcome else ""

    def _draw_list(self) -> None:
        shown = self.explorer.shown()
        # In a list spaces would be drawn as one.
        drawn = [line.replace(" ", "\u00a0") for line in lines(shown)]
        options = tuple((line, row.name) for line, row in zip(drawn, shown, strict=True))
        self._drawing = True
        try:
            if options != self.list.options:
                self.list.options = options
                self.list.rows = max(min(len(options), _ROWS), 2)
            self.list.value = self.explorer.selected
        finally:
            self._drawing = False

    def _selected(self, change: Any) -> None:
        if not self._drawing and change["new"] is not None:
            self._refused = ""
            self.explorer.select(change["new"])

    def _move(self, step: int) -> None:
        names = [part.name for part in self.explorer.shown()]
        place = names.index(self.explorer.selected) + step if self.explorer.selected in names else -1
        if 0 <= place < len(names):
            self._refused = ""
            self.explorer.select(names[place])

    def _ask(self) -> None:
        if not self.question.value.strip():
            self.question.focus()
            raise ViewError("write what is to be asked", where="Question")
        self.explorer.fork(self.question.value)
        if not self.explorer.problem:
            self.question.value = ""

    def _write(self) -> None:
        try:
            values = read_arguments(self.values.value)
        except ArgumentsError as error:
            self.values.focus()
            raise ViewError(error.message, where=f"Values, {error.where}", hint=error.hint) from None
        self.explorer.fork(values=values, as_node=self.node.value or None)

    def _doing(self, action: Callable[[], Any]) -> Callable[[Any], None]:
        def pressed(which: Any) -> None:
            # Emptied first: what is said again is read again.
            self.outcome.value = self._refused = ""
            self.outcome = self.below_write if which in (self.write, self.again) else self.below_ask
            try:
                self._pressed = which
                action()
            except KitError as error:
                self._pressed = None
                self._refused = (
                    '<p class="kit-said kit-bad" role="alert"><span class="kit-word">Not done</span> '
                    f"{escape(error.sentence)}</p>"
                )
                self.outcome.value = _view(self._refused)

        return pressed


def _view(inner: str) -> str:
    return f'<div class="kit-view">{inner}</div>' if inner else ""
