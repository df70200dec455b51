# ruff: noqa
# Everything right, as in the solution.

# %% 1.1 as in the solution
# %% 1.2 as in the solution
# %% 1.3 as in the solution
# %% 1.5 as in the solution
# %% 1.4 as in the solution
# %% 1.6 as in the solution
