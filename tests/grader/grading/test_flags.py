"""The scan accuses nobody honest, points at the rest, and survives whatever it is given."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
import textwrap
import threading
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.grading import flags
from grader.grading.flags import scan
from grader.grading.scan import tables
from grader.release.notebook import read
from grader.results.result import Flag
from grader.submissions.submission import CodeCell
from tests.grader.grading.flag_snippets import ATTACKS, BOMBS, HONEST
from tests.utils.checks import persistence_right, persistence_wrong
from tests.utils.checks.authored import Authored

ROOT = Path(__file__).resolve().parents[3]
NOTEBOOKS = sorted([*ROOT.glob("labs/*.ipynb"), *ROOT.glob("solutions/*.ipynb")])
LAB = ROOT / "labs" / "01_persistence.ipynb"
VARIANTS = [*persistence_right.TABLE.variants, *persistence_wrong.TABLE.variants]


def cells(*sources: str) -> list[CodeCell]:
    return [CodeCell(number, None, source) for number, source in enumerate(sources, 1)]


def notebook(path: Path) -> list[CodeCell]:
    found = enumerate(read(path, path.name).cells, 1)
    return [CodeCell(number, cell.id, cell.source) for number, cell in found if cell.kind == "code"]


def kinds(*sources: str) -> list[str]:
    return [flag.kind for flag in scan(cells(*sources))]


# Honest


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_notebook_of_the_course_is_flagged(path: Path) -> None:
    assert scan(notebook(path)) == ()


@pytest.mark.parametrize("module", [persistence_right, persistence_wrong], ids=["right", "wrong"])
def test_no_variant_of_the_mutant_table_is_flagged(module) -> None:
    imports = Authored.read(ROOT / "solutions" / "01_persistence.ipynb").imports
    source = inspect.getsource(module).replace("from tests", "from mine")
    parts = [str(ast.get_source_segment(source, part)) for part in ast.parse(source).body]
    assert scan(cells(imports, *parts)) == ()


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_no_variant_is_flagged_in_the_lab_s_notebook(variant) -> None:
    work = textwrap.dedent(inspect.getsource(inspect.unwrap(variant.work)))
    tag = f"ex-{variant.exercise.replace('.', '-')}"
    solved = [CodeCell(c.number, c.id, work if c.id == tag else c.source) for c in notebook(LAB)]
    assert work in [cell.source for cell in solved]
    assert scan(solved) == ()


@pytest.mark.parametrize("name", HONEST)
def test_honest_code_is_not_flagged(name: str) -> None:
    assert scan(cells(HONEST[name])) == ()


@pytest.mark.parametrize("name", HONEST)
def test_nor_below_the_lab_s_own_cells(name: str) -> None:
    assert scan([*notebook(LAB), CodeCell(999, None, HONEST[name])]) == ()


# Attacks

CASES = [(kind, source) for kind, sources in ATTACKS.items() for source in sources]


@pytest.mark.parametrize(
    ("kind", "source"), CASES, ids=[f"{kind}: {source[:50]!r}" for kind, source in CASES]
)
def test_an_attack_is_flagged(kind: str, source: str) -> None:
    flag = next(flag for flag in scan(cells("x = 1", source)) if flag.kind == kind)
    assert (flag.what, flag.cell) == (tables.KINDS[kind], 2)
    assert flag.shown
    assert flag.shown in source


def test_every_kind_has_attacks_and_a_sentence() -> None:
    assert set(ATTACKS) == set(tables.KINDS)
    assert all(len(sources) >= 2 for sources in ATTACKS.values())
    named = {*tables.REFERENCES.values(), *tables.MODULES.values(), *tables.ATTRIBUTES.values()}
    assert named < set(tables.KINDS)
    assert all(text.startswith("This cell ") and text.endswith(".") for text in tables.KINDS.values())


def test_names_are_known_in_later_cells() -> None:
    flag = Flag("looks-around", tables.KINDS["looks-around"], 3, "y = g.get_objects()  # twice")
    source = "x = 1\n  \nif x:\n    y = g.get_objects()  # twice\n    z = g.get_objects()"
    assert scan(cells("import gc as g", "x = 1", source)) == (flag,)


def test_a_name_that_is_defined_anew_is_one_s_own() -> None:
    assert kinds("from os import _exit", "def _exit(code): ...", "_exit(1)") == []


# What is shown, and how much


def test_one_flag_for_each_kind_and_cell_in_a_fixed_order() -> None:
    bad = "import os, gc\nos._exit(1)\ngc.get_objects()\nos._exit(2)\nget_ipython().run_cell('')"
    assert [(flag.kind, flag.cell, flag.shown) for flag in scan(cells(bad, "x", bad))] == [
        (kind, cell, shown)
        for cell in (1, 3)
        for kind, shown in [
            ("shell-internals", "get_ipython().run_cell('')"),
            ("looks-around", "gc.get_objects()"),
            ("ends-process", "os._exit(1)"),
        ]
    ]


def test_there_is_an_end_to_flags_and_to_what_they_show() -> None:
    found = scan(cells(*[f"import ctypes  # {'x' * 300}"] * 50))
    assert [flag.cell for flag in found] == list(range(1, flags.MOST + 1))
    assert {len(flag.shown) for flag in found} == {flags.SHOWN}


def test_released_cells_are_passed_over_but_say_what_names_mean() -> None:
    demo = "import os, gc\nos._exit(1)"
    given = {demo + "\n"}
    assert scan(cells(demo), given) == ()
    assert [flag.cell for flag in scan(cells(demo, demo + " ", "gc.get_objects()"), given)] == [3]
    assert [flag.cell for flag in scan(cells(demo + "\nx = 1"), given)] == [1]


def test_warnings_of_the_parser_are_nobody_s_business() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scan(cells(r"'\d'; 1 is 1; 'x'()"))
    assert caught == []


# Hostile


def test_of_many_big_cells_the_first_are_looked_at() -> None:
    found = scan(cells(*["a;" * 24_000] * 1_000))
    assert [(flag.kind, flag.cell) for flag in found] == [("not-looked-at", 5)]


@pytest.fixture(scope="module")
def scanned() -> dict[str, int]:
    """How many flags each bomb has, in a process with little stack and memory; `test_bombs` counts its work.

    What it did not survive is not among them.
    """
    program = """
import json, resource, threading
from grader.grading.flags import scan
from grader.submissions.submission import CodeCell
from tests.grader.grading.flag_snippets import BOMBS
resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))
threading.stack_size(2 << 20)
def run():
    for name in BOMBS:
        print(json.dumps([name, len(scan([CodeCell(1, None, BOMBS[name])]))]), flush=True)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    return dict(json.loads(line) for line in ran.stdout.splitlines())


@pytest.mark.parametrize("name", BOMBS)
def test_no_bomb_needs_much_stack_or_memory(scanned: dict[str, int], name: str) -> None:
    assert name in scanned, f"the scan died of it or before: {list(scanned)[-1:]} was the last"
    assert scanned[name] <= len(tables.KINDS)


def test_it_can_be_called_deep_in_a_stack_and_in_a_thread() -> None:
    def deep(n: int) -> tuple[Flag, ...]:
        return scan(cells("import ctypes")) if n == 0 else deep(n - 1)

    assert len(deep(500)) == 1
    found: list[Flag] = []
    thread = threading.Thread(target=lambda: found.extend(scan(cells("import ctypes"))))
    thread.start()
    thread.join()
    assert len(found) == 1


def test_ipython_is_not_imported() -> None:
    program = (
        "import sys, grader.grading.flags\n"
        "tops = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(tops & {'IPython', 'langchain_core', 'langgraph'}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[]\n"


SNIPPETS = [*HONEST.values(), *(source for _, source in CASES if len(source) < 500)]
PIECES = st.sampled_from(
    sorted({word for source in SNIPPETS for word in source.split(" ") if len(word) < 200})
)


@settings(max_examples=200)
@given(st.lists(st.text(), max_size=4) | st.lists(st.sampled_from(SNIPPETS), max_size=4))
def test_any_text_gives_flags_in_order_and_twice_the_same(sources: list[str]) -> None:
    found = scan(cells(*sources))
    assert found == scan(cells(*sources))
    order = list(tables.KINDS)
    places = [(flag.cell, order.index(flag.kind)) for flag in found]
    assert places == sorted(set(places))


@settings(max_examples=200)
@given(
    st.lists(PIECES | st.sampled_from(["\n", "(", ")", "[", "'", "%", "!", ":", "\0", "\\\n"]), max_size=40)
)
def test_pieces_of_code_never_raise(pieces: list[str]) -> None:
    scan(cells(" ".join(pieces), "".join(pieces)))


@settings(max_examples=100)
@given(st.sampled_from(SNIPPETS), st.integers(0, 400), st.characters())
def test_a_changed_character_never_raises(source: str, place: int, character: str) -> None:
    scan(cells(source[:place] + character + source[place + 1 :], source[:place]))


@settings(max_examples=50)
@given(st.sampled_from([source for source in SNIPPETS if not any(sign in source for sign in "%!?>")]))
def test_layout_changes_no_kind(source: str) -> None:
    try:
        other = ast.unparse(ast.parse(source))
    except SyntaxError:
        return
    assert kinds(other) == kinds(source)
    assert kinds("%pip install x\n" + source) == kinds(source)
    assert kinds("!ls \\\n  -l\n\n" + source.replace("\n", "\r\n")) == kinds(source)
