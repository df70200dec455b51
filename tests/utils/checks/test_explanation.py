"""A request that the model refuses, or does not know, is told by what led to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from utils.checks.explanation import of_refused, of_unknown
from utils.checks.registry import LabChecks
from utils.checks.run import run_check
from utils.checks.weather import City, asked, conversation
from utils.lab.lab import Lab
from utils.replay.log import Miss, Request
from utils.replay.matching import Heard
from utils.results import CheckResult

MakeLab = Callable[..., Lab]
OSLO, ROME = City("Oslo", 3.4), City("Rome", 31.0)
EARLIER = [("user", OSLO.question), ("ai", OSLO.answer)]


def told(make_lab: MakeLab, work: Callable[..., Any]) -> CheckResult:
    """What a check says of a function of the model, its tool and a call that the model has just made."""
    checks = LabChecks("weather", "Weather")
    checks.exercise("9.1", "Ask", function="work", points=1)

    @checks.check("9.1", points=1, title="asks")
    def asks(lab: Lab, case: Any) -> None:
        stage = lab.stage(conversation("both", asked(OSLO), asked(ROME)))
        lab.call("work", stage.model(), stage.tool())

    exercise = checks.find("9.1")
    return run_check(exercise, exercise.checks[0], make_lab({"work": work}), None)


def with_a_call(answers: Callable[[Any, Any], list[Any]]) -> Callable[..., Any]:
    """Ask for Oslo's weather, and then again with what ``answers`` makes of the message with the call."""

    def work(model: Any, tool: Any) -> Any:
        bound = model.bind_tools([tool])
        call = bound.invoke(OSLO.question)
        return bound.invoke(answers(call, tool)).text

    return work


def result_of(call: Any, text: str = OSLO.result, **changed: Any) -> dict[str, Any]:
    return {"role": "tool", "content": text, "tool_call_id": call.tool_calls[0]["id"], **changed}


HISTORIES: dict[str, tuple[Callable[[Any, Any], list[Any]], str, str]] = {
    "no answer": (
        lambda call, tool: [("user", OSLO.question), call],
        "a tool call has no answer",
        "user, ass",
    ),
    "results alone": (
        lambda call, tool: [result_of(call)],
        "a tool's result without the conversation before it",
        "no reducer",
    ),
    "another id": (
        lambda call, tool: [("user", OSLO.question), call, result_of(call, tool_call_id="search")],
        "answers a call that nobody made",
        "tool_call_id 'search'",
    ),
    "two answers": (
        lambda call, tool: [("user", OSLO.question), call, result_of(call), result_of(call)],
        "one call has two answers",
        "answered twice",
    ),
    "behind the answer": (
        lambda call, tool: [*EARLIER, result_of(call)],
        "a tool message stands where no call waits for it",
        "user, assistant, tool",
    ),
    "two calls of one id": (
        lambda call, tool: [
            ("user", OSLO.question),
            call.model_copy(update={"tool_calls": [*call.tool_calls, *call.tool_calls]}),
            result_of(call),
        ],
        "two calls of one message have the same id",
        "ids: ",
    ),
    "an empty result": (
        lambda call, tool: [("user", OSLO.question), call, result_of(call, "")],
        "A tool's result reached the model as an empty text",
        "returned nothing",
    ),
    "a result that is None": (
        lambda call, tool: [("user", OSLO.question), call, result_of(call, "None")],
        "A tool's result reached the model as None",
        "function without return",
    ),
    "an invented result": (
        lambda call, tool: [("user", OSLO.question), call, result_of(call, "It is fine.")],
        "other tool results than the tools gave",
        "It is fine.",
    ),
    "another question": (
        lambda call, tool: [("user", "Where is it cold?")],
        "another question than the one that was given",
        "Where is it cold?",
    ),
    "a question in other words": (
        lambda call, tool: [("user", f"Please say: {OSLO.question} Thanks.")],
        "with other words around it",
        "Please say",
    ),
    "a question of a conversation": (
        lambda call, tool: [("user", ROME.question)],
        "without the conversation that belongs before it",
        OSLO.question,
    ),
    "no question": (lambda call, tool: [("ai", "Hello.")], "asked without any question", "assistant"),
}


@pytest.mark.parametrize(("answers", "message", "part"), HISTORIES.values(), ids=HISTORIES)
def test_a_card_names_what_led_to_the_request(
    make_lab: MakeLab, answers: Callable[[Any, Any], list[Any]], message: str, part: str
) -> None:
    result = told(make_lab, with_a_call(answers))
    assert result.status == "failed"
    assert message in result.message, result
    assert part in " ".join((result.returned, result.expected, result.why)), result
    assert "recording" not in f"{result.message} {result.returned} {result.expected} {result.why}"
    assert "LLM_MODE" not in result.returned


def test_arguments_that_nobody_gave_are_the_tool_s_and_not_the_model_s(make_lab: MakeLab) -> None:
    result = told(make_lab, lambda model, tool: tool.invoke({"query": "weather in Atlantis"}))
    assert result.message == "A tool was called with arguments that nobody gave it."
    assert "weather in Atlantis" in result.returned


def test_no_message_at_all_is_said() -> None:
    assert of_refused(Request(0, "model", 0)).message == "The model was sent no message at all."


def test_a_provider_s_own_rule_is_about_the_tools() -> None:
    sent = Request(0, "model", 0, messages=(Heard("user", "hi"), Heard("assistant", "hello")))
    assert of_refused(sent).message == "The model was sent tool calls, but no definition of its tools."


def test_a_long_conversation_is_named_in_short() -> None:
    said = of_refused(Request(0, "model", 0, messages=(Heard("user", "x"),) * 999 + (Heard("tool"),)))
    assert said.returned.count("user") == 50
    assert said.returned.endswith("user, …")


def test_a_request_that_the_log_no_longer_holds_is_explained_by_its_question() -> None:
    said = of_unknown(Miss("question", "Where?", None, "sentence"), None)
    assert (said.returned, said.expected) == ("asked: 'Where?'", "the question as it was given")
