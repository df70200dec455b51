"""What grading gives: one file for each student and lab, and the views made from those files."""
