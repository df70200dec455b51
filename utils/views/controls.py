"""Small ipywidgets in the kit's dress: labelled fields, buttons that say what they do, groups, notes.

Imported only by what shows controls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets  # type: ignore[import-untyped]  # ships no annotations

_WIDE = {"description_width": "6.5em"}


def button(label: str, pressed: Callable[[Any], None], tells: str) -> Any:
    """Return a button; `tells` says what it does."""
    made = ipywidgets.Button(description=label, tooltip=tells, layout={"width": "auto"})
    made.on_click(pressed)
    return made


def area(label: str, value: str, rows: int) -> Any:
    """Return a field for several lines, with a label."""
    made = ipywidgets.Textarea(
        value=value, description=label, rows=rows, style=_WIDE, layout={"width": "auto"}
    )
    return made.add_class("kit-code")


def field(label: str, hint: str, entered: Callable[[], None]) -> Any:
    """Return a field for one line, with a label; `entered` is called when Enter is pressed in it."""
    made = ipywidgets.Text(description=label, placeholder=hint, style=_WIDE, layout={"width": "auto"})

    def heard(_: Any, content: Any, __: Any) -> None:
        # Watching the value instead would take leaving the field for Enter; `on_submit` is deprecated.
        if content.get("event") == "submit" and not made.disabled:
            entered()

    made.on_msg(heard)
    return made


def choices(label: str, options: Sequence[tuple[str, Any]], rows: int) -> Any:
    """Return a list to choose one thing from, with arrow keys as well."""
    made = ipywidgets.Select(
        options=options, description=label, rows=rows, style=_WIDE, layout={"width": "auto"}
    )
    return made.add_class("kit-code")


def choice(label: str, options: Sequence[tuple[str, str]]) -> Any:
    """Return a list that opens, to choose one of a few things from."""
    return ipywidgets.Dropdown(options=options, description=label, style=_WIDE, layout={"width": "auto"})


def note(value: str = "") -> Any:
    """Return a place for HTML, which its author has escaped."""
    return ipywidgets.HTML(value=value, layout={"margin": "0"})


def row(*children: Any) -> Any:
    """Return controls beside each other, in as many lines as they need."""
    return ipywidgets.HBox(children, layout={"flex_flow": "row wrap"}).add_class("kit-row")


def group(*, inner: bool = False) -> Any:
    """Return an empty box that shows controls below each other, with a frame."""
    # No tooltip: the front end cannot show one on a box, and shows an error in its place.
    return ipywidgets.VBox().add_class("kit-item" if inner else "kit-touch")
