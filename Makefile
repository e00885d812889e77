# Every target starts from nothing but the clone; `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
SITE := $(VENV)/requirements-book.ready
READY := $(VENV)/requirements.ready
CFF := $(VENV)-cff
PORT ?= 8000
# Small arrays on many threads beside busy neighbours ran 16 to 100 times slower.
export OMP_NUM_THREADS ?= 1
# What is imported is compiled once and kept: compiling it at every start takes longer than a small build.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONWARNINGS ?= ignore::DeprecationWarning:asyncio
PYTEST := $(BIN)/python -m pytest --quiet

.DEFAULT_GOAL := help
.PHONY: $(shell grep -oE '^[a-z-]+:' $(MAKEFILE_LIST) | tr -d ':')

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

# --- set-up ---------------------------------------------------------------------------------------

$(SITE): requirements-book.txt pyproject.toml tools/install/environment.py
	@$(PYTHON) tools/install/environment.py requirements-book.txt

$(READY): requirements.txt $(SITE)
	@$(PYTHON) tools/install/environment.py requirements.txt

# --- the book -------------------------------------------------------------------------------------

book: $(SITE)  ## build the site from the committed notebooks, executing nothing
	@$(BIN)/python -m tools.site.build

serve: $(SITE)  ## build the site, serve it on localhost, rebuild it when a file changes
	@$(BIN)/python -m tools.site.serve $(PORT)

notebooks: $(READY)  ## regenerate the notebooks of the chapters that changed (ALL=1: of all)
	@$(BIN)/python -m tools.notebook.generate $(if $(ALL),--all)
	@$(BIN)/python -m tools.notebook.chinese

chinese: $(READY)  ## enter new and changed messages into locale/zh; say how many are translated
	@$(BIN)/python -m tools.chinese.catalogues

pdf: $(READY) book  ## print the whole book as one PDF (needs Chromium)
	@$(BIN)/python -m tools.edition.pdf

pdf-zh: $(READY) book  ## print the Chinese edition as a PDF
	@$(BIN)/python -m tools.edition.pdf zh

epub: $(READY) book  ## pack the whole book as an EPUB
	@$(BIN)/python -m tools.edition.epub

teaching: $(READY) book  ## fill the teacher's shelf and link it from the site (needs Chromium, poppler-utils)
	@$(BIN)/python -m tools.teaching
	@$(BIN)/python -m tools.site.build

# --- every commit: make test ----------------------------------------------------------------------

test: lint types unit strict  ## run every test: lint, types, unit tests, doctests, notebooks

lint: $(READY)  ## check style, formatting, and that the notebooks are fresh
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/python -m tools.notebook.generate --check
	@$(BIN)/python -m tools.notebook.chinese --check

check-zh: $(READY)  ## check the Chinese: formulas, roles, numbers as in the English, nothing out of date
	@$(BIN)/python -m tools.chinese.check

types: $(READY)  ## check types
	@$(BIN)/mypy --num-workers auto

unit: $(READY)  ## run unit tests, doctests, notebook freshness
	$(PYTEST) -n auto --dist loadfile --no-loadscope-reorder

strict: $(READY)  ## execute every notebook and compare every printed output
	$(PYTEST) -n auto --dist loadfile --nbval book/*.ipynb

# --- a change to the site: make check -------------------------------------------------------------

check: test-site test-editions test-edition-zh  ## what a change to the site needs: site, editions, accessibility

TESTS ?= tests/site
test-site: $(READY) book  ## drive the built site in a real browser (needs Chromium; TESTS=FILES: those alone)
	$(PYTEST) -n auto --no-loadscope-reorder --ignore-glob '*/test_pdf.py' --ignore-glob '*/test_epub.py' $(TESTS)

test-editions: pdf epub  ## check PDF and EPUB: bookmarks, links, formulas, figures
	$(PYTEST) --doctest-modules tools/edition/pages.py tools/edition/pdf.py tools/edition/epub.py \
	    tests/site/test_pdf.py tests/site/test_epub.py -k "not [zh]"

test-edition-zh: pdf-zh  ## check the Chinese PDF
	$(PYTEST) tests/site/test_pdf.py -k "[zh]"

lighthouse: $(READY) book  ## judge five pages with Lighthouse (needs Chromium and npm's registry)
	@$(BIN)/python -m tools.check.lighthouse

# --- every night: make nightly --------------------------------------------------------------------

NIGHTLY := mutants long fresh-seeds portable test-colab test-frameworks test-graders test-oldest test-citation links

nightly:  ## run what does not fit into a commit, part by part (an hour or more on two cores)
	@failed=; for part in $(NIGHTLY); do echo "==> make $$part"; $(MAKE) --no-print-directory $$part \
	    || failed="$$failed $$part"; done; test -z "$$failed" || { echo "Failed:$$failed"; exit 1; }

long: $(READY)  ## run the tests that repeat a code path on other inputs
	$(PYTEST) -n auto -m nightly

fresh-seeds: $(READY)  ## run the laws on many fresh examples (SEED=103: on those of one seed)
	HYPOTHESIS_PROFILE=nightly $(PYTEST) -n auto -m hypothesis $(if $(SEED),--hypothesis-seed=$(SEED)) \
	    $$(grep -rl hypothesis tests --include='test_*.py')

misprints: $(READY)  ## put each misprint in the place of its rule: the tests must fail
	$(BIN)/python -m tools.check.mutants --misprints

mutants: $(READY)  ## the same, and every small change of every rule and schedule
	$(BIN)/python -m tools.check.mutants

portable: $(READY)  ## every notebook on 4 threads, and without vector extensions
	$(BIN)/python -m tools.check.portable

test-colab: $(READY)  ## run every notebook with Colab's versions, where the package is not installed
	$(BIN)/python -m tools.check.colab

test-frameworks: $(READY)  ## compare with JAX, Keras, Optax and Gymnasium as the conventions name them
	@VENV=$(VENV)-frameworks $(PYTHON) tools/install/environment.py requirements-frameworks.txt
	$(subst $(VENV)/,$(VENV)-frameworks/,$(PYTEST)) -n auto -m frameworks

test-graders: $(READY)  ## grade with otter-grader and nbgrader, as a course would
	@VENV=$(VENV)-graders $(PYTHON) tools/install/environment.py requirements-graders.txt
	@$(BIN)/python -m tools.teaching assignments
	$(subst $(VENV)/,$(VENV)-graders/,$(PYTEST)) -m frameworks tests/identify/test_graders.py \
	    tests/tools/teaching/test_in_graders.py

test-oldest: $(READY)  ## run the tests of the rules with the oldest NumPy that the package allows
	@VENV=$(VENV)-oldest $(PYTHON) tools/install/environment.py requirements-oldest.txt
	$(subst $(VENV)/,$(VENV)-oldest/,$(PYTEST)) -n auto tests/backprop \
	    $(foreach name,laws rules schedules landscapes minimize report package,tests/test_$(name).py)

links: $(READY)  ## follow every link that leads out of the book (needs the network)
	$(BIN)/python -m tools.check.links

$(CFF)/ready: requirements-cff.txt
	$(PYTHON) -m venv $(CFF)
	$(CFF)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-cff.txt
	@touch $@

test-citation: $(CFF)/ready  ## validate CITATION.cff with cffconvert
	$(CFF)/bin/cffconvert --validate

# --- something new --------------------------------------------------------------------------------

new-rule: $(READY)  ## write the skeleton of a rule (NAME=lamb PAGE=adam-family)
	@$(BIN)/python -m tools.book.new rule $(NAME) $(if $(PAGE),--page $(PAGE))

new-formula: $(READY)  ## write the skeleton of a formula (ID=adam-update PAGE=adam)
	@$(BIN)/python -m tools.book.new formula $(ID) $(if $(PAGE),--page $(PAGE))

new-chapter: $(READY)  ## write the skeleton of a chapter (NAME=second-order PART=Networks)
	@$(BIN)/python -m tools.book.new chapter $(NAME) $(if $(PART),--part "$(PART)")

new-erratum: $(READY)  ## write the skeleton of an erratum (ID=S5-01 SOURCE=adam)
	@$(BIN)/python -m tools.book.new erratum $(ID) $(if $(SOURCE),--source $(SOURCE))

# --- now and then ---------------------------------------------------------------------------------

bench: $(READY)  ## time a step of Adam against torch.optim, Optax and the memory (minutes)
	env -u OMP_NUM_THREADS $(BIN)/python -m benchmarks.steps

certificates: $(READY)  ## write the certificates of theorems; PEPit computes their constants beside them
	@VENV=$(VENV)-certificates $(PYTHON) tools/install/environment.py requirements-certificates.txt
	$(BIN)/python -m tools.certificates.write
	$(subst $(VENV)/,$(VENV)-certificates/,$(BIN)/python) -m tools.certificates.worst_cases

experiments: $(READY)  ## make the recorded training runs that are missing (hours on a CPU)
	$(BIN)/python -m experiments

third-parties: $(READY)  ## identify optimisers that nobody here wrote, into book/results/third-parties.json
	@VENV=$(VENV)-third-parties $(PYTHON) tools/install/environment.py requirements-frameworks.txt
	$(subst $(VENV)/,$(VENV)-third-parties/,$(BIN)/python) -m pip install --quiet --no-deps -r requirements-third-parties.txt
	$(subst $(VENV)/,$(VENV)-third-parties/,$(BIN)/python) -m experiments.third_parties

lock: $(READY)  ## resolve the requirements anew (UPGRADE=1: to the newest versions)
	$(BIN)/python -m tools.install.lock $(if $(UPGRADE),--upgrade)

gpu: $(READY)  ## do all that needs a GPU, into book/results/gpu.json (8 minutes on an H100)
	$(BIN)/python -m experiments.gpu

errata-numbers: $(READY)  ## compute the numbers of the proofs into book/errata-numbers.json
	@$(BIN)/python -m tools.book.proofs

heights: $(READY) book  ## measure the parts of each page into book/heights.json (needs Chromium)
	@$(BIN)/python -m tools.site.heights

lock-formulas: $(READY)  ## enter new formulas into book/formulas.lock.json
	$(BIN)/python -m tools.book.lock_formulas

wheel: $(READY)  ## build wheel and source distribution; test the wheel alone in a bare environment
	$(BIN)/python -m tools.install.wheel

package: $(READY)  ## run the tests of the package alone, where the book is not built
	$(PYTEST) -n auto --ignore tests/book --ignore tests/tools

clean:  ## remove what was built, and the virtual environments
	rm -rf _build dist $(VENV) $(VENV)-* .mypy_cache .pytest_cache .ruff_cache .hypothesis
