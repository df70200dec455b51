# ruff: noqa
# Nothing done.
