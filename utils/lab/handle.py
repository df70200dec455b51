"""The side that lives with the student's objects: one question in, one answer out.

A question is one of ``get``, ``call``, ``next``, ``close`` and ``gather``; its target is a name in the
notebook, an object kept earlier, or a part of the kit::

    {"op": "call", "target": {"name": "ask"}, "args": [{"$object": 3}, "trip", "…"], "kwargs": {}}
    {"op": "call", "target": {"ref": 3, "method": "invoke"}, "args": […]}
    {"op": "call", "target": {"kit": "saver"}, "args": ["trip.db"], "keep": -1}

``keep`` is the number under which the asker wants to find what the call returns. Several questions may come
at once: the answer to a ``series`` is that of its last question, or ``{"failed": answer}`` of an earlier one
that could not be answered. ``end`` makes some last calls, whatever comes of them, and lets go of all objects.

An answer is ``{"value": …}``, ``{"end": true}``, ``{"values": […]}``, ``{"missing": name}``,
``{"unfit": why}`` where the kit has no such part, or none that takes these arguments, or
``{"error": {"type", "bases", "message", "trace"}}``. Nothing here decides what an answer is worth.
"""

from __future__ import annotations

import asyncio
import inspect
import linecache
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from utils.lab.facts import MAX_BASES, MAX_SOURCE, MAX_TRACE
from utils.lab.plain import MAX_MESSAGE, MAX_TYPE, decode, encode, real_message, safe_text, short_type
from utils.questions import asking

MAX_KEPT = 10_000

Question = Mapping[str, Any]
Answer = dict[str, Any]


class UnknownName(Exception):
    """The notebook has no such name."""


class BadQuestion(Exception):
    """The question is not of the form described here: the asker's fault, never the student's."""


class Unfit(Exception):
    """The kit has no such part, or none that takes these arguments: a slip of the check that asks."""


class Ended(Exception):
    """An iterator has no further item; StopIteration cannot leave a coroutine."""


class Handle:
    """What can be asked of one notebook's namespace."""

    def __init__(self, namespace: Mapping[str, Any], parts: Mapping[str, Callable[..., Any]]) -> None:
        self._namespace = namespace
        self._parts = parts
        self._kept: dict[int, Any] = {}
        self._number = 0

    async def answer(self, question: Question) -> Answer:
        """Return the answer to one question; what the student's code raises is an answer, too."""
        try:
            with asking():
                return await self._answer(question)
        except UnknownName as error:
            return {"missing": str(error)}
        except BadQuestion as error:
            return {"bad": str(error)}
        except Unfit as error:
            return {"unfit": str(error)}
        except Ended:
            return {"end": True}
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            return {"error": _told(asyncio.CancelledError("cancelled by the code itself"))}
        except BaseException as error:  # SystemExit, KeyboardInterrupt and whatever else a student raises
            return {"error": _told(error)}

    async def _answer(self, question: Question) -> Answer:
        match question.get("op"):
            case "call":
                result = await self._call(question)
                if "keep" not in question:
                    return {"value": self._encode(result)}
                self._kept[question["keep"]] = result
                return {"value": None}
            case "get":
                return {"value": self._encode(self._get(question))}
            case "next":
                return {"value": self._encode(await self._next(self._target(question["target"])))}
            case "close":
                return await self._close(question["target"])
            case "gather":
                answers = [self.answer({**call, "op": "call"}) for call in question["calls"]]
                return {"values": list(await asyncio.gather(*answers))}
            case "series":
                return await self._series(question["questions"])
            case "end":
                for call in question["calls"]:
                    await self.answer({**call, "op": "call"})
                self._kept.clear()
                return {"value": None}
        msg = f"unknown operation {question.get('op')!r}"
        raise BadQuestion(msg)

    async def _series(self, questions: Sequence[Question]) -> Answer:
        *first, last = questions
        for question in first:
            answer = await self.answer(question)
            if "value" not in answer:
                return {"failed": answer}
        return await self.answer(last)

    def _target(self, target: Mapping[str, Any]) -> Any:
        match target:
            case {"name": str(name)}:
                if name not in self._namespace:
                    raise UnknownName(name)
                found = self._namespace[name]
            case {"kit": str(part)}:
                if part not in self._parts:
                    msg = f"the kit has no part {part!r}"
                    raise Unfit(msg)
                found = self._parts[part]
            case {"ref": int(number)}:
                if number not in self._kept:
                    msg = f"no object {number} is kept"
                    raise BadQuestion(msg)
                found = self._kept[number]
            case _:
                msg = f"no target in {sorted(target)!r}"
                raise BadQuestion(msg)
        method = target.get("method")
        return found if method is None else getattr(found, method)

    async def _call(self, question: Question) -> Any:
        work = self._target(question["target"])
        args = [self._decode(item) for item in question.get("args", ())]
        kwargs = {name: self._decode(item) for name, item in question.get("kwargs", {}).items()}
        if "kit" in question["target"]:
            _see_whether_it_fits(question["target"]["kit"], work, args, kwargs)
        result = work(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    def _get(self, question: Question) -> Any:
        found = self._target(question["target"])
        for step in question.get("path", ()):
            found = getattr(found, step) if isinstance(step, str) else found[step[0]]
        return found

    async def _next(self, items: Any) -> Any:
        try:
            if hasattr(items, "__anext__"):
                return await items.__anext__()
            if hasattr(items, "__next__"):
                return next(items)
        except (StopIteration, StopAsyncIteration):
            raise Ended from None
        msg = f"{type(items).__name__} is not an iterator"
        raise TypeError(msg)

    async def _close(self, target: Mapping[str, Any]) -> Answer:
        kept = self._kept.pop(target.get("ref", -1), None)
        if hasattr(kept, "aclose"):
            await kept.aclose()
        elif hasattr(kept, "close") and inspect.isgenerator(kept):
            kept.close()
        return {"value": None}

    def _keep(self, value: Any) -> int:
        kind = type(value)
        if hasattr(kind, "__aiter__") and not hasattr(kind, "__anext__"):
            value = kind.__aiter__(value)
        if len(self._kept) >= MAX_KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._number += 1
        self._kept[self._number] = value
        return self._number

    def _encode(self, value: Any) -> Any:
        return encode(value, self._keep)

    def _decode(self, data: Any) -> Any:
        def look_up(number: int, _: str) -> Any:
            return self._target({"ref": number})

        return decode(data, look_up, real_message)


def _see_whether_it_fits(
    part: str, work: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    """Raise Unfit when a part of the kit does not take these arguments."""
    try:
        inspect.signature(work).bind(*args, **kwargs)
    except ValueError:  # a function in C may not say what it takes
        return
    except TypeError as error:
        msg = f"the kit's part {part!r} does not take these arguments: {error}"
        raise Unfit(msg) from error


def _told(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    bases = [short_type(base) for base in type.__dict__["__mro__"].__get__(kind)[:MAX_BASES]]
    return {"type": short_type(kind), "bases": bases, "message": _message(error), "trace": _trace(error)}


def _message(error: BaseException) -> str:
    try:
        return safe_text(str.__str__(str(error))[:MAX_MESSAGE])
    except BaseException:  # an exception's own __str__ may do anything
        return "(the error cannot say what it is)"


def _trace(error: BaseException) -> list[dict[str, Any]]:
    """Return the innermost steps of an error through the notebook's own cells."""
    steps = []
    # Read past the student's class, which may have a __traceback__ of its own.
    for frame, line in traceback.walk_tb(BaseException.__dict__["__traceback__"].__get__(error)):
        name = frame.f_code.co_filename
        if "ipykernel" in name or "ipython-input" in name or name.startswith("<"):
            source = linecache.getline(name, line).strip()
            function = frame.f_code.co_name[:MAX_TYPE]
            steps.append({"function": function, "line": line, "source": source[:MAX_SOURCE]})
    return steps[-MAX_TRACE:]
