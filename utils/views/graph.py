"""A compiled graph as text, SVG and Mermaid, drawn here: the library's own picture asks a remote service."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

from utils.errors import ViewTypeError
from utils.views.display import View
from utils.views.graph_svg import shape_svg
from utils.views.plain import one_line, pad, short, width

_NAMES = {"__start__": "START", "__end__": "END"}
_NAME = 40
_FULL = 200
# Beyond this many edges a drawing is a knot: text says more.
_MANY_EDGES = 200


class Drawable(Protocol):
    """Whatever can describe itself as nodes and edges: a compiled graph."""

    def get_graph(self) -> Any: ...


class FormatterShell(Protocol):
    """The part of an IPython shell that a formatter is registered with."""

    @property
    def display_formatter(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One node of a graph."""

    id: str
    name: str
    """as shown: ``START`` and ``END`` for the two ends"""
    pauses: str = ""
    """``before``, ``after`` or both, where the graph was compiled with breakpoints"""
    current: bool = False
    """whether this node runs next"""
    running: bool = False
    """whether this node is at work"""
    waits: bool = False
    """whether a person has to decide before this node goes on"""

    @property
    def is_end(self) -> bool:
        """Whether this is START or END, where nothing runs."""
        return self.id in _NAMES


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """One edge of a graph, by the ids of its nodes."""

    source: str
    target: str
    conditional: bool = False
    label: str = ""
    """for a conditional edge: which answer of the condition takes it, where the graph says so"""


@dataclass(frozen=True, slots=True)
class GraphShape:
    """Nodes from START to END, and edges in the order of their nodes."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]


@dataclass(frozen=True, slots=True, repr=False)
class GraphView(View):
    """A graph as a drawing, and as text where nothing is drawn."""

    shape: GraphShape
    sheets: ClassVar[tuple[str, ...]] = ("drawing", "graph")

    def text(self) -> str:
        return shape_text(self.shape)

    def html(self) -> str:
        return shape_html(self.shape)


def graph_picture(graph: Drawable, current: Iterable[str] = ()) -> GraphView:
    """Return a view of a compiled graph; `current` names the nodes that run next (``state.next``)."""
    return GraphView(read_graph(graph, current))


def graph_text(graph: Drawable, current: Iterable[str] = ()) -> str:
    """Return a compiled graph as lines ``node -> node``."""
    return shape_text(read_graph(graph, current))


def graph_mermaid(graph: Drawable, current: Iterable[str] = ()) -> str:
    """Return a compiled graph as the text of a Mermaid drawing."""
    return shape_mermaid(read_graph(graph, current))


def read_graph(graph: Drawable, current: Iterable[str] = ()) -> GraphShape:
    """Return nodes and edges of a compiled graph as plain data. Raises ViewTypeError for anything else."""
    if not hasattr(graph, "get_graph"):
        raise ViewTypeError(
            f"the picture of a graph needs a compiled graph, got {type(graph).__name__}",
            hint="give its .graph" if hasattr(graph, "graph") else "call .compile() first",
        )
    drawn = graph.get_graph()
    marked = {current} if isinstance(current, str) else set(current)
    nodes = [
        GraphNode(
            id=str(id),
            name=one_line(_NAMES.get(str(id), str(node.name)), _FULL),
            pauses=str((node.metadata or {}).get("__interrupt", "")).replace(",", " and "),
            current=id in marked,
        )
        for id, node in drawn.nodes.items()
    ]
    known = {node.id for node in nodes}
    nodes += [GraphNode(id=id, name=one_line(id, _FULL), current=True) for id in sorted(marked - known)]
    # START first and END last, whatever order the library keeps; the rest as they were added.
    nodes.sort(key=lambda node: {"__start__": 0, "__end__": 2}.get(node.id, 1))
    place = {node.id: i for i, node in enumerate(nodes)}
    edges = [
        GraphEdge(
            str(edge.source), str(edge.target), bool(edge.conditional), one_line(str(edge.data or ""), _FULL)
        )
        for edge in drawn.edges
    ]
    edges.sort(key=lambda edge: (place[edge.source], place[edge.target], edge.label))
    return GraphShape(tuple(nodes), tuple(edges))


def shape_text(shape: GraphShape) -> str:
    """Return the graph as lines ``node -> node``, then what is marked."""
    return _text(_shortened(shape))


def shape_html(shape: GraphShape) -> str:
    """Return the graph as HTML without its stylesheet: a drawing, which a knot of edges has as text."""
    if len(shape.edges) > _MANY_EDGES:
        drawn = f'<pre class="kit-drawing" tabindex="0">{html.escape(shape_text(shape))}</pre>'
    else:
        drawn = f'<div class="kit-scroll" tabindex="0">{shape_svg(shape, told(shape))}</div>'
    return f'<section class="kit-view" aria-label="Graph">{drawn}</section>'


def told(shape: GraphShape) -> str:
    """Return the graph as one sentence, for those who cannot see it."""
    return "; ".join(" ".join(line.split()) for line in _text(shape).splitlines())


def marked(
    shape: GraphShape,
    *,
    current: Iterable[str] = (),
    running: Iterable[str] = (),
    waits: Iterable[str] = (),
) -> GraphShape:
    """Return the graph with these nodes marked as next, as at work, and as waiting for a person."""
    due, working, held = set(current), set(running), set(waits)
    nodes = (
        replace(n, current=n.id in due, running=n.id in working, waits=n.id in held) for n in shape.nodes
    )
    return GraphShape(tuple(nodes), shape.edges)


def _shortened(shape: GraphShape) -> GraphShape:
    """Return the graph with names that fit a drawing."""
    nodes = (replace(node, name=short(node.name, _NAME)) for node in shape.nodes)
    edges = (replace(edge, label=short(edge.label, _NAME)) for edge in shape.edges)
    return GraphShape(tuple(nodes), tuple(edges))


def _text(shape: GraphShape) -> str:
    nodes = {node.id: node for node in shape.nodes}
    marked = any(node.current for node in shape.nodes)
    leads = {node.id: ("▶ " if node.current else "  ") * marked + node.name for node in shape.nodes}
    room = max((width(leads[edge.source]) for edge in shape.edges), default=0)
    reach = max((width(nodes[edge.target].name) for edge in shape.edges), default=0)
    lines = []
    for edge in shape.edges:
        target = pad(nodes[edge.target].name, reach)
        lines.append(f"{pad(leads[edge.source], room)} -> {target}   {_condition(edge)}".rstrip())
    ends = {end for edge in shape.edges for end in (edge.source, edge.target)}
    lines += [leads[node.id] for node in shape.nodes if node.id not in ends]
    lines += [f"pauses {node.pauses} {node.name}" for node in shape.nodes if node.pauses]
    if marked:
        lines.append("next: " + ", ".join(node.name for node in shape.nodes if node.current))
    lines += [f"{node.name} runs now" for node in shape.nodes if node.running]
    lines += [f"{node.name} waits for you" for node in shape.nodes if node.waits]
    return "\n".join(lines)


def shape_mermaid(shape: GraphShape) -> str:
    """Return the graph as the text of a Mermaid drawing, with a description for those who cannot see it."""
    keys = {node.id: f"n{i}" for i, node in enumerate(shape.nodes)}
    spoken = told(shape)
    shape = _shortened(shape)
    # A description is not quoted, so only harmless characters may stay in it.
    spoken = re.sub(r"[^\w .,:;'-]", " ", spoken.replace("▶ ", "").replace("->", "to"))
    lines = ["graph TD", "    accTitle: Graph", f"    accDescr: {spoken}"]
    for node in shape.nodes:
        left, right = ("([", "])") if node.id in _NAMES else ("[", "]")
        lines.append(f'    {keys[node.id]}{left}"{_label(node)}"{right}')
    for edge in shape.edges:
        arrow = "-.->" if edge.conditional else "-->"
        label = f'|"{_quoted(edge.label)}"|' if edge.label else ""
        lines.append(f"    {keys[edge.source]} {arrow}{label} {keys[edge.target]}")
    lines += [f"    style {keys[node.id]} stroke-width:4px" for node in shape.nodes if node.current]
    return "\n".join(lines)


def install_graph_formatter(shell: FormatterShell | None) -> None:
    """Make a compiled graph as last line of a cell show as `graph_picture`; without a shell, do nothing.

    The graph's own display asks a remote service for an image: offline that is an error, which stops
    papermill. A formatter registered for the type is asked before the object's own method.
    """
    if shell is None:
        return
    from langgraph.pregel import Pregel  # noqa: PLC0415 - only a notebook with a graph needs it

    shell.display_formatter.mimebundle_formatter.for_type(Pregel, _mimebundle)


def _mimebundle(graph: Drawable, include: object = None, exclude: object = None) -> dict[str, str]:
    try:
        return graph_picture(graph)._repr_mimebundle_()
    except Exception as error:
        # A graph that cannot describe itself must still not fall back to the remote service.
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        return {"text/plain": f"<{type(graph).__name__}, which cannot be drawn: {reason}>"}


def _condition(edge: GraphEdge) -> str:
    if not edge.conditional:
        return edge.label
    return f"when {edge.label}" if edge.label else "if chosen"


def _label(node: GraphNode) -> str:
    name = f"▶ {_quoted(node.name)}" if node.current else _quoted(node.name)
    remarks = ["next"] * node.current + [f"pauses {_quoted(node.pauses)}"] * bool(node.pauses)
    return f"{name}<br/>{', '.join(remarks)}" if remarks else name


def _quoted(text: str) -> str:
    """Return the text with all that Mermaid, Markdown or HTML might read as its own as character codes."""
    return re.sub(r"[^\w .,:'-]", lambda match: f"#{ord(match[0])};", text)
