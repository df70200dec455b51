"""What the name of a file or a folder says: who handed in, which lab, which attempt.

The formats are those of the programs that write them: Canvas (``lib/content_zipper.rb``), Moodle
(``mod_assign``'s downloader), browsers and JupyterLab where they have to name a second copy.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from grader.submissions.times import BLACKBOARD, stamped

# Canvas: name_LATE_user_attachment_file. The name has been freed of "_digits_", so the first match from
# the left is the user. Where grading is anonymous there is no name.
_CANVAS = re.compile(
    r"(?:(?P<name>.+?)_(?P<late>LATE_|late_)?(?P<user>[1-9][0-9]{0,18})"
    r"|(?P<hidden_late>LATE_)?(?P<hidden>anon_[0-9A-Za-z]+))"
    r"_(?P<attempt>[1-9][0-9]{0,18})_(?P<rest>.+)",
    re.DOTALL,
)
_TWO_WAYS = re.compile(r"[1-9][0-9]{0,18}_.+", re.DOTALL)

# Moodle: Full Name_participant_assignsubmission_file_, as a folder or before the file's name. The name has
# no underscore any more, which keeps a file's own name from being read as somebody's. Whether one stands at
# the end depends on the version.
_MOODLE = re.compile(
    r"(?P<name>[^_]+)_(?P<user>[0-9]{1,19})_assignsubmission_(?P<plugin>[a-z]+)(?:_(?P<rest>.*))?", re.DOTALL
)

# Blackboard: Title_user_attempt_2026-11-03-10-15-00_file, and .txt for what was typed. The first match from
# the left is Blackboard's own: what follows is the student's name for the file.
_BLACKBOARD = re.compile(
    r"(?:.*?_)??(?P<user>[^_]+)_attempt_(?P<stamp>[0-9]{4}(?:-[0-9]{2}){5})(?:_(?P<rest>.+)|\.txt)", re.DOTALL
)

_ENDING = re.compile(
    r"(?P<stem>.+?)(?P<ending>\.ipynb(?:\.json|\.txt)?|\.json|\.[a-z0-9]{1,5})", re.DOTALL | re.IGNORECASE
)
_COPY = re.compile(
    r"(?P<copy>[-_ ]?checkpoint|[-_ ]*copy(?:[ _]?[0-9]{1,3})?)"
    r"|-(?P<canvas>[0-9]{1,4})"
    r"|[ _]*\((?P<browser>[0-9]{1,4})\)",
    re.IGNORECASE,
)

NOTEBOOK, RENAMED, OTHER = 3, 2, 1
_RANKS = {".ipynb": NOTEBOOK, ".ipynb.json": RENAMED, ".ipynb.txt": RENAMED, ".json": RENAMED}


@dataclass(frozen=True, slots=True)
class Sender:
    """What a learning platform wrote before the name of the file."""

    student: str
    """the platform's number, or Canvas's ``anon_…``"""
    name: str
    rest: str
    """the student's own name for the file; empty for a folder"""
    attempt: int = 0
    """Canvas's number of the upload, or Blackboard's time: a later one is higher"""
    late: bool = False
    doubtful: bool = False
    """the name could be read in another way"""
    text_only: bool = False
    """typed into Moodle's form, so there is no file"""
    handed_in: str = ""
    """when, in ISO 8601; empty where the name does not say"""
    told_by: str = ""
    """what says so"""


@dataclass(frozen=True, slots=True, order=True)
class LabMatch:
    """How well a file's name fits a lab. A greater one fits better."""

    ending: int
    """`NOTEBOOK`, `RENAMED` (``.ipynb.txt``, ``.json``), or `OTHER`"""
    exact: int
    """2 the lab's name, numbered at most; 1 marked as a copy; 0 with other words around it"""
    number: int
    """of a further attempt: ``-1`` by Canvas, `` (1)`` by a browser"""
    spelled: bool
    """and not ``01-Persistence``"""


@dataclass(frozen=True, slots=True)
class LabName:
    """A file's name that stands for a lab."""

    lab: str
    match: LabMatch
    before: str
    """what stands before the lab's name"""


def canvas(filename: str) -> Sender | None:
    """Return what Canvas's bulk download says, if this is a file of one."""
    found = _CANVAS.fullmatch(filename)
    if not found:
        return None
    return Sender(
        student=found["user"] or found["hidden"],
        name=found["name"] or "",
        rest=found["rest"],
        attempt=int(found["attempt"]),
        late=bool(found["late"] or found["hidden_late"]),
        doubtful=bool(_TWO_WAYS.fullmatch(found["rest"])),
    )


def moodle(name: str) -> Sender | None:
    """Return what Moodle's download says, if this is a file or a folder of one."""
    found = _MOODLE.fullmatch(name)
    if not found:
        return None
    return Sender(
        found["user"], found["name"], found["rest"] or "", text_only=found["plugin"] == "onlinetext"
    )


def blackboard(filename: str) -> Sender | None:
    """Return what Blackboard's download says, if this is a file of one."""
    found = _BLACKBOARD.fullmatch(filename)
    if not found:
        return None
    stamp = found["stamp"]
    at = stamped(stamp)
    rest, attempt = found["rest"] or "", int(stamp.replace("-", ""))
    return Sender(found["user"], "", rest, attempt, handed_in=at, told_by=BLACKBOARD if at else "")


def which_lab(filename: str, labs: Sequence[str]) -> LabName | None:
    """Return the lab that a file's name stands for; ``None`` when it stands for none, or could be two."""
    parts = _ENDING.fullmatch(filename)
    if not parts:
        return None
    stem, ending = parts["stem"], parts["ending"].lower()
    matches = [(lab, found) for lab in labs if (found := _lab_pattern(lab).search(stem))]
    longest = max((len(found[0]) for _, found in matches), default=0)
    best = [(lab, found) for lab, found in matches if len(found[0]) == longest]
    if len(best) != 1:
        return None
    lab, found = best[0]
    before = stem[: found.start()]
    exact, number = _attempt(before, stem[found.end() :])
    return LabName(lab, LabMatch(_RANKS.get(ending, OTHER), exact, number, filename.startswith(lab)), before)


def is_lab(folder: str, labs: Sequence[str]) -> str | None:
    """Return the lab that a folder is named after."""
    return next((lab for lab in labs if _lab_pattern(lab).fullmatch(folder)), None)


def is_notebook(filename: str) -> bool:
    """Return whether the name is that of a notebook."""
    return filename.casefold().endswith(".ipynb")


def _attempt(before: str, after: str) -> tuple[int, int]:
    if before:
        return 0, 0
    exact, number, at = 2, 0, 0
    while found := _COPY.match(after, at):
        at = found.end()
        if found["copy"]:
            exact = 1
        number = max(number, int(found["canvas"] or found["browser"] or 0))
    return (exact, number) if at == len(after) else (0, 0)


@lru_cache
def _lab_pattern(lab: str) -> re.Pattern[str]:
    words = r"[ _-]+".join(re.escape(word) for word in lab.split("_"))
    return re.compile(rf"(?<![0-9a-z]){words}(?![0-9a-z])", re.IGNORECASE | re.ASCII)


def folded(name: str) -> str:
    """Return the name as people compare it: no difference of capitals, of composition, of spaces around."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).strip()
