"""Checks say the same of a solution whether its models and tools ask by the SDKs or by the kit's own way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.utils.checks.every_lab import LABS, PARTS, Judged, MakeLab, judge, name_of
from tests.utils.checks.variants import Variant
from tests.utils.lab.sdk_parts import SDK_PARTS
from utils.results import ExerciseResult

CHANCE = re.compile(r"(?<=lc_run--)[0-9a-f-]{36}|(?<=thread id )\d+|[^\\]*[·█]+")
"""ids, and rows of calls side by side: which of four questions comes first is the machine's affair"""
HANDFUL = 5
"""wrong solutions of each lab that are tried by day, far from each other; the others are tried by night"""


def solutions() -> Iterator[Any]:
    for lab in LABS:
        wrongs = lab.wrong.wrongs
        by_day = (lab.right.rights[0], *wrongs[:: len(wrongs) // HANDFUL + 1])
        for variant in (*lab.right.rights, *wrongs):
            marks = () if variant in by_day else (pytest.mark.nightly,)
            yield pytest.param(lab, variant, marks=marks)


@pytest.mark.parametrize(("lab", "variant"), list(solutions()), ids=name_of)
def test_a_solution_gets_the_same_by_both_ways(make_lab: MakeLab, lab: Judged, variant: Variant) -> None:
    by_sdk, quick = (judge(lab.checks, make_lab, variant, parts) for parts in (SDK_PARTS, PARTS))
    assert without_chance(quick) == without_chance(by_sdk)


def without_chance(result: ExerciseResult) -> list[str]:
    """Return all texts of a result, without the numbers that are drawn by lot."""
    return [CHANCE.sub("…", repr(check)) for check in result.checks]
