"""What a course makes of points: due dates, late work, groups, attempts, weights; nothing is graded here."""
