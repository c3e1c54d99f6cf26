PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LOWEST := .venv-lowest
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --no-header --no-annotate --no-emit-index-url --no-emit-find-links
LOCK := $(COMPILE) --universal --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help install run test lowest check format lint types docs smoke soak cluster coverage fuzz audit reproduce bench report lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## create .venv with the pinned versions of requirements.lock

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"bnbench needs Python 3.11 to 3.13, {sys.executable} is {v[0]}.{v[1]}: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

run: $(READY) ## train the quickstart experiment on included data, print its table, draw its figures
	$(BIN)/bnbench run configs/quickstart.yaml

test: $(READY) ## run the tests, two at a time (also with real data if BNBENCH_DATA is set)
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lowest: $(LOWEST)/.ready ## run the tests with the lowest versions that pyproject.toml allows; TESTS="tests/..." selects some
# Old versions give warnings that newer ones have fixed, so warnings are not errors here.
	$(LOWEST)/bin/python -m pytest --numprocesses 2 --dist worksteal --override-ini filterwarnings= $(TESTS)

$(LOWEST)/.ready: pyproject.toml $(READY)
	$(PYTHON) -m venv $(LOWEST)
	$(COMPILE) --resolution lowest-direct --output-file $(LOWEST)/requirements.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(LOWEST)/requirements.txt pytest pytest-xdist hypothesis jsonschema tensorboard playwright axe-playwright-python
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(LOWEST)/bin/python -m pip check
	@touch $@

check: format lint types test ## format, lint, types, tests

format: $(READY) ## format the code
	$(BIN)/ruff format .

lint: $(READY) ## find mistakes, unformatted code, and imports against the order of the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY) ## check the types
	$(BIN)/mypy

docs: $(VENV)/.docs ## write the generated files of docs/reference and configs/, and build the site: docs/_build/html/index.html
	$(BIN)/python -m bnbench.analysis.column_docs docs/reference/columns.md
	$(BIN)/python -m bnbench.analysis.metric_docs docs/reference/metrics.md
	$(BIN)/python -m bnbench.model.layer_docs docs/reference/layers.md
	$(BIN)/python -m bnbench.model.range_docs docs/reference/arguments.md
	$(BIN)/python -m bnbench.commands.schema configs/experiment.schema.json
	$(BIN)/python -m bnbench.config.key_docs configs/experiment.schema.json docs/reference/keys.md
# A warning, for example about a link that leads nowhere, is an error.
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --jobs auto -d docs/_build/doctrees docs docs/_build/html

$(VENV)/.docs: $(READY) requirements-docs.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-docs.lock
	@touch $@

smoke: $(READY) ## run every experiment of configs/ except short forms, cut to seconds; missing data are an error
	$(BIN)/bnbench reproduce --all --smoke --offline

soak: $(READY) ## kills, damage, bad input, many trials, equality with fit; the table goes into docs/reliability.md; make soak SHORT=1: a little of each
	PYTHONPATH=tests $(BIN)/python -m robustness.soak $(if $(SHORT),--short) $(PARTS)

cluster: $(READY) ## a sweep on two nodes of a Ray cluster, one of which is killed, and in three parts; make cluster SHORT=1: fewer trials
	PYTHONPATH=tests $(BIN)/python -m robustness.cluster $(if $(SHORT),--short)

coverage: $(READY) ## how often intervals hold the truth of simulated trials; the table goes into docs/explanation/coverage.md
	$(BIN)/python -m benchmarks.coverage $(PARTS)

reproduce: $(READY) ## run the experiments of configs/ (the short forms of long ones) and write results/README.md
	$(BIN)/bnbench reproduce --all

bench: $(VENV)/.bench ## time steps and sweeps against Keras, JAX, PyTorch and KerasTuner
	$(BIN)/python -m benchmarks

$(VENV)/.bench: $(READY) requirements-bench.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-bench.lock
	@touch $@

fuzz: $(VENV)/.fuzz ## fuzz every reader of files, then 10,000 made-up experiments: make fuzz SECONDS=600 COUNT=500 TARGETS="tar models"
	PYTHONPATH=tests $(BIN)/python -m robustness.fuzzing $(TARGETS) --seconds $(or $(SECONDS),60) \
	  --count $(or $(COUNT),10000) --train $(or $(TRAIN),1000) --seed $(or $(SEED),0)

$(VENV)/.fuzz: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	@touch $@

audit: $(READY) ## look up known vulnerabilities of the pinned versions in a public database; fails without an answer
	$(BIN)/uvx pip-audit --strict --disable-pip --no-deps --requirement requirements.lock

report: $(READY) ## write the tables and figures of every results folder again
	@set -e; for folder in $(dir $(wildcard results/*/trials.db)); do $(BIN)/bnbench report $$folder; done

lock: $(READY) ## update requirements.lock to the newest versions that pyproject.toml allows
	$(LOCK) --upgrade --extra dev --output-file requirements.lock
	$(LOCK) --upgrade --extra bench --constraint requirements.lock --output-file requirements-bench.lock
	$(LOCK) --upgrade --extra docs --constraint requirements.lock --output-file requirements-docs.lock
# The benchmarks compare CPU builds.
	sed -i.bak -E '/^(cuda|nvidia|triton)/d' requirements-bench.lock && rm requirements-bench.lock.bak

clean: ## remove .venv and the files of tools, but not the results
	rm -rf $(VENV) $(LOWEST) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	rm -rf docs/_build docs/experiments docs/benchmarks.md docs/changelog.md docs/contributing.md
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
