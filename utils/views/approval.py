"""The approval card: what waits on a thread, and the buttons that decide about it.

An interrupt ends the cell, so nothing here blocks: a button reads the thread from its checkpointer, sends
what was decided and shows where the run came to. The card keeps nothing that the checkpointer does not
have, so it works as well after the kernel was restarted. It changes the thread only when somebody decides.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from utils.errors import ViewError, ViewTypeError
from utils.views.page import escape, escape_line
from utils.views.pending import (
    REJECTED,
    TYPES,
    Came,
    Decision,
    Stop,
    Type,
    Waiting,
    as_code,
    as_json,
    came_of,
    code_for,
    code_given,
    messages_of,
    read_stop,
    resuming,
    summary,
)
from utils.views.plain import clean, hang, one_line
from utils.views.thread import Thread
from utils.views.touch import Acting, Drawn

_NAME = 80
_CAME = 200
_ARGS_CHARS, _ARGS_LINES = 2_000, 40
_ALL_OR_NONE = (
    "At a breakpoint all calls of a message run together or none does: approve all of them, or answer all "
    "yourself (reject, respond). Some of both would mean to run the tools one by one."
)
_GIVEN = code_given("graph, config", "approval_card")
_AGAIN = "When it goes on, the node runs again from its start."
_ONCE = "The graph itself has no breakpoint: once it goes on it runs to its end without asking again."
_MOVED = "The thread has moved on since this card looked, so nothing was sent. This is where it stands now."
_EDITED = "the call waits with its new arguments, and nothing has run. Approve runs it."
_MIXED = "Not taken: at a breakpoint all calls run or none does. Decide about all of them in the same way."


class ApprovalCard(Acting):
    """What waits on a thread for a person; see `approval_card`."""

    def __init__(self, thread: Thread) -> None:
        super().__init__(thread)
        self._stop: Stop | None = None
        self._decided: dict[str, Decision] = {}
        self._edited = False
        self._messages: Sequence[Any] = ()
        self._came: tuple[tuple[str, str], ...] = ()

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        """What waits: for each its `id`, `name` and `args`."""
        return self._stop.waiting if self._stop else ()

    @property
    def answer(self) -> str | None:
        """The model's last words, once the run is over; None while something waits."""
        return self._stop.answer if self._stop else None

    @property
    def decided(self) -> Mapping[str, Decision]:
        """Decisions that wait for those about the other calls, by id."""
        return dict(self._decided)

    @property
    def messages(self) -> Sequence[Any]:
        """The messages of the thread when the card last looked."""
        return self._messages

    @property
    def stop(self) -> Stop:
        """Where the thread stood when the card last looked."""
        return self._stop or Stop("nothing")

    def refresh(self) -> ApprovalCard:
        """Look again at the thread; decisions that were not sent are forgotten."""
        self._start(self._look)
        return self

    def decide(
        self,
        type: Type,  # noqa: A002 - the name that decisions give it
        *,
        args: Mapping[str, Any] | None = None,
        message: str = "",
        id: str | None = None,
    ) -> ApprovalCard:
        """Decide about the call `id`, or about all that wait, and go on when all are decided.

        ``approve`` runs the call, ``edit`` changes its arguments to `args`, ``reject`` refuses it, and
        ``respond`` gives `message` as the tool's answer. Raises ViewError for a decision that makes no
        sense; what fails on the way is told in the card (`problem`).
        """
        decision = decision_of(type, args, message)
        if self._refuse_while_busy():
            return self
        targets = self.targets(decision, id)
        if not targets:
            self.say(f"There is nothing to {type}: {summary(self.stop)}.")
            return self
        self.problem = ""
        self._start(lambda: self.carry_out(targets, decision))
        return self

    def targets(self, decision: Decision, id: str | None) -> tuple[Waiting, ...]:
        """Return what this decision is about. Raises ViewError for one that makes no sense."""
        found = tuple(w for w in self.waiting if id is None or id in (w.id, w.interrupt))
        if id is not None and self.waiting and not found:
            known = ", ".join(w.id for w in self.waiting)
            raise ViewError(
                f"no call {one_line(repr(id))} waits", hint=f"name one that waits: {one_line(known, 400)}"
            )
        if decision.type == "edit" and len(found) > 1:
            raise ViewError(
                f"{len(found)} calls wait, and only one can be edited at a time",
                hint="say which one to edit: decide('edit', id=…, args=…)",
            )
        for waiting in found:
            if decision.type not in waiting.allowed:
                raise ViewError(
                    f"{decision.type} is for calls, and a question waits",
                    hint="approve it, or answer it: decide('respond', message=…)",
                )
        return found

    # What a decision does

    async def _look(self) -> None:
        self._edited, self._came = False, ()
        await super()._look()

    async def read(self) -> None:
        snapshot = await self._thread.call("get_state", self._thread.config)
        self._stop, self._messages, self._decided = read_stop(snapshot), messages_of(snapshot), {}

    async def carry_out(self, targets: tuple[Waiting, ...], decision: Decision) -> None:
        """Do what was decided, or keep it until all is decided, and read the thread again."""
        self._edited, self._came = False, ()
        before, kept = self.stop, self._decided
        await self.read()
        if (self.stop.how, self.stop.waiting) != (before.how, before.waiting):
            self.problem = _MOVED
            return
        self._decided = kept
        if before.how == "breakpoint" and decision.type == "edit":
            await self._edit(targets[0], decision)
            return
        decided = {**kept, **{w.id: decision for w in targets}}
        if before.how == "breakpoint" and len({d.type == "approve" for d in decided.values()}) > 1:
            self.problem = _MIXED
            return
        self._decided = decided
        if len(decided) == len(before.waiting):
            await self._send(before, decided)

    async def _edit(self, waiting: Waiting, decision: Decision) -> None:
        """Change the arguments of a call at a breakpoint; it goes on waiting."""
        config, stop, kept = self._thread.config, self.stop, dict(self._decided)
        snapshot = await self._thread.call("get_state", config)
        messages = snapshot.values["messages"]
        asking = messages[-stop.back]
        args = dict(decision.args or {})
        calls = [{**call, "args": args} if call["id"] == waiting.id else call for call in asking.tool_calls]
        edited = asking.model_copy(update={"tool_calls": calls})
        self.refuse_appending(messages, edited)
        await self._thread.call("update_state", config, {"messages": [edited]})
        self.done = code_for(stop, {waiting.id: decision}, asynchronous=self.asynchronous)
        await self.read()
        self._edited = True
        self._decided = {id: d for id, d in kept.items() if id in {w.id for w in self.waiting}}

    def refuse_appending(self, messages: Any, edited: Any) -> None:
        """Raise ViewError where an edited message would be added instead of taking the old one's place."""
        channel = getattr(self._thread.graph, "channels", {}).get("messages")
        reducer = getattr(channel, "operator", None)
        if reducer is not None and len(reducer(list(messages), [edited])) != len(messages):
            raise ViewError(
                "the reducer of `messages` adds an edited message to the end and keeps the old one",
                hint="use add_messages: it replaces the message with the same id",
            )

    async def _send(self, stop: Stop, decided: Mapping[str, Decision]) -> None:
        from langgraph.types import Command  # noqa: PLC0415 - a picture alone needs no langgraph

        config, before = self._thread.config, self._messages
        self.done = code_for(stop, decided, asynchronous=self.asynchronous)
        going_on: Any = None
        if stop.how == "interrupt":
            going_on = Command(resume={w.interrupt: decided[w.id].plain() for w in stop.waiting})
        elif any(decision.type != "approve" for decision in decided.values()):
            await self._answer_calls(stop, decided)
        await self._thread.call("invoke", going_on, config)
        await self.read()
        self._came = tuple(_became(stop, decided, came_of(before, self._messages)))

    async def _answer_calls(self, stop: Stop, decided: Mapping[str, Decision]) -> None:
        """Put answers in the place of those that the tools would have given."""
        from langchain_core.messages import ToolMessage  # noqa: PLC0415

        if len(nodes := dict.fromkeys(stop.next)) != 1:
            raise ViewError(
                f"several nodes run next ({stop.node}), and the answers can come from one only",
                hint="write them yourself: graph.update_state(config, {…}, as_node=…)",
            )
        answers = [
            ToolMessage(
                decided[w.id].message or REJECTED,
                name=w.name,
                tool_call_id=w.id,
                status="error" if decided[w.id].type == "reject" else "success",
            )
            for w in stop.waiting
        ]
        update = {"messages": answers}
        await self._thread.call("update_state", self._thread.config, update, as_node=next(iter(nodes)))

    def _lost(self) -> None:
        self._stop = None

    # What is shown

    def notes(self) -> tuple[str, ...]:
        """Return what a person has to know before deciding, a sentence each; empty where nothing waits."""
        if self.stop.how == "interrupt":
            return (_AGAIN,)
        if self.stop.how != "breakpoint":
            return ()
        several = len(self.waiting) > 1
        return (*[_ALL_OR_NONE] * several, *[_ONCE] * (not self._pauses_again()))

    def _pauses_again(self) -> bool:
        """Return whether the graph itself has a breakpoint; one given to a single call is not kept."""
        graph = self._thread.graph
        return any(getattr(graph, f"interrupt_{when}_nodes", True) for when in ("before", "after"))

    def heading(self) -> str:
        if self._stop is None:
            return f"thread {self.thread}: {'being read' if self.busy else 'could not be read'}"
        return f"thread {self.thread}: {summary(self._stop)}"

    def outcome(self) -> Iterator[tuple[str, str]]:
        """Yield what came of the last action, as pairs of a word and a text."""
        if self.busy and self._stop is not None:
            yield "Running", "the graph is at work"
        if self.problem:
            yield "Problem", self.problem
        if self._edited and not self.busy:
            yield "Edited", _EDITED
        if self._decided and not self.busy:
            yield "Decided", f"{len(self._decided)} of {len(self.waiting)}; sent when all are decided"
        if self.stop.how == "stopped":
            yield "Go on", resuming("None", asynchronous=self.asynchronous)
        yield from self._came
        if self.answer is not None and ("Answer", self.answer) not in self._came:
            yield "Answer", self.answer

    def codes(self) -> Iterator[tuple[str, str]]:
        """Yield names and code: what was done last, else the code for each decision that is possible."""
        if self.done:
            yield "What was done", self.done
        elif self.waiting:
            for kind in TYPES:
                if all(kind in waiting.allowed for waiting in self.waiting):
                    yield kind, self._example(kind)

    def _example(self, kind: Type) -> str:
        # One call at a time is edited; interrupts that wait together are resumed together.
        some = self.waiting[:1] if kind == "edit" and self.stop.how == "breakpoint" else self.waiting
        decided = {
            w.id: Decision(kind, w.args if kind == "edit" else None, "…" if kind != "approve" else "")
            for w in some
        }
        return code_for(self.stop, decided, asynchronous=self.asynchronous)

    def text(self) -> str:
        lines = [f"Approval, {self.heading()}"]
        for number, waiting in enumerate(self.waiting, 1):
            decision = self._decided.get(waiting.id)
            decided = f"  ({decision.type}, not sent yet)" if decision else ""
            lines += ["", f"{number}  {title(waiting)}{decided}"]
            args = clean(as_json(waiting.args), chars=_ARGS_CHARS, lines=_ARGS_LINES)
            lines += [f"   {line}" for line in args.split("\n")]
        if notes := self.notes():
            lines += ["", *(hang("", note) for note in notes)]
        if outcome := list(self.outcome()):
            lines += ["", *(hang(f"{word}: ", clean(said)) for word, said in outcome)]
        if codes := list(self.codes()):
            lines += ["", "As code", f"  {_GIVEN}"]
            for name, code in codes:
                lines += [f"  {name}", *(f"    {line}" for line in code.split("\n"))]
        return "\n".join(lines)

    def html(self) -> str:
        items = [self.item_html(number, waiting) for number, waiting in enumerate(self.waiting, 1)]
        listed = f'<ul class="kit-checks">\n{chr(10).join(items)}\n</ul>\n' if items else ""
        heading = html.escape(self.heading())
        return (
            f'<section class="kit-view kit-card" aria-label="Approval, {heading}">\n'
            f"{self.head_html()}{listed}{self.notes_html()}{self.outcome_html()}{self.code_html()}</section>"
        )

    def head_html(self) -> str:
        return (
            f'<p class="kit-head"><strong>Approval</strong> '
            f'<span class="kit-points">{html.escape(self.heading())}</span></p>\n'
        )

    def item_html(self, number: int, waiting: Waiting) -> str:
        """Return one thing that waits, as an item of a list."""
        args = escape(as_json(waiting.args), chars=_ARGS_CHARS, lines=_ARGS_LINES)
        return (
            f'<li class="kit-check">{self.title_html(number, waiting)}'
            f'<pre class="kit-inset" tabindex="0">{args}</pre></li>'
        )

    def title_html(self, number: int, waiting: Waiting) -> str:
        decision = self._decided.get(waiting.id)
        decided = f'<span class="kit-word">{decision.type}, not sent yet</span>' if decision else ""
        name = f"<code>{escape_line(waiting.name, _NAME)}</code>" if waiting.is_call else "a question"
        id = f'<span class="kit-points">{escape_line(waiting.id, 60)}</span>' if waiting.is_call else ""
        return (
            f'<p class="kit-line"><span class="kit-number">{number}</span>'
            f'<span class="kit-title">{name}</span>{decided}{id}</p>'
        )

    def notes_html(self) -> str:
        return "".join(f'<p class="kit-more">{html.escape(note)}</p>\n' for note in self.notes())

    def outcome_html(self) -> str:
        said = "".join(
            f'<p class="kit-said kit-{"bad" if word == "Problem" else "none"}"><span class="kit-word">{word}'
            f"</span> {escape(text)}</p>"
            for word, text in self.outcome()
        )
        return f'<div role="status">{said}</div>\n' if said else ""

    def code_html(self) -> str:
        ways = [f"# {name}\n{code}" for name, code in self.codes()]
        if not ways:
            return ""
        codes = "\n\n".join([_GIVEN, *ways])
        return (
            "<details><summary>As code</summary>"
            f'<pre tabindex="0">{escape(codes, chars=8_000, lines=80)}</pre></details>\n'
        )

    def _new_controls(self) -> Drawn:
        from utils.views.approval_controls import Controls  # noqa: PLC0415 - needs ipywidgets

        return Controls(self)


def approval_card(graph: Any, config: Any) -> ApprovalCard:
    """Return a card with what waits on this thread: calls at a breakpoint, or ``interrupt()``'s questions.

    In a notebook it has buttons; ``.decide("approve")`` does the same. Where graph or saver are asynchronous,
    ``await`` the card: it is then complete.
    """
    return ApprovalCard(Thread(graph, config, "approval_card")).refresh()


def title(waiting: Waiting) -> str:
    """Return what waits on one line: a call's name and id, or that it is a question."""
    if not waiting.is_call:
        return "a question"
    return f"{one_line(waiting.name, _NAME)}  {one_line(waiting.id, 60)}"


def _became(stop: Stop, decided: Mapping[str, Decision], came: Came) -> Iterator[tuple[str, str]]:
    """Yield, as a word and a text, what became of each call, then other results, then the model's answers."""
    for waiting in stop.waiting:
        if waiting.id in came.results:
            yield "Result", f"{one_line(waiting.name, _NAME)}: {one_line(came.results[waiting.id], _CAME)}"
        elif len(stop.waiting) > 1:
            # A graph of its own may keep results where a card knows none: then what was sent is said.
            yield "Sent", f"{title(waiting)}: {_in_words(decided[waiting.id])}"
    asked = {waiting.id for waiting in stop.waiting}
    for id, result in came.results.items():
        if id not in asked:
            yield "Result", one_line(result, _CAME)
    for answer in came.answers:
        yield "Answer", answer


def _in_words(decision: Decision) -> str:
    said = as_code(dict(decision.args)) if decision.args is not None else decision.message
    return f"{decision.type}, {one_line(said, _CAME)}" if said else decision.type


def decision_of(kind: Type, args: Any, message: str) -> Decision:
    """Return a decision. Raises ViewError or ViewTypeError for one that makes no sense."""
    if kind not in TYPES:
        raise ViewError(
            f"{one_line(repr(kind))} is not a decision", hint=f"decide one of these: {', '.join(TYPES)}"
        )
    if not isinstance(message, str):
        raise ViewTypeError(
            f"a message is a text, got {message.__class__.__name__}", hint="write decide(…, message='…')"
        )
    if kind == "edit":
        _check_arguments(args)
    elif args is not None:
        raise ViewError(f"{kind} takes no arguments", hint="arguments go with edit: decide('edit', args={…})")
    if kind == "respond" and not message.strip():
        raise ViewError(
            "respond needs the answer, and got none", hint="write it: decide('respond', message='…')"
        )
    return Decision(kind, args, message)


def _check_arguments(args: Any) -> None:
    if not isinstance(args, Mapping):
        raise ViewError(
            f"edit needs the arguments as a dict, got {one_line(repr(args))}",
            hint="write decide('edit', args={…})",
        )
    try:
        json.dumps(dict(args))
    except (TypeError, ValueError, RecursionError) as error:
        raise ViewError(
            f"these arguments cannot be written as JSON: {error}",
            hint="use texts, numbers, True, False, None, lists and dicts only",
        ) from None
