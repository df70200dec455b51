"""Gradescope's export of submissions: folders ``submission_4711`` and, beside them, a list of whose they are.

The list lies where no student writes: a student's files are in the folders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml

from grader.submissions.files import read_bytes
from grader.submissions.submission import MIB, Unreadable

LIST = "submission_metadata.yml"
MOST = 16 * MIB
TOGETHER = "was handed in together with"


@dataclass(frozen=True, slots=True)
class Submitter:
    """One of those who handed in a submission."""

    student: str
    """the student id, or the address where there is none"""
    name: str


@dataclass(frozen=True, slots=True)
class Submitted:
    """What the list says of one folder."""

    submitters: tuple[Submitter, ...]
    handed_in: str
    """a time in ISO 8601; empty where the list has none"""


def listed(folder: int, path: str) -> Mapping[str, Submitted]:
    """Return what the list says, by the names of the folders; nothing where it cannot be used."""
    data = read_bytes(folder, path, MOST)
    if isinstance(data, Unreadable):
        return {}
    try:
        entries = yaml.load(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    if not isinstance(entries, dict):
        return {}
    return {str(name): one for name, entry in entries.items() if (one := _submitted(entry))}


def _submitted(entry: Any) -> Submitted | None:
    if not isinstance(entry, dict) or not isinstance(entry.get(":submitters"), list):
        return None
    people = tuple(one for person in entry[":submitters"] if (one := _submitter(person)))
    at = entry.get(":created_at")
    if isinstance(at, datetime):
        # YAML turns a time with an offset into UTC, with or without saying so, as the version has it
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).replace(microsecond=0).isoformat()
    return Submitted(people, at if isinstance(at, str) else "") if people else None


def _submitter(person: Any) -> Submitter | None:
    if not isinstance(person, dict):
        return None
    words = {key: str(person.get(f":{key}") or "").strip() for key in ("sid", "email", "name")}
    student = words["sid"] or words["email"] or words["name"]
    return Submitter(student, words["name"]) if student else None
