"""Reading a submission's code without running it: its tree, what names stand for, what is worth a look."""
