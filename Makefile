# Every target starts from nothing but the clone; `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
SITE_READY := $(VENV)/ready-site
CFF := $(VENV)/cff
PORT ?= 8000
# Small arrays on many threads beside busy neighbours ran 16 to 100 times slower.
export OMP_NUM_THREADS ?= 1
export PYTHONWARNINGS ?= ignore::DeprecationWarning:asyncio

.DEFAULT_GOAL := help
.PHONY: help book test serve notebooks clean lint types unit strict portable misprints mutants bench experiments test-colab test-site \
    lighthouse pdf epub test-editions test-citation lock lock-formulas

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else \
	    f"Python 3.11, 3.12 or 3.13 is needed, $(PYTHON) is {v[0]}.{v[1]}: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

book: $(READY)  ## build the site from the committed notebooks, executing nothing
	@$(BIN)/python -m tools.build

serve: $(READY)  ## build the site, serve it on localhost, rebuild it when a file changes
	@$(BIN)/python -m tools.serve $(PORT)

notebooks: $(READY)  ## regenerate the notebooks of the chapters that changed (ALL=1: of all)
	@$(BIN)/python -m tools.notebooks $(if $(ALL),--all)

test: lint types unit strict  ## run every test: lint, types, unit tests, doctests, notebooks

lint: $(READY)  ## check style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(READY)  ## check types
	$(BIN)/mypy

unit: $(READY)  ## run unit tests, doctests, notebook freshness
	$(BIN)/python -m pytest -n auto --quiet

strict: $(READY)  ## execute every notebook and compare every printed output
	$(BIN)/python -m pytest -n auto --dist loadfile --quiet --nbval book/*.ipynb

portable: $(READY)  ## the same on 4 threads, and without vector extensions
	$(BIN)/python -m tools.portable

misprints: $(READY)  ## put each misprint in the place of its rule: the tests must fail
	$(BIN)/python -m tools.mutants --misprints

mutants: $(READY)  ## the same, and every small change of every rule and schedule
	$(BIN)/python -m tools.mutants

bench: $(READY)  ## time a step of Adam against torch.optim, Optax and the memory (minutes)
	env -u OMP_NUM_THREADS $(BIN)/python -m benchmarks.steps

experiments: $(READY)  ## make the recorded training runs that are missing (hours on a CPU)
	$(BIN)/python -m experiments

test-colab: $(READY)  ## run every notebook with Colab's versions, where the package is not installed
	$(BIN)/python -m tools.colab

$(SITE_READY): requirements-site.txt $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-site.txt
	@touch $@

test-site: $(SITE_READY) book  ## drive the built site in a real browser (needs Chromium)
	$(BIN)/python -m pytest -n auto --quiet --ignore-glob '*/test_pdf.py' --ignore-glob '*/test_epub.py' tests/site

pdf: $(SITE_READY) book  ## print the whole book as one PDF (needs Chromium)
	@$(BIN)/python -m tools.pdf

epub: $(READY) book  ## pack the whole book as an EPUB
	@$(BIN)/python -m tools.epub

test-editions: pdf epub  ## check both: bookmarks, links, formulas, figures
	$(BIN)/python -m pytest --quiet --doctest-modules tools/pages.py tools/pdf.py tools/epub.py \
	    tests/site/test_pdf.py tests/site/test_epub.py

lighthouse: book  ## judge five pages with Lighthouse (needs Chromium and npm's registry; minutes)
	@$(BIN)/python -m tools.lighthouse

$(CFF)/ready: requirements-cff.txt
	$(PYTHON) -m venv $(CFF)
	$(CFF)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-cff.txt
	@touch $@

test-citation: $(CFF)/ready  ## validate CITATION.cff with cffconvert
	$(CFF)/bin/cffconvert --validate

lock-formulas: $(READY)  ## enter new formulas into book/formulas.lock.json
	$(BIN)/python -m tools.lock_formulas

lock: $(READY)  ## resolve requirements.in into requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-tools
	$(BIN)/pip-compile --quiet --strip-extras --no-annotate --no-header --no-emit-index-url \
	    --no-emit-find-links --no-emit-trusted-host --output-file - requirements.in \
	    | sed -e '/^--/d' -e 's/^\(torch==[^+]*\)+.*/\1/' > requirements.lock && \
	    { echo "# Resolved from requirements.in by 'make lock'; edit that file, not this one."; \
	      cat requirements.lock; } > requirements.txt; rm -f requirements.lock

clean:  ## remove what was built, and the virtual environment
	rm -rf _build .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
