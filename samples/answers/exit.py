# ruff: noqa
# Everything right; a cell in the middle leaves the notebook, so that nothing below it ran at home.

# %% 1.1 as in the solution
# %% 1.2 as in the solution
# %% 1.3 as in the solution
# %% after 1.3
import sys

sys.exit("enough for today")

# %% 1.5 as in the solution
# %% 1.4 as in the solution
# %% 1.6 as in the solution
