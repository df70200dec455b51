"""The checkpoint explorer: choose a checkpoint, see what its step made, and fork there.

To look changes nothing, and a fork only adds: the new checkpoint's parent is the chosen one, and all others
stay. What comes after it is run again, models, tools and interrupts too.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from utils.errors import ViewError
from utils.views.changes import MOST, WORDS, Change, changes
from utils.views.folding import Fold, Shown, fold, lines
from utils.views.page import escape, escape_line
from utils.views.pending import as_code, code_given, open_calls, resuming
from utils.views.plain import clean, hang, one_line, plural
from utils.views.thread import Thread
from utils.views.touch import Acting, Drawn
from utils.views.tree import Tree, TreeRow, build_tree, snapshots_to_nodes

_NODES = {"__start__": "START", "__end__": "END"}
_OPENED = 50
_MADE = {
    "input": "holds the input of a run, which the next step takes in",
    "loop": "made by a step of a run",
    "update": "made by update_state",
    "fork": "made by a replay from its parent",
}
_FORKING = (
    "A fork adds checkpoints with the selected one as parent; none is changed or removed. "
    "Nodes that run after it run again: model, tools and interrupts."
)
_GIVEN = code_given("graph", "checkpoint_explorer")
_NOT_HELD = "Run again from here, it does not pause at the breakpoint where it stands: it has been there."
_OPEN_CALLS = "A tool call has no answer here: a provider refuses a new question at this point."


class CheckpointExplorer(Acting):
    """The checkpoints of a thread, one of them selected; see `checkpoint_explorer`."""

    def __init__(self, thread: Thread) -> None:
        super().__init__(thread)
        self._snapshots: dict[str, Any] = {}
        self._rows: dict[str, TreeRow] = {}
        self._opened: set[str] = set()
        self.tree = Tree((), 0)
        self.selected: str | None = None
        """name of the selected checkpoint, such as ``c3``; the current one unless another was selected"""

    def refresh(self) -> CheckpointExplorer:
        """Read the thread again; the selection stays where it is."""
        self._start(self._look)
        return self

    def select(self, checkpoint: str) -> CheckpointExplorer:
        """Select a checkpoint by its name (``c3``) or its id; a fold's name opens the fold."""
        if self._refuse_while_busy():
            return self
        by_id = {row.node.id: name for name, row in self._rows.items()}
        folds = {row.name: row for row in self.shown() if isinstance(row, Fold)}
        name = by_id.get(checkpoint, checkpoint)
        if name in folds:
            self._opened.update(row.name for row in folds[name].rows[:_OPENED])
            name = folds[name].rows[0].name
        if name not in self._rows:
            raise ViewError(
                f"this thread has no checkpoint {one_line(repr(checkpoint))}",
                hint=f"select one that it has: {self._known()}",
            )
        if name not in {row.name for row in self.shown()}:
            self._open_around(name)
        self.selected, self.problem, self.done = name, "", ""
        self._draw()
        return self

    def fork(
        self, text: str | None = None, *, values: Mapping[str, Any] | None = None, as_node: str | None = None
    ) -> CheckpointExplorer:
        """Fork at the selected checkpoint.

        With `text` a new question is asked there, and the graph runs. With `values` they are written there,
        as if `as_node` had given them, and nothing runs. With neither, what followed is run again.
        """
        self.check_fork(text, values, as_node)
        if self._refuse_while_busy():
            return self
        row = self.row
        if row is None:
            self.say("There is no checkpoint to fork at.")
        elif text is None and values is None and not row.node.next:
            self.say(f"Nothing follows {row.name}, so there is nothing to run again.")
        else:
            self.problem = self.done = ""
            self._start(lambda: self.make_fork(row, text, values, as_node))
        return self

    def check_fork(self, text: Any, values: Any, as_node: str | None) -> None:
        """Raise ViewError for a fork that makes no sense."""
        graph = self._thread.graph
        if text is not None and values is not None:
            raise ViewError(
                "fork() got both a text and values",
                hint="give a text, which is asked, or values, which are written; not both",
            )
        if text is not None and (not isinstance(text, str) or not text.strip()):
            raise ViewError(
                f"fork() needs a question, got {one_line(repr(text))}",
                hint='write what the user asks: fork("What about Oslo?")',
            )
        if text is not None and "messages" not in getattr(graph, "channels", {"messages": None}):
            raise ViewError(
                "the state of this graph has no `messages` to put a question into",
                hint="give values of its state instead: fork(values={…})",
            )
        if values is not None and not isinstance(values, Mapping):
            raise ViewError(
                f"values are a dict of state keys, got {type(values).__name__}",
                hint='write fork(values={"messages": […]})',
            )
        if as_node is not None and values is None:
            raise ViewError(
                "fork() got as_node without values",
                hint="as_node goes with values: it names the node that would have written them",
            )
        if as_node is not None and as_node not in self.node_names():
            known = ", ".join(self.node_names())
            raise ViewError(
                f"this graph has no node {one_line(repr(as_node))}",
                hint=f"name one of these: {one_line(known, 400)}",
            )

    async def make_fork(
        self, row: TreeRow, text: str | None, values: Mapping[str, Any] | None, as_node: str | None
    ) -> None:
        """Do what `fork` says, at the checkpoint of this row, and read the thread again."""
        config = self._thread.at(self._snapshots[row.node.id])
        code = self._fork_code(text, values, as_node)
        if values is not None:
            await self._thread.call("update_state", config, dict(values), as_node=as_node)
        else:
            given = None if text is None else {"messages": [{"role": "user", "content": text}]}
            await self._thread.call("invoke", given, config)
        reached = self._config_code(row)
        self.selected = None
        await self.read()
        self.done = f"{reached}\n{code}"

    # What is read

    async def read(self) -> None:
        selected = self._rows[self.selected].node.id if self.selected in self._rows else None
        history = await self._thread.history()
        self.tree = build_tree(snapshots_to_nodes(history))
        self._rows = {row.name: row for row in self.tree.rows}
        self._snapshots = {snapshot.config["configurable"]["checkpoint_id"]: snapshot for snapshot in history}
        current = next((row.name for row in self.tree.rows if row.current), None)
        self.selected = next((n for n, r in self._rows.items() if r.node.id == selected), current)
        if self.selected is not None and self.selected not in {row.name for row in self.shown()}:
            self._open_around(self.selected)

    def _lost(self) -> None:
        self.tree, self._rows, self._snapshots, self.selected = Tree((), 0), {}, {}, None

    @property
    def row(self) -> TreeRow | None:
        """The selected checkpoint; None where there is none."""
        return self._rows.get(self.selected or "")

    @property
    def snapshot(self) -> Any:
        """The state at the selected checkpoint, as the graph gave it; None where there is none."""
        row = self.row
        return None if row is None else self._snapshots[row.node.id]

    def node_names(self) -> tuple[str, ...]:
        """Return the names of the graph's nodes, as `as_node` takes them."""
        return tuple(name for name in getattr(self._thread.graph, "nodes", {}) if name != "__start__")

    def shown(self) -> tuple[Shown, ...]:
        """Return the rows that are shown: long runs are folded."""
        return fold(self.tree, self._opened)

    def changes(self, against: str | None = None) -> tuple[Change, ...]:
        """Return what the step of the selected checkpoint made: its differences to the parent.

        `against` names another checkpoint to compare it with.
        """
        row = self.row
        if row is None:
            return ()
        other = self._rows[against].node.id if against in self._rows else row.node.parent
        before = self._snapshots.get(other or "")
        return changes(self._snapshots[row.node.id].values, getattr(before, "values", None))

    @property
    def follows(self) -> bool:
        """Whether something runs after the selected checkpoint."""
        row = self._rows.get(self.selected or "")
        return row is not None and bool(row.node.next)

    def _open_around(self, name: str) -> None:
        names = [row.name for row in self.tree.rows]
        place = names.index(name)
        self._opened.update(names[max(place - 2, 0) : place + 3])

    def _known(self) -> str:
        names = [row.name for row in self.tree.rows]
        return f"{names[0]} to c{len(names) - 1}" if names else "there are none yet"

    # What is shown

    def about(self) -> str:
        """Return how many checkpoints there are, in words."""
        count = plural(len(self.tree.rows), "checkpoint")
        branches = f", {self.tree.branches} branches" if self.tree.branches > 1 else ""
        state = ", being read" if self.busy and not self.tree.rows else ""
        return f"thread {self.thread}: {count}{branches}{state}"

    def facts(self) -> str:
        """Step, source and what runs next, of the selected checkpoint."""
        row = self._rows.get(self.selected or "")
        if row is None:
            return ""
        node = row.node
        following = ", ".join(one_line(_NODES.get(n, n), 40) for n in node.next[:8])
        step = "" if node.step is None else f"step {node.step}, "
        made = _MADE.get(node.source, one_line(node.source, 40))
        label = f"; {node.label}" if node.label else ""
        return f"{step}{made}; {f'next runs {following}' if following else 'nothing runs next'}{label}"

    def notes(self) -> tuple[str, ...]:
        """Return what a person has to know before forking, a sentence each."""
        row = self._rows.get(self.selected or "")
        if row is None:
            return ()
        values = self._snapshots[row.node.id].values
        messages = values.get("messages") if isinstance(values, Mapping) else None
        _, calls = open_calls(messages if isinstance(messages, list) else [])
        holding = getattr(self._thread.graph, "interrupt_before_nodes", ())
        held = bool(row.node.next) and (holding == "*" or bool(set(row.node.next) & set(holding)))
        return (_FORKING, *[_NOT_HELD] * held, *[_OPEN_CALLS] * bool(calls))

    def outcome(self) -> Iterator[tuple[str, str]]:
        if self.busy and self.tree.rows:
            yield "Running", "the graph is at work"
        if self.problem:
            yield "Problem", self.problem
        elif self.done:
            yield "Done", f"{self.selected} is the newest checkpoint now"

    def code(self) -> str:
        """Return the code of what was done last, else how to reach the selected checkpoint and fork there."""
        row = self._rows.get(self.selected or "")
        if self.done or row is None:
            return f"{_GIVEN}\n{self.done}" if self.done else ""
        ways = ["# look at its state", f"{self._state_code()}.values"]
        if row.node.next:
            ways += ["# or run again what followed", self._fork_code(None, None, None)]
        ways += ["# or ask something there", self._fork_code("…", None, None)]
        return "\n".join([_GIVEN, self._config_code(row), *ways])

    def static_code(self) -> str:
        """Return the code without the checkpoints' ids, which differ from run to run: it can be stored."""
        return self.without_ids(self.code())

    def without_ids(self, code: str) -> str:
        """Return this code with the ids of the thread's checkpoints taken out."""
        for id in self._snapshots:
            code = code.replace(id, "…")
        return code

    def _config_code(self, row: TreeRow) -> str:
        return f"config = {as_code(self._thread.at(self._snapshots[row.node.id]))}"

    def _state_code(self) -> str:
        return "(await graph.aget_state(config))" if self.asynchronous else "graph.get_state(config)"

    def _fork_code(self, text: str | None, values: Mapping[str, Any] | None, as_node: str | None) -> str:
        if values is None:
            question = [{"role": "user", "content": text}]
            given = "None" if text is None else as_code({"messages": question})
            return resuming(given, asynchronous=self.asynchronous)
        node = "" if as_node is None else f", as_node={as_code(as_node)}"
        call = "await graph.aupdate_state" if self.asynchronous else "graph.update_state"
        return f"{call}(config, {as_code(dict(values))}{node})"

    def change_lines(self, against: str | None = None) -> list[str]:
        """Return what the selected step made, a line for each change."""
        found = [f"{c.sign} {c.what}: {c.text}" for c in self.changes(against)]
        if len(found) == MOST:
            found.append("[… and perhaps more …]")
        return found or ["the state is that of its parent" if against is None else "the states are the same"]

    def text(self) -> str:
        rows = [f"Checkpoints of {self.about()}"]
        if self.tree.rows:
            rows += ["", *lines(self.shown(), self.selected)]
            rows += ["", hang(f"{self.selected}: ", self.facts())]
            rows += [hang("  ", line) for line in self.change_lines()]
            rows += ["", *(hang("", note) for note in self.notes())]
        if outcome := list(self.outcome()):
            rows += ["", *(hang(f"{word}: ", clean(said)) for word, said in outcome)]
        if code := self.static_code():
            rows += ["", "As code", *(f"  {line}" for line in code.split("\n"))]
        return "\n".join(rows)

    def html(self) -> str:
        drawing = html.escape("\n".join(lines(self.shown(), self.selected)) or "no checkpoints yet")
        return (
            f'<section class="kit-view kit-card" aria-label="Checkpoints of {html.escape(self.about())}">\n'
            f'{self.head_html()}<pre class="kit-drawing" tabindex="0">{drawing}</pre>\n'
            f"{self.detail_html()}{self.outcome_html()}{_code_html(self.static_code())}</section>"
        )

    def head_html(self) -> str:
        return (
            f'<p class="kit-head"><strong>Checkpoints</strong> '
            f'<span class="kit-points">{html.escape(self.about())}</span></p>\n'
        )

    def detail_html(self) -> str:
        """Return the selected checkpoint as HTML: its facts, and what its step made."""
        if self.selected is None:
            return ""
        return (
            f'<div class="kit-chosen"><p class="kit-said"><strong>{self.selected}</strong> '
            f"{html.escape(self.facts())}</p>{changes_html(self.changes())}"
            + "".join(f'<p class="kit-more">{html.escape(note)}</p>' for note in self.notes())
            + "</div>\n"
        )

    def outcome_html(self) -> str:
        said = "".join(
            f'<p class="kit-said kit-{"bad" if word == "Problem" else "none"}"><span class="kit-word">{word}'
            f"</span> {escape(text)}</p>"
            for word, text in self.outcome()
        )
        return f'<div role="status">{said}</div>\n' if said else ""

    def code_html(self) -> str:
        return _code_html(self.code())

    def _new_controls(self) -> Drawn:
        from utils.views.explorer_controls import Controls  # noqa: PLC0415 - needs ipywidgets

        return Controls(self)


def changes_html(found: Sequence[Change]) -> str:
    """Return changes as a list in HTML."""
    if not found:
        return '<p class="kit-more">The state is that of its parent.</p>'
    items = "".join(
        f"<dt>{WORDS[c.sign]}: {escape_line(c.what, 40)}</dt><dd>{escape_line(c.text, 400) or '—'}</dd>"
        for c in found
    )
    return f"<dl>{items}</dl>"


def _code_html(code: str) -> str:
    if not code:
        return ""
    return (
        "<details><summary>As code</summary>"
        f'<pre tabindex="0">{escape(code, chars=4_000, lines=40)}</pre></details>\n'
    )


def checkpoint_explorer(graph: Any, config: Any) -> CheckpointExplorer:
    """Return the checkpoints of this thread to look into, and to fork at.

    In a notebook it has a list and buttons; ``.select("c3")`` and ``.fork("…")`` do the same. Where graph or
    saver are asynchronous, ``await`` it: it is then complete.
    """
    return CheckpointExplorer(Thread(graph, config, "checkpoint_explorer")).refresh()
