"""What the page shows comes from the studio, and what is pressed in it reaches the studio."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ipywidgets import Widget

from utils.views.studio import Studio, studio
from utils.views.studio.widget import Controls, script


@pytest.fixture
def world(weather: Any) -> Any:
    return weather()


@pytest.fixture
def view(world: Any) -> Iterator[Studio]:
    yield studio(world.graph, world.config, questions=("sf?", "la?"))
    Widget.close_all()


@pytest.fixture
def controls(view: Studio) -> Controls:
    view.widget()
    made = view._controls
    assert isinstance(made, Controls)
    return made


def press(controls: Controls, **said: Any) -> None:
    """What the page sends when something is pressed, and the end of what it starts."""
    controls._heard(controls.box, json.loads(json.dumps(said)), [])
    controls.studio.work.join(10)


def test_the_page_has_the_panels_that_the_static_form_has(view: Studio, controls: Controls) -> None:
    press(controls, do="ask", text="sf?")
    box, page = controls.box, view.html()
    for panel in (box.graph, box.talk, box.tree, box.state, box.outcome):
        assert panel
        assert panel in page


def test_questions_are_offered(controls: Controls) -> None:
    assert controls.box.can["questions"] == ["sf?", "la?"]


def test_what_is_pressed_is_done(world: Any, view: Studio, controls: Controls) -> None:
    press(controls, do="ask", text="sf?")
    (waiting,) = controls.box.can["waiting"]
    assert (waiting["name"], waiting["args"]) == ("search", '{"city": "city 0"}')
    press(controls, do="decide", kind="edit", id=waiting["id"], text='{"city": "la"}')
    press(controls, do="decide", kind="approve", id=waiting["id"], text="")
    assert world.ran == [{"city": "la"}]
    assert controls.box.can["waiting"] == []
    press(controls, do="select", row="c1")
    assert controls.box.can["selected"] == "c1"
    press(controls, do="edit", number=1, text="oslo?")
    press(controls, do="again")
    assert view.explorer.tree.branches == 2
    press(controls, do="compare", row="c2")
    assert controls.box.state_title == "Compared"
    press(controls, do="compare", row="")
    press(controls, do="look")
    assert controls.box.state_title == "What this step made"


@pytest.mark.parametrize(("kind", "said"), [("reject", "too dear"), ("respond", "hail")])
def test_a_reason_and_an_answer_reach_the_thread(
    world: Any, controls: Controls, kind: str, said: str
) -> None:
    press(controls, do="ask", text="sf?")
    press(controls, do="decide", kind=kind, id="call_0", text=said)
    assert said in [m.content for m in world.graph.get_state(world.config).values["messages"]]


def test_what_makes_no_sense_is_told_in_the_page(controls: Controls) -> None:
    press(controls, do="ask", text="sf?")
    press(controls, do="decide", kind="edit", id="call_0", text="{'city': 1}")
    assert "Arguments, line 1, column 2" in controls.box.outcome
    assert "use double quotes" in controls.box.outcome
    press(controls, do="ask", text=" ")
    assert "needs a question" in controls.box.outcome


@pytest.mark.parametrize("said", ["ask", {"do": "explode"}, {"do": None}])
def test_a_message_that_no_page_sends_does_nothing(world: Any, controls: Controls, said: Any) -> None:
    controls._heard(controls.box, said, [])
    assert list(world.graph.get_state_history(world.config)) == []


def test_what_cannot_be_done_cannot_be_pressed(controls: Controls) -> None:
    can = controls.box.can
    assert (can["again"], can["ask"]) == (False, "")
    assert can["fork"] == "There is no checkpoint yet."
    press(controls, do="ask", text="sf?")
    assert "decide about it first" in controls.box.can["ask"]


def test_a_token_is_on_the_page_soon(view: Studio, controls: Controls) -> None:
    from langchain_core.messages import AIMessageChunk

    view.busy = True
    view._hear(("messages", (AIMessageChunk("20 degrees", id="m"), {})))
    assert controls._due is not None
    controls._due.join(10)
    assert "20 degrees" in controls.box.live


def test_the_script_asks_nobody(controls: Controls) -> None:
    assert controls.box._esm == script()
    assert "http" not in script()
    assert "import" not in script()
    assert "url(" not in controls.box._css
