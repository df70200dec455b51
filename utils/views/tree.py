"""The checkpoints of a thread as a tree: where each came from, what runs next, where branches leave.

``get_state_history`` is a flat list that mixes branches, and step numbers repeat in it; only the parent
of each checkpoint tells the tree.
"""

from __future__ import annotations

import heapq
import html
from collections import defaultdict
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from utils.errors import ViewTypeError
from utils.views.display import View
from utils.views.plain import grid, one_line, plural, short

# More than a course thread ever has; keeps a picture of something endless finite.
MOST_CHECKPOINTS = 10_000
_MOST_ROWS = 2_000
_NAME = 40
_NODES = {"__start__": "START", "__end__": "END"}


@dataclass(frozen=True, slots=True)
class CheckpointNode:
    """One checkpoint, as little as a tree needs."""

    id: str
    parent: str | None
    step: int | None
    source: str
    """``input``, ``loop``, ``update`` or ``fork``"""
    next: tuple[str, ...]
    """the nodes that run next; none at the end of a run"""
    messages: int | None
    """how many messages its state holds; None where the state has none"""
    label: str = ""
    """a remark to show behind it"""


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One line of the drawing."""

    name: str
    """``c0``, ``c1`` … in order of creation: unlike ids, the same on every run"""
    node: CheckpointNode
    lead: str
    """the lines drawn before its circle"""
    origin: str
    """name of the parent where the row above is not the parent; ``?`` where the parent is not listed"""
    current: bool


@dataclass(frozen=True, slots=True)
class Tree:
    """A drawn tree, row by row from the oldest checkpoint."""

    rows: tuple[TreeRow, ...]
    branches: int
    """how many checkpoints nothing follows"""


@dataclass(frozen=True, slots=True, repr=False)
class TreeView(View):
    """The checkpoints of a thread, shown as a tree."""

    tree: Tree
    ids: bool = False

    def text(self) -> str:
        return tree_text(self.tree, ids=self.ids)

    def html(self) -> str:
        return tree_html(self.tree, ids=self.ids)


def checkpoint_tree(history: Iterable[Any], *, current: str | None = None, ids: bool = False) -> TreeView:
    """Return a view of the checkpoints in ``graph.get_state_history(thread)``, with all branches.

    `history` may also hold `CheckpointNode`s, or mappings with the same keys. `current` is the id of the
    checkpoint to mark (the newest unless given); with `ids` the checkpoint ids are shown.
    """
    return TreeView(build_tree(snapshots_to_nodes(history), current), ids)


def snapshots_to_nodes(history: Iterable[Any]) -> list[CheckpointNode]:
    """Return the checkpoints of an iterable of state snapshots, in its order. Raises ViewTypeError."""
    if isinstance(history, AsyncIterable):
        raise ViewTypeError(
            "this history is asynchronous, and checkpoint_tree() cannot wait for it",
            hint="collect it first: checkpoint_tree([s async for s in graph.aget_state_history(thread)])",
        )
    if isinstance(history, str | bytes | Mapping) or not isinstance(history, Iterable):
        raise ViewTypeError(
            f"checkpoint_tree() needs the checkpoints of a thread, got {type(history).__name__}",
            hint="give it graph.get_state_history(thread)",
        )
    return [_to_node(item) for item in islice(history, MOST_CHECKPOINTS)]


def build_tree(nodes: Iterable[CheckpointNode], current: str | None = None) -> Tree:
    """Return the rows of the drawing: what led to `current` in one column, other branches beside it."""
    known: dict[str, CheckpointNode] = {}
    for node in nodes:
        known.setdefault(node.id, node)
    order, parents = _by_creation(known)
    tip = current if current in known else (order[-1] if order else None)
    children: dict[str, list[str]] = defaultdict(list)
    for id in order:
        if (parent := parents[id]) is not None:
            children[parent].append(id)
    trunk = _trunk(order, parents, children, tip)
    names = {id: f"c{i}" for i, id in enumerate(order)}
    rows: list[TreeRow] = []
    above: str | None = None
    for id, lead in _walk([id for id in order if parents[id] is None], children, trunk):
        parent = parents[id]
        origin = names[parent] if parent is not None and parent != above else ""
        if parent is None and known[id].parent is not None:
            origin = "?"
        rows.append(TreeRow(names[id], known[id], lead, origin, id == tip))
        above = id
    return Tree(tuple(rows), sum(not children[id] for id in order))


def tree_text(tree: Tree, *, ids: bool = False) -> str:
    """Return the tree as lines, oldest checkpoint first."""
    return "\n".join(_lines(tree, ids)) or "no checkpoints yet"


def tree_html(tree: Tree, *, ids: bool = False) -> str:
    """Return the tree as HTML without its stylesheet: the text form, with a heading line."""
    count = plural(len(tree.rows), "checkpoint")
    about = f"{count}, {tree.branches} branches" if tree.branches > 1 else count
    lines = _lines(tree, ids) or ["no checkpoints yet"]
    return (
        f'<section class="kit-view kit-card" aria-label="Checkpoint tree: {about}">\n'
        f'<p class="kit-head"><strong>Checkpoints</strong> <span class="kit-points">{about}</span></p>\n'
        f'<pre class="kit-drawing" tabindex="0">{html.escape(chr(10).join(lines))}</pre>\n</section>'
    )


def _lines(tree: Tree, ids: bool) -> list[str]:
    if not tree.rows:
        return []
    lines = grid([row_cells(row, ids) for row in tree.rows])
    if (more := len(lines) - _MOST_ROWS) > 0:
        half = _MOST_ROWS // 2
        lines[half:-half] = [f"[… {more:,} more checkpoints …]"]
    return lines


def row_cells(row: TreeRow, ids: bool = False) -> Sequence[str]:
    """Return the parts of one line of the drawing, to be aligned with those of the others."""
    node = row.node
    return (
        f"{row.lead}{'●' if row.current else '○'} {row.name}",
        *([one_line(node.id)] if ids else []),
        "" if node.step is None else f"step {node.step}",
        short(node.source, _NAME),
        next_of(node),
        "" if node.messages is None else plural(node.messages, "message"),
        remarks_of(row),
    )


def next_of(node: CheckpointNode) -> str:
    """Return what runs after this checkpoint, in words."""
    if not node.next:
        return "end"
    return "next " + ", ".join(short(_NODES.get(name, name), _NAME) for name in node.next[:8])


def remarks_of(row: TreeRow) -> str:
    """Return what else is to be said about a row: its origin, its label, whether it is current."""
    remarks = (
        "parent not listed" if row.origin == "?" else f"from {row.origin}" if row.origin else "",
        short(row.node.label, _NAME),
        "◀ current" if row.current else "",
    )
    return "  ".join(filter(None, remarks))


def _by_creation(known: Mapping[str, CheckpointNode]) -> tuple[list[str], dict[str, str | None]]:
    """Return ids in order of creation, and the parent of each; ``None`` where it is not listed.

    Ids are ordered by time, so the smallest comes first; parents come before children in any case.
    A circle, which no saver writes, is cut at its smallest id.
    """
    parents = {id: node.parent if node.parent in known else None for id, node in known.items()}
    children: dict[str, list[str]] = defaultdict(list)
    for id, parent in parents.items():
        if parent is not None:
            children[parent].append(id)
    ready = [id for id, parent in parents.items() if parent is None]
    heapq.heapify(ready)
    order: list[str] = []
    done: set[str] = set()
    for start in [None, *sorted(known)]:
        if start is not None and start not in done:
            parents[start] = None
            ready.append(start)
        while ready:
            id = heapq.heappop(ready)
            if id in done:
                continue
            done.add(id)
            order.append(id)
            for child in children[id]:
                if child not in done:
                    heapq.heappush(ready, child)
    return order, parents


def _trunk(
    order: Sequence[str],
    parents: Mapping[str, str | None],
    children: Mapping[str, Sequence[str]],
    tip: str | None,
) -> dict[str, str]:
    """Return for each checkpoint the child that goes on in its column.

    It is the one that leads to the tip, else the one with most behind it: so the drawing never gets
    wider than the logarithm of its length.
    """
    size = dict.fromkeys(order, 1)
    for id in reversed(order):
        if (parent := parents[id]) is not None:
            size[parent] += size[id]
    trunk = {id: max(children[id], key=lambda child: size[child]) for id in order if children.get(id)}
    while tip is not None and (parent := parents[tip]) is not None:
        trunk[parent] = tip
        tip = parent
    return trunk


def _walk(
    roots: Sequence[str], children: Mapping[str, Sequence[str]], trunk: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield ids with the lines drawn before them, from top to bottom; without recursion, for long threads."""
    stack = [(root, "", "") for root in reversed(roots)]
    while stack:
        id, lead, below = stack.pop()
        yield id, lead
        if id not in trunk:
            continue
        stack.append((trunk[id], below, below))
        sides = [child for child in children[id] if child != trunk[id]]
        stack.extend((side, f"{below}├─", f"{below}│ ") for side in reversed(sides))


def _to_node(item: Any) -> CheckpointNode:
    if isinstance(item, CheckpointNode):
        return item
    if isinstance(item, Mapping):
        return _from_mapping(item)
    try:
        id = item.config["configurable"]["checkpoint_id"]
        parent = item.parent_config["configurable"]["checkpoint_id"] if item.parent_config else None
        metadata, values, following = item.metadata or {}, item.values, tuple(item.next)
    except (AttributeError, KeyError, TypeError) as error:
        raise ViewTypeError(
            f"checkpoint_tree() needs snapshots of a state, got {type(item).__name__}",
            hint="give it graph.get_state_history(thread)",
        ) from error
    messages = values.get("messages") if isinstance(values, Mapping) else None
    # Nothing next does not always mean that the run is over: after a kill the picture must not claim it.
    label = "a tool call has no answer yet" if not following and _unanswered(messages) else ""
    count = len(messages) if isinstance(messages, list | tuple) else None
    return CheckpointNode(
        str(id), parent, metadata.get("step"), str(metadata.get("source", "")), following, count, label
    )


def _unanswered(messages: Any) -> bool:
    return isinstance(messages, list) and bool(messages) and bool(getattr(messages[-1], "tool_calls", None))


def _from_mapping(row: Mapping[Any, Any]) -> CheckpointNode:
    if "id" not in row or "parent" not in row:
        raise ViewTypeError(
            f"a row has the keys {one_line(str([str(key) for key in row]))}, but not `id` and `parent`",
            hint="give each row both; `parent` is None for the first checkpoint",
        )
    parent, step, following, messages = (row.get(key) for key in ("parent", "step", "next", "messages"))
    return CheckpointNode(
        id=str(row["id"]),
        parent=None if parent is None else str(parent),
        step=step if isinstance(step, int) else None,
        source=str(row.get("source") or ""),
        next=tuple(map(str, following)) if isinstance(following, list | tuple) else (),
        messages=messages if isinstance(messages, int) else None,
    )
