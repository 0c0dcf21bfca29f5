# cxlab: two commands on a bare machine (make and Python 3.11 to 3.14 with venv)
#   make report   sets up, makes the simulated company and publishes its report
#   make test     sets up the development environment and runs the tests
# PYTHON=/path/to/python overrides the interpreter that is found.

.DEFAULT_GOAL := help
SHELL := /bin/sh
UV_VERSION := 0.13.9
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# one thread for each process: the runner and the tests run several processes themselves
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
# each of those processes would compile every library anew (8 seconds instead of 3) where the machine forbids to keep bytecode
unexport PYTHONDONTWRITEBYTECODE

# The first interpreter that starts, is 3.11 to 3.14 and can make a virtual environment.
USABLE = -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'
FIND = for p in "$(PYTHON)" python3.14 python3.13 python3.12 python3.11 python3 python; do \
	if [ -n "$$p" ] && "$$p" $(USABLE) >/dev/null 2>&1; then echo "$$p"; break; fi; \
	if [ -n "$(PYTHON)" ]; then break; fi; done

JOBS ?= 2

.PHONY: help report test setup lab lint format lock clean-reports

help: ## show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile

report: .venv/.report ## set up, make the simulated company and publish its report
	@$(BIN)/cxlab demo

test: .venv/.dev ## set up for development and run the tests
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

setup: .venv/.dev ## set up for development (tests, linters, Spark, PostgreSQL, Dask), run nothing
	@echo "ready: $(BIN)/cxlab, or make lab"

lab: .venv/.report ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab --notebook-dir=notebooks

lint: .venv/.dev ## ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: .venv/.dev ## let ruff format the code
	@$(BIN)/ruff check --fix-only --quiet . ; $(BIN)/ruff format .

lock: .venv/.dev ## compile both lock files and environment.yml from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --no-emit-index-url --generate-hashes --no-header --python-version 3.11 \
		pyproject.toml --group build -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --no-emit-index-url --generate-hashes --no-header --python-version 3.11 \
		pyproject.toml --group build --group dev --all-extras -c requirements.lock -o requirements-dev.lock
	$(BIN)/pyproject2conda yaml --name cxlab --python-include infer --overwrite force -o environment.yml

# Each stamp is written last, so an interrupted set-up is taken up again where it stopped.
.venv/.uv: Makefile
	@python="$$($(FIND))"; \
	if [ -z "$$python" ]; then \
		echo "cxlab needs Python 3.11, 3.12, 3.13 or 3.14 with venv, and none was found$(if $(PYTHON), at PYTHON=$(PYTHON))."; \
		echo "Debian and Ubuntu: apt-get install python3 python3-venv; Fedora: dnf install python3; macOS: brew install python"; \
		echo "If it is installed somewhere else: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 2; fi; \
	if ! $(BIN)/python $(USABLE) >/dev/null 2>&1; then \
		echo "making .venv with $$python ($$($$python --version))"; rm -rf .venv; "$$python" -m venv .venv || exit 2; fi
	@$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	@touch $@

.venv/.report: .venv/.uv requirements.lock pyproject.toml
	@if [ ! -e .venv/.dev ]; then echo "installing the pinned packages (once, about 700 MB)"; \
		$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock; fi
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/.uv requirements-dev.lock pyproject.toml
	@echo "installing the pinned packages for development (once)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@
