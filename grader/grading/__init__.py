"""From a folder of submissions to results: who is asked what, and what came back."""
