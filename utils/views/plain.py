"""Plain text that is safe to show and fits a page: cleaning, cutting, wrapping, columns.

Whatever came out of a student's process passes through here before it is put into text or HTML.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence

COLUMNS = 80
CHARS = 600
LINES = 12

# Colours and cursor moves of a terminal: they carry no text, so they go without a trace.
_ANSI = re.compile(
    r"\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: titles, links
    r"|[PX^_][^\x1b]*\x1b\\"  # DCS, SOS, PM, APC
    r"|[ -/]*[0-~])"
)
# Characters that do something instead of showing something: controls, overrides of the writing
# direction, invisible spaces, lone surrogates. Zero-width joiners stay: scripts and emoji need them.
_HIDDEN = (
    *((0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x61C, 0x61C), (0x180E, 0x180E)),
    *((0x200B, 0x200B), (0x200E, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0xD800, 0xDFFF)),
    *((0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0xFFFE, 0xFFFF), (0xE0000, 0xE007F)),
)
_SOME_HIDDEN = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in _HIDDEN) + "]")
# How far to look for text among terminal codes, as a multiple of what will be shown.
_LOOK = 8


def clean(text: str, *, chars: int = CHARS, lines: int = LINES, tail: bool = False) -> str:
    """Return the text, hidden characters made visible, cut to `chars` and `lines` with a mark that says so.

    With `tail` the end is kept along with the start: the last line of a traceback says the most.
    """
    text = text.rstrip("\n")
    span = _LOOK * chars
    safe = _visible(text[:span])
    head = _first(safe, chars, lines)
    if head == safe and len(text) <= span:
        return head
    end = ""
    if tail:
        head = _first(safe, chars // 4, max(lines // 4, 1))
        end = _last(_visible(text[-span:]), chars - chars // 4, lines - max(lines // 4, 1))
    shown = [part for part in (head, end) if part]
    more = len(safe) + max(len(text) - span, 0) - sum(map(len, shown))
    rows = text.count("\n") + 1 - sum(part.count("\n") + 1 for part in shown)
    mark = (
        f"[… {rows:,} more lines, {more:,} characters …]" if rows > 0 else f"[… {more:,} more characters …]"
    )
    return "\n".join([head, mark, end] if tail else [head, mark])


def one_line(text: str, chars: int = COLUMNS) -> str:
    """Return the text on one line, hidden characters and line ends made visible, cut with a mark.

    What the mark would make longer stays whole.
    """
    safe, left = _flat(text, _LOOK * chars)
    more = max(len(safe) - chars, 0) + left
    cut = f"{safe[:chars]}… (+{more:,} characters)"
    return cut if more > 0 and (left or len(cut) < len(safe)) else safe


def short(text: str, columns: int) -> str:
    """Return the text on one line for a place `columns` wide: what does not fit becomes an ellipsis."""
    safe, left = _flat(text, _LOOK * columns)
    if width(safe) <= columns - bool(left):
        return safe + "…" * bool(left)
    return safe[: _fitting(safe, columns - 1)].rstrip() + "…"


def short_names(texts: Collection[str], columns: int) -> dict[str, str]:
    """Return each text with its `short` form, for names in one drawing that should stay distinguishable.

    Where all begin with the same words these go first, as many as have to.
    """
    whole = {text: _flat(text, _LOOK * columns)[0] for text in texts}
    over = max(map(width, whole.values()), default=0) - columns
    starts = _shared_words(whole.values())
    if over <= 0 or not starts:
        return {text: short(text, columns) for text in texts}
    # The ellipsis in front takes a column, too.
    cut = next((place for place in starts if place > over), starts[-1])
    return {text: short(f"…{name[cut:]}", columns) for text, name in whole.items()}


def width(text: str) -> int:
    """Return how many columns a terminal gives to the text."""
    return sum(_char_width(char) for char in text)


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Return the text filled with spaces up to `columns`; longer text stays as it is."""
    space = " " * (columns - width(text))
    return space + text if right else text + space


def wrap(text: str, columns: int) -> Iterator[str]:
    """Yield lines of at most `columns`, broken at spaces where there are any; line ends stay."""
    for line in text.split("\n"):
        while (fits := _fitting(line, columns)) < len(line):
            space = line.rfind(" ", 1, fits + 1)
            cut = space if space > 0 and line[:space].strip() else fits
            yield line[:cut].rstrip()
            line = line[cut:].lstrip(" ") if cut == space else line[cut:]
        yield line.rstrip()


def hang(head: str, text: str, columns: int = COLUMNS) -> str:
    """Return the text wrapped behind `head`, later lines indented to where it starts."""
    indent = width(head)
    rows = list(wrap(text, max(columns - indent, 20)))
    return "\n".join((head + row if not i else " " * indent + row).rstrip() for i, row in enumerate(rows))


def spread(left: str, right: str, columns: int = COLUMNS, hanging: int = 0) -> str:
    """Return `left` and, at the right edge of its last line, `right`."""
    rows = hang(left[:hanging], left[hanging:], columns - width(right) - 2).split("\n")
    return "\n".join([*rows[:-1], pad(rows[-1], columns - width(right)) + right])


def grid(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Return rows as lines with aligned columns, those in `right` to the right, without empty columns."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    used = [i for i, columns in enumerate(widths) if columns]
    return ["  ".join(pad(row[i], widths[i], right=i in right) for i in used).rstrip() for row in rows]


def plural(number: int, word: str) -> str:
    """Return a number with its noun: ``1 message``, ``2 messages``, ``2 searches``."""
    ending = "" if number == 1 else "es" if word.endswith("ch") else "s"
    return f"{number:,} {word}{ending}"


def _shared_words(texts: Collection[str]) -> list[int]:
    """Return the places in the texts where a word begins and before which all texts are the same."""
    first, last = min(texts, default=""), max(texts, default="")
    differ = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return [] if first == last else [n for n in range(1, differ + 1) if first[n - 1] == " "]


def _flat(text: str, span: int) -> tuple[str, int]:
    """Return the text's beginning on one line, all of it visible, and how many letters were left out."""
    return _visible(text[:span]).replace("\n", "⏎"), max(len(text) - span, 0)


def _visible(text: str) -> str:
    text = _ANSI.sub("", text).replace("\r\n", "\n").replace("\t", "    ")
    # A table, because a text may hold nothing else; most hold none of them.
    return text.translate(_NAMES) if _SOME_HIDDEN.search(text) else text


def _name(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)  # the control pictures: ␀ … ␟
    return "␡" if code == 0x7F else f"<U+{code:04X}>"


_NAMES = {code: _name(code) for first, last in _HIDDEN for code in range(first, last + 1)}


def _first(text: str, chars: int, lines: int) -> str:
    return "\n".join(text.split("\n", lines)[:lines])[:chars]


def _last(text: str, chars: int, lines: int) -> str:
    return "\n".join(text.rsplit("\n", lines)[-lines:])[-chars:]


def _char_width(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _fitting(line: str, columns: int) -> int:
    if line.isascii():
        return min(len(line), columns)
    used = 0
    for i, char in enumerate(line):
        used += _char_width(char)
        if used > columns:
            return max(i, 1)
    return len(line)
