"""Where a submission runs: a process with nothing of ours around it, and the means to end it."""
