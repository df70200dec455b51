"""The studio: a graph at work, its conversation, its checkpoints, and what waits for a person, in one view.

It is made of the other views: the explorer knows the checkpoints and the approval card what waits. The studio
runs what they decide, one thing at a time, and keeps it only if it has gone well. To look changes nothing.
"""

from __future__ import annotations

import html
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from utils.errors import KitError, ViewError
from utils.views.approval import ApprovalCard, decision_of, title
from utils.views.conversation import Said, conversation_html, conversation_text, read_conversation, said_html
from utils.views.explorer import CheckpointExplorer, changes_html
from utils.views.folding import lines
from utils.views.graph import GraphShape, marked, read_graph, shape_html, shape_text
from utils.views.page import escape
from utils.views.pending import Type, as_code, messages_of, open_calls, resuming, summary
from utils.views.plain import clean, hang, one_line
from utils.views.studio.live import Live
from utils.views.studio.runs import Beside, WatchedThread
from utils.views.touch import Acting, Drawn
from utils.views.tree import TreeRow
from utils.views.tree_svg import rows_html

Explain = Callable[[BaseException], str | None]
_GIVEN = "# graph, config: what you gave to studio"
_KEPT_NOTHING = "Nothing of this run was kept."
_FIRST_DECIDE = (
    "A tool call has no answer yet, and a provider refuses a new question here: decide about it first."
)
_FORK_CALLS = "A tool call has no answer at this checkpoint, and a provider refuses a new question here."
_OTHER_THREAD = (
    "This saver's database works only in the thread that opened it, and a graph runs in several. "
    "What to do: open it with sqlite3.connect(…, check_same_thread=False)."
)
SHEETS = ("drawing", "graph", "conversation", "tree", "touch", "studio")


class Studio(Acting):
    """A graph and one of its threads, to watch and to act on; see `studio`."""

    sheets: ClassVar[tuple[str, ...]] = SHEETS

    def __init__(
        self, graph: Any, config: Any, questions: Sequence[str] = (), explain: Explain | None = None
    ) -> None:
        self.live = Live()
        self.work = Beside()
        self._own = WatchedThread(graph, config, self._hear)
        super().__init__(self._own, self.work)
        self.questions = tuple(questions)
        """questions to offer"""
        self._explain = explain
        self.explorer = CheckpointExplorer(self._own)
        self.card = ApprovalCard(self._own)
        self._shape: GraphShape = read_graph(graph)
        self._awaited = self._own.asynchronous
        self._came = self._refused = ""
        self.against: str | None = None
        """name of the checkpoint that the selected one is compared with; its parent where this is None"""

    @property
    def asynchronous(self) -> bool:
        """Whether the graph has to be awaited; the answer of the thread that the studio was made in."""
        return self._awaited

    # What can be done

    def refresh(self) -> Studio:
        """Read the thread again."""
        if not self._refuse_while_busy():
            self._start(self._look)
        return self

    def select(self, checkpoint: str) -> Studio:
        """Select a checkpoint by its name (``c3``) or its id, to look at it and to fork there."""
        if not self._refuse_while_busy():
            self.explorer.select(checkpoint)
            self.problem = self.done = self._came = ""
            self._draw()
        return self

    def compare(self, checkpoint: str | None) -> Studio:
        """Show the selected checkpoint beside this one, of any branch; with None beside its parent again."""
        if checkpoint is not None and checkpoint not in {row.name for row in self.explorer.tree.rows}:
            raise ViewError(
                f"this thread has no checkpoint {one_line(repr(checkpoint))}", hint='name one: compare("c3")'
            )
        self.against = checkpoint
        self._draw()
        return self

    def ask(self, text: str) -> Studio:
        """Ask a question at the newest checkpoint, and let the graph run."""
        self.explorer.check_fork(text, None, None)
        if self._refuse_while_busy():
            return self
        if refused := self.cannot_ask():
            self.say(refused)
            return self
        self.explorer.selected = next((row.name for row in self.explorer.tree.rows if row.current), None)
        self.live.asked(text)

        async def asking() -> None:
            from langchain_core.messages import HumanMessage  # noqa: PLC0415 - a picture needs none

            # An object, as some reducers keep what they are given as it is.
            self.done = self._asking_code(as_code(text))
            await self._own.call("invoke", {"messages": [HumanMessage(text)]}, self._own.config)
            self.explorer.selected = None
            await self.read()
            self._came = self._where()

        self._act(asking)
        return self

    def fork(
        self, text: str | None = None, *, values: Mapping[str, Any] | None = None, as_node: str | None = None
    ) -> Studio:
        """Fork at the selected checkpoint: ask `text`, write `values`, or run again what followed."""
        self.explorer.check_fork(text, values, as_node)
        if self._refuse_while_busy():
            return self
        row = self.explorer.row
        if row is None:
            self.say("There is no checkpoint to fork at.")
        elif text is None and values is None and not row.node.next:
            self.say(f"Nothing follows {row.name}, so there is nothing to run again.")
        elif text is not None and (refused := self.cannot_fork()):
            self.say(refused)
        else:
            if text is not None:
                self.live.asked(text)
            self._act(lambda: self._forking(row, text, values, as_node))
        return self

    def edit(self, number: int, text: str) -> Studio:
        """Write the message with this number (from 1) anew at the selected checkpoint; nothing runs."""
        messages = messages_of(self.explorer.snapshot) if self.explorer.snapshot is not None else ()
        if not isinstance(number, int) or not 1 <= number <= len(messages):
            raise ViewError(
                f"the selected checkpoint has no message {one_line(repr(number))}",
                hint=f"name one by its number, 1 to {len(messages)}"
                if messages
                else "select another checkpoint",
            )
        if not isinstance(text, str) or not text.strip():
            raise ViewError("edit() needs the new text of the message", hint='write edit(1, "…")')
        row = self.explorer.row
        if self._refuse_while_busy() or row is None:
            return self
        message = messages[number - 1]
        if not hasattr(message, "model_copy"):
            raise ViewError(
                f"message {number} is a {type(message).__name__} and not a message object",
                hint="write the state yourself: fork(values={…})",
            )
        edited = message.model_copy(update={"content": text})

        async def editing() -> None:
            self.card.refuse_appending(messages, edited)
            await self._forking(row, None, {"messages": [edited]}, None)
            at, call = self.explorer.done.split("\n")[0], "await graph.aupdate_state"
            call = call if self.asynchronous else "graph.update_state"
            get = "(await graph.aget_state(config))" if self.asynchronous else "graph.get_state(config)"
            self.done = "\n".join(
                [
                    at,
                    f'message = {get}.values["messages"][{number - 1}]',
                    f'edited = message.model_copy(update={{"content": {as_code(text)}}})',
                    f'{call}(config, {{"messages": [edited]}})',
                ]
            )

        self._act(editing)
        return self

    def decide(
        self,
        type: Type,  # noqa: A002 - the name that decisions give it
        *,
        args: Mapping[str, Any] | None = None,
        message: str = "",
        id: str | None = None,
    ) -> Studio:
        """Decide about what waits, as `ApprovalCard.decide` does, and go on when all is decided."""
        decision = decision_of(type, args, message)
        if self._refuse_while_busy():
            return self
        targets = self.card.targets(decision, id)
        if not targets:
            self.say(f"There is nothing to {type}: {summary(self.card.stop)}.")
            return self

        async def deciding() -> None:
            await self.card.carry_out(targets, decision)
            self.explorer.selected = None
            await self.explorer.read()
            self.problem, self.done = self.card.problem, self.card.done
            if not self.problem:
                kept = [
                    f"{word}: {said}" for word, said in self.card.outcome() if word in ("Edited", "Decided")
                ]
                self._came = " ".join(one + _stop(one) for one in kept) or self._where()

        self._act(deciding)
        return self

    async def _forking(
        self, row: TreeRow, text: str | None, values: Mapping[str, Any] | None, as_node: str | None
    ) -> None:
        await self.explorer.make_fork(row, text, values, as_node)
        self.done = self.explorer.done
        await self.card.read()
        self._came = f"{self.explorer.selected} is the newest checkpoint now. {self._where()}"

    def _where(self) -> str:
        """Return where the thread has come to, as a sentence."""
        stop = self.card.stop
        if stop.how == "nothing":
            return "The run is over."
        return f"It stands still: {summary(stop)}."

    def cannot_ask(self) -> str:
        """Return why no question can be asked at the newest checkpoint; empty where one can."""
        _, calls = open_calls(self._messages())
        return _FIRST_DECIDE if calls else ""

    def cannot_fork(self) -> str:
        """Return why no question can be asked at the selected checkpoint; empty where one can."""
        snapshot = self.explorer.snapshot
        _, calls = open_calls(messages_of(snapshot) if snapshot is not None else ())
        return _FORK_CALLS if calls else ""

    # How it is done

    def _act(self, make: Callable[[], Any]) -> None:
        self.problem = self.done = self._came = ""
        self.card.problem = self.card.done = self.explorer.problem = self.explorer.done = ""
        self._start(make)

    async def _careful(self, make: Callable[[], Any]) -> None:
        """Do it as a whole, or not at all: an error becomes a sentence, and the thread is as it was."""
        self._own.begin()
        try:
            await make()
            await self._own.keep()
        except Exception as error:  # whatever a student's graph raises
            self.problem, self.done, self._came = f"{self._told(error)} {_KEPT_NOTHING}", "", ""
            self._own.end()
            await self._read_again()
        finally:
            self._own.end()
            self.live.clear()
            self.busy, self._refused = False, ""
            self._draw()

    def _refuse_while_busy(self) -> bool:
        if self.busy:
            self._refused = "the run before is not over; in a cell, `await` the studio first."
            self._draw()
        return self.busy

    def _told(self, error: BaseException) -> str:
        """Return an error in words, without the name of its class."""
        if isinstance(error, KitError):
            return f"{one_line(error.sentence, 600)}{_stop(error.sentence)}"
        told = self._explain(error) if self._explain is not None else None
        if told is None and isinstance(error, sqlite3.ProgrammingError) and "same thread" in str(error):
            told = _OTHER_THREAD
        if told is None:
            body = getattr(error, "body", None)
            told = body.get("message") if isinstance(body, dict) else None
        said = one_line(str(told or error).strip() or "The graph stopped and gave no reason", 600)
        return said + _stop(said)

    def _hear(self, item: Any) -> None:
        if self.live.take(item) and self._controls is not None:
            self._controls.draw()
        elif self._controls is not None:
            self._controls.grow()  # type: ignore[attr-defined]  # the studio's own controls

    async def read(self) -> None:
        """Read the thread: its checkpoints, and what waits."""
        await self.explorer.read()
        await self.card.read()

    async def _look(self) -> None:
        self._came = ""
        await super()._look()

    def _lost(self) -> None:
        self.explorer._lost()
        self.card._lost()

    def _messages(self) -> Sequence[Any]:
        return self.card.messages

    # What is shown

    def heading(self) -> str:
        """Return the thread and how it stands, in words."""
        return f"{self.explorer.about()}; {summary(self.card.stop)}"

    def shape(self) -> GraphShape:
        """Return the graph with its marks: at work, next, waiting."""
        stop = self.card.stop
        waits = stop.next if stop.waiting else ()
        if self.busy:
            return marked(self._shape, running=self.live.running)
        return marked(self._shape, current=stop.next, waits=waits)

    def graph_html(self) -> str:
        return shape_html(self.shape())

    def said(self) -> tuple[Said, ...]:
        """Return the conversation at the selected checkpoint, with what a run has added to it so far."""
        snapshot = self.explorer.snapshot
        before = messages_of(snapshot) if snapshot is not None else ()
        return read_conversation([*before, *self.live.whole()])

    def talk_html(self) -> str:
        return conversation_html(self.said())

    def live_html(self) -> str:
        """Return the message that comes."""
        items = "".join(said_html(one, typing=True) for one in self.live.coming())
        return f'<ol class="kit-talk">{items}</ol>' if items else ""

    def tree_html(self) -> str:
        return rows_html(self.explorer.shown(), self.explorer.selected)

    def state_title(self) -> str:
        return "What this step made" if self.against is None else "Compared"

    def state_html(self) -> str:
        """Return what the selected step made, or how it differs from the one that it is compared with."""
        if self.against is None or self.explorer.row is None:
            return self.explorer.detail_html()
        head = f"<strong>{self.explorer.row.name}</strong> compared with <strong>{self.against}</strong>"
        return f'<p class="kit-said">{head}</p>{changes_html(self.explorer.changes(self.against))}'

    def outcome(self) -> Iterator[tuple[str, str]]:
        """Yield what came of the last action, as pairs of a word and a text."""
        if self._refused:
            yield "Not taken", self._refused
        if self.busy:
            yield "Running", ", ".join(self.live.running) or "the graph is at work"
        elif self.problem:
            yield "Not done", self.problem
        elif self._came:
            yield "Done", self._came

    def outcome_html(self) -> str:
        return "".join(
            f'<p class="kit-said kit-{"bad" if word == "Not done" else "none"}">'
            f'<span class="kit-word">{word}</span> {escape(said)}</p>'
            for word, said in self.outcome()
        )

    def waiting_title(self) -> str:
        """Return where something waits: always at the newest checkpoint, whichever is selected."""
        newest = next((row.name for row in self.explorer.tree.rows if row.current), "")
        return f"Waits for you at {newest}".removesuffix(" at ")

    def waiting_html(self) -> str:
        """Return what waits for a person, as the approval card shows it."""
        if not self.card.waiting:
            return ""
        items = [self.card.item_html(number, waiting) for number, waiting in enumerate(self.card.waiting, 1)]
        return f'<ul class="kit-checks">{"".join(items)}</ul>{self.card.notes_html()}'

    def code(self) -> str:
        """Return code: of what was done last, else of all that can be done."""
        if self.done:
            return f"# what was done; {_GIVEN[2:]}\n{self.done}"
        ways = [_GIVEN, "# ask", self._asking_code("'…'")]
        if self.card.waiting:
            for kind, code in self.card.codes():
                ways += [f"# {kind}", code]
        explored = self.explorer.static_code().split("\n")[1:]
        if explored:
            ways += [f"# at {self.explorer.selected}", *explored]
        return "\n".join(ways)

    def _asking_code(self, text: str) -> str:
        return resuming(f'{{"messages": [HumanMessage({text})]}}', asynchronous=self.asynchronous)

    def static_code(self) -> str:
        """Return the code without the checkpoints' ids, which differ from run to run: it can be stored."""
        return self.explorer.without_ids(self.code())

    def code_html(self, *, static: bool = False) -> str:
        code = escape(self.static_code() if static else self.code(), chars=8_000, lines=80)
        return f'<details><summary>As code</summary><pre tabindex="0">{code}</pre></details>'

    def text(self) -> str:
        rows = [f"Studio, {self.heading()}", "", shape_text(self.shape()), ""]
        rows += [f"Conversation at {self.explorer.selected or 'the beginning'}"]
        rows += [f"  {line}" for line in conversation_text(self.said()).split("\n")]
        if self.explorer.tree.rows:
            rows += [
                "",
                "Checkpoints",
                *(f"  {line}" for line in lines(self.explorer.shown(), self.explorer.selected)),
            ]
            rows += ["", hang(f"{self.explorer.selected}: ", self.explorer.facts())]
            if self.against is not None:
                rows += [f"compared with {self.against}:"]
            rows += [hang("  ", line) for line in self.explorer.change_lines(self.against)]
        for number, waiting in enumerate(self.card.waiting, 1):
            rows += ["", f"Waits for you, {number}: {title(waiting)}"]
        if outcome := list(self.outcome()):
            rows += ["", *(hang(f"{word}: ", clean(said)) for word, said in outcome)]
        rows += ["", "As code", *(f"  {line}" for line in self.static_code().split("\n"))]
        return "\n".join(rows)

    def html(self) -> str:
        panels = [
            ("graph", "Graph", self.graph_html()),
            ("talk", f"Conversation at {self.explorer.selected or 'the beginning'}", self.talk_html()),
            ("waits", self.waiting_title(), self.waiting_html()),
            ("tree", "Checkpoints", self.tree_html()),
            ("state", self.state_title(), self.state_html()),
        ]
        shown = "\n".join(
            f'<div class="kit-panel kit-panel-{name}"><p class="kit-panel-head">{title}</p>{body}</div>'
            for name, title, body in panels
            if body
        )
        heading, outcome = html.escape(self.heading()), self.outcome_html()
        return (
            f'<section class="kit-view kit-card kit-studio" aria-label="Studio, {heading}">\n'
            f'<p class="kit-head"><strong>Studio</strong> <span class="kit-points">{heading}</span></p>\n'
            f'<div class="kit-panels">{shown}</div>\n{outcome}{self.code_html(static=True)}</section>'
        )

    def _new_controls(self) -> Drawn:
        from utils.views.studio.widget import Controls  # noqa: PLC0415 - needs anywidget

        return Controls(self)


def _stop(sentence: str) -> str:
    return "" if sentence.endswith((".", "!", "?")) else "."


def studio(
    graph: Any, config: Any, *, questions: Sequence[str] = (), explain: Explain | None = None
) -> Studio:
    """Return the studio of this thread: the graph, its conversation, its checkpoints, and what waits.

    `graph` is a compiled graph with a checkpointer, or what has one as its ``graph``. `questions` are offered
    to be asked; `explain` returns a sentence for an error, or None. Where graph or saver are asynchronous,
    ``await`` it: it is then complete.
    """
    compiled = graph if hasattr(graph, "get_state") else getattr(graph, "graph", graph)
    return Studio(compiled, config, questions, explain).refresh()
