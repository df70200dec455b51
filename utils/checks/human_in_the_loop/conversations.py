"""Conversations whose answer comes whatever the tools found, and what the tools know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from utils.checks.weather import TOOL, City, asked, compare_answer, compare_question, compared, one_by_one
from utils.replay.conversation import AnswerTurn, CallsTurn, ResultsTurn, ToolAnswer, ToolCall, Turn, UserTurn

WHATEVER = ToolAnswer(edited=True)
"""a result that fits whatever the state holds, so that each mistake is told by its own sentence"""


def anyhow(*cities: City) -> tuple[Turn, ...]:
    """Return a question about cities whose answer comes whatever the tools found."""
    if len(cities) == 1:
        return asked(cities[0], answer=WHATEVER)
    return compared(*cities, answers=[WHATEVER] * len(cities))


def anyhow_one_by_one(*cities: City) -> tuple[Turn, ...]:
    """Return a question about cities, looked up one after the other whatever the tools find."""
    turns = one_by_one(*cities, say="Let me look up")
    return tuple(ResultsTurn(results=(WHATEVER,)) if isinstance(t, ResultsTurn) else t for t in turns)


def anyhow_in_rounds(*rounds: Sequence[City]) -> tuple[Turn, ...]:
    """Return a question about cities, several of them looked up at once in each round."""
    cities = [city for round_ in rounds for city in round_]
    turns: list[Turn] = [UserTurn(user=compare_question(*cities))]
    for round_ in rounds:
        turns += [turn for turn in anyhow(*round_) if isinstance(turn, CallsTurn | ResultsTurn)]
    return (*turns, AnswerTurn(answer=compare_answer(*cities)))


def searches(*cities: City) -> tuple[Turn, ...]:
    """Return what the search knows, as turns; nobody asks these questions."""
    known = dict.fromkeys(cities)
    return tuple(turn for city in known for turn in does(TOOL, {"query": city.query}, city.result))


def does(tool: str, args: Mapping[str, Any], result: str) -> tuple[Turn, ...]:
    """Return what a tool answers to these arguments, as turns; nobody asks this question."""
    call = ToolCall(tool=tool, args=dict(args))
    answer = ResultsTurn(results=(ToolAnswer(text=result),))
    return (
        UserTurn(user=f"{tool}: {dict(args)}"),
        CallsTurn(calls=(call,)),
        answer,
        AnswerTurn(answer="Done."),
    )
