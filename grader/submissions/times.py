"""When something was handed in, as collecting programs write it.

A time is text in ISO 8601: with an offset where the program wrote one, and without where it wrote its own
local time, which the course's rules know the zone of. What cannot be read is empty: a time is never guessed.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

NBGRADER, GRADESCOPE = "nbgrader's timestamp.txt", "Gradescope's submission_metadata.yml"
BLACKBOARD, MOODLE = "Blackboard's name for the file", "Moodle's worksheet"

_WRITTEN = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:\s*(Z|UTC|GMT|[+-]\d\d:?\d\d))?", re.ASCII
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MOODLE = re.compile(
    r"(?:[A-Za-z]{3,9}, )?([0-9]{1,2}) ([A-Za-z]{3,9}) ([0-9]{4}), ([0-9]{1,2}):([0-9]{2})(?:\s*([AP]M))?"
)


def written(text: str) -> str:
    """Return the time that ``2026-11-03 15:58:23.948203 UTC`` says; empty for what is no such time."""
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        return ""
    try:
        at = datetime(*(int(part) for part in found.groups()[:6]))  # type: ignore[arg-type]  # noqa: DTZ001
        return (at if found[7] is None else at.replace(tzinfo=_zone(found[7]))).isoformat()
    except ValueError:
        return ""


def stamped(stamp: str) -> str:
    """Return the time that ``2026-11-03-10-15-00`` says, as Blackboard writes it into names."""
    day, hour = stamp[:10], stamp[11:].replace("-", ":")
    return written(f"{day} {hour}")


def said_by_moodle(text: str) -> str:
    """Return the time that ``Tuesday, 3 November 2026, 10:15 AM`` says; empty in another language."""
    found = _MOODLE.fullmatch(" ".join(text.split()))
    if found is None or found[2][:3].lower() not in _MONTHS:
        return ""
    hour = int(found[4])
    if found[6]:
        hour = hour % 12 + (12 if found[6] == "PM" else 0)
    month = _MONTHS.index(found[2][:3].lower()) + 1
    try:
        at = datetime(int(found[3]), month, int(found[1]), hour, int(found[5]))  # noqa: DTZ001 - Moodle names no zone
    except ValueError:
        return ""
    return at.isoformat()


def _zone(text: str) -> timezone:
    if text in ("Z", "UTC", "GMT"):
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
