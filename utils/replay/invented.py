"""Answers to free questions about the weather, made by rule: no model is asked and nothing is true.

Outside of checks a question that nobody recorded need not be a dead end. The model here does what a real one
would: it calls the tools that the request offers and writes its answer from what they gave back. What the
search finds follows from the name of the place, so it is the same each time. This module knows no protocol.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from utils.replay.conversation import SEARCH, AnswerTurn, CallsTurn, Hit, Reply, ToolAnswer, ToolCall
from utils.replay.matching import Heard, Index, ModelRequest, Row, find, fold_question
from utils.replay.weather_questions import Asked, places_in, places_of, plain, understood

MAY_BE_ASKED = (
    "What is the weather in Berlin?",
    "Is it warmer in Oslo or in Rome?",
    "What about Lisbon?",
    "What should I pack for Kyoto?",
    "Does it rain in Bergen?",
    "Hello!",
)
"""questions of each kind that is answered"""
_SKIES = ("sunny", "partly cloudy", "cloudy", "light rain", "rain", "windy and clear", "misty", "clear")
_SNOW = "light snow"
_WORDS = ("search", "weather", "forecast", "temperature", "climate", "tavily", "web")
"""words in the name of a tool that may look up the weather"""
_PLACES = ("city", "place", "location", "town", "region", "area")
_FIGURE = re.compile(r"(-?[0-9]{1,3}(?:\.[0-9])?) ?(?:°|degrees|º) ?([CcFf]?)")
_QUOTED = 200
_TALK = (
    "Hello! I am a recorded model, and I know about the weather: ask me about any place, about several, "
    "which is warmer, or what to pack."
)


@dataclass(frozen=True, slots=True)
class Weather:
    """The weather of a place, as it follows from the place's name."""

    place: str
    celsius: float
    sky: str
    wind: int
    """km/h"""

    @property
    def text(self) -> str:
        return f"{self.place}: {self.celsius}°C, {self.sky}, wind {self.wind} km/h."


def weather_of(place: str) -> Weather:
    """Return the invented weather of a place: the same for every spelling of capitals and spaces."""
    digest = hashlib.sha256(fold_question(place).encode("utf-8", "surrogatepass")).digest()
    celsius = -6 + int.from_bytes(digest[:2], "big") % 390 / 10
    sky = _SNOW if celsius < 1 and digest[2] % 2 else _SKIES[digest[2] % len(_SKIES)]
    return Weather(place, round(celsius, 1), sky, 3 + digest[3] % 40)


def invented_hits(query: str) -> ToolAnswer | None:
    """Return what the search finds for a query about the weather; ``None`` for any other query."""
    asked = understood([query])
    places = asked.places if asked is not None else ()
    if not places:
        return None
    hits = []
    for place in places:
        slug = "-".join(fold_question(place).split())
        url, content = f"https://weather.example/{slug}", weather_of(place).text
        hits.append(Hit(url=url, content=content, title=f"Weather in {place}", score=0.9))
    return ToolAnswer(hits=tuple(hits))


def invented_reply(request: ModelRequest) -> Reply | None:
    """Return the next turn of the model, made by rule; ``None`` for what is not about the weather."""
    asked = understood(request.questions)
    if asked is None:
        return None
    if asked.kind == "talk":
        return AnswerTurn(answer=_TALK)
    last = max(i for i, message in enumerate(request.messages) if message.role == "user")
    since = request.messages[last + 1 :]
    tool = _tool_for(request)
    looked_up = _looked_up(since)
    missing = [place for place in asked.places if fold_question(place) not in looked_up]
    if missing and tool is not None:
        return CallsTurn(
            calls=tuple(ToolCall(tool=tool, args=_args(request, tool, place)) for place in missing)
        )
    if missing:
        return AnswerTurn(
            answer=f"I cannot look up the weather in {_joined(missing)}: no search tool was offered to me."
        )
    return AnswerTurn(
        answer=_answer(asked, {place: looked_up[fold_question(place)] for place in asked.places})
    )


def is_of_other_places(row: Row, request: ModelRequest) -> bool:
    """Return whether a recorded answer to "Which one is warmer?" is about other places than this thread."""
    if len(row.questions) == len(request.questions):
        return False  # the very same questions: most requests of a lab's own cells
    asked, recorded = understood(request.questions), understood(row.questions)
    if asked is None or not asked.places or places_of(request.questions[-1]):
        return False
    known = set() if recorded is None else set(map(fold_question, recorded.places))
    return set(map(fold_question, asked.places)) != known


def spelled_otherwise(index: Index, request: ModelRequest) -> Row | None:
    """Return the recorded row for a request whose questions only differ in spelling from recorded ones.

    Punctuation, "what's" and San Francisco for sf make no other question.
    """
    known = {plain(question): question for question in index.asked.values()}
    messages = tuple(
        replace(message, text=known.get(plain(message.text), message.text))
        if message.role == "user"
        else message
        for message in request.messages
    )
    if messages == request.messages:
        return None
    found = find(index, replace(request, messages=messages))
    return found if isinstance(found, Row) else None


def _tool_for(request: ModelRequest) -> str | None:
    """Return the tool that a request offers for looking up the weather; ``None`` where it offers none."""
    if SEARCH in request.tools:
        return SEARCH
    return next(
        (name for word in _WORDS for name in request.tools if word in name.casefold()),
        None,
    )


def _args(request: ModelRequest, tool: str, place: str) -> dict[str, Any]:
    """Return the arguments of a call, under the names that the tool's own schema has."""
    names = request.parameters.get(tool, ())
    if named := next((name for name in names if name.casefold() in _PLACES), None):
        return {named: place}
    return {next(iter(names), "query"): f"current weather in {place}"}


def _looked_up(since: Sequence[Heard]) -> dict[str, str]:
    """Return what was found for each place since the question, by the place's folded name."""
    results = {message.call_id: message.text for message in since if message.role == "tool"}
    found: dict[str, str] = {}
    for message in since:
        for call in message.calls:
            text = " ".join(str(value) for value in call.args.values())
            for place in places_in(text) or (text,):
                found[fold_question(place)] = results.get(call.id, "")
    return found


def _answer(asked: Asked, results: Mapping[str, str]) -> str:
    told = {place: _celsius(place, text) for place, text in results.items()}
    known = {place: celsius for place, celsius in told.items() if celsius is not None}
    lines = [_line(place, text, told[place]) for place, text in results.items()]
    if len(known) > 1 and asked.kind in ("warmest", "coldest"):
        choose = max if asked.kind == "warmest" else min
        best = choose(known, key=lambda place: known[place])
        word = {"warmest": "warm", "coldest": "cold"}[asked.kind]
        degree = f"{word}est" if len(known) > 2 else f"{word}er"
        return f"It is {degree} in {best}. {' '.join(lines)}"
    if asked.kind == "pack" and known:
        return f"{' '.join(lines)} {_packing(known, results)}"
    if asked.kind == "rain" and known:
        wet = [
            place
            for place in known
            if any(word in _about(place, results[place]) for word in ("rain", "snow"))
        ]
        head = f"Yes, take an umbrella for {_joined(wet)}." if wet else f"No rain in {_joined(list(known))}."
        return f"{head} {' '.join(lines)}"
    return " ".join(lines)


def _line(place: str, text: str, celsius: float | None) -> str:
    if celsius is None:
        quoted = " ".join(text.split())[:_QUOTED]
        return f"About {place} I found: {quoted}" if quoted else f"I found nothing about {place}."
    sky = next((sky for sky in (*_SKIES, _SNOW) if f"{sky}," in f"{_about(place, text)},"), "")
    return f"It is {celsius:g} °C in {place}{f', {sky}' if sky else ''}."


def _celsius(place: str, text: str) -> float | None:
    """Return the temperature that a tool's result gives for a place; ``None`` where it gives none."""
    found = _FIGURE.search(_about(place, text))
    if found is None:
        return None
    value = float(found[1])
    return round((value - 32) * 5 / 9, 1) if found[2] in ("F", "f") else value


def _about(place: str, text: str) -> str:
    """Return the part of a result that begins with the place's name; all of it where there is none."""
    at = text.casefold().find(f"{place.casefold()}:")
    return text[at : at + _QUOTED] if at >= 0 else text[:2_000]


def _packing(known: Mapping[str, float], results: Mapping[str, str]) -> str:
    coldest, warmest = min(known.values()), max(known.values())
    things = ["a warm coat" if coldest < 8 else "a jacket" if coldest < 18 else "light clothes"]
    if warmest >= 24:
        things.append("sun cream")
    if any("rain" in _about(place, text) for place, text in results.items()):
        things.append("an umbrella")
    return f"Pack {_joined(things)}."


def _joined(items: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(items[:-1]), items[-1]))) if items else ""
