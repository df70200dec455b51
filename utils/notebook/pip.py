"""``%pip install`` in a lab leaves the kit's own packages as they are.

A cell such as ``%pip install -U langgraph`` of the course notes would move them inside of the running kernel,
and nothing in it would work any more. What is not the kit's is installed as usual.
"""

from __future__ import annotations

import re
import shlex
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.notebook.packages import locked_and_installed

_NAMED = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(?:[=<>!~].*)?")
_WITH_VALUE = ("-c", "--constraint", "-f", "--find-links", "-i", "--index-url", "--extra-index-url")
_LEFT_ALONE = ("-r", "--requirement", "-t", "--target", "--prefix", "--root", "--user")
"""with a lock of the kit, say, or into another folder"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a call of pip."""

    words: tuple[str, ...]
    """what pip is called with; empty where it is not called"""
    kept: tuple[str, ...] = ()
    """packages of the kit that were asked for"""
    constrained: bool = False
    """whether pip is told to leave the kit's packages alone"""

    @property
    def sentence(self) -> str:
        """What a reader is told; empty where pip does as it was told."""
        if not self.kept:
            return ""
        one = len(self.kept) == 1
        named = " and ".join(filter(None, (", ".join(self.kept[:-1]), self.kept[-1])))
        here = f"{named} {'is' if one else 'are'} here in the version that the labs were written for"
        return f"{here}, and {'stays as it is' if one else 'stay as they are'}."


def plan(words: list[str], installed: Mapping[str, str]) -> Plan:
    """Return what becomes of ``%pip`` with these words, where these packages are the kit's."""
    if not words or words[0] != "install" or not set(words).isdisjoint(_LEFT_ALONE):
        return Plan(tuple(words))
    passed, kept, others, skip = ["install"], [], 0, False
    for word in words[1:]:
        if skip or word.startswith("-"):
            passed.append(word)
            skip = word in _WITH_VALUE and not skip
            continue
        found = _NAMED.fullmatch(word)
        name = _normal(found[1]) if found else ""
        if name in installed:
            kept.append(name)
        else:
            passed.append(word)
            others += 1
    return Plan(tuple(passed) if others else (), tuple(kept), constrained=bool(others))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def install_pip(ip: Any) -> None:
    """Put the kit's ``%pip`` before IPython's own, which it calls."""
    before = ip.find_line_magic("pip")
    if before is None:
        return

    def pip(line: str) -> None:
        """Run pip in this kernel; the kit's own packages stay as they are."""
        try:
            words = shlex.split(line)
        except ValueError:  # a quote without its end: pip says it
            words = []
        decided = plan(words, locked_and_installed()) if words else Plan((line,))
        if decided.sentence:
            # Where the notes' cell, which captures what it prints, still shows it.
            print(decided.sentence, file=sys.stderr)
        if not words:
            before(line)
        elif decided.constrained:
            with tempfile.TemporaryDirectory() as folder:
                constraints = Path(folder, "constraints.txt")
                pins = (f"{name}=={version}\n" for name, version in locked_and_installed().items())
                constraints.write_text("".join(pins), "utf-8")
                before(shlex.join([*decided.words, "-c", str(constraints)]))
        elif decided.words:
            before(line)

    ip.register_magic_function(pip, "line", "pip")
