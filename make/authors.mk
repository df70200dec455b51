# What only authors and CI need. The students' bundle does not have this file.
#
#   TEST_ARGS   more words for pytest:         make test TEST_ARGS="-m 'not install' -x", make quick TEST_ARGS=-x
#   LAB         one lab instead of all:        make outputs LAB=01_persistence, also record and validate
#   GRADE_ARGS  more words for the grader:     make grade GRADE_ARGS=--fresh
#   UPGRADE     anything, to move the pins:    make lock UPGRADE=1

.PHONY: setup-dev quick test test-all demo grade samples outputs release validate record screenshots rooms lock

setup-dev: ## The environment with what tests and authors need besides
	@$(FIND_PYTHON) && "$$python" make/environment.py --dev

quick: setup-dev ## Lint, types and the tests that are done in half a minute
	@$(PY) make/quick.py $(TEST_ARGS)

test: setup-dev ## Lint, types and the tests, as CI runs them for each change
	@$(PY) make/tools.py
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(PY) make/tests.py $(TEST_ARGS)

test-all: override TEST_ARGS += --nightly
test-all: test ## The same with the tests that CI runs once a day

demo: setup ## Run every solution as a whole and show a table
	@$(PY) make/demo.py

grade: setup ## Grade the bundled samples into build/grades
	@$(PY) -m make.grade $(GRADE_ARGS)

samples: setup ## Make the bundled samples again, after a change of the lab
	@$(PY) make/samples.py

outputs: setup ## Execute the solutions and store their outputs in them
	@$(PY) make/outputs.py $(LAB)

release: setup ## Turn the solutions into the labs that students get
	@$(PY) -m grader release

validate: setup ## Tell which rules of the house labs break, and grade them as a test
	@$(PY) -m grader validate $(if $(LAB),--lab $(LAB))

record: setup ## Record a lab's answers again from a real model (needs a key in .env)
	@test -n "$(LAB)" || { echo "Say which lab: make record LAB=01_persistence" >&2; exit 2; }
	@$(PY) -m utils.replay record "$(LAB)"

screenshots: setup-dev ## Take the pictures of docs/ again, in a real JupyterLab
	@$(PY) -m make.screenshots

rooms: setup-dev ## Draw the rooms of docs/architecture.md again, from the imports
	@$(PY) -m make.rooms

# All is resolved together first, so that adding a provider later never asks for another version of a package
# that is pinned already. (The extra `local` stays out: it is a model, not a client.)
lock: setup-dev ## Write the lock files again from pyproject.toml
	@$(COMPILE) pyproject.toml --group setup --group dev --extra anthropic --extra bedrock --extra postgres \
	  --output-file requirements-dev.lock $(if $(UPGRADE),--upgrade)
	@$(COMPILE) pyproject.toml --group setup -c requirements-dev.lock -o requirements.lock
	@echo langchain-anthropic | $(COMPILE) - -c requirements-dev.lock -o requirements-anthropic.lock
	@echo langchain-aws | $(COMPILE) - -c requirements-dev.lock -o requirements-bedrock.lock

# Without this machine's settings, and without index addresses in what is written. Pins that still fit stay.
UV = .venv/bin/uv
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) --no-config --quiet pip compile --universal \
  --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links
