"""What nobody recorded is answered by rule: with the tools that are offered, and from what they gave back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage, message_chunk_to_message
from langchain_core.tools import tool
from openai import UnprocessableEntityError

from utils.checks.weather import City, asked, conversation
from utils.providers import PROVIDERS
from utils.replay.conversation import AnswerTurn, CallsTurn, Fault, Scenario
from utils.replay.invented import MAY_BE_ASKED, invented_hits, invented_reply, weather_of
from utils.replay.matching import Heard, HeardCall, ModelRequest
from utils.replay.session import Session
from utils.replay.weather_questions import understood

SEARCH = {"search": ("query",)}


def request(*messages: Heard, tools: dict[str, tuple[str, ...]] = SEARCH) -> ModelRequest:
    return ModelRequest("m", messages, tuple(tools), False, parameters=tools)


def user(text: str) -> Heard:
    return Heard("user", text)


def looked_up(question: str, **results: str) -> ModelRequest:
    """A request in which a search for each place has come back."""
    calls = tuple(HeardCall(place, "search", {"query": f"current weather in {place}"}) for place in results)
    answers = [Heard("tool", text, call_id=place) for place, text in results.items()]
    return request(user(question), Heard("assistant", calls=calls), *answers)


def said(found: Any) -> str:
    assert isinstance(found, AnswerTurn), found
    return found.answer


def test_a_call_for_each_place_comes_first() -> None:
    found = invented_reply(request(user("Is it warmer in Oslo or Rome?")))
    assert isinstance(found, CallsTurn)
    assert [(call.tool, call.args) for call in found.calls] == [
        ("search", {"query": "current weather in Oslo"}),
        ("search", {"query": "current weather in Rome"}),
    ]


@pytest.mark.parametrize(
    ("tools", "name", "args"),
    [
        (
            {"tavily_search_results_json": ("query",)},
            "tavily_search_results_json",
            {"query": "current weather in Oslo"},
        ),
        ({"get_weather": ("city", "unit")}, "get_weather", {"city": "Oslo"}),
        ({"book_hotel": ("name",), "forecast": ("where",)}, "forecast", {"where": "current weather in Oslo"}),
        ({"weather": ()}, "weather", {"query": "current weather in Oslo"}),
    ],
)
def test_the_tool_that_is_offered_is_called_as_its_schema_says(
    tools: dict[str, tuple[str, ...]], name: str, args: dict[str, str]
) -> None:
    found = invented_reply(request(user("Weather in Oslo?"), tools=tools))
    assert isinstance(found, CallsTurn)
    assert [(call.tool, call.args) for call in found.calls] == [(name, args)]


@pytest.mark.parametrize("tools", [{}, {"book_hotel": ("name",)}])
def test_without_a_tool_for_it_the_model_says_so(tools: dict[str, tuple[str, ...]]) -> None:
    answer = said(invented_reply(request(user("Weather in Oslo?"), tools=tools)))
    assert answer == "I cannot look up the weather in Oslo: no search tool was offered to me."


@pytest.mark.parametrize(
    ("question", "results", "answer"),
    [
        (
            "Weather in Oslo?",
            {"Oslo": "Oslo: 3.4°C, light snow, wind 9 km/h."},
            "It is 3.4 °C in Oslo, light snow.",
        ),
        ("Weather in Oslo?", {"Oslo": "50 °F in Oslo"}, "It is 10 °C in Oslo."),
        ("Weather in Oslo?", {"Oslo": "Error: it is down"}, "About Oslo I found: Error: it is down"),
        ("Weather in Oslo?", {"Oslo": ""}, "I found nothing about Oslo."),
        (
            "Is it warmer in Oslo or Rome?",
            {"Oslo": "Oslo: 3°C, cloudy", "Rome": "Rome: 31°C, sunny"},
            "It is warmer in Rome. It is 3 °C in Oslo, cloudy. It is 31 °C in Rome, sunny.",
        ),
        (
            "Which is the coldest: Oslo, Rome or Lima?",
            {"Oslo": "Oslo: -3°C", "Rome": "Rome: 31°C", "Lima": "Lima: 19°C"},
            "It is coldest in Oslo. It is -3 °C in Oslo. It is 31 °C in Rome. It is 19 °C in Lima.",
        ),
        (
            "What should I pack for Oslo?",
            {"Oslo": "Oslo: 3°C, rain"},
            "It is 3 °C in Oslo, rain. Pack a warm coat and an umbrella.",
        ),
        (
            "What should I pack for Rome?",
            {"Rome": "Rome: 31°C"},
            "It is 31 °C in Rome. Pack light clothes and sun cream.",
        ),
        (
            "Does it rain in Rome?",
            {"Rome": "Rome: 31°C, sunny"},
            "No rain in Rome. It is 31 °C in Rome, sunny.",
        ),
        (
            "Does it rain in Bergen?",
            {"Bergen": "Bergen: 9°C, rain"},
            "Yes, take an umbrella for Bergen. It is 9 °C in Bergen, rain.",
        ),
    ],
)
def test_the_answer_is_written_from_what_the_tools_gave(
    question: str, results: dict[str, str], answer: str
) -> None:
    assert said(invented_reply(looked_up(question, **results))) == answer


def test_only_what_is_missing_is_looked_up() -> None:
    found = invented_reply(looked_up("Is it warmer in Oslo or Rome?", Oslo="Oslo: 3°C"))
    assert isinstance(found, CallsTurn)
    assert [call.args["query"] for call in found.calls] == ["current weather in Rome"]


def test_small_talk_needs_no_tool_and_other_questions_have_no_answer() -> None:
    assert "ask me about any place" in said(invented_reply(request(user("Hello!"))))
    assert invented_reply(request(user("What is 2+2?"))) is None
    assert invented_reply(request()) is None
    assert invented_hits("train from Lyon to Nice") is None


def test_the_weather_of_a_place_is_the_same_each_time_and_not_everywhere_the_same() -> None:
    assert weather_of("Oslo") == weather_of("Oslo")
    assert weather_of(" oslo ").celsius == weather_of("Oslo").celsius
    every = [weather_of(f"Place {number}") for number in range(200)]
    assert len({one.celsius for one in every}) > 100
    assert all(-10 < one.celsius < 40 for one in every)
    assert all(one.celsius < 1 for one in every if one.sky == "light snow")


def test_the_search_finds_what_the_query_names() -> None:
    found = invented_hits("current weather in Oslo and Rome")
    assert found is not None
    assert [hit.title for hit in found.hits] == ["Weather in Oslo", "Weather in Rome"]
    assert found.hits[0].content == weather_of("Oslo").text
    assert all(".example/" in hit.url for hit in found.hits)


@pytest.mark.parametrize("question", [one for one in MAY_BE_ASKED if one != "What about Lisbon?"])
def test_what_is_offered_in_the_notebook_is_answered(question: str) -> None:
    assert understood([question]) is not None


# Over HTTP, on each provider


OSLO = City("Oslo", 3.4)


@tool
def search(query: str) -> str:
    """Search the web."""
    found = invented_hits(query)
    return found.hits[0].content if found else "nothing"


def ask(model: Any, *questions: str, stream: bool = False) -> list[str]:
    """A thread of questions with an agent's loop; what the model said last to each."""
    messages: list[Any] = []
    answers = []

    def next_message() -> AIMessage:
        if not stream:
            return model.invoke(messages)
        first, *more = model.stream(messages)
        for chunk in more:
            first += chunk
        return message_chunk_to_message(first)

    for question in questions:
        messages.append(("user", question))
        message = next_message()
        while message.tool_calls:
            results = [
                ToolMessage(search.invoke(call["args"]), tool_call_id=call["id"])
                for call in message.tool_calls
            ]
            messages += [message, *results]
            message = next_message()
        messages.append(message)
        answers.append(message.text)
    return answers


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_thread_of_free_questions_is_answered_on_each_provider(
    open_session: Callable[..., Session], provider: str, stream: bool
) -> None:
    session = open_session(Scenario(free=True))
    found = PROVIDERS[provider]
    model = found.make(f"{session.url}{found.path}").bind_tools([search])
    oslo, rome = weather_of("Oslo"), weather_of("Rome")
    first, second, third = ask(
        model, "Weather in Oslo?", "What about Rome?", "Which is warmer?", stream=stream
    )
    assert first == f"It is {oslo.celsius:g} °C in Oslo, {oslo.sky}."
    assert f"{rome.celsius:g} °C in Rome" in second
    warmer = max((oslo, rome), key=lambda one: one.celsius)
    assert third.startswith(f"It is warmer in {warmer.place}.")
    traffic = session.traffic(settle=1)
    assert {request.invented for request in traffic.of()} == {True}
    assert traffic.misses == ()


def test_in_a_check_a_miss_stays_a_miss(
    open_session: Callable[..., Session], chat: Callable[..., Any]
) -> None:
    session = open_session(Scenario(conversations=(conversation("one", asked(OSLO)),)))
    with pytest.raises(UnprocessableEntityError, match="No recorded answer"):
        chat(session).invoke("What is the weather in Rome?")
    with pytest.raises(UnprocessableEntityError, match="No recorded answer"):
        chat(session).bind_tools([search]).invoke("what's the weather in Oslo")


def test_what_was_recorded_is_answered_as_it_was_however_it_is_spelled(
    open_session: Callable[..., Session], chat: Callable[..., Any]
) -> None:
    session = open_session(Scenario(conversations=(conversation("one", asked(OSLO)),), free=True))
    model = chat(session).bind_tools([search])
    for question in (OSLO.question, "what's the weather in OSLO", "What is the weather in Oslo"):
        call = model.invoke(question).tool_calls[0]
        answer = model.invoke(
            [("user", question), model.invoke(question), ToolMessage(OSLO.result, tool_call_id=call["id"])]
        )
        assert answer.text == OSLO.answer
    assert not any(request.invented for request in session.traffic(settle=1).of())


def test_a_forgotten_tool_of_a_recorded_conversation_is_still_told(
    open_session: Callable[..., Session], chat: Callable[..., Any]
) -> None:
    session = open_session(Scenario(conversations=(conversation("one", asked(OSLO)),), free=True))
    with pytest.raises(UnprocessableEntityError, match="did you forget model"):
        chat(session).invoke(OSLO.question)


def test_what_is_not_about_the_weather_is_still_one_sentence(
    open_session: Callable[..., Session], chat: Callable[..., Any]
) -> None:
    session = open_session(Scenario(free=True))
    with pytest.raises(UnprocessableEntityError, match="No recorded answer for"):
        chat(session).invoke("Who invented the umbrella?")


def test_a_line_that_is_to_break_breaks_in_an_invented_answer_too(
    open_session: Callable[..., Session], chat: Callable[..., Any]
) -> None:
    session = open_session(Scenario(free=True))
    session.break_next("answer", Fault(kind="drop", after=2))
    with pytest.raises(Exception, match="Connection error"):
        list(chat(session).stream("Hello!"))
    assert "".join(chunk.text for chunk in chat(session).stream("Hello!"))
