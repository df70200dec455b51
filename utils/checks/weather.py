"""Conversations about the weather, built from cities: the material of every lab's cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from utils.replay.conversation import (
    AnswerTurn,
    CallsTurn,
    Conversation,
    Origin,
    ResultsTurn,
    ToolAnswer,
    ToolCall,
    Turn,
    UserTurn,
)

TOOL = "search"
_ORIGIN = Origin(kind="authored")


@dataclass(frozen=True, slots=True)
class City:
    """A city and how warm it is there; the number makes an answer impossible to guess."""

    name: str
    celsius: float

    @property
    def question(self) -> str:
        return f"What is the weather in {self.name}?"

    @property
    def query(self) -> str:
        return f"current weather in {self.name}"

    @property
    def result(self) -> str:
        return f"{self.name}: {self.celsius} degrees Celsius, light wind"

    @property
    def answer(self) -> str:
        return f"It is {self.celsius} °C in {self.name}, with a light wind."


def conversation(name: str, *turns: Sequence[Turn]) -> Conversation:
    """Return a conversation made of several pieces."""
    return Conversation(name=name, origin=_ORIGIN, turns=tuple(turn for piece in turns for turn in piece))


def asked(city: City, *, say: str = "", answer: ToolAnswer | None = None) -> tuple[Turn, ...]:
    """Return one question about a city, looked up with one call; ``say`` is the model's text beside it."""
    return (
        UserTurn(user=city.question),
        CallsTurn(calls=(_call(city),), say=say),
        ResultsTurn(results=(answer or ToolAnswer(text=city.result),)),
        AnswerTurn(answer=city.answer),
    )


def compared(
    *cities: City, question: str | None = None, answers: Sequence[ToolAnswer] = ()
) -> tuple[Turn, ...]:
    """Return one question about several cities, looked up with one call each in one turn of the model."""
    told = list(answers) or [ToolAnswer(text=city.result) for city in cities]
    return (
        UserTurn(user=question or compare_question(*cities)),
        CallsTurn(calls=tuple(_call(city) for city in cities)),
        ResultsTurn(results=tuple(told)),
        AnswerTurn(answer=compare_answer(*cities)),
    )


def one_by_one(*cities: City, say: str, answers: Sequence[ToolAnswer] = ()) -> tuple[Turn, ...]:
    """Return one question about several cities, looked up in one round after the other, each with a word."""
    told = list(answers) or [ToolAnswer(text=city.result) for city in cities]
    rounds: list[Turn] = []
    for city, result in zip(cities, told, strict=True):
        rounds.append(CallsTurn(calls=(_call(city),), say=f"{say} {city.name}."))
        rounds.append(ResultsTurn(results=(result,)))
    question = UserTurn(user=tour_question(*cities))
    return (question, *rounds, AnswerTurn(answer=compare_answer(*cities)))


def plain(question: str, answer: str) -> tuple[Turn, ...]:
    """Return one question that needs no tool."""
    return (UserTurn(user=question), AnswerTurn(answer=answer))


def compare_question(*cities: City) -> str:
    return f"Is it warmer in {' or in '.join(city.name for city in cities)}?"


def tour_question(*cities: City) -> str:
    return f"I travel to {', then to '.join(city.name for city in cities)}: where is it warmest?"


def compare_answer(*cities: City) -> str:
    warmest = max(cities, key=lambda city: city.celsius)
    told = ", ".join(f"{city.name} {city.celsius} °C" for city in cities)
    return f"It is warmest in {warmest.name} ({told})."


def _call(city: City) -> ToolCall:
    return ToolCall(tool=TOOL, args={"query": city.query})
