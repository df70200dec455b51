"""A small class with its grades, for the tests of every format."""

from __future__ import annotations

import csv
import io

from grader.exports.grades import Asked, Exported, Grade, grades_of
from grader.results.adjustments import Adjustment, adjusted
from tests.grader.results.made import LAB, not_graded, partly, result

IDA = partly("4411", name="holmida", path="holmida_4411_9101_01_persistence.ipynb")
BO = result("4412", name="van den Akker, =Bo", path="vandenakkerbo_4412_9102_01_persistence.ipynb")
CEM = not_graded("missing", "4413", name="Yıldız, Cem")
GONE = result("4499", name="Somebody Else", path="own/x.ipynb")
ADJUSTED = Adjustment("4412", LAB, "1.2", 1.5, "R. Miller", "=read by hand", 2)


def grades() -> tuple[Grade, ...]:
    return grades_of((one, adjusted(one, [ADJUSTED])) for one in (IDA, BO, CEM, GONE))


def asked(fill: str | None = None, **more: object) -> Asked:
    return Asked(grades(), fill, **more)  # type: ignore[arg-type]


def only(exported: Exported) -> str:
    (data,) = exported.files.values()
    return data.decode()


def table(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
