# make repro: set everything up and run the pipeline.  make test: set everything up and run the tests.
# make release: put the weights of the last run into the package.  make bench: measure how fast it all is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: setup repro test lint release bench

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Timbre needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

repro: setup
	timbre check
	dvc repro

$(VENV)/.tested: $(VENV)/.ready requirements-test.txt
	$(BIN)/python -m pip install --quiet --requirement requirements-test.txt
	touch $@

test: $(VENV)/.tested
	pytest -n 2 --dist loadfile

release: setup
	python scripts/release.py
	python scripts/results.py

bench: setup
	python benchmarks/table.py

lint: $(VENV)/.tested
	ruff check .
	ruff format --check .
	mypy
