# Two commands for everybody: `make run` and `make test`. Both make .venv themselves.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test lint types check bench clean

help:
	@echo "make run     the daemon in the foreground, with the simulated upstream"
	@echo "make test    everything CI runs"
	@echo "make bench   the benchmark; prints a table, writes bench/results.json"

$(VENV)/.run: setup.py pyproject.toml chatmockd/_version.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

run: $(VENV)/.run
	$(BIN)/twistd -n --pidfile= chatmockd --simulate $(ARGS)

test: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest
	$(BIN)/python -m twisted.trial tests.core tests.upstream tests.web tests.account tests.simulator

bench: $(VENV)/.test
	$(BIN)/python -m bench $(ARGS)

clean:
	rm -rf $(VENV) bench/.venvs build *.egg-info
