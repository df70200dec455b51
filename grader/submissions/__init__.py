"""What people handed in: found, named, read. Nothing here runs or judges any of it.

Everything in a submission is hostile until proven dull: names, links, sizes, bytes. What leaves this
package is plain data with bounds, and every file that cannot be used comes with a sentence that says why.
"""

from grader.submissions.layout import Found, Handed, Stray, find_submissions
from grader.submissions.names import original_name, safe_name
from grader.submissions.reader import read_notebook
from grader.submissions.roster import Entry, Student, join, read_roster
from grader.submissions.submission import CodeCell, Limits, Submission, Unreadable

__all__ = [
    "CodeCell",
    "Entry",
    "Found",
    "Handed",
    "Limits",
    "Stray",
    "Student",
    "Submission",
    "Unreadable",
    "find_submissions",
    "join",
    "original_name",
    "read_notebook",
    "read_roster",
    "safe_name",
]
