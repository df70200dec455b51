"""What a file is that is not a notebook: by its first bytes, or by where its JSON breaks off.

The sentences are for the instructor. They quote nothing but line numbers, so they are safe to show anywhere.
"""

from __future__ import annotations

import json
import re

from grader.submissions.submission import Kind, Unreadable

HEAD = 200_000
"""bytes that are looked at to name a file"""

SAVE_AGAIN = "Ask the student to save the notebook in JupyterLab and to hand it in again"
DOWNLOAD = "Ask the student for the .ipynb file: in JupyterLab, right-click it and choose Download"

_MAGIC: tuple[tuple[bytes, Kind, str, str], ...] = (
    (
        b"PK\x03\x04",
        "archive",
        "This is a zip archive or an Office document",
        "Unpack it, or ask for the .ipynb file",
    ),
    (b"PK\x05\x06", "archive", "This is an empty zip archive", DOWNLOAD),
    (b"\x1f\x8b", "archive", "This is a gzip archive", "Unpack it, or ask for the .ipynb file"),
    (b"7z\xbc\xaf\x27\x1c", "archive", "This is a 7z archive", "Unpack it, or ask for the .ipynb file"),
    (b"Rar!", "archive", "This is a rar archive", "Unpack it, or ask for the .ipynb file"),
    (b"%PDF", "binary", "This is a PDF", DOWNLOAD),
    (b"\x89PNG", "binary", "This is a picture", DOWNLOAD),
    (b"\xff\xd8\xff", "binary", "This is a picture", DOWNLOAD),
    (b"SQLite format 3\0", "binary", "This is a SQLite database, perhaps the lab's checkpoints", DOWNLOAD),
    (b"{\\rtf", "text", "This is a document of a word processor (RTF)", DOWNLOAD),
    (
        b"version https://git-lfs.github.com/spec/",
        "pointer",
        "This is a Git LFS pointer: the notebook itself was never downloaded",
        "Fetch it with git lfs pull, or ask the student for the file",
    ),
)

_UTF8 = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
# JSON begins with an ASCII character, so in UTF-16 and UTF-32 there is a zero byte before or after it.
_WIDE_BARE = re.compile(rb"\s*+(?:\0{1,3}[\x09-\x7e]|[\x09-\x7e]\0)")

_PYTHON = re.compile(
    r"^(?:#!.*python|# In\[|# ?%%|import \w|from [\w.]+ import |(?:async )?def \w+ ?\(|class \w+[(:]|@\w+$)",
    re.MULTILINE,
)
_LOGIN = re.compile(r"type\s*=\s*[\"']?password|\b(?:log|sign)[ -]?in\b", re.IGNORECASE)


def by_bytes(data: bytes) -> Unreadable | None:
    """Return what the file is when its bytes say that it is not text in UTF-8."""
    if not data:
        return Unreadable("empty", "The file is empty", SAVE_AGAIN)
    if not data.strip(b"\0 \t\r\n"):
        return Unreadable("empty", "The file holds nothing but blanks or zero bytes", SAVE_AGAIN)
    start = data[:100].removeprefix(_UTF8).lstrip()
    for magic, kind, what, do in _MAGIC:
        if start.startswith(magic):
            return Unreadable(kind, what, do)
    if data.startswith(_WIDE) or _WIDE_BARE.match(data[:100]):
        do = "Save it as UTF-8 in an editor, or ask the student to save it in JupyterLab"
        return Unreadable("encoding", "The text is saved as UTF-16 or UTF-32, and a notebook is UTF-8", do)
    return None


def by_encoding(data: bytes, error: UnicodeDecodeError) -> Unreadable:
    """Return what the file is when it could not be decoded."""
    head = data[:HEAD]
    odd = sum(head.count(byte) for byte in (b"\0", b"\x01", b"\x02", b"\x03", b"\x04", b"\x05", b"\x06"))
    if odd > len(head) // 1000:
        return Unreadable("binary", "The file is binary data, not text", DOWNLOAD)
    line = data.count(b"\n", 0, error.start) + 1
    do = "Save it as UTF-8 in an editor, or ask the student to save it in JupyterLab"
    return Unreadable("encoding", f"The text is not UTF-8: line {line} has a byte that cannot be there", do)


def by_text(text: str, error: json.JSONDecodeError) -> Unreadable:
    """Return what the file is when it is text but no JSON."""
    if text.startswith("<<<<<<< ") or "\n<<<<<<< " in text:
        what = "The file has the conflict marks of an unfinished merge (<<<<<<<)"
        return Unreadable("conflict", what, "Ask the student to resolve the merge and to hand it in again")
    head = text[:HEAD].lstrip()
    if head.startswith("<"):
        return _page(head)
    if not head.startswith(("{", "[")):
        return _other(head)
    return _broken(text, error)


def _page(head: str) -> Unreadable:
    if "jp-Notebook" in head or "nbconvert" in head or "jp-Cell" in head:
        return Unreadable("page", "This is an HTML export of a notebook, not the notebook", DOWNLOAD)
    if _LOGIN.search(head):
        what = "This is a web page with a login form: it was downloaded by someone who was not logged in"
        return Unreadable("page", what, "Download it again while logged in, or ask the student for the file")
    what = "This is a web page (HTML or XML), not a notebook"
    return Unreadable("page", what, "Download the file itself again, or ask the student for it")


def _other(head: str) -> Unreadable:
    if _PYTHON.search(head):
        return Unreadable("python", "This is Python source, not a notebook, whatever its name says", DOWNLOAD)
    return Unreadable("text", "This is text of another kind, not a notebook", DOWNLOAD)


def _broken(text: str, error: json.JSONDecodeError) -> Unreadable:
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        what = f"The file breaks off in the middle, at line {text.count(chr(10)) + 1:,}"
        return Unreadable("truncated", what, "The upload was cut short: ask the student to hand it in again")
    place = f"line {error.lineno:,}, column {error.colno:,}"
    if error.msg == "Extra data":
        what = f"The file goes on after the notebook has ended, at {place}"
        return Unreadable("json", what, "Remove what follows, or ask the student which part counts")
    wrong = error.msg.removesuffix(" at")
    what = f"The file is not valid JSON at {place}: {wrong[0].lower()}{wrong[1:]}"
    return Unreadable("json", what, SAVE_AGAIN)
