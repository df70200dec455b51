"""Recorded conversations as data: what a fixture file holds and what a check builds for itself."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

SEARCH = "search"
"""A fixture's name for whichever search tool an agent really offers."""


class Frozen(BaseModel):
    """Base of the models here: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Origin(Frozen):
    """Where the words of a conversation come from."""

    kind: Literal["recorded", "transcribed", "authored"]
    note: str | None = None
    """which course note, for ``transcribed``"""
    provider: str | None = None
    model: str | None = None
    date: datetime.date | None = None
    remark: str | None = None
    """what a reader should know besides, such as which turn is not from the source"""

    @model_validator(mode="after")
    def _says_enough(self) -> Origin:
        if self.kind == "recorded" and not (self.provider and self.model and self.date):
            msg = "a recorded origin names its provider, model and date"
            raise ValueError(msg)
        if self.kind == "transcribed" and not self.note:
            msg = "a transcribed origin names its note"
            raise ValueError(msg)
        return self


class Usage(Frozen):
    """Tokens that the provider counted."""

    input: int = Field(ge=0)
    output: int = Field(ge=0)


class Timing(Frozen):
    """How long a reply took, in seconds; ``None`` where nobody measured it."""

    first: float | None = Field(default=None, ge=0)
    token: float | None = Field(default=None, ge=0)


class Fault(Frozen):
    """Something that goes wrong with a model's reply, on purpose."""

    kind: Literal["latency", "drop", "cut", "stall", "rate_limit", "server_error"]
    after: int = Field(default=0, ge=0)
    """pieces sent before a ``drop`` (abrupt), a ``cut`` (clean end) or a ``stall``"""
    seconds: float = Field(default=0.0, ge=0)
    """of ``latency``; the ``retry-after`` of a ``rate_limit``"""
    times: int | None = Field(default=None, ge=1)
    """how many requests it hits; ``None`` means every one"""


class ToolCall(Frozen):
    """One call of a tool that the model asks for."""

    tool: str
    args: dict[str, Any] = {}
    unoffered: bool = False
    """the model asks for it whether the request offers this tool or not, as models do now and then"""


class Hit(Frozen):
    """One hit of a web search."""

    url: str
    content: str
    title: str = ""
    score: float = 0.0


def _short_answer(value: Any) -> Any:
    """Let a fixture write a plain string or a list of hits where a tool answers without ado."""
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, list):
        return {"hits": value}
    return value


class ToolAnswer(Frozen):
    """What a tool gives back to one call, or how it fails."""

    text: str = ""
    hits: tuple[Hit, ...] = ()
    """for a search: what the service found"""
    raises: str | None = None
    """the message of the error that the tool raises instead"""
    times: int | None = Field(default=None, ge=1)
    """how many calls raise before the tool answers; ``None`` means every one"""
    delay: float = Field(default=0.0, ge=0)
    stall: bool = False
    """wait until released"""
    edited: bool = False
    """written into the state by a person: no tool ever gives it"""
    pad: int = Field(default=0, ge=0, le=2_000_000)
    """lengthen the text to this many characters"""

    @property
    def needle(self) -> str:
        """Text that a real tool result must contain to count as this answer.

        Of several hits the first: a search may have asked for fewer than were recorded.
        """
        if self.raises is not None and self.times is None:
            return self.raises
        return self.hits[0].content if self.hits else self.text


class UserTurn(Frozen):
    """The person asks."""

    user: str


class CallsTurn(Frozen):
    """The model asks for tools, perhaps with a word beside."""

    calls: tuple[ToolCall, ...] = Field(min_length=1)
    say: str = ""
    usage: Usage | None = None
    timing: Timing | None = None
    fault: Fault | None = None


class ResultsTurn(Frozen):
    """The tools answer, one result for each call of the turn before, in its order."""

    results: tuple[Annotated[ToolAnswer, BeforeValidator(_short_answer)], ...] = Field(min_length=1)


class AnswerTurn(Frozen):
    """The model answers."""

    answer: str
    pieces: tuple[str, ...] | None = None
    """the real split into tokens, where it is known; a fixture may write it as ``The| current| weather``"""
    usage: Usage | None = None
    timing: Timing | None = None
    fault: Fault | None = None

    @model_validator(mode="before")
    @classmethod
    def _split(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("pieces"), str):
            return {**data, "pieces": data["pieces"].split("|")}
        return data

    @model_validator(mode="after")
    def _pieces_make_the_answer(self) -> AnswerTurn:
        if self.pieces is not None and "".join(self.pieces) != self.answer:
            msg = "the pieces do not add up to the answer"
            raise ValueError(msg)
        return self


Turn = UserTurn | CallsTurn | ResultsTurn | AnswerTurn
Reply = CallsTurn | AnswerTurn


class Conversation(Frozen):
    """One conversation from its first question on, with its single origin."""

    name: str
    origin: Origin
    turns: tuple[Turn, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _turns_follow(self) -> Conversation:
        if problem := turn_problem(self.turns):
            raise ValueError(problem[1])
        return self


def turn_problem(turns: tuple[Turn, ...]) -> tuple[int, str] | None:
    """Return the index of the first turn that can never be matched, and why; ``None`` when all can."""
    before: Turn | None = None
    for index, turn in enumerate(turns):
        match turn:
            case UserTurn():
                if before is not None and not isinstance(before, AnswerTurn):
                    return index, "a question can only come first or after an answer"
            case CallsTurn() | AnswerTurn():
                if not isinstance(before, UserTurn | ResultsTurn):
                    return index, "the model can only speak after a question or after results"
            case ResultsTurn(results=results):
                if not isinstance(before, CallsTurn):
                    return index, "results can only come after calls"
                if len(results) != len(before.calls):
                    return index, (
                        f"each call needs exactly one result: {len(before.calls)} asked for, "
                        f"{len(results)} given"
                    )
        before = turn
    if not isinstance(before, CallsTurn | AnswerTurn):
        return len(turns) - 1, "a conversation ends with the model's turn; nothing would ever match this one"
    return None


class Scenario(Frozen):
    """The conversations that a recorded model knows."""

    conversations: tuple[Conversation, ...] = ()
    free: bool = False
    """whether other questions about the weather are answered by rule; never in a check"""
