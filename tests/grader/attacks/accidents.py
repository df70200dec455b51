"""What happens to honest notebooks, as data: several mishaps in one notebook where they do not meet."""

# ruff: noqa: E501 - what stands in the texts is other people's code

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.grader.attacks.classroom import FULL, Notebook, code, exercise_of, first, last, lean, solved

Change = Callable[[Notebook], Notebook]


@dataclass(frozen=True)
class Accident:
    """One notebook with a right solution, and everything that went wrong with it."""

    names: tuple[str, ...]
    """what happened, as students would say it"""
    change: Change
    points: float = FULL
    whole: bool = False
    """in the whole lab, demonstrations and self-checks included"""
    notes: str = ""
    """a piece of a note that it gets"""


def notebooks() -> Mapping[str, Notebook]:
    """The notebook of each accident, by the first of its names."""
    return {
        accident.names[0]: accident.change(copy.deepcopy(solved() if accident.whole else lean(solved())))
        for accident in ACCIDENTS
    }


def _between(*sources: str) -> Change:
    """The cells among the exercises: after the first of them, and so before the others."""

    def change(notebook: Notebook) -> Notebook:
        cells = notebook["cells"]
        place = next(n for n, cell in enumerate(cells) if exercise_of(cell)) + 1
        return {**notebook, "cells": [*cells[:place], *map(code, sources), *cells[place:]]}

    return change


def _checks_pasted(notebook: Notebook) -> Notebook:
    cells = []
    for cell in notebook["cells"]:
        cells.append(cell)
        if cell["id"].startswith("check-"):
            cells += [copy.deepcopy(cell), copy.deepcopy(cell)]
    return {**notebook, "cells": cells}


def _checks_gone(notebook: Notebook) -> Notebook:
    cells = []
    for cell in notebook["cells"]:
        if cell["id"] in ("check-1-1", "check-1-2"):
            cells.append(
                {"cell_type": "markdown", "id": cell["id"], "metadata": {}, "source": cell["source"]}
            )
        elif not cell["id"].startswith("check-") and cell["id"] != "setup":
            cells.append(cell)
    return {**notebook, "cells": cells}


def _split_and_retyped(notebook: Notebook) -> Notebook:
    cells = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        match exercise_of(cell):
            case "1.3":  # imports in one cell, the function in another, tags on both
                head, _, rest = source.partition("\n\n\n")
                cells += [{**cell, "source": head}, {**cell, "source": rest}]
            case "1.2":  # typed anew below
                cells.append(code(source))
            case "1.4":  # a first try is left in, and the second one counts
                cells += [code("def resume(agent, thread_id):\n    return 'to do'"), cell]
            case _:
                cells.append(cell)
    return {**notebook, "cells": cells}


def _reordered(notebook: Notebook) -> Notebook:
    exercises = [cell for cell in notebook["cells"] if exercise_of(cell)]
    others = [cell for cell in notebook["cells"] if not exercise_of(cell)]
    return {**notebook, "cells": [*exercises[::-1][:3], *others, *exercises[::-1][3:]]}


def _bare(notebook: Notebook) -> Notebook:
    cells = [
        {**{name: part for name, part in cell.items() if name != "id"}, "metadata": {}}
        for cell in notebook["cells"]
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 0}


def _one_id_and_own_kernel(notebook: Notebook) -> Notebook:
    kernel = {"kernelspec": {"name": "my-conda-env", "display_name": "Own", "language": "python"}}
    cells = [{**cell, "id": "same"} for cell in notebook["cells"]]
    return {**notebook, "cells": cells, "metadata": kernel}


def _demonstrations_edited(notebook: Notebook) -> Notebook:
    for cell in notebook["cells"]:
        if cell["id"] in ("first-run", "thread-2", "history", "disk"):
            cell["source"] = "".join(cell["source"]).replace("sf?", "la?") + "\nprint('mine')"
    return notebook


def _slow(notebook: Notebook) -> Notebook:
    return last(
        first(notebook, "import time\ntime.sleep(40)"), "total = 0\nfor n in range(10**11):\n    total += n"
    )


ACCIDENTS = (
    Accident(
        ("check cells are copied and pasted", "demonstrations are edited"),
        lambda n: _checks_pasted(_demonstrations_edited(n)),
        whole=True,
    ),
    Accident(("check cells are deleted or made text", "the setup cell is deleted"), _checks_gone, whole=True),
    Accident(
        (
            "an answer is split in two cells",
            "an answer is typed anew, without tags",
            "an answer is given twice",
        ),
        _split_and_retyped,
        notes="resume is defined in cells",
    ),
    Accident(("cells are in another order",), _reordered),
    Accident(("metadata and ids are gone", "the format is an old one"), _bare),
    Accident(("all ids are the same", "the kernel has another name"), _one_id_and_own_kernel),
    Accident(("a cell is slow, another one does not end",), _slow),
    Accident(
        (
            "exit(), quit(), sys.exit() and SystemExit are left in",
            "input() is left in",
            "KeyboardInterrupt is left",
        ),
        _between(
            "exit()",
            "quit()",
            "import sys\nsys.exit(3)",
            "raise SystemExit",
            "name = input('Who? ')",
            "raise KeyboardInterrupt",
            "import getpass\nkey = getpass.getpass('Key: ')",
        ),
    ),
    Accident(
        ("something warns", "logging goes to a file", "a file of one's own"),
        _between(
            "import warnings, sys\nwarnings.warn('old', DeprecationWarning)\nprint('careful', file=sys.stderr)\n"
            "from langchain_core._api import LangChainDeprecationWarning\n"
            "warnings.warn('soon gone', LangChainDeprecationWarning)",
            "import logging\nlogging.basicConfig(filename='mine.log', level='DEBUG', force=True)",
            "with open('notes.txt', 'w') as file:\n    file.write('mine')\nprint(open('notes.txt').read())",
        ),
    ),
    Accident(
        ("a cell has a syntax error", "a cell raises", "a package is not there", "asyncio.run in a notebook"),
        _between(
            "def broken(:\n    pass",
            "1 / 0",
            "import matplotlib_that_is_not_there",
            "import asyncio\nasync def main():\n    return 1\nasyncio.run(main())",
            "while True:\n    break",
        ),
    ),
    Accident(
        ("packages are installed", "magics of all kinds"),
        _between(
            "%pip install -q langgraph",
            "!pip install langgraph",
            "%%bash\necho hello",
            "%matplotlib inline",
            "%load_ext autoreload\n%autoreload 2",
            "%%time\nsum(range(10))",
            "!ls",
        ),
    ),
    Accident(
        ("hand_in() and check() are left in", "the folder of the kit is used"),
        lambda n: last(
            n,
            "from utils import hand_in\nhand_in()",
            "check()\ncheck('1.1')",
            "(kit.workdir / 'mine.txt').write_text('mine')\nlist(kit.workdir.iterdir())",
        ),
    ),
    Accident(
        ("a cell prints five megabytes", "a cell prints without end"),
        _between("print('x' * 5_000_000)", "for n in range(10**9):\n    print('line', n)"),
    ),
    Accident(("a cell prints long lines without end",), _between("while True:\n    print('x' * 2**20)")),
    Accident(
        ("built-in names are used for one's own",),
        lambda n: first(
            n,
            "input = 'text'\nid = 7\ntype = 'x'\nmax = min = 3\nfilter = map = None\nprint(input, id, type)",
            "state = config = graph = model = saver = path = 'x'\ndisplay = exit = None",
        ),
    ),
    Accident(
        ("another folder is the current one", "the recursion limit is another one", "threads go on"),
        lambda n: last(
            n,
            "import os\nos.makedirs('deeper', exist_ok=True)\nos.chdir('deeper')",
            "import sys\nsys.setrecursionlimit(5000)",
            "import threading, time\n"
            "threading.Thread(target=lambda: [time.sleep(0.2) for _ in iter(int, 1)], daemon=True).start()\n"
            "threading.Timer(60, print).start()",
        ),
    ),
    Accident(
        ("loops are nested", "a task goes on", "sqlite files are open"),
        lambda n: first(
            n,
            "import asyncio\nloop = asyncio.get_event_loop()\n"
            "async def forever():\n    while True:\n        await asyncio.sleep(0.1)\n"
            "task = asyncio.create_task(forever())",
            "import sqlite3\nopen_one = sqlite3.connect('trip.db')\nopen_one.execute('create table t (x)')",
            "await asyncio.sleep(0.1)\nawait asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))",
        ),
    ),
    Accident(("async functions instead of sync ones",), lambda n: _async(n)),
)


def _async(notebook: Notebook) -> Notebook:
    """``ask`` and ``resume`` are awaited by whoever asks."""
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if exercise_of(cell) in ("1.2", "1.4"):
            cell["source"] = source.replace("def ", "async def ", 1).replace(
                "agent.invoke", "await agent.ainvoke"
            )
    return notebook
