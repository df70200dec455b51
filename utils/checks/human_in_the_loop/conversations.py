"""Conversations whose answer comes whatever the tools found, and what the tools know."""

from __future__ import annotations

from utils.checks.weather import TOOL, City, asked, compared, one_by_one
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


def searches(*cities: City) -> tuple[Turn, ...]:
    """Return what the search knows, as turns; nobody asks these questions."""
    return tuple(turn for city in cities for turn in does(TOOL, city.query, city.result))


def does(tool: str, query: str, result: str) -> tuple[Turn, ...]:
    """Return what a tool answers to a query, as turns; nobody asks this question."""
    call = ToolCall(tool=tool, args={"query": query})
    answer = ResultsTurn(results=(ToolAnswer(text=result),))
    return UserTurn(user=f"{tool}: {query}"), CallsTurn(calls=(call,)), answer, AnswerTurn(answer="Done.")
