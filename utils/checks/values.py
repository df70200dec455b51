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
_OF = [
    "wool",
    "linen",
    "rubber",
    "paper",
    "leather",
    "cotton",
    "silk",
    "velvet",
    "straw",
    "denim",
    "amber",
    "birch",
    "canvas",
    "cedar",
    "coral",
    "felt",
    "flannel",
    "glass",
    "granite",
    "hazel",
    "ivory",
    "jute",
    "maple",
    "marble",
    "moss",
    "nylon",
    "oak",
    "pearl",
    "pine",
    "quartz",
    "satin",
    "slate",
    "suede",
    "tweed",
    "walnut",
]
_THINGS = [
    "mittens",
    "sandals",
    "umbrellas",
    "scarves",
    "slippers",
    "hats",
    "gloves",
    "boots",
    "socks",
    "lanterns",
    "baskets",
    "blankets",
    "buttons",
    "candles",
    "cushions",
    "dice",
    "drums",
    "flutes",
    "hammocks",
    "kites",
    "mugs",
    "needles",
    "paddles",
    "postcards",
    "ribbons",
    "ropes",
    "saddles",
    "spoons",
    "stamps",
    "tents",
    "thimbles",
    "torches",
    "towels",
    "trunks",
    "whistles",
]


def cities(rng: random.Random, count: int) -> tuple[City, ...]:
    """Return different cities with different temperatures, each with one decimal."""
    names = rng.sample(CITIES, count)
    tenths = rng.sample(range(-150, 390), count)
    return tuple(City(name, tenth / 10) for name, tenth in zip(names, tenths, strict=True))


def word(rng: random.Random) -> str:
    """Return a thing to take along that no answer holds by chance: it must come from the recorded answer."""
    return f"{rng.choice(_OF)}-{rng.choice(_THINGS)}"


def thread_id(rng: random.Random) -> str:
    """Return a thread's id that nobody has used before."""
    return f"trip-{rng.getrandbits(40):012d}"
