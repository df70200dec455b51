"""Finds what was handed in below a folder, in whichever way it was collected.

Own folders (``alice/01_persistence.ipynb``), nbgrader's ``submitted/``, bulk downloads of Canvas and of
Moodle, ``alice_01_persistence.ipynb`` and, where one lab is asked, ``alice.ipynb``. Nothing is opened but
folders, and the ends of notebooks that are called like no lab. Nothing is dropped silently: what is not
graded is a `Stray` with its reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from grader.errors import UsageError
from grader.submissions.files import opened_folder
from grader.submissions.metadata import named_lab
from grader.submissions.patterns import (
    NOTEBOOK,
    OTHER,
    LabMatch,
    Sender,
    canvas,
    folded,
    is_lab,
    is_notebook,
    moodle,
    which_lab,
)
from grader.submissions.walk import File, walk


@dataclass(frozen=True, slots=True)
class Found:
    """What one person handed in for one lab."""

    student: str
    """who, as the folder or the platform names them; any characters (see `safe_name`)"""
    lab: str
    path: str
    """below the folder, with forward slashes; bytes that are no UTF-8 as `os.fsdecode` gives them"""
    problem: str | None = None
    """why it cannot be graded as it lies there, and what to do"""
    name: str = ""
    """a person's name, where the platform wrote one"""
    late: bool = False
    """Canvas says so"""
    notes: tuple[str, ...] = ()
    """what the instructor should know; costs nothing"""


@dataclass(frozen=True, slots=True)
class Stray:
    """Something in the folder that is not graded."""

    path: str
    why: str
    student: str = ""
    """whose it is, where that is known"""
    lab: str = ""


@dataclass(frozen=True, slots=True)
class Handed:
    """Everything in the folder, in an order that is always the same."""

    found: tuple[Found, ...]
    strays: tuple[Stray, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the paths of everything, graded or not."""
        return (*(one.path for one in self.found), *(one.path for one in self.strays))


PAGE = "00_"
"""how the names of a course's notebooks begin that are not labs"""
NO_LAB = "is called like none of the labs"
OTHER_LAB = "is another lab than those that are graded: its metadata says so"
NO_GRADES = "is a page of the course and not a lab: nothing in it is graded"
NO_OWNER = "lies in nobody's folder and its name says nobody's name"
TYPED = "was typed into Moodle's form and is not a file"
TIED = "is one of several files, and nothing says which one counts"
OLDER = "is an older attempt; a later one is graded"
WORSE = "is not graded, because another file of this person fits the lab's name better"
DOUBTFUL = (
    "may be somebody else's: Canvas's name for it can be read in two ways, and this person has another file"
)

TIE = "There are several files and nothing says which one counts. Ask, and move the others to another place"
WHICH = "There are several notebooks and none says that it is the lab. Ask, and call that one like the lab"

NOTE_DOUBTFUL = "Canvas's name for the file can be read in two ways: see whether it is this person's"
NOTE_ONLY = "the file is not called like the lab; it is graded because it is the only notebook there"
NOTE_SAYS_SO = "the file is not called like the lab, but it is one: its metadata says so"
NOTE_TWIN = "another name differs from this one only in capitals or in how its letters are put together"


@dataclass(frozen=True, slots=True)
class _Candidate:
    file: File
    sender: Sender
    match: LabMatch
    notes: tuple[str, ...] = ()

    @property
    def rank(self) -> tuple[object, ...]:
        match = self.match
        return (
            match.ending,
            -self.file.depth,
            self.sender.attempt,
            match.exact,
            match.number,
            match.spelled,
        )


@dataclass(slots=True)
class _Person:
    labs: dict[str, list[_Candidate]] = field(default_factory=lambda: defaultdict(list))
    others: list[tuple[File, Sender]] = field(default_factory=list)


def find_submissions(root: Path, labs: Sequence[str]) -> Handed:
    """Return what was handed in below ``root`` for these labs, one `Found` for each person and lab.

    Raises UsageError when the folder cannot be opened, holds too much, or no lab is asked.
    """
    if not labs:
        raise UsageError("no lab is asked", hint="name at least one lab")
    tree = walk(root, labs)
    people: dict[str, _Person] = defaultdict(_Person)
    strays = [Stray(skipped.path, skipped.why, _owner(skipped.owner).student) for skipped in tree.skipped]
    for file in tree.files:
        stray = _sort(file, labs, people)
        if stray:
            strays.append(stray)
    found: list[Found] = []
    strays += _ask_them(root, people, labs)
    for student, person in sorted(people.items()):
        _guess(person, labs)
        for lab in labs:
            if candidates := person.labs.get(lab):
                chosen, left = _choose(student, lab, candidates)
                found.append(chosen)
                strays += left
        undecided, left = _undecided(student, person, labs)
        found += undecided
        strays += left
        strays += [Stray(file.path, NO_LAB, student) for file, _ in person.others]
    return Handed(tuple(_with_twins(found)), tuple(sorted(strays, key=lambda stray: (stray.path, stray.why))))


def _sort(file: File, labs: Sequence[str], people: dict[str, _Person]) -> Stray | None:
    """Give the file to its person; return it as a stray when it is nobody's."""
    sender = _sender(file, labs)
    if sender is None:
        return Stray(file.path, NO_OWNER)
    if sender.text_only:
        return Stray(file.path, TYPED, sender.student)
    person = people[sender.student]
    named = which_lab(sender.rest, labs)
    if named:
        person.labs[named.lab].append(_Candidate(file, sender, named.match))
    else:
        person.others.append((file, sender))
    return None


def _sender(file: File, labs: Sequence[str]) -> Sender | None:
    if file.owner:
        return replace(_owner(file.owner), rest=file.name)
    if by_platform := moodle(file.name) or canvas(file.name):
        return by_platform
    named = which_lab(file.name, labs)
    if named:
        student = named.before.rstrip(" _-")
        return Sender(student, "", file.name[len(named.before) :]) if student else None
    if len(labs) == 1 and is_notebook(file.name):
        return Sender(file.name[: -len(".ipynb")], "", f"{labs[0]}.ipynb")
    return None


def _owner(folder: str) -> Sender:
    return moodle(folder) or Sender(folder, "", "")


def _ask_them(root: Path, people: Mapping[str, _Person], labs: Sequence[str]) -> Iterator[Stray]:
    """Give the notebooks that are called like no lab to the lab that their metadata names.

    Yield those that are another lab than those that are asked.
    """
    with opened_folder(root) as top:
        for student, person in people.items():
            for file, sender in [other for other in person.others if is_notebook(other[0].name)]:
                lab = named_lab(top, file.steps)
                if lab is None:
                    continue
                if lab in labs:
                    _take(person, lab, file, sender, NOTE_SAYS_SO)
                else:
                    person.others.remove((file, sender))
                    yield Stray(file.path, NO_GRADES if lab.startswith(PAGE) else OTHER_LAB, student, lab)


def _guess(person: _Person, labs: Sequence[str]) -> None:
    """Take notebooks of other names where it is plain what they are for."""
    notebooks = [(file, sender) for file, sender in person.others if is_notebook(file.name)]
    in_folder = Counter(file.steps[:-1] for file, _ in notebooks)
    for file, sender in notebooks:
        lab = is_lab(file.folder, labs)  # nbgrader's folders are assignments
        if lab and in_folder[file.steps[:-1]] == 1:
            _take(person, lab, file, sender)
    left = [(file, sender) for file, sender in notebooks if (file, sender) in person.others]
    if len(labs) == len(left) == 1:
        _take(person, labs[0], *left[0])


def _take(person: _Person, lab: str, file: File, sender: Sender, note: str = NOTE_ONLY) -> None:
    if note == NOTE_ONLY and any(candidate.match.ending > OTHER for candidate in person.labs.get(lab, ())):
        return
    person.others.remove((file, sender))
    person.labs[lab].append(_Candidate(file, sender, LabMatch(NOTEBOOK, 0, 0, False), (note,)))


def _undecided(student: str, person: _Person, labs: Sequence[str]) -> tuple[list[Found], list[Stray]]:
    """Return what was handed in, but nobody can say which of it for the lab."""
    notebooks = [(file, sender) for file, sender in person.others if is_notebook(file.name)]
    if len(labs) != 1 or not notebooks or person.labs.get(labs[0]):
        return [], []
    person.others = [other for other in person.others if other not in notebooks]
    (file, sender), *more = notebooks
    strays = [Stray(other.path, TIED, student, labs[0]) for other, _ in more]
    return [Found(student, labs[0], file.path, WHICH, sender.name, sender.late)], strays


def _choose(student: str, lab: str, candidates: Sequence[_Candidate]) -> tuple[Found, list[Stray]]:
    names = {candidate.sender.name for candidate in candidates if not candidate.sender.doubtful}
    doubtful = [one for one in candidates if one.sender.doubtful and names and one.sender.name not in names]
    sure = [one for one in candidates if one not in doubtful]
    best = max(sure, key=lambda candidate: candidate.rank)
    strays = [Stray(other.file.path, DOUBTFUL, student, lab) for other in doubtful]
    strays += [Stray(other.file.path, _why(other, best), student, lab) for other in sure if other is not best]
    sender = best.sender
    return Found(
        student=student,
        lab=lab,
        path=best.file.path,
        problem=TIE if any(stray.why == TIED for stray in strays) else None,
        name=sender.name,
        late=sender.late,
        notes=(*best.notes, NOTE_DOUBTFUL) if sender.doubtful else best.notes,
    ), strays


def _why(other: _Candidate, best: _Candidate) -> str:
    if other.rank == best.rank:
        return TIED
    numbers = (other.sender.attempt, other.match.number), (best.sender.attempt, best.match.number)
    return OLDER if numbers[0] < numbers[1] else WORSE


def _with_twins(found: Sequence[Found]) -> Iterator[Found]:
    """Yield them, with a note on names that a person or a disk could take for one."""
    students = {one.student for one in found}
    alike = Counter(folded(student) for student in students)
    for one in found:
        yield replace(one, notes=(*one.notes, NOTE_TWIN)) if alike[folded(one.student)] > 1 else one
