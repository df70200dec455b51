"""The approval card's controls: for each thing that waits its arguments, a message and four buttons.

They read and change nothing themselves: a button calls a method of the card, and `draw` shows how it stands.
Controls stay the same objects while the same things wait, so that the focus stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from utils.errors import KitError, ViewError
from utils.views.controls import area, button, field, group, note, row
from utils.views.page import escape, with_style
from utils.views.pending import ArgumentsError, Type, Waiting, as_json, read_arguments
from utils.views.plain import clean, one_line

if TYPE_CHECKING:
    from utils.views.approval import ApprovalCard

_LABELS: dict[Type, str] = {
    "approve": "Approve",
    "edit": "Send edited arguments",
    "reject": "Reject",
    "respond": "Answer instead",
}
_TELLS: dict[Type, str] = {
    "approve": "runs it with the arguments it came with",
    "edit": "changes the arguments to those in the field",
    "reject": "refuses it, with the message as the reason",
    "respond": "does not run it: the message is its answer",
}
_TYPED = (
    "Arguments, these are not those that Approve runs: press Send edited arguments first, "
    "or put the old ones back"
)
_WHICH = "Message, Enter does not say what it is: press Reject or Answer instead"
_ROWS = 12
# Longer arguments would make the page slow; they can be edited in code.
_EDITABLE = 20_000


class Controls:
    """The widget of one card; `box` is what is shown."""

    def __init__(self, card: ApprovalCard) -> None:
        self.card = card
        self.pressed: tuple[str, Type] | None = None
        """which button was pressed, where the focus is to be again: a call's id, or none, and its kind"""
        self._shown: tuple[Waiting, ...] | None = None
        self.items: tuple[Item, ...] = ()
        self.head, self.notes, self.outcome, self.code = note(), note(), note(), note()
        self.together = [
            button("Approve all", self._deciding("approve"), "runs all calls that wait"),
            button("Reject all", self._deciding("reject"), "refuses all calls that wait"),
        ]
        self.again = button("Look again", self._look, "reads the thread again and changes nothing")
        self.foot = row(*self.together, self.again)
        self.box = group()
        self.draw()

    def draw(self) -> None:
        """Show how the card stands."""
        card = self.card
        moved = card.waiting != self._shown
        gone: list[Item] = []
        if moved:
            self._shown = card.waiting
            # What still waits keeps its fields, and with them what somebody has typed but not sent.
            kept = {item.waiting.id: item for item in self.items if item.waiting in card.waiting}
            gone = [item for item in self.items if item not in kept.values()]
            self.items = tuple(
                kept.get(w.id) or Item(self, number, w) for number, w in enumerate(card.waiting, 1)
            )
        for item in self.items:
            item.draw()
        several = len(self.items) > 1
        for one in self.together:
            one.disabled = card.busy or not several
        self.again.disabled = card.busy
        self.foot.children = (*self.together, self.again) if several else (self.again,)
        if moved:
            bodies = [item.box for item in self.items]
            self.box.children = (self.head, *bodies, self.notes, self.outcome, self.foot, self.code)
        for item in gone:
            item.close()
        # Before the outcome: who has read it and gone elsewhere is not to be fetched back.
        if self.pressed is not None and not card.busy:
            settle_focus(self, *self.pressed)
            self.pressed = None
        self.head.value = with_style(f'<div class="kit-view">{card.head_html()}</div>', "touch")
        self.notes.value = _view(card.notes_html())
        self.outcome.value = _view(card.outcome_html())
        self.code.value = _view(card.code_html())

    def _deciding(self, kind: Type) -> Callable[[Any], None]:
        def pressed(_: Any) -> None:
            typed = next((item for item in self.items if kind == "approve" and item.typed), None)
            if typed is not None:
                typed.complain(_TYPED, typed.args)
                return
            self.pressed = ("", kind)
            self.card.decide(kind)

        return pressed

    def _look(self, _: Any) -> None:
        self.card.refresh()
        self.again.focus()


class Item:
    """The controls of one thing that waits."""

    def __init__(self, controls: Controls, number: int, waiting: Waiting) -> None:
        self.controls, self.number, self.waiting = controls, number, waiting
        self.card = controls.card
        text = as_json(waiting.args)
        self.editable = waiting.is_call and len(text) <= _EDITABLE
        text = text if len(text) <= _EDITABLE else clean(text, chars=2_000)
        self._text = text
        self.title, self.error = note(), note()
        label = "Arguments" if waiting.is_call else "Question"
        self.args = area(label, text, rows=min(text.count("\n") + 2, _ROWS))
        self.message = field("Message", "why not, or the answer to give instead", self._entered)
        name = one_line(waiting.name, 40) or "the question"
        self.by_type = {
            kind: button(_LABELS[kind], self._deciding(kind), f"{name}: {_TELLS[kind]}")
            for kind in waiting.allowed
        }
        self.box = group(inner=True)
        self.box.children = (self.title, self.args, self.error, self.message, row(*self.buttons))

    @property
    def buttons(self) -> tuple[Any, ...]:
        return tuple(self.by_type.values())

    @property
    def typed(self) -> bool:
        """Whether somebody has changed the arguments in the field."""
        return self.editable and str(self.args.value).strip() != self._text.strip()

    def draw(self) -> None:
        """Show what is decided, and let nothing be pressed while the graph runs."""
        self.title.value = _view(self.card.title_html(self.number, self.waiting))
        for one in (*self.buttons, self.message):
            one.disabled = self.card.busy
        self.args.disabled = self.card.busy or not self.editable
        if "edit" in self.by_type:
            self.by_type["edit"].disabled = self.args.disabled

    def close(self) -> None:
        """Take the controls out of the front end's memory."""
        for one in (self.title, self.args, self.error, self.message, *self.buttons, self.box):
            one.close()

    def _deciding(self, kind: Type) -> Callable[[Any], None]:
        def pressed(_: Any) -> None:
            self.error.value = ""
            if kind == "approve" and self.typed:
                self.complain(_TYPED, self.args)
                return
            try:
                args = read_arguments(self.args.value) if kind == "edit" else None
                message = self._said(kind)
                self.controls.pressed = (self.waiting.id, kind)
                self.card.decide(kind, args=args, message=message, id=self.waiting.id)
            except ArgumentsError as error:
                self.complain(f"Arguments, {error.sentence}", self.args)
            except KitError as error:
                self.complain(error.sentence, self.message if kind == "respond" else self.args)

        return pressed

    def _entered(self) -> None:
        """Enter in the message presses the button that sends it, where there is only one."""
        senders = [kind for kind in ("reject", "respond") if kind in self.by_type]
        if len(senders) == 1:
            self.by_type[senders[0]].click()
        else:
            self.complain(_WHICH, self.message)

    def _said(self, kind: Type) -> str:
        if kind not in ("reject", "respond"):
            return ""
        if kind == "respond" and not self.message.value.strip():
            raise ViewError(
                "write the answer that the model is to get instead of the tool's", where="Message"
            )
        return str(self.message.value)

    def complain(self, problem: str, where: Any) -> None:
        """Say under the arguments why nothing was sent, and put the focus where that is mended."""
        self.error.value = _view(
            '<p class="kit-said kit-bad" role="alert"><span class="kit-word">Not sent</span> '
            f"{escape(problem)}</p>"
        )
        where.focus()


def settle_focus(controls: Controls, pressed: str, kind: Type) -> None:
    """Put the focus where it was: on the same button, else where a key pressed once more decides nothing.

    On another button, Enter pressed twice would also decide about a call that nobody has read, and turn a
    refusal into an approval.
    """
    same = [item.by_type[kind] for item in controls.items if item.waiting.id == pressed]
    harmless = [item.args for item in controls.items] + [controls.again]
    target = next((one for one in (*same, *harmless) if not one.disabled), None)
    if target is not None:
        target.focus()


def _view(inner: str) -> str:
    return f'<div class="kit-view">{inner}</div>' if inner else ""
