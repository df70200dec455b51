"""What runs inside the jail: a notebook's cells, then questions about what they left behind.

Nothing of the grader but this folder is there, so nothing else of it is imported here. Whatever a process
that has run student code says is a claim: the verdict rests on fresh questions asked from outside.
"""
