"""What the grader will not have although this machine has it: packages beside those of the lab."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from utils.notebook.packages import LOCK

Distributions = Callable[[], Mapping[str, Sequence[str]]]


def not_in_the_lab(
    sources: Iterable[str], lock: Path = LOCK, distributions: Distributions = metadata.packages_distributions
) -> list[str]:
    """Return the packages that cells import and the lab's lock does not have, in order; none without a lock.

    Only imports of the cells themselves are looked at. What belongs to no installed package (a file beside
    the notebook, say) is passed over: nothing is known of it here.
    """
    try:
        text = lock.read_text("utf-8")
    except OSError:
        return []
    locked = {_normal(name) for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}
    tops = [top for source in sources for top in _imported(source)]
    strange = [top for top in dict.fromkeys(tops) if top not in sys.stdlib_module_names]
    if not strange:
        return []
    owners = distributions()
    return [top for top in strange if (names := owners.get(top)) and not _any_in(names, locked)]


def _any_in(names: Sequence[str], locked: set[str]) -> bool:
    # The kit itself is installed too, and is not in its own lock.
    return any(_normal(name) in locked or _normal(name) == "langgraph-course-kit" for name in names)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _imported(source: str) -> Iterator[str]:
    # IPython's own lines are no Python; imports stand on other lines.
    plain = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines())
    try:
        tree = ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and statement.level == 0:
            yield statement.module.partition(".")[0]
