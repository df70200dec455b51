"""A compiled graph draws itself, as text, SVG and Mermaid, without asking anybody."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from IPython.core.interactiveshell import InteractiveShell
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command

from utils.errors import ViewTypeError
from utils.views.graph import (
    GraphShape,
    GraphView,
    graph_mermaid,
    graph_picture,
    graph_text,
    install_graph_formatter,
    marked,
    read_graph,
    shape_html,
    told,
)


def node(state: MessagesState) -> dict[str, Any]:
    return {}


def agent(**options: Any) -> Any:
    builder = StateGraph(MessagesState)
    builder.add_node("llm", node)
    builder.add_node("action", node)
    builder.add_edge(START, "llm")
    builder.add_conditional_edges("llm", lambda state: True, {True: "action", False: END})
    builder.add_edge("action", "llm")
    return builder.compile(**options)


def drawn(nodes: list[str], edges: list[tuple[str, str, bool, Any]]) -> Any:
    """Something that describes itself as a graph, with any names."""
    shape = SimpleNamespace(
        nodes={name: SimpleNamespace(name=name, metadata=None) for name in nodes},
        edges=[SimpleNamespace(source=s, target=t, conditional=c, data=d) for s, t, c, d in edges],
    )
    return SimpleNamespace(get_graph=lambda: shape)


def test_the_text_form_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    golden(graph_text(agent()), "graph")


def test_current_nodes_and_breakpoints_are_named(golden: Callable[[str, str], None]) -> None:
    golden(graph_text(agent(interrupt_before=["action"]), current=("action",)), "graph_current")


def test_the_mermaid_form_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    golden(graph_mermaid(agent(interrupt_before=["action"]), current=("action",)), "graph_mermaid")


def test_a_long_name_is_cut_in_the_drawing_and_whole_in_what_is_read_out() -> None:
    long = "n" * 50
    graph = drawn([long, "b"], [(long, "b", True, long)])
    assert graph_text(graph) == f"{'n' * 39}… -> b   when {'n' * 39}…"
    told, *boxes = graph_mermaid(graph).splitlines()[2:]
    assert f"{long} to b" in told
    assert not any(long in line or "characters" in line for line in boxes)


def test_a_choice_named_by_its_target_is_still_a_choice() -> None:
    def route(state: MessagesState) -> Literal["b", "__end__"]:
        return "b"

    builder = StateGraph(MessagesState)
    builder.add_node("a", node)
    builder.add_node("b", node)
    builder.add_edge(START, "a")
    builder.add_conditional_edges("a", route)
    text = graph_text(builder.compile())
    assert "a     -> b     if chosen" in text
    assert "a     -> END   if chosen" in text


def test_a_node_reached_by_command_is_shown_without_an_edge() -> None:
    def jump(state: MessagesState) -> Command[Any]:
        return Command(goto="far")

    builder = StateGraph(MessagesState)
    builder.add_node("near", jump)
    builder.add_node("far", node)
    builder.add_edge(START, "near")
    assert "far" in graph_text(builder.compile())


def test_a_current_node_that_the_graph_does_not_have_is_named() -> None:
    assert graph_text(agent(), current="gone").endswith("next: gone")


def test_what_is_not_compiled_is_refused_with_advice() -> None:
    with pytest.raises(ViewTypeError, match=r"call \.compile\(\) first"):
        graph_text(StateGraph(MessagesState))  # type: ignore[arg-type]


def test_hostile_names_stay_names(hostile: str, read_html: Callable[[str], Any]) -> None:
    graph = drawn([hostile, "b"], [(hostile, "b", True, hostile)])
    picture = graph_picture(graph, current=(hostile,))
    text, page = picture.text(), picture.html()
    assert len(text.split("\n")) == 2
    assert not {"\x1b", "\u202e", "\r"} & set(text + page)
    assert set(read_html(page).seen) <= {
        "section",
        "div",
        "svg",
        "title",
        "desc",
        "g",
        "rect",
        "path",
        "text",
    }
    for line in graph_mermaid(graph, current=(hostile,)).splitlines()[2:]:
        assert re.fullmatch(
            r"    (accDescr: [\w .,:;'-]*|n\d\[\"[\w .,:'#;▶<br/>-]*\"\]|n0 -\.->.*n1|style n0 .*)", line
        )
        assert "<" not in line.replace("<br/>", "")


def test_what_is_drawn_is_also_told(read_html: Callable[[str], Any]) -> None:
    shape = read_graph(agent(interrupt_before=["action"]))
    for marks, said in (
        ({"current": ["llm"]}, "next"),
        ({"running": ["llm"]}, "runs now"),
        ({"current": ["action"], "waits": ["action"]}, "waits for you"),
    ):
        view = GraphView(marked(shape, **marks))
        words = " ".join(read_html(view.html()).words)
        assert said in words
        assert said.split()[0] in view.text()
        assert f"Graph {told(view.shape)}" in words


def test_a_box_keeps_its_place_while_the_graph_runs() -> None:
    shape = read_graph(agent(interrupt_before=["action"]))

    def boxes(shape: GraphShape) -> list[str]:
        return re.findall(r"<rect[^>]*>", shape_html(shape))

    assert boxes(shape) == boxes(marked(shape, current=["action"], waits=["action"], running=["llm"]))


def test_a_graph_too_large_to_draw_is_text() -> None:
    names = [f"n{i}" for i in range(300)]
    picture = graph_picture(drawn(names, [(a, b, False, None) for a, b in pairwise(names)]))
    assert "<svg" not in picture.html()
    assert "n298 -&gt; n299" in picture.html()


@pytest.fixture
def shell() -> Any:
    shell = InteractiveShell()  # type: ignore[no-untyped-call]
    install_graph_formatter(shell)
    return shell


def test_the_last_line_of_a_cell_shows_the_drawing(shell: Any) -> None:
    data, metadata = shell.display_formatter.format(agent())
    assert set(data) == {"text/plain", "text/html"}
    assert data["text/plain"] == graph_text(agent())
    assert "<svg" in data["text/html"]
    assert metadata == {}


def test_a_graph_that_cannot_be_drawn_does_not_ask_the_remote_service(
    shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = agent()

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no picture \x1b[31mtoday")

    monkeypatch.setattr(type(graph), "get_graph", fail)
    data, _ = shell.display_formatter.format(graph)
    assert data == {
        "text/plain": "<CompiledStateGraph, which cannot be drawn: RuntimeError: no picture today>"
    }


def test_outside_of_a_shell_nothing_is_installed() -> None:
    install_graph_formatter(None)
