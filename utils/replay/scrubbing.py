"""Keep keys out of what a service says: found in every spelling in which a service may repeat one."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import unquote

SHORTEST: Final = 8
"""characters: what is shorter is not a key, and would be found everywhere"""
KEY = "[key]"
"""stands where a key stood"""
_BEGINNING = 5
"""characters of a key that may be seen: every key of a provider begins with the same ones"""
_UNFINISHED = re.compile(
    r"(?:%(?:2?|25)[0-9a-fA-F]?|\\{1,4}(?:u[0-9a-fA-F]{0,3}|x[0-9a-fA-F]?)?|&#?x?[0-9]{0,3})\Z"
)
"""the beginning of an escaped sign"""
_LONGEST_SIGN = 8
"""characters of an escaped sign"""
_ESCAPED = re.compile(r"\\{1,4}(?:u00|x)([0-9a-fA-F]{2})")


class Scrubber:
    """Finds some keys: as they are, in other case, escaped, percent-encoded, as base64 and in hexadecimal."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = [secret for secret in dict.fromkeys(secrets) if len(secret) >= SHORTEST]
        encoded = [code for secret in known for code in _encoded(secret)]
        every = [*map(_any_spelling, known), *map(_any_alphabet, encoded)]
        self._pattern = re.compile("|".join(every), re.IGNORECASE) if every else None
        self._forms = tuple(form.casefold() for form in (*known, *encoded))

    def text(self, text: str) -> str:
        """Return the text without the keys."""
        return text if self._pattern is None else self._pattern.sub(KEY, text)

    def finds(self, text: str) -> bool:
        """Return whether a key is in a text."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def may_begin(self, text: str) -> bool:
        """Return whether a text ends with the beginning of a key, so that what follows may complete it."""
        if not self._forms:
            return False
        tail = _UNFINISHED.sub("", text[-_LONGEST_SIGN * max(map(len, self._forms)) :])
        plain = unquote(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), tail)).casefold()
        ends = (plain, plain.translate(_TO_BASE64))
        return any(
            end.endswith(form[:size])
            for form in self._forms
            for size in range(_BEGINNING, len(form))
            for end in ends
        )

    def data(self, data: Any) -> Any:
        """Return JSON data without the keys, in names and in values."""
        match data:
            case str():
                return self.text(data)
            case dict():
                return {self.data(name): self.data(value) for name, value in data.items()}
            case list() | tuple():
                return [self.data(item) for item in data]
        return data


def _any_spelling(secret: str) -> str:
    """Return an expression for a key in which any character may be escaped or percent-encoded."""
    return "".join(map(_spelled, secret))


def _spelled(sign: str) -> str:
    code = ord(sign)
    if code > 0x7F:
        return re.escape(sign)
    pair = f"{code:02x}"
    return (
        rf"(?:\\{{0,4}}{re.escape(sign)}|%(?:25){{0,2}}{pair}|\\{{1,4}}(?:u00|x){pair}"
        rf"|&#(?:x0{{0,2}}{pair}|0{{0,2}}{code});)"
    )


_TO_BASE64 = str.maketrans("-_", "+/")
_IN_BASE64 = {"+": "(?:[+-]|%2B)", "/": r"(?:\\?/|_|%2F)"}
"""the signs in which alphabets of base64 differ"""


def _any_alphabet(code: str) -> str:
    return "".join(_IN_BASE64.get(sign, sign) for sign in code)


def _encoded(secret: str) -> Iterator[str]:
    """Yield a key in hexadecimal and as base64, also as it is in the middle of something longer."""
    for cased in dict.fromkeys((secret, secret.lower(), secret.upper())):
        data = cased.encode()
        yield data.hex()
        for before in range(3):
            whole = base64.b64encode(bytes(before) + data).decode()
            # Characters that hold bits of a neighbour differ with it.
            yield whole[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
