"""Grades in the forms that learning platforms take back: one module for each, behind `formats`."""
