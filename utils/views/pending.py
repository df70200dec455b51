"""What waits for a person on a thread, what may be decided about it, and the code that does the same.

There are two kinds of waiting. At a static breakpoint (``interrupt_before``) the calls stand in the last
message, and the snapshot's ``interrupts`` are empty. ``interrupt()`` inside a node leaves its value there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from utils.errors import ViewError
from utils.questions import refuse_when_asked
from utils.views.plain import one_line, plural

How = Literal["nothing", "stopped", "breakpoint", "interrupt"]
Type = Literal["approve", "edit", "reject", "respond"]
TYPES: tuple[Type, ...] = get_args(Type)
REJECTED = "A person has refused this call."
_MOST = 50
_LINE = 72
_ENDS = {"__start__": "START", "__end__": "END"}


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that waits: a call of a tool, or a question in a form of the graph's own."""

    id: str
    """the call's id; for a question that of its interrupt"""
    name: str
    """the tool's name; none for a question"""
    args: Any
    """the call's arguments; a question's whole value"""
    interrupt: str | None = None
    """id of the interrupt to answer; None at a breakpoint"""

    @property
    def is_call(self) -> bool:
        return bool(self.name)

    @property
    def allowed(self) -> tuple[Type, ...]:
        """The decisions that make sense for it."""
        return TYPES if self.is_call else ("approve", "respond")


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a thread stands."""

    how: How
    next: tuple[str, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    answer: str | None = None
    """text of the model's last message, where the run is over"""
    back: int = 1
    """which message has the waiting calls, counted from the last one"""

    @property
    def node(self) -> str:
        """The nodes that run next, in words."""
        return ", ".join(one_line(_ENDS.get(name, name), 40) for name in dict.fromkeys(self.next))


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person has decided about one waiting thing."""

    type: Type
    args: Mapping[str, Any] | None = None
    message: str = ""

    def plain(self) -> dict[str, Any]:
        """Return the decision as ``Command(resume=…)`` takes it."""
        match self.type:
            case "edit":
                return {"type": "edit", "args": dict(self.args or {})}
            case "reject" | "respond":
                return {"type": self.type, "message": self.message}
            case _:
                return {"type": "approve"}


class ArgumentsError(ViewError):
    """A text is not a JSON object; `where` is the line and, if it is known, the column."""


def read_stop(snapshot: Any) -> Stop:
    """Return where the thread of this snapshot stands, and what waits there."""
    refuse_when_asked("read_stop")
    following = tuple(str(name) for name in snapshot.next)
    if snapshot.interrupts:
        asked = [_asked(interrupt) for interrupt in snapshot.interrupts[:_MOST]]
        if len({waiting.id for waiting in asked}) < len(asked):
            asked = [replace(waiting, id=str(waiting.interrupt)) for waiting in asked]
        return Stop("interrupt", following, tuple(asked))
    messages = messages_of(snapshot)
    if not following:
        return Stop("nothing", answer=_answer(messages))
    back, found = open_calls(messages)
    if not found or following == ("__start__",):
        return Stop("stopped", following)
    calls = tuple(Waiting(str(c["id"]), str(c["name"]), c["args"]) for c in found[:_MOST])
    return Stop("breakpoint", following, calls, back=back)


def _asked(interrupt: Any) -> Waiting:
    value = interrupt.value
    if isinstance(value, Mapping) and {"name", "args"} <= set(value) and isinstance(value["args"], Mapping):
        id = str(value.get("id", interrupt.id))
        return Waiting(id, str(value["name"]), dict(value["args"]), str(interrupt.id))
    return Waiting(str(interrupt.id), "", value, str(interrupt.id))


def open_calls(messages: Sequence[Any]) -> tuple[int, list[Any]]:
    """Return the place, from the end, and the unanswered calls of the last message from the model."""
    refuse_when_asked("open_calls")
    answered = set()
    for back, message in enumerate(reversed(messages), 1):
        if getattr(message, "type", "") != "tool":
            calls = getattr(message, "tool_calls", None) or []
            return back, [call for call in calls if call["id"] not in answered]
        answered.add(message.tool_call_id)
    return 1, []


def _answer(messages: Sequence[Any]) -> str | None:
    last = messages[-1] if messages else None
    if getattr(last, "type", "") != "ai" or getattr(last, "tool_calls", None):
        return None
    return _said(last)


def _said(message: Any) -> str:
    text = getattr(message, "text", "")
    return str(text() if callable(text) and not isinstance(text, str) else text)


@dataclass(frozen=True, slots=True)
class Came:
    """What a run added to a thread: results by the ids of their calls, and what the model said."""

    results: Mapping[str, str]
    answers: tuple[str, ...]


def messages_of(snapshot: Any) -> Sequence[Any]:
    """Return the messages in the state of this snapshot; empty where it has no such list."""
    found = snapshot.values.get("messages") if isinstance(snapshot.values, Mapping) else None
    return found if isinstance(found, list) else []


def came_of(before: Sequence[Any], after: Sequence[Any]) -> Came:
    """Return what the messages hold that was not there before: by id, or by place where they have none."""
    known = {id for message in before if (id := getattr(message, "id", None))}
    added = [
        message
        for place, message in enumerate(after)
        if (id not in known if (id := getattr(message, "id", None)) else place >= len(before))
    ]
    results = {str(m.tool_call_id): _said(m) for m in added if getattr(m, "type", "") == "tool"}
    answers = (_answer([message]) for message in added)
    return Came(results, tuple(answer for answer in answers if answer))


def read_arguments(text: str) -> dict[str, Any]:
    """Return the arguments that a person typed. Raises ArgumentsError, which names line and column."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ArgumentsError(f"this is not JSON: {error.msg}", where=where, hint=_hint(text)) from None
    except RecursionError:
        raise ArgumentsError("this is too deeply nested", where="line 1") from None
    if not isinstance(found, dict):
        raise ArgumentsError(
            f"this is {_kind(found)}, not an object", where="line 1", hint='write {"name": value}'
        )
    return found


def _hint(text: str) -> str:
    if "'" in text and '"' not in text:
        return "use double quotes, as JSON does"
    wrong = next((word for word in ("True", "False", "None") if word in text), "")
    return f"JSON writes {wrong} as {({'None': 'null'}).get(wrong, wrong.lower())}" if wrong else ""


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case list():
            return "a list"
        case str():
            return "a text"
        case _:
            return "a number"


def as_json(value: Any) -> str:
    """Return a value as readable JSON; what JSON does not know is shown as Python would."""
    try:
        short = json.dumps(value, ensure_ascii=False, default=repr)
        return short if len(short) <= _LINE else json.dumps(value, ensure_ascii=False, default=repr, indent=2)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def as_code(value: Any) -> str:
    """Return a plain value as Python, on one line."""
    return one_line(repr(value), 400)


# The code that does the same


def resuming(what: str, *, asynchronous: bool) -> str:
    """Return the call that goes on with the thread, as Python."""
    return f"await graph.ainvoke({what}, config)" if asynchronous else f"graph.invoke({what}, config)"


def code_given(names: str, view: str) -> str:
    """Return a comment that says what the names in the code below stand for."""
    return f"# {names}: what you gave to {view}"


def code_for(stop: Stop, decided: Mapping[str, Decision], *, asynchronous: bool = False) -> str:
    """Return Python that does what these decisions do; interrupts are numbered: their ids mean nothing."""
    refuse_when_asked("code_for")
    if stop.how == "interrupt":
        numbers = {waiting.id: number for number, waiting in enumerate(stop.waiting)}
        sent = ", ".join(
            f"waiting[{numbers[id]}].id: {as_code(decision.plain())}" for id, decision in decided.items()
        )
        return "\n".join(
            [
                f"waiting = {_state(asynchronous)}.interrupts",
                resuming(f"Command(resume={{{sent}}})", asynchronous=asynchronous),
            ]
        )
    if any(decision.type == "edit" for decision in decided.values()):
        return _editing(stop, decided, asynchronous)
    if any(decision.type == "approve" for decision in decided.values()):
        return resuming("None", asynchronous=asynchronous)
    answers = [
        f"    ToolMessage({as_code(text)}, name={w.name!r}, tool_call_id={w.id!r}"
        + (', status="error"),' if d.type == "reject" else "),")
        for w in stop.waiting
        if (d := decided.get(w.id)) is not None
        for text in [d.message or REJECTED]
    ]
    update = _updating(f'{{"messages": answers}}, as_node={as_code(stop.next[0])}', asynchronous)
    return "\n".join(["answers = [", *answers, "]", update, resuming("None", asynchronous=asynchronous)])


def _editing(stop: Stop, decided: Mapping[str, Decision], asynchronous: bool) -> str:
    edits = {id: dict(d.args or {}) for id, d in decided.items() if d.type == "edit"}
    return "\n".join(
        [
            f'last = {_state(asynchronous)}.values["messages"][-{stop.back}]',
            f"edits = {as_code(edits)}",
            'calls = [{**c, "args": edits.get(c["id"], c["args"])} for c in last.tool_calls]',
            _updating('{"messages": [last.model_copy(update={"tool_calls": calls})]}', asynchronous),
        ]
    )


def _state(asynchronous: bool) -> str:
    return "(await graph.aget_state(config))" if asynchronous else "graph.get_state(config)"


def _updating(what: str, asynchronous: bool) -> str:
    call = "await graph.aupdate_state" if asynchronous else "graph.update_state"
    return f"{call}(config, {what})"


def summary(stop: Stop) -> str:
    """Return where the thread stands, in a few words."""
    count = plural(len(stop.waiting), "call" if all(w.is_call for w in stop.waiting) else "question")
    verb = "waits" if len(stop.waiting) == 1 else "wait"
    match stop.how:
        case "breakpoint":
            return f"{count} {verb} at a breakpoint before {stop.node}"
        case "interrupt":
            return f"{count} {verb} in {stop.node}, which interrupted itself"
        case "stopped":
            return f"nothing to decide; {stop.node} runs next"
        case _:
            return "nothing waits"
