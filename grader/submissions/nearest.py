"""Who may be meant, where a hand-in matches nobody: names for a person to look at. Nothing is ever assigned.

Close names are just what must not be taken for each other, so this is for sentences only.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from grader.submissions.person_names import letters, turned, without_accents
from grader.submissions.roster import Student
from grader.submissions.safe_text import for_terminal

MOST = 3
"""people that are named"""
CLOSE = 0.72
"""how alike two names are that may be the same, of 1: one typo or one left-out name"""
LONGEST = 80
"""letters that are compared"""

_plain = without_accents(lambda name: turned(name) or {letters(name)})


def nearest(written: Sequence[str], roster: Sequence[Student]) -> tuple[Student, ...]:
    """Return the people whose id, name or login is most like one of the texts, the likest first."""
    texts = {form[:LONGEST] for text in written for form in _plain(text)} - {""}
    likes = [(max((_alike(text, student) for text in texts), default=0.0), student) for student in roster]
    close = [pair for pair in likes if pair[0] >= CLOSE]
    return tuple(student for _, student in sorted(close, key=lambda pair: (-pair[0], pair[1].line))[:MOST])


def in_words(people: Sequence[Student]) -> str:
    """Return who may be meant, such as ``nearest on the roster: Ada Okafor (4711)``; empty for nobody."""
    named = [
        for_terminal(f"{one.name} ({one.id})" if one.name and one.name != one.id else one.id, 60)
        for one in people
    ]
    return f"nearest on the roster: {', '.join(named)}; nothing was assigned" if named else ""


def _alike(text: str, student: Student) -> float:
    login = student.email.partition("@")[0]
    forms = {
        form[:LONGEST]
        for name in (student.name, student.id, login, *student.known_as)
        for form in _plain(name)
    }
    return max((_ratio(text, form) for form in forms - {""}), default=0.0)


def _ratio(one: str, other: str) -> float:
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    # the cheap bounds first: a class of 300 is compared with every stranger
    if matcher.real_quick_ratio() < CLOSE or matcher.quick_ratio() < CLOSE:
        return 0.0
    return matcher.ratio()
