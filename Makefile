# make repro    set everything up and run the pipeline
# make test     set everything up and run the tests
# make lint     check style, types and licences
# make show     list experiments next to each other
# make report   write what changed since another revision to report.md: make report AGAINST=main
# make docs     build the documentation as a website
# make bench    measure speed and memory
# make wheel    build the package and check it: dist/
# make figures  print the figures of the pages and the model card: make figures MUSIC=FOLDER RECORDINGS=FOLDER
# make release  put the weights of the last release training into the package
# make assets   add the weights, the page and the checksums of all files to dist/
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Columns of `dvc exp show` that `make show` hides. Params and validation metrics remain: do not choose by test metrics.
HIDDEN := Created|.*/.*|params\.yaml|compute\..*|(clips|minutes|groups|sources|seconds|level)\b.*
HIDDEN := $(HIDDEN)|(dropped|near_duplicates|faults|alike)\b.*|.*\.(value|low|high)|.*\.(segment|event)_f1\..*|.*_error
HIDDEN := $(HIDDEN)|(music\.)?test\..*|(music\.)?validation\.(?!accuracy$$|micro_f1$$).*
AGAINST ?= HEAD
BY ?= validation.micro_f1
WEIGHTS := src/timbre/weights

.PHONY: setup repro show test lint docs report release assets wheel bench figures

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Timbre needs Python 3.11 or newer; run make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
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
	pytest -n 2 --dist loadfile --no-loadscope-reorder $(if $(CI),--cov --cov-report=term)

show: setup
	@dvc exp show --only-changed --precision 3 --drop '^($(HIDDEN))$$' \
		--sort-by metrics/layered.json:$(BY) --sort-order desc

docs: $(VENV)/.tested
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet --strict
	@echo "Open site/index.html"

report: setup
	@{ timbre compare --markdown $(AGAINST); echo; echo "## metrics"; dvc metrics diff --md $(AGAINST); \
		for name in curves timeline layered_answers; do echo "![$$name](plots/$$name.png)"; done; } > report.md
	@echo "report.md lists what changed since $(AGAINST)"

release: setup
	python scripts/release.py
	python scripts/results.py

assets: setup
	python scripts/release.py assets dist

wheel: setup
	python -m pip install --quiet build twine
	rm -rf dist
	python -m build
	twine check --strict dist/*

bench: setup
	python benchmarks/table.py

figures: setup
	for models in $(WEIGHTS) models; do \
		timbre benchmark $(MUSIC) --models $$models && timbre benchmark $(RECORDINGS) --models $$models || exit 1; \
	done
	python benchmarks/peers.py $(MUSIC) --models $(WEIGHTS)
	python benchmarks/timelines.py $(WEIGHTS) models
	python benchmarks/timelines.py --split validation models
	python benchmarks/timelines.py --music $(MUSIC) $(WEIGHTS)
	python benchmarks/borders.py $(MUSIC) --models $(WEIGHTS)
	python benchmarks/adapt.py $(MUSIC) --models $(WEIGHTS)

lint: $(VENV)/.tested
	ruff check .
	ruff format --check .
	mypy
	reuse lint --lines
