"""Names of people, compared as platforms write them: in any order, run together, without accents.

Canvas writes the sortable name, "van den Akker, Sem", as ``vandenakkersem``; Moodle writes names as they
are; a folder may be called by a login, or by a name whose accents a disk or a platform has folded.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from grader.submissions.patterns import folded

MOST_WORDS = 12
"""words of a name that are turned round"""
_NO_LETTER = re.compile(r"[\W_]+")
_WITHOUT_ACCENT = str.maketrans(
    {"ß": "ss", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
_BY_TWO = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae", "ß": "ss"})


def letters(text: str) -> str:
    """Return a name's letters and digits, run together."""
    return _NO_LETTER.sub("", folded(text))


def turned(name: str) -> set[str]:
    """Return a name run together in each order that a platform may write it in.

    Where the family name begins is not known ("Lucía Inés Prado Vidal", "Robert Hale Jr."), so each word
    may begin it.
    """
    words = _words(name)
    return {"".join((*words[at:], *words[:at])) for at in range(len(words))} - {""}


def in_any_order(name: str) -> set[str]:
    """Return the words of a name, sorted and run together; nothing for a name of one word."""
    words = _words(name)
    return {"".join(sorted(words))} if len(words) > 1 else set()


def without_accents(names: Callable[[str], set[str]]) -> Callable[[str], set[str]]:
    """Return the same way to write a name, with its accents folded in each way that platforms fold them."""

    def written(name: str) -> set[str]:
        return {plain for text in names(name) for plain in _plain(text)}

    return written


def _words(name: str) -> list[str]:
    family, comma, given = name.partition(",")
    whole = f"{given} {family}" if comma else name
    return [word for word in map(letters, whole.split()[:MOST_WORDS]) if word]


def _plain(text: str) -> set[str]:
    return {_bare(text.translate(_WITHOUT_ACCENT)), _bare(text.translate(_BY_TWO))}


def _bare(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
