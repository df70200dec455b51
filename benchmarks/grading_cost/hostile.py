"""Hand-ins that a grader has to survive, made from a right solution: what each does is in its name."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

Notebook = dict[str, Any]
STARTS = ("def ", "async def ")

ELIF = "x = 5\nif x == -1:\n    pass\n" + "".join(f"elif x == {n}:\n    pass\n" for n in range(100, 1_300))
CELLS = {
    "endless loop": "while True:\n    pass",
    "memory hog": "kept = []\nwhile True:\n    kept.append(bytearray(10**7))",
    "fork bomb": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
    "1,200 elif": ELIF,
    "os._exit": "import os\nos._exit(0)",
    "huge output": "while True:\n    print('x' * 10**6)",
    "endless loop that catches everything": (
        "while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass"
    ),
    "threads without end": (
        "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(60,)).start()"
    ),
    "fills the disk": "with open('big', 'wb') as file:\n    while True:\n        file.write(bytes(2**20))",
    "writes into the grader's connection": (
        "import os\nfor number in range(3, 256):\n    try:\n"
        "        os.write(number, bytes([0, 0, 0, 4]) + b'junk')\n    except OSError:\n        pass"
    ),
    "sleeps for a day": "import time\ntime.sleep(86_400)",
    "memory hog of many processes": (
        "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n"
        "        kept = bytearray(b'x') * (300 * 2**20)\n        time.sleep(60)\ntime.sleep(3)"
    ),
    "kills itself": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "crash in C": "import ctypes\nctypes.string_at(0)",
    "descriptors without end": "import os\nkept = [os.dup(0) for _ in range(10**6)]",
}
"""a cell among the others; of a small class there are only the first of these"""
ANSWERS = {
    "answer of 200 MB": "'x' * (200 * 2**20)",
    "answer of many values": "[[n] for n in range(10**6)]",
    "answer nested a thousand deep": "__import__('functools').reduce(lambda x, _: [x], range(1_000), 1)",
    "answer that never comes": "next(iter(lambda: 0, 1), None) or [0 for _ in iter(int, 1)]",
}
"""what every function of the exercises returns"""


def hostile(solution: Notebook) -> Mapping[str, bytes]:
    """Return the files, by what each of them does."""
    made = {name: _with_answers(solution, source) for name, source in ANSWERS.items()}
    made |= {name: _with_cell(solution, source) for name, source in CELLS.items()}
    files = {name: json.dumps(notebook).encode() for name, notebook in made.items()}
    return {"JSON a hundred thousand deep": b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", **files}


def wave(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield all of them, again and again, no two the same."""
    number = 0
    while True:
        for name, content in files.items():
            yield name, content + b" " * number
        number += 1


def _with_cell(solution: Notebook, source: str) -> Notebook:
    """Return a notebook with one cell more, after the first exercise."""
    cells = solution["cells"]
    place = next(number for number, cell in enumerate(cells) if _is_answer(cell)) + 1
    return {**solution, "cells": [*cells[:place], _code(source), *cells[place:]]}


def _with_answers(solution: Notebook, source: str) -> Notebook:
    notebook = copy.deepcopy(solution)
    for cell in notebook["cells"]:
        if _is_answer(cell):
            cell["source"] = _hollow("".join(cell["source"]), source)
    return notebook


def _hollow(source: str, value: str) -> str:
    """Return a cell whose functions are what they were, until they are called."""
    names = [line.split("(")[0].split()[-1] for line in source.splitlines() if line.startswith(STARTS)]
    return source + "".join(f"\n{name} = (lambda *words, **more: {value})" for name in names)


def _is_answer(cell: Mapping[str, Any]) -> bool:
    return any(tag.startswith("exercise:") for tag in cell["metadata"].get("tags", ()))


def _code(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": "hostile",
        "metadata": {},
        "outputs": [],
        "source": source,
    }
