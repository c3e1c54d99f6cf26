PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LOWEST := .venv-lowest
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --no-header --no-annotate --no-emit-index-url --no-emit-find-links
LOCK := $(COMPILE) --universal --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help install run test lowest check format lint types docs smoke soak fuzz audit reproduce bench report lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## create .venv with the pinned versions of requirements.lock

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"bnbench needs Python 3.11 to 3.13, {sys.executable} is {v[0]}.{v[1]}: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

run: $(READY) ## train the quickstart experiment on embedded data, print its table, draw its figures
	$(BIN)/bnbench run configs/quickstart.yaml

test: $(READY) ## run the tests, two at a time (real data too, where BNBENCH_DATA says they are)
	$(BIN)/python -m pytest --numprocesses 2

lowest: $(LOWEST)/.ready ## run the tests with the lowest versions that pyproject.toml allows; TESTS="tests/..." for some
	$(LOWEST)/bin/python -m pytest --numprocesses 2 --override-ini filterwarnings= $(TESTS) # old versions warn of what is mended since

$(LOWEST)/.ready: pyproject.toml $(READY)
	$(PYTHON) -m venv $(LOWEST)
	$(COMPILE) --resolution lowest-direct --output-file $(LOWEST)/requirements.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(LOWEST)/requirements.txt pytest pytest-xdist hypothesis tensorboard playwright axe-playwright-python
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(LOWEST)/bin/python -m pip check
	@touch $@

check: format lint types test ## format, lint, types, tests

format: $(READY) ## format the code
	$(BIN)/ruff format .

lint: $(READY) ## look for mistakes, code that is not formatted, and imports against the order of the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY) ## check the types
	$(BIN)/mypy

docs: $(READY) ## write the columns of the tables into docs/reference/columns.md
	$(BIN)/python -m bnbench.analysis.column_docs docs/reference/columns.md

smoke: $(READY) ## run every experiment of configs/, short forms aside, cut to seconds; one whose data are missing fails
	$(BIN)/bnbench reproduce --all --smoke --offline

soak: $(READY) ## kills, damage, bad input and many trials; the table goes into docs/reliability.md; make soak SHORT=1: a little of each
	PYTHONPATH=tests $(BIN)/python -m robustness.soak $(if $(SHORT),--short) $(PARTS)

reproduce: $(READY) ## run the experiments of configs/, of those of hours the short forms, and write results/README.md
	$(BIN)/bnbench reproduce --all

bench: $(VENV)/.bench ## time steps and sweeps against Keras, JAX, PyTorch and KerasTuner
	$(BIN)/python -m benchmarks

$(VENV)/.bench: $(READY) requirements-bench.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-bench.lock
	@touch $@

fuzz: $(VENV)/.fuzz ## put changed files to whatever reads one, guided by coverage: make fuzz SECONDS=600 TARGETS="config tar"
	PYTHONPATH=tests $(BIN)/python -m robustness.fuzzing $(TARGETS) --seconds $(or $(SECONDS),60)

$(VENV)/.fuzz: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	@touch $@

audit: $(READY) ## known vulnerabilities of the pinned versions; asks a public database, and fails where it does not answer
	$(BIN)/uvx pip-audit --strict --disable-pip --no-deps --requirement requirements.lock

report: $(READY) ## make tables and figures anew from every results folder
	@set -e; for folder in $(dir $(wildcard results/*/trials.db)); do $(BIN)/bnbench report $$folder; done

lock: $(READY) ## renew requirements.lock with the newest versions that pyproject.toml allows
	$(LOCK) --upgrade --extra dev --output-file requirements.lock
	$(LOCK) --upgrade --extra bench --constraint requirements.lock --output-file requirements-bench.lock
	sed -i.bak -E '/^(cuda|nvidia|triton)/d' requirements-bench.lock && rm requirements-bench.lock.bak # CPU builds are compared

clean: ## remove .venv and what tools leave behind; results stay
	rm -rf $(VENV) $(LOWEST) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
