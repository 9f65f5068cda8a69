# Everything a fresh machine needs from Python 3.11 (with venv), git and make. 'make help' lists it.

SHELL := /bin/sh
BIN := .venv/bin
STAMP := .venv/.synced
PYTEST_ARGS ?=
# Tests side by side, a file always by one process, so that what its tests share is made once.
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help env lab report test lint test-slow bench bench-smoke test-packages

help:  ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

env: $(STAMP)  ## Make .venv with exactly the locked packages; instant when it is there
	@:

report: $(STAMP)  ## Render the customer report of the last complete month; say where it is
	@test -f data/sample/catalog.yaml || $(BIN)/workbench sample --out data/sample
	@$(BIN)/workbench init
	@$(BIN)/workbench run customer-overview

test: lint test-packages  ## Check style, types and behaviour
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(STAMP)  ## Check style and types only
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary

test-slow: $(STAMP) test-packages  ## Run the statistical tests at full size (long)
	@$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

bench: $(STAMP)  ## Run every benchmark at the size its bar is about (long)
	@$(BIN)/python -m benchmarks --all

bench-smoke: $(STAMP)  ## Run every benchmark small, to see that it works
	@$(BIN)/python -m benchmarks --all --size smoke

lab: $(STAMP)  ## Open JupyterLab on this folder
	@$(BIN)/workbench lab

# A Python that is new enough is looked for under the names it may have; PYTHON=… names another.
# uv is taken from PATH, else installed into .tools: in a venv, so that a Python managed by the
# system (PEP 668) is left alone, or with --target where Debian's python3-venv is missing.
$(STAMP): pyproject.toml uv.lock
	@python= ; \
	for name in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
	  if $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; \
	  then python=$$(command -v $$name); break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "No Python from 3.11 up to 3.13 is on PATH. Install one, or name it: make env PYTHON=…" >&2; \
	  exit 1; \
	fi; \
	uv= ; \
	for name in uv .tools/bin/uv; do \
	  if $$name --version >/dev/null 2>&1; then uv=$$name; break; fi; \
	done; \
	if [ -z "$$uv" ]; then \
	  echo "Installing uv into .tools …"; \
	  rm -rf .tools; \
	  if $$python -m venv .tools >/dev/null 2>&1; then \
	    .tools/bin/python -m pip install --quiet --disable-pip-version-check uv || exit 1; \
	  elif rm -rf .tools && $$python -m pip --version >/dev/null 2>&1; then \
	    $$python -m pip install --quiet --disable-pip-version-check --target .tools uv || exit 1; \
	  else \
	    rm -rf .tools; \
	    echo "$$python has neither venv nor pip; on Debian: apt-get install python3-venv" >&2; \
	    exit 1; \
	  fi; \
	  uv=.tools/bin/uv; \
	fi; \
	echo "Installing the locked packages into .venv (a minute or two) …"; \
	UV_PROJECT_ENVIRONMENT=.venv $$uv sync --quiet --locked --compile-bytecode --all-extras --no-python-downloads --python "$$python"
	@touch $@

# Tests of pages open them in a browser, with Chinese fonts, and look at them on paper, with
# poppler; one records what reaches the disk, with strace. Elsewhere than on Debian these are
# installed by hand; a test that misses one says so.
test-packages: $(STAMP)
	@missing= ; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	command -v chromedriver >/dev/null || missing="$$missing chromium-driver"; \
	command -v pdftoppm >/dev/null || missing="$$missing poppler-utils"; \
	command -v strace >/dev/null || missing="$$missing strace"; \
	ls /usr/share/fonts/opentype/noto/NotoSansCJK* >/dev/null 2>&1 || missing="$$missing fonts-noto-cjk"; \
	[ -n "$$missing" ] || exit 0; \
	command -v apt-get >/dev/null || { echo "Tests need:$$missing" >&2; exit 0; }; \
	as= ; \
	if [ "$$(id -u)" -ne 0 ]; then \
	  if sudo -n true 2>/dev/null; then as="sudo -n"; \
	  else echo "Tests need:$$missing; install them with apt-get." >&2; exit 0; fi; \
	fi; \
	echo "Installing$$missing …"; \
	log=$$(mktemp); \
	if $$as env DEBIAN_FRONTEND=noninteractive sh -c \
	    "apt-get update -q && apt-get install -q -y --no-install-recommends $$missing" >"$$log" 2>&1; \
	then rm -f "$$log"; else tail -5 "$$log" >&2; echo "(all of it: $$log)" >&2; fi
