"""What a free question asks: the weather of which places, a comparison, what to pack, or only a greeting.

Plain rules over the words of ``weather_words.yaml``: what is not understood is not answered.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

Kind = Literal["weather", "warmest", "coldest", "pack", "rain", "talk"]

MOST_LETTERS = 400
"""letters of a question that are looked at"""
MOST_PLACES = 6
MOST_WORDS = 4
"""words of one place"""
MOST_TALK = 8
"""words of a greeting"""
MOST_FOLLOWING = 5
"""words of a question that names a place and nothing else"""
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*|[,;:?!]")
_SIGNS = frozenset(",;:?!")
_FILE = Path(__file__).parent / "weather_words.yaml"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks for."""

    kind: Kind
    places: tuple[str, ...] = ()
    """as they are written in a sentence: San Francisco"""


@dataclass(frozen=True, slots=True)
class _Words:
    """The vocabulary, by what its words are for."""

    short: Mapping[str, str]
    plain: Mapping[str, str]
    weather: frozenset[str]
    pack: frozenset[str]
    rain: frozenset[str]
    warm: frozenset[str]
    cold: frozenset[str]
    compares: frozenset[str]
    before: frozenset[str]
    joins: frozenset[str]
    ends: frozenset[str]
    no_place: frozenset[str]
    never: frozenset[str]
    when: frozenset[str]
    small: frozenset[str]
    greetings: frozenset[str]
    talk: tuple[str, ...]
    follow: tuple[str, ...]


@functools.cache
def _words() -> _Words:
    found: dict[str, Any] = yaml.safe_load(_FILE.read_text("utf-8"))
    sets = {name: frozenset(value.split()) for name, value in found.items() if isinstance(value, str)}
    sets["joins"] |= {",", "&"}
    sets["ends"] |= sets["weather"] | sets["pack"] | (_SIGNS - {","})
    lists = {name: tuple(value) for name, value in found.items() if isinstance(value, list)}
    facts: dict[str, Any] = {**found, **sets, **lists}
    return _Words(**facts)


def understood(questions: Sequence[str]) -> Asked | None:
    """Return what the last of a thread's questions asks, with what the ones before it make clear.

    ``None`` for what is not about the weather.
    """
    before: list[Asked] = []
    asked: Asked | None = None
    for question in questions:
        asked = _in_context(question, before)
        if asked is not None and asked.places:
            before.append(asked)
    return asked


def _in_context(question: str, before: Sequence[Asked]) -> Asked | None:
    """Return what a question asks on a thread that has asked this before."""
    if _is_talk(plain(question)):
        return Asked("talk")
    asked = _of_one(question)
    if asked is None:
        return _following(question, before)
    if asked.places:
        return asked
    if not before:
        return None
    if asked.kind in ("warmest", "coldest"):
        # A comparison is about all that the thread has spoken of.
        every = dict.fromkeys(place for one in before for place in one.places)
        return Asked(asked.kind, tuple(every)[-MOST_PLACES:])
    return Asked(asked.kind, before[-1].places)


def _of_one(question: str) -> Asked | None:
    """Return what one question asks by itself; its places may be empty."""
    vocabulary, words = _words(), set(plain(question).split())
    if not words & (vocabulary.weather | vocabulary.pack) or words & vocabulary.never:
        return None
    places = places_of(question)
    compares = len(places) > 1 or (bool(words & vocabulary.compares) and not places)
    if words & vocabulary.pack and "umbrella" not in words:
        return Asked("pack", places)
    if compares and words & vocabulary.cold:
        return Asked("coldest", places)
    if compares and words & vocabulary.warm:
        return Asked("warmest", places)
    return Asked("rain" if words & vocabulary.rain else "weather", places)


def _following(question: str, before: Sequence[Asked]) -> Asked | None:
    """Return what "What about Oslo?" asks on a thread that is about the weather; ``None`` on any other."""
    vocabulary, text = _words(), plain(question)
    if not before or set(text.split()) & vocabulary.never:
        return None
    follows = any(text.startswith(f"{start} ") for start in vocabulary.follow)
    places = places_in(question) if follows else ()
    if not places and len(text.split()) <= MOST_FOLLOWING:
        places = places_in(question, bare=True)
    kind: Kind = before[-1].kind if before[-1].kind in ("rain", "pack") else "weather"
    if follows and not places and set(text.split()) & vocabulary.when:
        return before[-1]
    return Asked(kind, places) if places else None


def _is_talk(text: str) -> bool:
    """Return whether somebody only greets, thanks, or asks who is there."""
    vocabulary, words = _words(), text.split()
    if not words or len(words) > MOST_TALK or set(words) & (vocabulary.weather | vocabulary.pack):
        return False
    return (words[0] in vocabulary.greetings and len(words) <= MOST_TALK // 2) or any(
        part in text for part in vocabulary.talk
    )


def plain(question: str) -> str:
    """Return a question without capitals, punctuation and the ways to write one thing; for comparing."""
    vocabulary = _words()
    words = [word for word in _tokens(question.casefold()) if word not in _SIGNS]
    return " ".join(vocabulary.short.get(word, vocabulary.plain.get(word, word)).casefold() for word in words)


def places_of(question: str) -> tuple[str, ...]:
    """Return the places of a question about the weather, wherever in it they stand."""
    return places_in(question) or places_in(question, bare=True)


def places_in(question: str, *, bare: bool = False) -> tuple[str, ...]:
    """Return the places that a question names, in its order.

    A place follows a word such as "in". With ``bare`` it may stand alone, as in "Berlin weather?".
    """
    vocabulary, words = _words(), _tokens(question)
    found: list[str] = []
    at, may_begin = 0, bare
    while at < len(words) and len(found) < MOST_PLACES:
        word = words[at].casefold()
        if word in vocabulary.before:
            at, may_begin = at + 1, True
            continue
        if word in vocabulary.joins:
            at, may_begin = at + 1, bare or bool(found)
            continue
        place, end = _place(words, at) if may_begin else ("", at)
        if place:
            found.append(place)
        may_begin = bare
        at = max(end, at + 1)
    return tuple(dict.fromkeys(found))


def _tokens(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text[:MOST_LETTERS]))


def _place(words: Sequence[str], at: int) -> tuple[str, int]:
    """Return the place that begins at a word, and where it ends; empty where none does."""
    vocabulary = _words()
    if words[at].casefold() == "the":
        at += 1
    own: list[str] = []
    ends = vocabulary.ends | vocabulary.joins | vocabulary.before
    while at < len(words) and len(own) < MOST_WORDS:
        if words[at].casefold() in ends or words[at].isdecimal():
            break
        own.append(words[at])
        at += 1
    small = [word.casefold() for word in own]
    greets = not vocabulary.greetings.isdisjoint(own)  # Nice is a place, and nice is not
    if not own or greets or not vocabulary.no_place.isdisjoint(small):
        return "", at
    return vocabulary.short.get("".join(small)) or _written(own), at


def _written(words: Sequence[str]) -> str:
    """Return a name with capitals, where it was written without any."""
    if any(word != word.casefold() for word in words):
        return " ".join(words)
    small = _words().small
    return " ".join(word if at and word in small else _capital(word) for at, word in enumerate(words))


def _capital(word: str) -> str:
    return "-".join(part[:1].upper() + part[1:] for part in word.split("-"))
