# Plumbline. `make help` lists the targets; everything a target needs it sets up by itself.
PYTHON ?= python3
PORT ?= 8080
BIN := .venv/bin
PYTEST_ARGS ?=

# compiled files are kept in any case: without them each of the product's processes takes seconds longer to start
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run test test-full lint types assets bench bench-detection clean

help: ## say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready assets ## prepare .venv/ and the web assets (nothing else on the machine is touched)

run: setup ## set everything up, then start Plumbline with a sample company on http://127.0.0.1:$(PORT)
	@PLUMBLINE_PORT=$(PORT) PLUMBLINE_HOME="$${PLUMBLINE_HOME:-.plumbline}" $(BIN)/plumbline up --demo

test: .venv/.tests-ready assets ## set everything up, then run all quick tests, linters and type checks
	@$(MAKE) --no-print-directory lint types
	@$(BIN)/python -m pytest -n 2 -m "not full" $(PYTEST_ARGS)

test-full: .venv/.tests-ready assets ## the heavy tier: kill harness, soak, fuzzing (an hour or more)
	@$(BIN)/python -m pytest -m full --timeout 3600 $(PYTEST_ARGS)

lint: .venv/.tests-ready ## style, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

types: .venv/.tests-ready ## mypy --strict
	@$(BIN)/mypy hub connectors rules tests

bench: .venv/.tests-ready ## benchmarks, side by side with the named peers
	@for script in bench/bench_*.py; do $(BIN)/python $$script || exit 1; done

bench-detection: .venv/.tests-ready ## the detectors' exam on labelled data, beside baselines (needs ../shared)
	@$(BIN)/python bench/detection.py

assets: hub/web/static/vendor/.ready ## fetch style sheets and scripts of the pages (npm)

clean: ## remove what the targets above made
	rm -rf .venv node_modules hub/web/static/vendor build dist .mypy_cache .ruff_cache .pytest_cache

# The stamps make a second run start at once: they are redone only when what they depend on has changed.
.venv/.ready: requirements.lock requirements-setup.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Plumbline needs Python 3.11 to 3.13: install it, or say where it is with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	  || { echo "Plumbline needs Python 3.11 to 3.13, $(PYTHON) is $$($(PYTHON) -V): choose another with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Python's venv module is missing: install it (Debian and Ubuntu: python3-venv)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

.venv/.tests-ready: .venv/.ready requirements-dev.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

hub/web/static/vendor/.ready: .venv/.ready package.json package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js (20 or newer), it fetches the style sheets and scripts of the pages"; exit 1; }
	@npm ci --ignore-scripts --no-audit --no-fund --silent
	@$(BIN)/python -m hub.web.assets
	@touch $@
