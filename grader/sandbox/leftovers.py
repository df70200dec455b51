"""What a jailed process holds on to after a cell: what is used up is lost for everything that follows."""

from __future__ import annotations

import os
from collections.abc import Sequence

from grader.sandbox.watch import use

MIB = 2**20
MEMORY = 640 * MIB
"""bytes; the stack and a lab's own data are about a quarter of that"""
TASKS = 60
"""processes and threads"""
DESCRIPTORS = 150
"""of 256 that a process may have"""
FILES = 5_000
MOST_FILES = 20_000
"""at any time: each takes a kilobyte of the kernel's own memory, which no other limit counts"""
FREE = 0.25
"""share of the work folder's space that the rest of the submission may count on"""


def used_up(root: int, folders: Sequence[int]) -> str:
    """Return what a process has left too little of for the rest of its submission; "" if it has enough.

    ``root`` is the process id below which everything of it is found, ``folders`` are descriptors of all that
    it can write to, each of them a file system of its own.
    """
    for folder in folders:
        disk = os.fstatvfs(folder)
        if disk.f_blocks and disk.f_bavail < FREE * disk.f_blocks:
            return "files nearly fill the work folder"
        if disk.f_files - disk.f_ffree > FILES:
            return f"more than {FILES} files lie in the work folder"
    now = use(root)
    if now.descriptors > DESCRIPTORS:
        return f"more than {DESCRIPTORS} files and connections stay open"
    if now.tasks > TASKS:
        return f"more than {TASKS} processes and threads go on"
    if now.memory > MEMORY and use(root, exact=True).memory > MEMORY:
        return f"more than {MEMORY // MIB} MiB of memory stay in use"
    return ""


def too_many_files(folders: Sequence[int]) -> str:
    """Return ``files`` if far too many are in folders that are file systems of their own, else nothing."""
    for folder in folders:
        try:
            disk = os.fstatvfs(folder)
        except OSError:  # closed: the process is being ended
            continue
        if disk.f_files - disk.f_ffree > MOST_FILES:
            return "files"
    return ""
