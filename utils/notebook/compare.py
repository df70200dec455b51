"""``compare("1.2")``: another answer beside one's own, once that has passed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from utils.checks.registry import load_checks, slug_of
from utils.errors import ExerciseError
from utils.modes import GRADING
from utils.notebook.answers import own_answer, reference_answer
from utils.notebook.desk import KIT, desk
from utils.notebook.kit import current_kit
from utils.notebook.progress import read_progress

if TYPE_CHECKING:
    from utils.views.comparison import ComparisonView
    from utils.views.note import NoteView

NONE_HERE = (
    "There is no answer to compare with: the folder `solutions/` is not here. "
    "A course hands out its labs without it."
)


def compare(exercise: str, solutions: Path = KIT / "solutions") -> ComparisonView | NoteView | None:
    """Return the learner's answer to an exercise beside that of ``solutions/``.

    ``None`` under the grader. Raises ExerciseError for an exercise that does not exist or has not passed yet.
    """
    from utils.views.comparison import ComparisonView  # noqa: PLC0415 - the grader needs no views
    from utils.views.note import NoteView  # noqa: PLC0415

    if os.environ.get(GRADING):
        return None
    kit = current_kit()
    found = load_checks(slug_of(kit.lab)).find(str(exercise))
    other = reference_answer(found, solutions / f"{kit.lab}.ipynb")
    if not other:
        return NoteView(NONE_HERE)
    here = desk(kit.lab)
    kept = {} if here is None else read_progress(here.folder).of(slug_of(kit.lab))
    result = kit.results.get(found.number)
    if not (result is not None and result.passed) and kept.get(found.number, 0) < found.points:
        msg = f"exercise {found.number} has not passed yet"
        check = f'check("{found.number}")'
        hint = f"answer it first: the hints below its task help, and {check} says what is missing"
        raise ExerciseError(msg, hint=hint)
    notebook = Path(f"{kit.lab}.ipynb") if here is None else here.notebook
    return ComparisonView(f"{found.number} {found.title}", own_answer(found, notebook), other)
