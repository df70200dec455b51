"""Free questions as people write them: what is about the weather is understood, and nothing else is."""

from __future__ import annotations

import pytest

from utils.replay.weather_questions import MOST_LETTERS, MOST_PLACES, Asked, places_in, plain, understood

ONE = {
    "What is the weather in Berlin?": "weather: Berlin",
    "what's the wheather in new york today?": "weather: New York",
    "Berlin weather": "weather: Berlin",
    "weather Oslo?": "weather: Oslo",
    "How warm is it in Rio de Janeiro right now?": "weather: Rio de Janeiro",
    "rio de janeiro weather please": "weather: Rio de Janeiro",
    "Is it warmer in Oslo or in Rome?": "warmest: Oslo, Rome",
    "Which is warmer, Paris or London?": "warmest: Paris, London",
    "Where is it hotter: Cairo or Dubai?": "warmest: Cairo, Dubai",
    "Compare the weather of Tokyo, Seoul and Busan": "weather: Tokyo, Seoul, Busan",
    "Does it rain in Bergen?": "rain: Bergen",
    "Do I need an umbrella in Seattle tomorrow?": "rain: Seattle",
    "Is it snowing in Ulaanbaatar": "rain: Ulaanbaatar",
    "What should I pack for Kyoto?": "pack: Kyoto",
    "what to wear in the Hague": "pack: Hague",
    "What should I wear in Montréal in winter?": "pack: Montréal",
    "Temperature in São Paulo?": "weather: São Paulo",
    "What is the temprature in Cape Town now": "weather: Cape Town",
    "Weather in Oslo please": "weather: Oslo",
    "I am going to Lisbon next week, what will the weather be like?": "weather: Lisbon",
    "is it cold in nairobi and lagos": "coldest: Nairobi, Lagos",
    "weather in sf and la": "weather: San Francisco, Los Angeles",
    "how's the weather in ho chi minh city?": "weather: Ho Chi Minh City",
    "Will it be sunny in Nice?": "weather: Nice",
    "Forecast for Buenos Aires this weekend": "weather: Buenos Aires",
    "And what is the humidity of Singapore?": "weather: Singapore",
    "WEATHER IN REYKJAVIK???": "weather: REYKJAVIK",
    "How cold is it in Ittoqqortoormiit?": "weather: Ittoqqortoormiit",
    "what is the weather in 京都": "weather: 京都",
    "hello": "talk",
    "Hi there!": "talk",
    "thanks a lot": "talk",
    "Who are you?": "talk",
    "What can you do?": "talk",
}
NOT_ABOUT_IT = [
    "What is 2+2?",
    "Write a poem about love",
    "Who won the world cup in Brazil?",
    "How long is the flight from Rome to Oslo?",
    "What is the capital of France?",
    "What is the best temperature for a steak?",
    "Who invented the umbrella?",
    "Tell me a joke",
    "How do I cook rice?",
    "Book a hotel in Rome",
    "What is a checkpoint?",
    "Translate good into French",
    "Set the temperature of the model to 0",
    "Why is LangGraph so popular in Berlin?",
    "What time is it in Tokyo?",
    "Which train goes from Lyon to Nice?",
    "List the prime numbers below 20",
    "asdf qwer",
    "?",
    "",
]


def told(asked: Asked | None) -> str:
    if asked is None:
        return ""
    return f"{asked.kind}: {', '.join(asked.places)}" if asked.places else asked.kind


@pytest.mark.parametrize(("question", "expected"), ONE.items())
def test_a_question_is_understood_as_it_is_written(question: str, expected: str) -> None:
    assert told(understood([question])) == expected


@pytest.mark.parametrize("question", NOT_ABOUT_IT)
def test_what_is_not_about_the_weather_is_not_understood(question: str) -> None:
    assert understood([question]) is None


def test_a_thread_makes_clear_what_a_short_question_means() -> None:
    thread = [
        ("What is the weather in Oslo?", "weather: Oslo"),
        ("What about Rome?", "weather: Rome"),
        ("and in madrid?", "weather: Madrid"),
        ("Which one is warmer?", "warmest: Oslo, Rome, Madrid"),
        ("Lima?", "weather: Lima"),
        ("Thanks!", "talk"),
        ("which is the coldest?", "coldest: Oslo, Rome, Madrid, Lima"),
        ("What should I pack?", "pack: Oslo, Rome, Madrid, Lima"),
    ]
    questions = [question for question, _ in thread]
    assert [told(understood(questions[: at + 1])) for at in range(len(thread))] == [
        asked for _, asked in thread
    ]


@pytest.mark.parametrize("question", ["What about Rome?", "and tomorrow?", "Which one is warmer?", "Rome?"])
def test_what_follows_nothing_is_not_understood(question: str) -> None:
    assert understood([question]) is None
    assert understood(["Write a poem.", question]) is None
    assert understood([]) is None


def test_the_day_after_asks_the_same_again() -> None:
    assert told(understood(["Does it rain in Bergen?", "And tomorrow?"])) == "rain: Bergen"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What's the weather in SF?", "what is the weather in San Francisco"),
        ("What is the  weather in sf", "WHAT IS THE WEATHER IN SF?!"),
        ("What about in LA?", "what about in los angeles"),
    ],
)
def test_spellings_of_one_question_are_the_same(one: str, other: str) -> None:
    assert plain(one) == plain(other)


def test_other_questions_are_not_the_same() -> None:
    assert plain("What is the weather in Oslo?") != plain("What is the weather in Bergen?")


def test_a_long_question_is_read_no_further_than_a_question_goes() -> None:
    text = "What is the weather in " + ", ".join(f"City{chr(97 + n % 26)}" for n in range(5_000))
    assert len(places_in(text)) == MOST_PLACES
    assert len(plain("x " * 100_000)) <= MOST_LETTERS
