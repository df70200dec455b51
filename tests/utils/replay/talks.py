"""Small conversations, and requests for them, that the tests of the recorded model are made of."""

from __future__ import annotations

from typing import Any

from utils.replay.conversation import (
    AnswerTurn,
    CallsTurn,
    Conversation,
    Fault,
    Origin,
    ResultsTurn,
    Scenario,
    ToolAnswer,
    ToolCall,
    Turn,
    UserTurn,
)
from utils.replay.matching import Heard, HeardCall, ModelRequest

AUTHORED = Origin(kind="authored")


def conversation(name: str, *turns: Turn) -> Conversation:
    return Conversation(name=name, origin=AUTHORED, turns=turns)


def scenario(*conversations: Conversation) -> Scenario:
    return Scenario(conversations=conversations)


def ask(question: str) -> UserTurn:
    return UserTurn(user=question)


def say(answer: str, **more: Any) -> AnswerTurn:
    return AnswerTurn(answer=answer, **more)


def plain(question: str, answer: str, **fault: Any) -> Conversation:
    """One question and its answer, with a fault if one is described."""
    return conversation(question, ask(question), say(answer, fault=Fault(**fault) if fault else None))


def calling(*queries: str, tool: str = "search", say: str = "", **fault: Any) -> CallsTurn:
    calls = tuple(ToolCall(tool=tool, args={"query": query}) for query in queries)
    return CallsTurn(calls=calls, say=say, fault=Fault(**fault) if fault else None)


def giving(*answers: Any) -> ResultsTurn:
    return ResultsTurn(results=answers)


def looked_up(
    question: str, query: str, result: Any, answer: str, *, tool: str = "search", name: str = ""
) -> Conversation:
    """One question for which a tool was called once."""
    turns = (ask(question), calling(query, tool=tool), giving(result), say(answer))
    return conversation(name or question, *turns)


def tool_answer(text: str = "", **more: Any) -> ToolAnswer:
    return ToolAnswer(text=text, **more)


def user(text: str) -> Heard:
    return Heard("user", text)


def system(text: str) -> Heard:
    return Heard("system", text)


def assistant(text: str = "", *calls: HeardCall) -> Heard:
    return Heard("assistant", text, calls)


def called(id: str = "call_1", query: str = "q", tool: str = "search") -> HeardCall:
    return HeardCall(id, tool, {"query": query})


def result(text: str, call_id: str = "call_1") -> Heard:
    return Heard("tool", text, (), call_id)


def request(*messages: Heard, tools: tuple[str, ...] = ("search",), **more: Any) -> ModelRequest:
    facts = {"model": "gpt-4o", "stream": False, **more}
    return ModelRequest(messages=messages, tools=tools, **facts)


def history_of(told: Conversation, turn: int) -> tuple[Heard, ...]:
    """What a faithful agent sends when it wants the reply at this turn."""
    messages: list[Heard] = []
    open_ids: list[str] = []
    for index, item in enumerate(told.turns[:turn]):
        match item:
            case UserTurn(user=text):
                messages.append(user(text))
            case CallsTurn(calls=calls, say=text):
                open_ids = [f"call_{index}_{i}" for i in range(len(calls))]
                heard = (
                    HeardCall(id, call.tool, call.args) for id, call in zip(open_ids, calls, strict=True)
                )
                messages.append(assistant(text, *heard))
            case ResultsTurn(results=results):
                pairs = zip(open_ids, results, strict=True)
                messages += [result(answer.needle, id) for id, answer in pairs]
            case AnswerTurn(answer=text):
                messages.append(assistant(text))
    return tuple(messages)
