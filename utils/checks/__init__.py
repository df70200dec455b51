"""A package for each lab: its exercises, a module with the checks of each, and the printed example case.

A check is judged outside the student's code: it asks through ``lab`` and reads what the recorded
model saw. The notebook runs it with the printed example, the grader with fresh cases.
"""
