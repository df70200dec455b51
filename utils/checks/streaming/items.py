"""What students' generators yield: taken item by item, and taken apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from utils.checks.registry import Words, expect, fail
from utils.lab.lab import END, Lab, Ref, Stage, StudentError
from utils.lab.plain import Message

MOST = 2_000
"""items that a check takes from a generator before it says that it never ends"""
LETTERS = 1_000_000
"""letters of all items together that it takes: they are kept on the side that judges"""


class Items:
    """What a student's generator yields for a question, item by item; as a context manager it is closed."""

    def __init__(self, lab: Lab, stage: Stage, function: str, agent: Ref, thread: str, question: str) -> None:
        self._lab = lab
        self._stage = stage
        self._function = function
        self._question = question
        self._count = self._letters = 0
        self.given: Ref = lab.call(function, agent, thread, question)
        if not isinstance(self.given, Ref) or self.given.type in ("coroutine", "function"):
            self._no_generator(self.given)

    def next(self) -> Any:
        """Return the next item; ``END`` after the last."""
        try:
            item = self._lab.next(self.given)
        except StudentError as error:
            if error.is_a("TypeError") and error.message.endswith("is not an iterator"):
                self._no_generator(self.given)
            if error.is_a("ValueError") and "values to unpack" in error.message:
                self._no_pairs(error)
            if error.is_a("InvalidUpdateError") and error.message.startswith("Expected dict"):
                self._no_input("a run was begun with something that is not a dict")
            if error.is_a("AttributeError") and error.message.endswith("has no attribute 'text'"):
                self._no_messages(error)
            self._expect_asked()
            raise
        if item is END:
            self._expect_asked()
        else:
            self._expect_an_end(item)
        return item

    def _expect_an_end(self, item: Any) -> None:
        """Fail if more has come than any answer holds."""
        self._count += 1
        self._letters += letters(item)
        if self._count > MOST or self._letters > LETTERS:
            self._lab.close(self.given)
            fail(
                f"{self._function} never comes to an end.",
                got=Words(f"{self._count:,} items with {self._letters:,} letters, and more to come"),
                expected="an end after the answer",
                why="A loop over it waits for ever.",
            )

    def expect_asynchronous(self) -> None:
        """Fail unless ``async for`` can loop over the items."""
        expect(
            self._lab.part("is_asynchronous", self.given) is True,
            f"{self._function} must be an asynchronous generator.",
            got=Words(f"an object of the type {self.given.type}: `async for` cannot loop over it"),
            expected=f"async def {self._function}(…), with yield, and async for … in agent.astream(…)",
            why="A plain generator holds up everything else in its process while it waits for a piece.",
        )

    def rest(self) -> list[Any]:
        """Return all items that are left."""
        found: list[Any] = []
        while (item := self.next()) is not END:
            found.append(item)
        return found

    def __enter__(self) -> Items:
        return self

    def __exit__(self, *error: object) -> None:
        """Stop in the middle, as a loop with ``break`` does; at its end there is nothing to stop."""
        self._lab.close(self.given)

    def _expect_asked(self) -> None:
        """Fail if the model was asked, but never with the question."""
        requests = self._stage.requests()
        # Another question is told by a sentence of its own; one provider's client sends a dot for none.
        other = any(miss.asked.strip(" .") for miss in self._lab.misses())
        if requests and not other and all(self._question not in request.questions for request in requests):
            self._no_input(f"{len(requests)} model requests, none with the question {self._question!r}")

    def _no_input(self, got: str) -> NoReturn:
        fail(
            "The question did not get into the graph's state: the input has another form than the state.",
            got=Words(got),
            expected='the input {"messages": [HumanMessage(text)]}',
            why="The input is an update of the state: a dict with the key messages, and a list of messages.",
        )

    def _no_pairs(self, error: StudentError) -> NoReturn:
        fail(
            f"The loop in {self._function} takes each item apart, and the items have another form.",
            got=Words(f"{error.type}: {error.message}"),
            expected='pairs: (chunk, metadata) with stream_mode="messages", (mode, data) with several modes',
            why="Without stream_mode, in the mode updates, an item is a dictionary: a node with its update.",
        )

    def _no_messages(self, error: StudentError) -> NoReturn:
        fail(
            f"The loop in {self._function} takes something for a message that is none.",
            got=Words(f"{error.type}: {error.message}"),
            expected="the text of a message, or of a chunk: message.text, chunk.text",
            why="The message is further inside: in the messages of an update, or as a pair's first part.",
        )

    def _no_generator(self, given: Any) -> NoReturn:
        fail(
            f"{self._function} must be a generator: it yields one item after the other.",
            got=given,
            expected="a function with yield in it",
            why="What is returned comes all at once; what is yielded comes while the rest still happens.",
        )


def letters(value: Any) -> int:
    """Return about how many letters a value takes to be written down."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return 1 + sum(letters(key) + letters(item) for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return 1 + sum(map(letters, value))
    if isinstance(value, Message):
        return letters(value.text) + letters(value.content) + letters(value.tool_calls)
    return 1


def as_tuple(item: Any) -> Any:
    """Return an item as the text has it; a list of three is as good."""
    return tuple(item) if isinstance(item, list) else item


def text_of(found: Sequence[Any]) -> str:
    """Return the pieces of a stream put together; each must be text."""
    wrong = [item for item in found if not isinstance(item, str)]
    expect(
        not wrong,
        "Each piece must be text.",
        got=wrong[0] if wrong else None,
        expected="a string",
        why="OpenAI's content is text, Anthropic's and Bedrock's a list of blocks; .text is right for all.",
    )
    return "".join(found)
