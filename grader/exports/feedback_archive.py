"""Feedback pages as one archive that Canvas or Moodle gives back to each student.

Canvas takes back what it gave for download: files whose names begin as those of the submissions did. Moodle
wants the folder, or the beginning of the file's name, that it wrote: ``Jo Roe_4411_assignsubmission_file_``.
Both are in the paths of what was handed in.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from grader.exports.grades import Asked, Exported, Grade, unknown
from grader.submissions.patterns import canvas, moodle

NAME = "feedback.zip"
_DATE = (1980, 1, 1, 0, 0, 0)
"""the oldest that an archive knows: the same results give the same bytes"""


def archive(asked: Asked, pages: Mapping[tuple[str, str], bytes], platform: str) -> Exported:
    """Return the archive. ``pages`` are the feedback pages by student and lab."""
    stream = io.BytesIO()
    left = []
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for grade in asked.grades:
            page = pages.get((grade.student, grade.lab))
            place = next(_places(grade, platform), None)
            if page is None or place is None:
                left.append(grade.name or grade.student)
                continue
            # a file's name may hold bytes that are no text
            name = place.encode("utf-8", "replace").decode()
            packed.writestr(zipfile.ZipInfo(name, _DATE), page, zipfile.ZIP_DEFLATED)
    reason = f"did not hand in through {platform.capitalize()}, so there is no place for their page"
    return Exported({NAME: stream.getvalue()}, unknown(sorted(set(left)), reason))


def _places(grade: Grade, platform: str) -> Iterator[str]:
    """Yield where the page goes, if what was handed in has a name of the platform's."""
    for part in PurePosixPath(grade.path).parts:
        if platform == "canvas" and canvas(part):
            yield f"{PurePosixPath(part).stem}.html"
        if platform == "moodle" and (sender := moodle(part)):
            head = part.removesuffix(sender.rest) if sender.rest else part
            yield f"{head.rstrip('_')}_/{grade.lab}.html" if not sender.rest else f"{head}{grade.lab}.html"
