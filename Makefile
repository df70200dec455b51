# The commands of the kit: `make` alone lists them.
#
#   PYTHON     the Python that makes the environment; found by itself when not given (3.11, 3.12 or 3.13)
#   PORT       where JupyterLab listens (8888; when it is taken, the next free one)
#   LAB_ARGS   more words for JupyterLab:     make lab LAB_ARGS="--no-browser --ip=0.0.0.0"

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup lab

PY := .venv/bin/python
FIND_PYTHON = python=$$(PYTHON="$(PYTHON)" sh make/python.sh)

help: ## This list
	@cat Makefile make/authors.mk 2>/dev/null | \
	  awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }'

setup: ## The environment in .venv, with the exact packages of requirements.lock
	@$(FIND_PYTHON) && "$$python" make/environment.py

lab: setup ## Set up what is missing, then open JupyterLab on the labs
	@exec $(PY) make/lab.py $(LAB_ARGS)

-include make/authors.mk
