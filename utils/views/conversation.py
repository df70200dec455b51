"""A conversation as people read it: who said what, and each tool call together with its result."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from utils.errors import ViewTypeError
from utils.views.display import View
from utils.views.page import escape, escape_line
from utils.views.pending import as_json
from utils.views.plain import clean, hang, one_line, plural, short

MOST_MESSAGES = 500
"""more are not drawn: the first and the last ones are"""
_CHARS, _LINES = 20_000, 400
_LONG, _LONG_RESULT = 700, 240
"""a text of more letters is folded; a tool's result, which is for the model, sooner"""
_FIRST = 160
_COMING = 3_000
"""so many letters of a text that still comes are shown"""
_NAME = 40
_ROLES = {"human": "user", "ai": "model", "assistant": "model", "developer": "system"}


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool call and, where it is there, its result."""

    id: str
    name: str
    args: str
    """as JSON"""
    result: str | None = None
    """None while there is none"""
    failed: bool = False
    """whether the result says of itself that it is an error"""


@dataclass(frozen=True, slots=True)
class Said:
    """One message: its author, its text and the calls that it makes."""

    role: str
    """``user``, ``model``, ``system``, ``tool`` (a result whose call is not there), or a role of its own"""
    text: str
    uses: tuple[ToolUse, ...] = ()
    id: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class ConversationView(View):
    """A conversation from its first message to its last."""

    said: tuple[Said, ...]
    sheets: ClassVar[tuple[str, ...]] = ("conversation",)

    def text(self) -> str:
        return conversation_text(self.said)

    def html(self) -> str:
        return (
            f'<section class="kit-view kit-card" aria-label="Conversation: {about(self.said)}">\n'
            f'<p class="kit-head"><strong>Conversation</strong> '
            f'<span class="kit-points">{about(self.said)}</span></p>\n'
            f"{conversation_html(self.said)}</section>"
        )


def conversation(state: Any) -> ConversationView:
    """Return a view of the messages in a state: what ``invoke`` or ``get_state`` gave, or a list of messages.

    Raises ViewTypeError for anything else.
    """
    return ConversationView(read_conversation(_messages(state)))


def _messages(state: Any) -> Sequence[Any]:
    # A snapshot is a tuple, too; and a dict has a method of this name.
    found = state if isinstance(state, Mapping) else getattr(state, "values", state)
    if isinstance(found, Mapping):
        if "messages" not in found:
            raise ViewTypeError(
                f"this state has no `messages`, but {one_line(str([str(key) for key in found]), 200)}",
                hint="give the list of messages itself",
            )
        found = found["messages"]
    if not isinstance(found, list | tuple):
        raise ViewTypeError(
            f"conversation() needs messages, got {type(found).__name__}",
            hint="give it what graph.invoke(…) or graph.get_state(config) returned",
        )
    if any(isinstance(message, str | tuple | Mapping) for message in found):
        from langchain_core.messages import convert_to_messages  # noqa: PLC0415 - other forms are rare

        try:
            return convert_to_messages(found)
        except (ValueError, NotImplementedError, KeyError) as error:
            raise ViewTypeError(
                "one of these messages has a form that LangChain does not know",
                hint='write {"role": "user", "content": "…"}',
            ) from error
    return found


def read_conversation(messages: Sequence[Any]) -> tuple[Said, ...]:
    """Return the messages as plain data, in their order; a result stands with its call, if that is known."""
    said: list[Said] = []
    made: dict[str, tuple[int, int]] = {}
    for message in messages:
        kind = str(getattr(message, "type", "") or type(message).__name__)
        text = text_of(message)
        place = made.get(str(getattr(message, "tool_call_id", ""))) if kind == "tool" else None
        if place is not None:
            row, number = place
            uses = list(said[row].uses)
            failed = getattr(message, "status", "") == "error"
            use = uses[number]
            uses[number] = ToolUse(use.id, use.name, use.args, text, failed)
            said[row] = Said(said[row].role, said[row].text, tuple(uses), said[row].id)
            continue
        calls = getattr(message, "tool_calls", None) or []
        uses = [ToolUse(str(c["id"]), str(c["name"]), _arguments(c["args"])) for c in calls]
        made.update({use.id: (len(said), number) for number, use in enumerate(uses)})
        said.append(Said(_ROLES.get(kind, kind), text, tuple(uses), str(getattr(message, "id", "") or "")))
    return tuple(said)


def _arguments(args: Any) -> str:
    # While a message comes its arguments are a text that may not be whole.
    return args if isinstance(args, str) else as_json(args)


def text_of(message: Any) -> str:
    """Return the text of a message; of one without text its content, as Python writes it."""
    text = getattr(message, "text", None)
    text = text() if callable(text) and not isinstance(text, str) else text
    if text:
        return str(text)
    content = getattr(message, "content", "")
    return "" if isinstance(content, str) or getattr(message, "tool_calls", None) else repr(content)


def about(said: Sequence[Said]) -> str:
    """Return how many messages and calls there are, in words."""
    calls = sum(len(one.uses) for one in said)
    return plural(len(said), "message") + (f", {plural(calls, 'tool call')}" if calls else "")


def conversation_text(said: Sequence[Said]) -> str:
    """Return the conversation as lines."""
    if not said:
        return "nothing has been said yet"
    head = max(len(short(one.role, 10)) for one in said) + 2
    lines = []
    for one in _some(said):
        if one is None:
            lines.append(_left_out(said))
            continue
        role = short(one.role, 10).ljust(head)
        if one.text or not one.uses:
            lines += hang(role, clean(one.text) or "(no text)").split("\n")
            role = " " * head
        for use in one.uses:
            lines.append(f"{role}{short(use.name, _NAME)}({short(use.args, 300)})")
            lines += hang(f"{' ' * head}  {_sign(use)} ", clean(_result(use))).split("\n")
            role = " " * head
    return "\n".join(lines)


def conversation_html(said: Sequence[Said]) -> str:
    """Return the conversation as a list in HTML, without a frame and without its stylesheet."""
    if not said:
        return '<p class="kit-more">Nothing has been said yet.</p>\n'
    items = [f"<li>{_left_out(said)}</li>" if one is None else said_html(one) for one in _some(said)]
    return f'<ol class="kit-talk">\n{chr(10).join(items)}\n</ol>\n'


def said_html(one: Said, *, typing: bool = False) -> str:
    """Return one message as an item of a list; `typing` is one that still comes."""
    kind = one.role if one.role in {"user", "model", "system", "tool"} else "other"
    shown = _end(one.text) if typing else _folded(one.text)
    words = f'<div class="kit-words">{shown}</div>' if one.text else ""
    uses = "".join(use_html(use) for use in one.uses)
    if not words and not uses:
        words = '<div class="kit-words kit-quiet">(no text)</div>'
    role = f'<span class="kit-role">{escape_line(one.role, 20)}</span>'
    kind += " kit-typing" if typing else ""
    return f'<li class="kit-by-{kind}">{role}{words}{uses}</li>'


def use_html(use: ToolUse) -> str:
    """Return a call with its result."""
    state = "none" if use.result is None else "bad" if use.failed else "good"
    return (
        f'<div class="kit-use kit-{state}"><p class="kit-call-line"><span class="kit-role">tool</span> '
        f"<code>{escape_line(use.name, _NAME)}({html.escape(short(use.args, 400))})</code></p>"
        f'<div class="kit-back"><span class="kit-word">{_sign(use)} {_word(use)}</span> '
        f"{_folded(use.result or '', _LONG_RESULT)}</div></div>"
    )


def _word(use: ToolUse) -> str:
    return "no result yet" if use.result is None else "failed" if use.failed else "gave back"


def _sign(use: ToolUse) -> str:
    return "…" if use.result is None else "✗" if use.failed else "→"


def _result(use: ToolUse) -> str:
    return "no result yet" if use.result is None else use.result or "(empty)"


def _end(text: str) -> str:
    """Return the newest part of a text that still comes: a long one costs no more than a short one."""
    before = len(text) - _COMING
    mark = f"[… {before:,} characters before …]\n" if before > 0 else ""
    return mark + escape(text[-_COMING:], chars=_COMING, lines=200)


def _folded(text: str, long: int = _LONG) -> str:
    if len(text) <= long:
        return escape(text, chars=long + 1, lines=60)
    more = plural(len(text), "character")
    return (
        f"<details><summary>{html.escape(short(text, _FIRST))} <span>({more})</span></summary>"
        f'<div class="kit-whole">{escape(text, chars=_CHARS, lines=_LINES)}</div></details>'
    )


def _some(said: Sequence[Said]) -> list[Said | None]:
    if len(said) <= MOST_MESSAGES:
        return list(said)
    half = MOST_MESSAGES // 2
    return [*said[:half], None, *said[-half:]]


def _left_out(said: Sequence[Said]) -> str:
    return f"[… {len(said) - MOST_MESSAGES:,} more messages …]"
