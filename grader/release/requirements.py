"""What an exercise's text requires: each sentence, the check that asks for it and a solution that proves it.

``utils/checks/<slug>/requirements.yaml`` has a table for each exercise. Below ``asked`` each requirement has
a name and three facts: the words of the text that it quotes (``says``), the check that fails without it
(``check``) and a wrong solution of the lab's test table that fails just there (``wrong``). Below ``told`` are
the sentences that ask for nothing: why one would care, how to begin, where the example comes from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from grader.errors import UsageError

NAME = "requirements.yaml"
_TAGS = re.compile(r"</?details>|<summary>[^<\n]*</summary>")
_BEGINS = re.compile(r"[-*|] |\d\. |#")
"""how a line begins that belongs to none before it: an item, a row, a heading"""
_END = re.compile(r"(?<=[.!?]) (?=[A-Z`*\"(])|(?<=[.!?]\*\*) (?=[A-Z`*\"(])")
_LETTER = re.compile(r"[A-Za-z]")

Text = Annotated[str, Field(min_length=1)]


class Requirement(BaseModel):
    """One thing that an exercise's text asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    says: Text
    """words of the text, as they stand there but for line breaks"""
    check: Text
    """name of the check that fails without it"""
    wrong: Text
    """name of a solution in the lab's table of wrong ones, with words for underscores or without"""


class Requirements(BaseModel):
    """What one exercise's text asks for and what it only tells."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    asked: Mapping[str, Requirement] = {}
    """by the requirement's name"""
    told: Sequence[Text] = ()
    """beginnings of sentences that ask for nothing, or the whole sentences"""


_TABLES = TypeAdapter(dict[str, Requirements])


def read_requirements(folder: Path) -> dict[str, Requirements]:
    """Return the tables of a lab's folder of checks, by the numbers of its exercises; empty without a file.

    Raises UsageError for what cannot be read.
    """
    path = folder / NAME
    try:
        found: Any = yaml.safe_load(path.read_text("utf-8"))
        return _TABLES.validate_python(found or {})
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path.name} of {folder.name} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ", ".join(map(str, first["loc"]))
        hint = "each requirement has 'says', 'check' and 'wrong'; docs/authoring.md shows one"
        raise UsageError(f"{path.name} of {folder.name}: {where}: {first['msg']}", hint=hint) from error


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a task, hints included, in their order: no heading, no code, no table's rule."""
    for block in _blocks(text):
        if not block.startswith("#") and _LETTER.search(block):
            yield from _END.split(block.removeprefix("- "))


def _blocks(text: str) -> Iterator[str]:
    """Yield paragraphs, items and rows, each as one line, without what stands between fences."""
    lines: list[str] = []
    fenced = False
    for line in _TAGS.sub("\n", text).splitlines():
        here = line.strip()
        fence = here.startswith("```")
        if fence or fenced or not here or _BEGINS.match(here):
            yield _joined(" ".join(lines))
            lines = []
        fenced ^= fence
        if not fence and not fenced:
            lines.append(here)
    yield _joined(" ".join(lines))


def unaccounted(text: str, table: Requirements) -> list[str]:
    """Return the sentences of a task that the table neither quotes nor passes over."""
    known = [_joined(row.says) for row in table.asked.values()]
    passed = [_joined(told) for told in table.told]
    return [
        sentence
        for sentence in sentences(text)
        if not any(quote in sentence or sentence in quote for quote in known)
        and not any(sentence.startswith(told) for told in passed)
    ]


def unquoted(text: str, table: Requirements) -> list[str]:
    """Return what the table quotes and the task does not say."""
    whole = _joined(_TAGS.sub(" ", text))
    quotes = [*(row.says for row in table.asked.values()), *table.told]
    return [quote for quote in quotes if _joined(quote) not in whole]


def _joined(text: str) -> str:
    return " ".join(text.split())
