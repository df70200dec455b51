"""Finds what was handed in below a folder, in whichever way it was collected.

Own folders (``alice/01_persistence.ipynb``), nbgrader's ``submitted/``, bulk downloads of Canvas, Moodle,
Blackboard and Gradescope, ``alice_01_persistence.ipynb`` and, where one lab is asked, ``alice.ipynb``.
Nothing is opened but folders, what a platform wrote beside the files, and the ends of notebooks that are
called like no lab. Nothing is dropped silently: what is not graded is a `Stray` with its reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from grader.errors import UsageError
from grader.submissions import times
from grader.submissions.files import opened_folder, read_bytes
from grader.submissions.gradescope import LIST, TOGETHER, Submitted, listed
from grader.submissions.metadata import named_lab
from grader.submissions.patterns import (
    NOTEBOOK,
    OTHER,
    LabMatch,
    Sender,
    blackboard,
    canvas,
    folded,
    is_lab,
    is_notebook,
    moodle,
    which_lab,
)
from grader.submissions.submission import Unreadable
from grader.submissions.times import written
from grader.submissions.walk import NBGRADER, File, walk


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
    handed_in: str = ""
    """when, in ISO 8601, with an offset where one is known; empty where nothing trustworthy says it"""
    told_by: str = ""
    """what says so"""
    attempt: int = 0
    """0 for the last one, which is graded in any case; earlier ones are counted from 1"""


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
    earlier: tuple[Found, ...] = ()
    """older attempts, which are among the strays as well: whether they are graded is the course's rule"""

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

EARLIER = 20
"""older attempts of one person that may be graded; who hands in more must not hold up the others"""

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
    submitted = _submitted(root, tree.files)
    for file in tree.files:
        stray = _sort(file, labs, people, submitted)
        if stray:
            strays.append(stray)
    found: list[Found] = []
    earlier: list[Found] = []
    strays += _ask_them(root, people, labs)
    for student, person in sorted(people.items()):
        _guess(person, labs)
        for lab in labs:
            if candidates := person.labs.get(lab):
                chosen, older, left = _choose(student, lab, candidates)
                found.append(chosen)
                earlier += older
                strays += left
        undecided, left = _undecided(student, person, labs)
        found += undecided
        strays += left
        strays += [Stray(file.path, NO_LAB, student) for file, _ in person.others]
    found = sorted(_with_partners(found, submitted), key=lambda one: (one.student, labs.index(one.lab)))
    with opened_folder(root) as top:
        found = [_dated(top, root, one) for one in found]
    strays.sort(key=lambda stray: (stray.path, stray.why))
    return Handed(tuple(_with_twins(found)), tuple(strays), tuple(earlier))


def _submitted(root: Path, files: list[File]) -> Mapping[str, Submitted]:
    """Return what Gradescope's list says of the folders, and take the list from the files."""
    listing = next((file for file in files if file.depth == 1 and file.name == LIST), None)
    if listing is None:
        return {}
    files.remove(listing)
    with opened_folder(root) as top:
        return listed(top, listing.path)


def _with_partners(found: Sequence[Found], submitted: Mapping[str, Submitted]) -> Iterator[Found]:
    """Yield them, and what a group handed in once for each further member of it."""
    taken = {(one.student, one.lab) for one in found}
    for one in found:
        folder = next((step for step in one.path.split("/") if step in submitted), "")
        people = submitted[folder].submitters if folder else ()
        for person in people:
            others = ", ".join(other.name or other.student for other in people if other is not person)
            notes = (*one.notes, f"{TOGETHER} {others}") if others else one.notes
            if person.student == one.student:
                yield replace(one, notes=notes)
            elif (person.student, one.lab) not in taken:
                taken.add((person.student, one.lab))
                yield replace(one, student=person.student, name=person.name, notes=notes)
        if not people:
            yield one


def _dated(top: int, root: Path, one: Found) -> Found:
    """Return it with the time that nbgrader wrote beside it, in a folder where no student writes."""
    *above, _ = one.path.split("/")
    if one.handed_in or len(above) < 2 or (above[:-2] or [root.resolve().name])[-1] != NBGRADER:
        return one
    data = read_bytes(top, "/".join((*above, "timestamp.txt")), 200)
    at = "" if isinstance(data, Unreadable) else written(data.decode("utf-8", "replace"))
    return replace(one, handed_in=at, told_by=times.NBGRADER) if at else one


def _sort(
    file: File, labs: Sequence[str], people: dict[str, _Person], submitted: Mapping[str, Submitted]
) -> Stray | None:
    """Give the file to its person; return it as a stray when it is nobody's."""
    sender = _sender(file, labs, submitted)
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


def _sender(file: File, labs: Sequence[str], submitted: Mapping[str, Submitted]) -> Sender | None:
    if file.owner in submitted:
        of = submitted[file.owner]
        first, told_by = of.submitters[0], times.GRADESCOPE if of.handed_in else ""
        return Sender(first.student, first.name, file.name, handed_in=of.handed_in, told_by=told_by)
    if file.owner:
        return replace(_owner(file.owner), rest=file.name)
    if by_platform := moodle(file.name) or canvas(file.name) or blackboard(file.name):
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


def _choose(
    student: str, lab: str, candidates: Sequence[_Candidate]
) -> tuple[Found, list[Found], list[Stray]]:
    """Return the last attempt, the earlier ones from the first on, and what is not graded as the last."""
    names = {candidate.sender.name for candidate in candidates if not candidate.sender.doubtful}
    doubtful = [one for one in candidates if one.sender.doubtful and names and one.sender.name not in names]
    sure = [one for one in candidates if one not in doubtful]
    best = max(sure, key=lambda candidate: candidate.rank)
    strays = [Stray(other.file.path, DOUBTFUL, student, lab) for other in doubtful]
    strays += [Stray(other.file.path, _why(other, best), student, lab) for other in sure if other is not best]
    chosen = replace(
        _found(student, lab, best), problem=TIE if any(stray.why == TIED for stray in strays) else None
    )
    older = [one for one in sure if one is not best and _why(one, best) == OLDER]
    older.sort(key=lambda one: (one.sender.attempt, one.match.number, one.file.path))
    earlier = [
        replace(_found(student, lab, one), attempt=number) for number, one in enumerate(older[-EARLIER:], 1)
    ]
    return chosen, earlier, strays


def _found(student: str, lab: str, candidate: _Candidate) -> Found:
    sender = candidate.sender
    return Found(
        student=student,
        lab=lab,
        path=candidate.file.path,
        name=sender.name,
        late=sender.late,
        notes=(*candidate.notes, NOTE_DOUBTFUL) if sender.doubtful else candidate.notes,
        handed_in=sender.handed_in,
        told_by=sender.told_by,
    )


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
