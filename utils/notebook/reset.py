"""``reset("1.2")`` and ``reset()``: begin an exercise, or a lab, again, and lose nothing.

A kernel cannot change the notebook that is open in the editor, and a file that changes below the editor would
end in a question that costs work when it is answered wrongly. So nothing that is there is changed: an
exercise's cell as it was given comes as a new cell, a lab as a new notebook.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.checks.registry import Exercise, LabChecks, load_checks, slug_of
from utils.errors import ExerciseError
from utils.notebook.answers import own_answer, saved_answer
from utils.notebook.desk import Desk, desk
from utils.notebook.kit import Kit, current_kit
from utils.notebook.pages import link
from utils.notebook.progress import forget
from utils.notebook.saved import EXERCISE, Saved, read_saved
from utils.shell import shell

if TYPE_CHECKING:
    from utils.views.note import NoteView


def reset(exercise: str | None = None) -> NoteView | None:
    """Give an exercise's cell once more as it was at first; without a number, the whole lab.

    What the learner wrote stays where it is, and a copy of it is named in the note that is returned. ``None``
    where nobody sits in front. Raises ExerciseError for an exercise that does not exist, and where the
    notebook does not hold what was given.
    """
    kit = current_kit()
    checks = load_checks(slug_of(kit.lab))
    found = None if exercise is None else checks.find(str(exercise))
    here = desk(kit.lab)
    if here is None:
        return None
    saved = read_saved(here.notebook)
    if saved is None or not saved.given:
        msg = f"{here.notebook.name} does not say how its exercises were given"
        raise ExerciseError(msg, hint="save it and try again, or take the lab from its repository again")
    if found is None:
        return _fresh_notebook(kit, checks, here, saved)
    return _fresh_cell(kit, checks, here, saved, found)


def _fresh_cell(kit: Kit, checks: LabChecks, here: Desk, saved: Saved, exercise: Exercise) -> NoteView:
    from utils.views.note import NoteView  # noqa: PLC0415

    number = exercise.number
    given = saved.given.get(number)
    if given is None:
        msg = f"{here.notebook.name} does not say how exercise {number} was given"
        raise ExerciseError(msg, hint="take the lab from its repository again")
    versions = (own_answer(exercise, here.notebook), saved_answer(exercise, here.notebook))
    mine = [one for one in dict.fromkeys(versions) if one and one.strip() != given.strip()]
    kept = _kept(here.folder, f"{kit.lab}.kept-{number}", mine)
    shell().set_next_input(given, replace=False)
    _begin_again(kit, checks, here, (number,))
    said = f"The cell below is exercise {number} as it was given: run it, and write in it."
    if mine:
        said += f" {kept} Its cell is still there, too: delete it when you like. The lower one counts."
    return NoteView(said)


def _fresh_notebook(kit: Kit, checks: LabChecks, here: Desk, saved: Saved) -> NoteView:
    from utils.views.note import NoteView  # noqa: PLC0415

    content = json.loads(here.notebook.read_text("utf-8"))
    text = json.dumps(_as_given(content, saved.given), ensure_ascii=False, indent=1)
    try:
        path = _write_new(here.folder, f"{kit.lab}.fresh", ".ipynb", text)
    except OSError as error:
        msg = f"a fresh notebook cannot be written: {error.strerror}"
        raise ExerciseError(msg, hint="copy the labs to a folder that you may write to") from error
    _begin_again(kit, checks, here, tuple(checks.exercises))
    said = (
        f"`{path.name}` is this lab with all its exercises as they were given. What you wrote stays in "
        f"`{here.notebook.name}`, as it was saved last. Your points for this lab begin at 0 again."
    )
    return NoteView(said, path.name, link(path.name) if here.links else "")


def _as_given(content: dict[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Return a notebook with each exercise's cell as given, and without what its cells have shown.

    A cell that was deleted comes back above the cell that checks it, else at the end.
    """
    cells, left = [], dict(given)
    tagged = {number for cell in content["cells"] for number in _numbers(cell)}
    for cell in content["cells"]:
        asked = "".join(cell["source"]).strip()
        gone = [number for number in left if number not in tagged and asked == f'check("{number}")']
        cells += [_given_cell(number, left.pop(number)) for number in gone]
        if cell["cell_type"] == "code":
            here = [left.pop(number) for number in _numbers(cell) if number in left]
            shown: dict[str, Any] = {"outputs": [], "execution_count": None}
            cells.append(cell | shown | ({"source": here[0]} if here else {}))
        else:
            cells.append(cell)
    return content | {"cells": [*cells, *(_given_cell(number, text) for number, text in left.items())]}


def _numbers(cell: Mapping[str, Any]) -> list[str]:
    """Return the numbers of the exercises that a cell is tagged as."""
    tags = cell.get("metadata", {}).get("tags", ())
    return [tag.removeprefix(EXERCISE) for tag in tags if tag.startswith(EXERCISE)]


def _given_cell(number: str, source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": f"ex-{number.replace('.', '-')}",
        "metadata": {"tags": [f"{EXERCISE}{number}"]},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def _kept(folder: Path, name: str, versions: list[str]) -> str:
    """Write what the learner wrote into a file of its own, and say where it is."""
    if not versions:
        return ""
    try:
        path = _write_new(folder, name, ".py", "\n\n\n".join(f"{one.rstrip()}\n" for one in versions))
    except OSError as error:
        return f"What you wrote could not be copied into a file ({error.strerror})."
    return f"What you wrote is in `{path.name}`, beside this notebook."


def _write_new(folder: Path, stem: str, ending: str, text: str) -> Path:
    """Write a file under the first name with a number that is free. Raises OSError."""
    number = 1
    while True:
        path = folder / f"{stem}-{number}{ending}"
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            number += 1
        else:
            return path


def _begin_again(kit: Kit, checks: LabChecks, here: Desk, numbers: tuple[str, ...]) -> None:
    for number in numbers:
        kit.results.pop(number, None)
    if said := forget(here.folder, checks.slug, numbers):
        print(said)
