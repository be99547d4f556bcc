# Two commands for everybody: `make run` and `make test`. Both make .venv themselves.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# What needs no reactor runs under trial as well; the rest of tests/ has processes in it.
IN_MEMORY := $(filter-out tests.end_to_end,\
    $(patsubst %/__init__.py,%,$(subst tests/,tests.,$(wildcard tests/*/__init__.py)))\
    $(patsubst tests/%.py,tests.%,$(wildcard tests/test_*.py)))

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
	$(BIN)/twistd -n --pidfile= chatmockd --simulate --set server.log_requests=true $(ARGS)

# The tests with processes in them mostly wait for these to start: on two cores, two files
# at a time take three fifths of the time.
test: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto --dist loadfile
	$(BIN)/python -m twisted.trial $(IN_MEMORY)

bench: $(VENV)/.test
	$(BIN)/python -m bench $(ARGS)

clean:
	rm -rf $(VENV) bench/.venvs tests/end_to_end/node/node_modules build *.egg-info
