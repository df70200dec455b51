"""The formats that grades are exported in, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from grader.exports import canvas, gradescope, moodle, nbgrader, table
from grader.exports.grades import Asked, Exported

FORMATS: Mapping[str, Callable[[Asked], Exported]] = {
    "canvas": canvas.export,
    "csv": table.export,
    "gradescope": gradescope.export,
    "moodle": moodle.export,
    "nbgrader": nbgrader.export,
}
ARCHIVES = ("canvas", "moodle")
"""platforms that take feedback pages back as an archive"""
