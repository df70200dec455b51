"""What instructors and authors run: ``python -m grader``. Students never get this package."""
