"""What was observed of a run: data that checks judge and pictures draw."""
