"""What a run has given so far: which nodes are at work, and the messages as they grow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from utils.views.conversation import Said, read_conversation, text_of

MODES = ("messages", "tasks")
"""the modes of a stream that this reads"""


@dataclass(slots=True)
class _Call:
    """A tool call of which pieces come."""

    id: str = ""
    names: list[str] = field(default_factory=list)
    args: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Growing:
    """A message of which pieces come; they are joined when somebody looks."""

    id: str
    pieces: list[str] = field(default_factory=list)
    calls: dict[int, _Call] = field(default_factory=dict)

    def take(self, chunk: Any) -> None:
        content = chunk.content
        self.pieces.append(content if isinstance(content, str) else text_of(chunk))
        for piece in chunk.tool_call_chunks:
            call = self.calls.setdefault(piece["index"] or 0, _Call())
            call.id = piece["id"] or call.id
            call.names.append(piece["name"] or "")
            call.args.append(piece["args"] or "")

    def message(self) -> SimpleNamespace:
        """Return what there is of it, in the form of a message."""
        # Arguments are a text here: they may not be whole yet.
        calls = [
            {"id": call.id, "name": "".join(call.names), "args": "".join(call.args)}
            for call in list(self.calls.values())
        ]
        return SimpleNamespace(type="ai", id=self.id, text="".join(self.pieces), tool_calls=calls)


class Live:
    """A run as it comes; empty before and after it."""

    def __init__(self) -> None:
        self._messages: dict[str, Any] = {}
        self._working: Counter[str] = Counter()

    @property
    def running(self) -> tuple[str, ...]:
        """The nodes that are at work."""
        return tuple(name for name, count in self._working.items() if count > 0)

    @property
    def typing(self) -> bool:
        """Whether the last message is one of which pieces come."""
        last = next(reversed(list(self._messages.values())), None)
        return isinstance(last, _Growing)

    def clear(self) -> None:
        """Forget the run."""
        self._messages.clear()
        self._working.clear()

    def asked(self, text: str) -> None:
        """Note the question that the run begins with."""
        self.clear()
        self._messages["question"] = SimpleNamespace(type="human", id="", text=text)

    def take(self, item: Any) -> bool:
        """Note one item of a stream; return whether a node has begun or ended."""
        mode, data = item
        if mode == "messages":
            self._message(data[0])
            return False
        if mode == "tasks" and isinstance(data, Mapping):
            self._working[str(data.get("name", ""))] += -1 if "result" in data or "error" in data else 1
            return True
        return False

    def _message(self, message: Any) -> None:
        id = str(getattr(message, "id", None) or f"#{len(self._messages)}")
        if not hasattr(message, "tool_call_chunks"):
            self._messages[id] = message
            return
        growing = self._messages.get(id)
        if not isinstance(growing, _Growing):
            growing = self._messages[id] = _Growing(id)
        growing.take(message)

    def whole(self) -> list[Any]:
        """Return the messages of this run that are there in full."""
        messages = [m.message() if isinstance(m, _Growing) else m for m in list(self._messages.values())]
        return messages[:-1] if self.typing else messages

    def coming(self) -> tuple[Said, ...]:
        """Return the message of which pieces come; none where none comes."""
        last = next(reversed(list(self._messages.values())), None)
        return read_conversation([last.message()]) if isinstance(last, _Growing) else ()
