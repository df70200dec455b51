"""``start()`` and ``summary()``: the labs with the points so far, and a page about all of them to print."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from utils.modes import GRADING
from utils.notebook.desk import KIT, desk
from utils.notebook.pages import PAGE_NUMBER, LabPage, labs_in, link, next_of
from utils.notebook.progress import Progress, read_progress
from utils.notebook.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from utils.views.labs import LabCard, StartView, SummaryView

PAGE = f"{PAGE_NUMBER}_start"
SUMMARY = "summary.html"


def start() -> StartView | None:
    """Return the labs as cards: minutes, what each is for, points so far, and where to go on.

    ``None`` under the grader. Where nobody sits in front there are no points: they are the learner's own.
    """
    from utils.views.labs import StartView  # noqa: PLC0415 - the grader needs no views

    if os.environ.get(GRADING):
        return None
    _, progress, cards = _looked_up()
    return StartView(cards, progress.said)


def summary() -> SummaryView | None:
    """Return a page with all that was learnt; once a lab is done, also write it as a file to print.

    ``None`` under the grader; no file is written where nobody sits in front.
    """
    from utils.views.labs import SummaryView  # noqa: PLC0415

    if os.environ.get(GRADING):
        return None
    folder, progress, cards = _looked_up()
    view = SummaryView(cards, said=progress.said)
    if folder is None or all(card.next for card in cards):
        return view
    try:
        write_whole(folder / SUMMARY, view.document())
    except OSError as error:
        return SummaryView(cards, said=f"{SUMMARY} cannot be written: {error.strerror}.")
    return SummaryView(cards, SUMMARY, progress.said)


def _looked_up() -> tuple[Path | None, Progress, tuple[LabCard, ...]]:
    """Return the learner's folder, if there is one, what is kept there, and the labs."""
    here = desk(PAGE)
    progress = Progress() if here is None else read_progress(here.folder)
    folder = Path.cwd() if here is None else here.folder
    pages = labs_in(folder) or labs_in(KIT / "labs")
    links = here is None or here.links
    cards = tuple(_card(page, progress.of(page.checks.slug), links=links) for page in pages)
    return None if here is None else here.folder, progress, cards


def _card(page: LabPage, points: Mapping[str, float], *, links: bool) -> LabCard:
    from utils.views.labs import LabCard  # noqa: PLC0415
    from utils.views.way import Stop  # noqa: PLC0415

    exercises = list(page.checks.exercises.values())
    further = next_of(exercises, points)
    where = page.href(further.number) if links and further else ""
    return LabCard(
        title=page.title,
        href=link(page.file.name) if links else "",
        minutes=page.minutes,
        promise=page.promise,
        points=sum(min(points.get(one.number, 0), one.points) for one in exercises),
        max_points=page.points,
        next=Stop(f"{further.number} {further.title}", where) if further else None,
        aims=page.aims,
    )
