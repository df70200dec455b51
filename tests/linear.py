"""Decides whether a regular expression can take more than linear time, by looking at it and not at a clock.

Python's ``re`` tries one way after the other. It needs more than linear time where a text can be divided in
many ways between two repeats, or between the places where a search begins and a repeat, and something behind
can still fail. So an expression is made into an automaton, and the automaton is searched for

- a loop that reads a text in two ways: exponential time,
- two loops that read the same text, the first of which leads to the second by this text, too: at least
  quadratic time. The first one may be the search itself, which begins anew at each letter.

A repeat of at most `SHORT` counts as bounded: it may be read again from each letter. Two of them may not
share a text, just like two without bounds. A possessive repeat and an atomic group never give back.

It errs to the safe side: an expression that it blames may still be harmless.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

# There is no public name for the parser; what it gives has been the same since Python 3.11.
from re import _constants as ops  # type: ignore[attr-defined] # isort: skip
from re import _parser as parser  # type: ignore[attr-defined] # isort: skip

SHORT = 300
"""how often a repeat may repeat at most and still be bounded"""
COPIES = 40
"""of a part that is repeated exactly so many times"""
PATHS = 5_000

Letters = frozenset[int]
"""some of the letters of an alphabet, by their numbers"""

_BEGIN = -1
"""stands before the first letter"""
_SOME = (*range(128), 0x85, 0xA0, 0xB5, 0xB2, 0xE9, 0x130, 0x17F, 0x3BC, 0x663, 0x2026, 0x2028, 0x200D)
_SOME += (0x212A, 0x3000, 0x540D, 0xDC80, 0xFF1D, 0x1F600)


class CannotTell(Exception):
    """The expression has a part that this does not know."""


def problems(pattern: re.Pattern[Any], *, anywhere: bool = True, whole: bool = False) -> list[str]:
    """Return why an expression may need more than linear time; nothing if it cannot.

    ``anywhere``: it is searched for, and not only tried at one place. ``whole``: it must match to the end.
    """
    found: list[str] = []
    for way in _ways(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)):
        found += _Automaton(pattern, way, bounded=False, whole=whole).ambiguities()
        if anywhere:
            found += _Automaton(pattern, way, bounded=True, whole=whole).searches()
    return list(dict.fromkeys(found))


def _ways(tree: Any) -> Iterator[list[Any]]:
    """Yield the alternatives of an expression one by one: it tries one after the other, so times add up."""
    items = list(tree)
    for at, (op, value) in enumerate(items):
        if op is ops.BRANCH:
            yield from ([*items[:at], *one, *items[at + 1 :]] for one in value[1])
            return
    yield items


@dataclass(frozen=True, slots=True)
class _Step:
    """A step that reads nothing; it may depend on the letters beside it (None: on none)."""

    to: int
    before: Letters | None = None
    after: Letters | None = None


@dataclass(frozen=True, slots=True)
class _Reader:
    """A place in the expression that reads one letter."""

    letters: Letters
    to: int
    atoms: tuple[int, ...]
    """the atomic groups that it is in"""
    text: str


@dataclass(slots=True)
class _Reached:
    """What can be reached without reading."""

    readers: list[tuple[int, Letters | None, Letters | None]] = field(default_factory=list)
    exits: list[tuple[int, Letters | None, Letters | None]] = field(default_factory=list)
    """ends of atomic groups, and of the whole"""


class _Automaton:
    """The automaton of an expression; states are numbers."""

    def __init__(self, pattern: re.Pattern[Any], tree: list[Any], *, bounded: bool, whole: bool) -> None:
        self._bounded = bounded
        """whether a bounded repeat is no loop"""
        self._bytes = isinstance(pattern.pattern, bytes)
        self._alphabet = _alphabet(tree, pattern.flags)
        self._every = frozenset(range(len(self._alphabet)))
        self._steps: list[list[_Step]] = []
        self._readers: list[_Reader] = []
        self._at: dict[int, list[int]] = {}
        """readers by the state that they start from"""
        self._exits: dict[int, int] = {}
        """states at which an atomic group, by its number, or the whole (0) has been matched"""
        self._ends: dict[int, int] = {}
        """the states of those, by the number"""
        self._atoms = 0
        self._said: list[str] = []
        self._whole = whole
        self._reached: dict[int, _Reached] = {}
        self._follow: dict[tuple[int, int], dict[int, list[int]]] = {}
        start = self._state()
        end = self._sequence(tree, pattern.flags, start, ())
        self._exits[end] = 0
        self._start = start

    # Building

    def _state(self) -> int:
        self._steps.append([])
        return len(self._steps) - 1

    def _sequence(self, items: Iterable[Any], flags: int, at: int, atoms: tuple[int, ...]) -> int:
        for op, value in items:
            at = self._one(op, value, flags, at, atoms)
        return at

    def _one(self, op: Any, value: Any, flags: int, at: int, atoms: tuple[int, ...]) -> int:
        if op in (ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN, ops.CATEGORY):
            return self._reads(self._letters(op, value, flags), at, atoms, op, value)
        if op is ops.SUBPATTERN:
            _, add, remove, inner = value
            return self._sequence(inner, (flags | add) & ~remove, at, atoms)
        if op is ops.BRANCH:
            end = self._state()
            for one in value[1]:
                begin = self._state()
                self._steps[at].append(_Step(begin))
                self._steps[self._sequence(one, flags, begin, atoms)].append(_Step(end))
            return end
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT):
            return self._repeat(*value, flags, at, atoms)
        if op is ops.POSSESSIVE_REPEAT:
            return self._atomic(((ops.MAX_REPEAT, value),), flags, at, atoms)
        if op is ops.ATOMIC_GROUP:
            return self._atomic(value, flags, at, atoms)
        if op in (ops.ASSERT, ops.ASSERT_NOT):
            return self._look(op is ops.ASSERT, *value, flags, at, atoms)
        if op is ops.AT:
            return self._place(value, flags, at)
        msg = f"{op} is not known here"
        raise CannotTell(msg)

    def _reads(self, letters: Letters, at: int, atoms: tuple[int, ...], op: Any, value: Any) -> int:
        to = self._state()
        text = chr(value) if op is ops.LITERAL else f"{op} {value}"
        self._at.setdefault(at, []).append(len(self._readers))
        self._readers.append(_Reader(letters, to, atoms, text))
        return to

    def _repeat(self, low: int, high: Any, inner: Any, flags: int, at: int, atoms: tuple[int, ...]) -> int:
        endless = high is ops.MAXREPEAT or high > SHORT
        if low == high:  # the same number each time: no way to divide a text
            copies, more, loop = min(low, COPIES), 0, False
        elif endless or (not self._bounded and high > 1):
            copies, more, loop = min(low, 2), 0, True
        else:
            copies, more, loop = min(low, 2), min(high - low, 2), False
        for _ in range(copies):
            at = self._sequence(inner, flags, at, atoms)
        if loop:
            begin = self._state()
            self._steps[at].append(_Step(begin))
            end = self._sequence(inner, flags, begin, atoms)
            if self._empty(begin, end):
                self._said.append("a repeat of what may be empty")
            self._steps[end].append(_Step(begin))
            return self._after(begin)
        ends = [at]
        for _ in range(more):
            at = self._sequence(inner, flags, at, atoms)
            ends.append(at)
        out = self._state()
        for end in ends:
            self._steps[end].append(_Step(out))
        return out

    def _after(self, at: int) -> int:
        out = self._state()
        self._steps[at].append(_Step(out))
        return out

    def _empty(self, begin: int, end: int) -> bool:
        seen, todo = {begin}, [begin]
        while todo:
            for step in self._steps[todo.pop()]:
                if step.to not in seen:
                    seen.add(step.to)
                    todo.append(step.to)
        return end in seen

    def _atomic(self, inner: Any, flags: int, at: int, atoms: tuple[int, ...]) -> int:
        self._atoms += 1
        number = self._atoms
        begin = self._after(at)
        end = self._sequence(inner, flags, begin, (*atoms, number))
        out = self._after(end)
        self._exits[out] = number
        self._ends[number] = out
        return self._after(out)

    def _look(
        self, positive: bool, direction: int, inner: Any, flags: int, at: int, atoms: tuple[int, ...]
    ) -> int:
        to = self._state()
        single = self._single(inner, flags)
        if direction < 0:
            last = single if single is not None else self._last(inner, flags) if positive else None
            before = None if last is None else last if positive else (self._every - last) | {_BEGIN}
            # What is not known of it may fail as well, so it depends on something.
            self._steps[at].append(_Step(to, before, None if single is not None else self._every))
            return to
        if single is not None:
            self._steps[at].append(_Step(to, after=single if positive else self._every - single))
            return to
        # What is looked at is read and given back: a branch of its own that leads nowhere.
        self._atoms += 1
        begin = self._after(at)
        end = self._sequence(inner, flags, begin, (*atoms, self._atoms))
        after = self._every
        if positive and not self._empty(begin, end):
            found = self._reach(begin)
            after = frozenset().union(*(self._readers[n].letters for n, _, _ in found.readers))
            self._reached.clear()
        self._steps[at].append(_Step(to, after=after))
        return to

    def _single(self, inner: Any, flags: int) -> Letters | None:
        """The letters of an expression that always reads one."""
        items = list(inner)
        if len(items) != 1:
            return None
        op, value = items[0]
        if op is ops.SUBPATTERN:
            return self._single(value[3], (flags | value[1]) & ~value[2])
        if op is ops.BRANCH:
            each = [self._single(one, flags) for one in value[1]]
            return None if None in each else frozenset().union(*(one for one in each if one is not None))
        if op in (ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN, ops.CATEGORY):
            return self._letters(op, value, flags)
        return None

    def _last(self, inner: Any, flags: int) -> Letters | None:
        items = list(inner)
        return self._single(items[-1:], flags) if items else None

    def _place(self, where: Any, flags: int, at: int) -> int:
        to = self._state()
        words = self._letters(ops.CATEGORY, ops.CATEGORY_WORD, flags)
        others = self._every - words
        newline = frozenset(n for n in self._every if self._alphabet[n] == 10)
        match where:
            case ops.AT_BEGINNING if flags & re.MULTILINE:
                steps = [_Step(to, before=newline | {_BEGIN})]
            case ops.AT_BEGINNING | ops.AT_BEGINNING_STRING:
                steps = [_Step(to, before=frozenset((_BEGIN,)))]
            case ops.AT_END:
                steps = [_Step(to, after=newline)]
            case ops.AT_END_STRING:
                steps = [_Step(to, after=frozenset())]
            case ops.AT_BOUNDARY:
                steps = [
                    _Step(to, before=words, after=others),
                    _Step(to, before=others | {_BEGIN}, after=words),
                ]
            case ops.AT_NON_BOUNDARY:
                steps = [
                    _Step(to, before=words, after=words),
                    _Step(to, before=others | {_BEGIN}, after=others),
                ]
            case _:
                msg = f"{where} is not known here"
                raise CannotTell(msg)
        self._steps[at] += steps
        return to

    def _letters(self, op: Any, value: Any, flags: int) -> Letters:
        return frozenset(n for n in self._every if _reads(op, value, flags, self._alphabet[n], self._bytes))

    # What follows what

    def _reach(self, state: int) -> _Reached:
        """What is reached from a state without reading, each way of getting there once."""
        if state not in self._reached:
            found = _Reached()
            self._walk(state, None, None, frozenset((state,)), found)
            if len(found.readers) > PATHS:
                msg = "there are too many ways through it"
                raise CannotTell(msg)
            self._reached[state] = found
        return self._reached[state]

    def _walk(
        self,
        state: int,
        before: Letters | None,
        after: Letters | None,
        passed: frozenset[int],
        found: _Reached,
    ) -> None:
        found.readers += [(reader, before, after) for reader in self._at.get(state, ())]
        if state in self._exits:
            found.exits.append((self._exits[state], before, after))
        for step in self._steps[state]:
            if step.to not in passed:
                self._walk(
                    step.to,
                    _both(before, step.before),
                    _both(after, step.after),
                    passed | {step.to},
                    found,
                )

    def _next(self, reader: int, last: int) -> dict[int, list[int]]:
        """For each letter the readers that may read it after ``reader`` has read ``last``, by all ways."""
        if (reader, last) not in self._follow:
            self._follow[reader, last] = self._from(self._readers[reader].to, last)
        return self._follow[reader, last]

    def _from(self, state: int, last: int) -> dict[int, list[int]]:
        follow: dict[int, list[int]] = {}
        for to, before, after in self._reach(state).readers:
            if before is None or last in before:
                letters = self._readers[to].letters
                for letter in letters if after is None else letters & after:
                    follow.setdefault(letter, []).append(to)
        return follow

    @cached_property
    def _components(self) -> dict[int, frozenset[int]]:
        """Readers by a reader with which they are in one loop; those of no loop are not there."""
        edges = {
            number: {to for to, _, _ in self._reach(reader.to).readers}
            for number, reader in enumerate(self._readers)
        }
        reach = {reader: _closure(edges, reader) for reader in edges}
        return {
            reader: frozenset(other for other in reach[reader] if reader in reach[other])
            for reader in edges
            if reader in reach[reader]
        }

    def _sure(self, reader: int, last: int, group: int = 0) -> bool:
        """Whether nothing can fail any more once the reader has read this letter.

        ``group`` is the atomic group that has then been matched; 0 is the whole.
        """
        if self._whole and group == 0 and not self._reads_all(reader):
            return False
        return any(
            number == group and after is None and (before is None or last in before)
            for number, before, after in self._reach(self._readers[reader].to).exits
        )

    def _reads_all(self, reader: int) -> bool:
        return all(
            reader in self._next(reader, last).get(letter, ())
            for last in self._readers[reader].letters
            for letter in self._every
        )

    # Looking

    def searches(self) -> Iterator[str]:
        """Loops that a search may begin in the middle of, each time anew."""
        for loop in self._components:
            for last in self._readers[loop].letters:
                if not self._sure(loop, last) and self._meets_search(loop, last):
                    yield f"a search may begin anew at each letter of {self._named(loop)}"
                    break

    def _meets_search(self, loop: int, last: int) -> bool:
        """Whether a text on which the loop turns leads a search, which stays where it is, into the loop."""
        begin = (-1, loop, last)
        seen, todo = {begin}, deque([begin])
        while todo:
            here, turning, letter = todo.popleft()
            first = self._from(self._start, letter) if here < 0 else self._next(here, letter)
            turns = self._next(turning, letter)
            for read in self._every:
                ways = {*first.get(read, ()), *((-1,) if here < 0 else ())}
                for one in ways:
                    for other in turns.get(read, ()):
                        if other not in self._components[loop] or self._sure(other, read):
                            continue
                        if (one, other, read) == (loop, loop, last):
                            return True
                        if (one, other, read) not in seen:
                            seen.add((one, other, read))
                            todo.append((one, other, read))
        return False

    def ambiguities(self) -> Iterator[str]:
        """Loops that read a text in more than one way, alone or together with another one."""
        yield from self._said
        for first in self._components:
            for last in self._readers[first].letters:
                if not self._given_up(first, first, last) and self._two_ways(first, last):
                    yield f"{self._named(first)} reads a text in two ways"
                    break
            for second in self._components:
                if second != first and self._share(first, second):
                    yield f"{self._named(first)} and {self._named(second)} can read the same text"

    def _given_up(self, first: int, second: int, last: int) -> bool:
        """Whether there is no way back from the second loop into the first one."""
        atoms = self._kept(first)
        if not atoms <= set(self._readers[second].atoms):
            return True
        return self._sure(second, last) or any(self._sure(second, last, atom) for atom in atoms)

    @cache  # noqa: B019 - an automaton lives as long as its question
    def _kept(self, reader: int) -> frozenset[int]:
        """The atomic groups that a loop stays inside of: one that it leaves each time does not bind it."""
        edges = {n: {to for to, _, _ in self._reach(one.to).readers} for n, one in enumerate(self._readers)}
        kept = set()
        for atom in self._readers[reader].atoms:
            outside = (
                {to for to, _, _ in self._reach(self._ends[atom]).readers} if atom in self._ends else set()
            )
            if not any(reader == to or reader in _closure(edges, to) for to in outside):
                kept.add(atom)
        return frozenset(kept)

    def _two_ways(self, loop: int, last: int) -> bool:
        begin = (loop, loop, last, False)
        seen, todo = {begin}, deque([begin])
        inside = self._components[loop]
        while todo:
            one, other, letter, parted = todo.popleft()
            for read, ways in self._next(one, letter).items():
                others = self._next(other, letter).get(read, ())
                for a in inside.intersection(ways):
                    for b in inside.intersection(others):
                        twice = one == other and a == b and ways.count(a) > 1
                        now = (a, b, read, parted or a != b or twice)
                        if self._given_up(loop, a, read) or self._given_up(loop, b, read):
                            continue
                        if now == (loop, loop, last, True):
                            return True
                        if now not in seen:
                            seen.add(now)
                            todo.append(now)
        return False

    def _share(self, first: int, second: int) -> bool:
        shared = self._readers[first].letters & self._readers[second].letters
        return any(
            not self._given_up(first, second, last) and self._leads(first, second, last) for last in shared
        )

    def _leads(self, first: int, second: int, last: int) -> bool:
        """Whether a text on which both loops turn leads from the first into the second."""
        begin = (first, first, second, last)
        seen, todo = {begin}, deque([begin])
        while todo:
            one, between, other, letter = todo.popleft()
            ones, others = self._next(one, letter), self._next(other, letter)
            for read, ways in self._next(between, letter).items():
                for a in self._components[first].intersection(ones.get(read, ())):
                    for b in set(ways):
                        for c in self._components[second].intersection(others.get(read, ())):
                            now = (a, b, c, read)
                            if self._given_up(first, c, read):
                                continue
                            if now == (first, second, second, last):
                                return True
                            if now not in seen:
                                seen.add(now)
                                todo.append(now)
        return False

    def _named(self, reader: int) -> str:
        letters = "".join(chr(self._alphabet[n]) for n in sorted(self._readers[reader].letters)[:8])
        return f"the repeat with {letters!r} ({self._readers[reader].text[:60]})"


def _both(one: Letters | None, other: Letters | None) -> Letters | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _closure(edges: dict[int, set[int]], begin: int) -> set[int]:
    seen: set[int] = set()
    todo = [begin]
    while todo:
        for to in edges[todo.pop()]:
            if to not in seen:
                seen.add(to)
                todo.append(to)
    return seen


def _alphabet(tree: Any, flags: int) -> Sequence[int]:
    """Letters of which each stands for all that the expression cannot tell from it."""
    sets = list(_sets(tree, flags))
    some = {*_SOME}
    for op, value, _ in sets:
        some |= set(_ends(op, value))
    classes: dict[tuple[bool, ...], int] = {}
    for letter in sorted(some):
        told = tuple(_reads(op, value, of, letter, False) for op, value, of in sets)
        word = bool(re.match(r"\w", chr(letter)))
        classes.setdefault((*told, word, letter == 10), letter)
    return tuple(classes.values())


def _sets(items: Iterable[Any], flags: int) -> Iterator[tuple[Any, Any, int]]:
    for op, value in items:
        if op in (ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN, ops.CATEGORY):
            yield op, value, flags
        elif op is ops.SUBPATTERN:
            yield from _sets(value[3], (flags | value[1]) & ~value[2])
        elif op is ops.BRANCH:
            for one in value[1]:
                yield from _sets(one, flags)
        elif op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
            yield from _sets(value[2], flags)
        elif op is ops.ATOMIC_GROUP:
            yield from _sets(value, flags)
        elif op in (ops.ASSERT, ops.ASSERT_NOT):
            yield from _sets(value[1], flags)


def _ends(op: Any, value: Any) -> Iterator[int]:
    """Letters at which a set begins or ends, and their neighbours."""
    if op in (ops.LITERAL, ops.NOT_LITERAL):
        yield from (value, max(value - 1, 0), min(value + 1, 0x10FFFF))
        yield from (ord(c) for c in (chr(value).lower(), chr(value).upper()) if len(c) == 1)
    elif op is ops.RANGE:
        for end in value:
            yield from (end, max(end - 1, 0), min(end + 1, 0x10FFFF))
    elif op is ops.IN:
        for inner, one in value:
            yield from _ends(inner, one)


def _reads(op: Any, value: Any, flags: int, letter: int, as_bytes: bool) -> bool:
    forms = {letter}
    if flags & re.IGNORECASE:
        forms |= {ord(c) for c in (chr(letter).lower(), chr(letter).upper()) if len(c) == 1}
        if letter in (0x17F, 0x212A, 0xB5, 0x3BC):  # what re takes for s, k and µ
            forms |= {{0x17F: 115, 0x212A: 107, 0xB5: 0x3BC, 0x3BC: 0xB5}[letter]}
    return any(_one_reads(op, value, flags, form) for form in forms) and not (as_bytes and letter > 255)


def _one_reads(op: Any, value: Any, flags: int, letter: int) -> bool:
    if op is ops.LITERAL:
        return bool(letter == value)
    if op is ops.NOT_LITERAL:
        return bool(letter != value)
    if op is ops.ANY:
        return bool(flags & re.DOTALL) or letter != 10
    if op is ops.RANGE:
        return bool(value[0] <= letter <= value[1])
    if op is ops.CATEGORY:
        ascii_only = re.ASCII if flags & re.ASCII else 0
        return re.match(_CATEGORIES[value], chr(letter), ascii_only) is not None
    negated = value[0][0] is ops.NEGATE
    return negated != any(_one_reads(inner, one, flags, letter) for inner, one in value[negated:])


_CATEGORIES = {
    ops.CATEGORY_DIGIT: r"\d",
    ops.CATEGORY_NOT_DIGIT: r"\D",
    ops.CATEGORY_SPACE: r"\s",
    ops.CATEGORY_NOT_SPACE: r"\S",
    ops.CATEGORY_WORD: r"\w",
    ops.CATEGORY_NOT_WORD: r"\W",
}
