"""The judging side: what checks ask, and what they see."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

import pytest

from utils.checks.weather import City, asked, conversation, plain
from utils.lab import END, Lab, LabError, Message, Missing, Ref, StudentError
from utils.lab.facts import MAX_BASES, MAX_IDENTIFIER, MAX_SOURCE, MAX_TRACE
from utils.lab.lab import MAX_CALL, Died, Spoiled, Stage
from utils.lab.plain import MAX_MESSAGE, MAX_TYPE, Cut, Forged, decode, seen_message
from utils.replay.log import Traffic

OSLO = City("Oslo", 3.4)


class Box:
    number = 5

    def add(self, number: int) -> int:
        return self.number + number


def breaks(message: str) -> None:
    raise ValueError(message)


NAMESPACE: dict[str, Any] = {
    "Box": Box,
    "add": lambda box, number: box.add(number),
    "breaks": breaks,
    "same": lambda value: value,
    "kind": lambda value: type(value).__name__,
    "count": lambda to: iter(range(to)),
}


@pytest.fixture
def lab(make_lab: Any) -> Lab:
    made = make_lab(NAMESPACE)
    assert isinstance(made, Lab)
    return made


def test_objects_are_references_with_calls_and_attributes(lab: Lab) -> None:
    box = lab.call("Box")
    assert isinstance(box, Ref)
    assert box.type == "Box"
    assert box.call("add", 1) == 6
    assert box.get("number") == lab.get(box, "number") == 5
    assert lab.call("add", box, 2) == 7
    assert lab.get("Box").type == "type"


def test_a_reference_without_a_lab_cannot_be_used() -> None:
    for use in (lambda: Ref(1, "Box").call("add"), lambda: Ref(1, "Box").get("number")):
        with pytest.raises(LabError, match="belongs to no lab"):
            use()


def test_messages_cross_both_ways(lab: Lab) -> None:
    assert lab.call("kind", Message("human", "hi")) == "HumanMessage"
    assert lab.call("same", [Message("human", "hi", id="1")])[0].text == "hi"
    assert lab.call("kind", {"a": (1, Message("system", "x"))}) == "dict"


@pytest.mark.parametrize(
    "value",
    [
        {1: "a", ("b", (2, frozenset({3}))): {"$tuple": [None]}, None: True},
        {"$object": 5, "a": {"$cut": "too deep"}},
        [1 << 19_000, -(2**60), 2**53, True],
        [float("inf"), float("-inf"), b"\x00\xff", {1, 2}],
        [Cut("too deep"), Cut("too large"), Cut("too many items")],
    ],
    ids=["keys", "forms", "numbers", "what JSON lacks", "what was cut"],
)
def test_what_a_student_s_code_gave_can_be_given_back_to_it(lab: Lab, value: Any) -> None:
    """A question that cannot be asked would look as if the process had ended."""
    seen: list[Any] = []

    class Listens(Told):
        def ask(self, question: Mapping[str, Any]) -> Any:
            seen.append(json.loads(json.dumps(question, allow_nan=False))["args"][0])
            return {"value": None}

    Lab(Listens(None), None).call("work", value)  # type: ignore[arg-type]
    assert decode(seen[0], lambda number, kind: number, seen_message) == value


def test_iterators_end_with_the_end(lab: Lab) -> None:
    items = lab.call("count", 1)
    assert lab.next(items) == 0
    assert lab.next(items) is END
    assert repr(END) == "END"
    lab.close(items)
    with pytest.raises(Spoiled, match="no object"):
        lab.next(items)


def test_errors_and_missing_names_are_raised(lab: Lab) -> None:
    with pytest.raises(StudentError, match="ValueError: no") as caught:
        lab.call("breaks", "no")
    assert caught.value.is_a("ValueError")
    assert caught.value.is_a("Exception")
    assert not caught.value.is_a("KeyError")
    with pytest.raises(Missing) as missing:
        lab.call("nothing")
    assert missing.value.name == "nothing"


def test_several_calls_at_once_give_values_and_errors_in_order(lab: Lab) -> None:
    first, second = lab.gather(("same", 1), ("breaks", "no"))
    assert first == 1
    assert isinstance(second, StudentError)


def test_a_part_of_the_kit_that_fails_is_the_kit_s_fault_unless_it_runs_the_student_s_code(lab: Lab) -> None:
    with pytest.raises(LabError, match="the kit's part 'enter' failed"):
        lab.part("enter", 5)
    with pytest.raises(StudentError):
        lab.part("enter", lab.call("Box"), called="with Box() as box")
    assert lab.last_call == "with Box() as box"


def test_after_the_notebook_s_code_a_part_that_fails_was_spoiled_by_it(make_lab: Any) -> None:
    lab = make_lab({"work": lambda: 1}, {"broken": lambda: 1 / 0, "close_saver": lambda saver: None})
    lab.call("work")
    with pytest.raises(Spoiled, match="the kit's part 'broken' failed: ZeroDivisionError"):
        lab.part("broken")
    lab.make("broken", label="broken")
    with pytest.raises(Spoiled, match="a part of the kit could not be made: ZeroDivisionError"):
        lab.get("work")
    lab.clean_up()  # the next check begins
    with pytest.raises(LabError, match="the kit's part 'broken' failed"):
        lab.part("broken")


@pytest.mark.parametrize(
    "error", [FileNotFoundError(2, "gone"), PermissionError(13, "no"), sqlite3.OperationalError("locked")]
)
def test_trouble_with_a_file_is_the_notebook_s_even_before_its_code_is_called(
    make_lab: Any, error: Exception
) -> None:
    def read() -> None:
        raise error

    with pytest.raises(Spoiled, match=type(error).__name__):
        make_lab({}, {"read": read}).part("read")


def test_a_connection_that_fails_is_no_file(make_lab: Any) -> None:
    def read() -> None:
        raise ConnectionResetError(104, "gone")

    with pytest.raises(LabError):
        make_lab({}, {"read": read}).part("read")


def test_a_stage_that_cannot_be_closed_leaves_the_next_check_a_fresh_folder(make_lab: Any) -> None:
    lab = make_lab({"x": 1})
    before = lab.path("file")
    stage = lab.stage()

    def gone() -> None:
        raise Died("crashed", "too much was asked")

    stage.model_side.close = gone
    with pytest.raises(Died):
        lab.clean_up()
    assert lab.path("file") != before


def test_a_part_that_cannot_be_made_is_a_fault_that_the_next_question_finds(make_lab: Any) -> None:
    lab = make_lab({"x": 1}, {"saver": lambda path: 1 / 0})
    lab.kit.saver()
    with pytest.raises(LabError, match="a part of the kit could not be made: ZeroDivisionError"):
        lab.get("x")
    assert lab.get("x") == 1


@pytest.mark.parametrize(
    ("args", "written"),
    [
        (("trip", 2), "ask('trip', 2)"),
        ((["a", ("b", 1)],), "ask(['a', ['b', 1]])"),
        (("/tmp/check-1/some/memory.db",), "ask('memory.db')"),
        (("C:\\check\\memory.db",), "ask('memory.db')"),
        (("x" * 100,), f"ask('{'x' * 78}…)"),
        ((["x" * 100, 1],), f"ask(['{'x' * 78}…, 1])"),
        ((Ref(1, "CompiledStateGraph", "agent"), Ref(2, "Odd")), "ask(agent, Odd)"),
    ],
    ids=["values", "lists", "a path", "a Windows path", "long text", "long text in a list",
         "objects"],
)  # fmt: skip
def test_a_call_is_written_as_a_person_would(lab: Lab, args: Any, written: str) -> None:
    assert lab.describe("ask", *args) == written


def test_a_call_is_written_in_short_whatever_it_is_given(lab: Lab) -> None:
    deep: Any = ["a"]
    for _ in range(20):
        deep = [deep, "b" * 100, Message("human", "c" * 100_000), {"d": ["e" * 100_000]}]
    for args in ([deep], [[0] * 100_000], ["f" * 1_000_000], [1] * 10_000):
        assert len(lab.describe("ask", *args)) <= MAX_CALL


def test_methods_and_keywords_are_written_as_well(lab: Lab) -> None:
    assert lab.describe(Ref(1, "X", "agent"), method="invoke", limit=3) == "agent.invoke(limit=3)"
    lab.call("same", "a")
    assert lab.last_call == "same('a')"


class Told:
    """A transport that always gives the same answer."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def ask(self, question: Mapping[str, Any]) -> Any:
        return self._answer


def told(answer: Any) -> Lab:
    return Lab(Told(answer), None)  # type: ignore[arg-type]


def test_a_question_that_cannot_be_answered_is_a_fault() -> None:
    with pytest.raises(LabError, match="no such thing"):
        told({"bad": "no such thing"}).part("state")
    with pytest.raises(Spoiled, match="no such thing"):
        told({"bad": "no such thing"}).call("work")


def test_a_question_that_no_part_fits_is_a_fault_whatever_was_called_before(make_lab: Any) -> None:
    lab = make_lab({"work": lambda: 1}, {"state": lambda graph: 1, "close_saver": lambda saver: None})
    lab.call("work")
    with pytest.raises(LabError, match="the kit has no part 'stat'"):
        lab.part("stat")
    with pytest.raises(LabError, match="does not take these arguments"):
        lab.part("state", called="state of the graph")
    lab.make("state", 1, 2, label="agent")
    with pytest.raises(LabError, match="does not take these arguments"):
        lab.get("work")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"odd": 1},
        {"end": 1},
        {"missing": 5},
        {"missing": "not a name"},
        {"missing": "\x1b]0;owned\x07"},
        {"missing": "n" * (MAX_IDENTIFIER + 1)},
        {"error": "ValueError"},
        {"error": None},
        {"bad": {"why": 1}},
        {"value": {"$map": 5}},
    ],
)
def test_an_answer_of_a_form_that_none_has_is_forged(answer: Mapping[str, Any]) -> None:
    with pytest.raises(Forged):
        told(answer).call("work")
    with pytest.raises(Forged):
        told({"values": [answer]}).gather(("work", 1))


@pytest.mark.parametrize(
    "values", [None, 5, "ab", {}, {"a": 1, "b": 2}, [], [{"value": 1}], [1, 2], [None, []]]
)
def test_calls_at_once_have_as_many_answers_or_they_are_forged(values: Any) -> None:
    with pytest.raises(Forged):
        told({"values": values}).gather(("ask", 1), ("ask", 2))


ODD = [None, 5, True, "x" * 10_000, ["y" * 10_000] * 1_000, {"z": "z" * 10_000}, [[[]]], [None, 5, {}, []]]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("fact", ["type", "bases", "message", "trace", "line", "function", "source", "more"])
def test_an_error_is_told_whatever_its_facts_are(fact: str, odd: Any) -> None:
    step = {"line": 3, "function": "ask", "source": "return 1", fact: odd}
    error = StudentError({"type": "ValueError", "bases": ["ValueError"], "trace": [step], fact: odd})
    assert len(str(error)) <= MAX_MESSAGE + MAX_TYPE + 2
    assert sum(map(len, error.bases)) <= MAX_TYPE * MAX_BASES
    assert len(error.trace) <= MAX_TRACE
    for one in error.trace:
        assert (type(one["line"]), type(one["source"])) == (int, str)
        assert len(f"{one['function']}{one['line']}{one['source']}") <= MAX_IDENTIFIER + MAX_SOURCE + 10
    assert isinstance(error.is_a("MemoryError"), bool)


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        ({"missing": "ask"}, Missing),
        ({"error": {"type": "ValueError", "message": "no"}}, StudentError),
        ({"values": []}, Forged),
        ({}, Forged),
    ],
    ids=["no such name", "an error", "too few", "nothing"],
)
def test_calls_at_once_that_give_no_answers_are_no_empty_success(
    answer: Any, raised: type[Exception]
) -> None:
    lab = told(answer)
    with pytest.raises(raised):
        lab.gather(("ask", 1), ("ask", 2))
    assert lab.last_call == "ask(1) beside ask(2)"


# Stages and clean-up


def test_a_gate_that_asks_for_more_than_students_machines_have_is_refused(lab: Lab) -> None:
    stage = lab.stage(conversation("one", asked(OSLO)))
    stage.cap(4)
    stage.reverse("abcd", "tool")
    with pytest.raises(LabError, match="at most 4 requests"):
        stage.cap(5)
    with pytest.raises(LabError, match="at most 4 requests"):
        stage.reverse("abcde")
    stage.release()
    assert stage.traffic() == Traffic()


def test_a_stage_has_a_model_and_a_tool_and_sees_what_they_were_asked(lab: Lab) -> None:
    stage = lab.stage(conversation("one", asked(OSLO)))
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    state = lab.part("turn", agent, "t", OSLO.question)
    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]
    assert state["messages"][-1].text == OSLO.answer
    assert [request.questions for request in stage.requests()] == [(OSLO.question,)] * 2
    assert [request.args for request in stage.tool_requests()] == [{"query": OSLO.query}]
    stage.clear()
    assert stage.requests() == ()


def test_misses_are_told_without_advertising(lab: Lab) -> None:
    stage = lab.stage(conversation("one", plain("Where?", "Here.")))
    with pytest.raises(StudentError):
        stage.model().call("invoke", "When?")
    (miss,) = lab.misses()
    (complaint,) = lab.complaints()
    assert miss.sentence.startswith(complaint)
    assert 'nearest recorded question is "Where?"' in complaint
    assert "LLM_MODE" not in complaint
    assert lab.refusals() == ()


def test_cleaning_up_ends_stages_objects_and_files(lab: Lab) -> None:
    stage: Stage = lab.stage(conversation("one", plain("Where?", "Here.")))
    model, path = stage.model(), lab.path("kept.db")
    saver = lab.kit.saver(path)
    saver.call("setup")
    assert "kept.db" in lab.files()
    assert lab.checkpoints("kept.db") == ()
    lab.part("close_saver", saver)
    lab.clean_up()
    assert lab.files() == {}
    assert lab.path("kept.db") != path
    assert lab.misses() == ()
    with pytest.raises(Spoiled):
        model.call("invoke", "Where?")


def test_a_check_never_sees_the_stages_of_another(make_lab: Any) -> None:
    one, two = make_lab(NAMESPACE), make_lab(NAMESPACE)
    first = one.stage(conversation("a", plain("Where?", "Here.")))
    second = two.stage(conversation("a", plain("Where?", "There.")))
    assert first.model().call("invoke", "Where?").text == "Here."
    assert second.model().call("invoke", "Where?").text == "There."
    assert len(first.requests()) == len(second.requests()) == 1
