"""Takes out of texts what differs between two runs of the same code, so that results can be compared.

Only what is surely such a thing: temperatures, counts, dates and a line's number stay. A text may be gone
through four hundred times, so a result is cut to its size before.
"""

from __future__ import annotations

import re

from grader.results.result import Result
from grader.results.sizes import bounded

GAP = "…"
"""stands where something was taken out"""

_PASSES = 16
"""One rule can lay bare what another is for; a text that was made to do so without end is stopped here."""

_FOLDER = f"/tmp/{GAP}"  # noqa: S108 - a text, no folder that is used
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), instead)
    for pattern, instead in (
        # Ids.
        (rf"(?<![0-9a-f]){_UUID}(?![0-9a-f])", GAP),
        (r"(?<![0-9a-z])[0-9a-f]{32}(?![0-9a-z])", GAP),
        # Where objects lie in memory; "at" is Python's own word before it.
        (r"(?<= at )0x[0-9a-f]+", f"0x{GAP}"),
        (r"(?<![0-9a-z])0x[0-9a-f]{9,16}(?![0-9a-z])", f"0x{GAP}"),
        # An object's id that was looked up as a key: on Linux it is such an address, written as a number.
        (r"(?<=KeyError: )1[34]\d{13}(?!\d)", GAP),
        # Folders for a while: what lies in them keeps its name.
        (
            r"(?<![\w.])(?:/private)?(?:/var/folders/\w{1,8}/\w{1,64}/T|(?:/var)?/tmp)/[^/\s'\"<>:]{1,255}(?=/)",
            _FOLDER,
        ),
        (r"(?<![\w.])(?:/var)?/tmp/tmp[a-z0-9_]{8}(?![a-z0-9_])", _FOLDER),
        # The recorded model's address: a port, and a secret step after it.
        (r"((?:127\.0\.0\.1|localhost|\[::1\]):)\d{2,5}(?!\d)", rf"\1{GAP}"),
        (r"((?:127\.0\.0\.1|localhost|\[::1\]):…/)[\w-]{22}(?![\w-])", rf"\1{GAP}"),
        (r"(\('(?:127\.0\.0\.1|::1)', )\d{2,5}(?!\d)", rf"\1{GAP}"),
        # Moments and durations.
        (
            r"(?<!\d)\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z(?!\w)|[+-]\d\d:?\d\d(?!\d))?",
            GAP,
        ),
        (r"datetime\.datetime\(\d{4}(?:, \d{1,6}){2,6}", f"datetime.datetime({GAP}"),
        (r"(?<![\w.])1[5-9]\d{8}\.\d{1,9}(?!\d)", GAP),
        (r"(?<![\w.])\d{1,15}(?:\.\d{1,15})?(?:e-?\d{1,2})?( ?)(ms|µs|μs|us|ns)(?!\w)", rf"{GAP}\1\2"),
        (r"(?<![\w.])\d{1,15}\.\d{2,15}( ?)(s|sec|secs|seconds)(?!\w)", rf"{GAP}\1\2"),
        # Processes and threads.
        (r"(?<!\w)((?:p?pid|process id)[ =:]{1,2})\d{1,10}(?!\d)", rf"\1{GAP}"),
        # A thread of Python's, as SQLite names it; the id of a conversation is shorter.
        (r"(?<!\w)(thread id )\d{12,20}(?!\d)", rf"\1{GAP}"),
        (r"((?:started|stopped|initial)(?: daemon)? )\d{6,20}(?=\))", rf"\1{GAP}"),
        # The beginning of an id that was cut when the text was shortened.
        (rf"(?<![0-9a-f])[0-9a-f]{{8}}-[0-9a-f]{{1,4}}(?:-[0-9a-f]{{0,12}}){{0,3}}(?={GAP}|\.\.\.)", ""),
    )
)


def scrub(text: str) -> str:
    """Return the text without addresses, random ids, temporary folders, ports and times.

    A second time changes nothing.
    """
    for _ in range(_PASSES):
        before = text
        for pattern, instead in _RULES:
            text = pattern.sub(instead, text)
        if text == before:
            break
    return text


def scrubbed(result: Result) -> Result:
    """Return the result with everything scrubbed that came out of the jail, and no more than it may hold.

    Authors' words stay. A call is a check's own words, but may hold what the student's code gave: a config
    with an id, say.
    """
    return bounded(result, scrub)
