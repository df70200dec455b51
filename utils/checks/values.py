"""Values that cases are made of: cities, temperatures, thread ids, words that no answer holds by chance."""

from __future__ import annotations

import random

from utils.checks.weather import City

CITIES = (
    "Accra",
    "Antwerp",
    "Bergen",
    "Bilbao",
    "Bogota",
    "Brno",
    "Cork",
    "Dakar",
    "Dresden",
    "Fukuoka",
    "Gdansk",
    "Genoa",
    "Ghent",
    "Graz",
    "Hanoi",
    "Izmir",
    "Kaunas",
    "Kyoto",
    "La Paz",
    "Leeds",
    "Lima",
    "Lyon",
    "Malmo",
    "Mumbai",
    "Nairobi",
    "Odesa",
    "Ostrava",
    "Porto",
    "Quito",
    "Riga",
    "Rosario",
    "Sapporo",
    "Sevilla",
    "Split",
    "Tampere",
    "Tbilisi",
    "Tirana",
    "Toronto",
    "Tromso",
    "Turku",
    "Utrecht",
    "Valparaiso",
    "Vilnius",
    "Wellington",
    "Yerevan",
    "Zagreb",
)
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


def cities(rng: random.Random, count: int) -> tuple[City, ...]:
    """Return different cities with different temperatures, each with one decimal."""
    names = rng.sample(CITIES, count)
    tenths = rng.sample(range(-150, 390), count)
    return tuple(City(name, tenth / 10) for name, tenth in zip(names, tenths, strict=True))


def word(rng: random.Random) -> str:
    """Return a word of four syllables that is in no dictionary: it must come from the recorded answer."""
    return "".join(rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(4))


def thread_id(rng: random.Random) -> str:
    """Return a thread's id that nobody has used before."""
    return f"thread-{rng.getrandbits(48):012x}"
