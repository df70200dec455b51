"""What a course's rules made of one submission's points, as data; `grader.rules` says how."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ruled:
    """The points that count, and which rule did what."""

    points: float | None
    """None while the work has no score"""
    said: tuple[str, ...] = ()
    """a sentence for each rule that did something, or could not: the student reads them"""
    handed_in: str = ""
    """when, in the course's time zone, such as ``2026-11-05 14:12``; empty where it is not known"""
    due: str = ""
    """for this person, written in the same way; empty where no date is due"""
