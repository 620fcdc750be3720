# Two commands from a fresh clone, given Python 3.11 or newer and a package index: `make demo` and `make test`.
# Recipes name only relative paths, so that the clone may lie anywhere, also in a folder with a space in its name.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: help install demo test test-slurm lint bench schema clean

PYTHON ?= python3
UV := uv==0.13.9
INSTALLED := .venv/installed
IN_VENV := export PATH="$$PWD/.venv/bin:$$PATH";

help:
	@echo "make demo     install into .venv, run the demo campaign, show its table"
	@echo "make test     install into .venv, run the tests"
	@echo "make test-slurm   run campaigns on a real SLURM of one node, installed if there is none (as root)"
	@echo "make lint     check style, types and the workflow"
	@echo "make bench    time a training step of each method and, where there is a mirror, of real rows; seven minutes"
	@echo "make schema   write the config's JSON schema anew"
	@echo "make clean    remove caches; neither .venv nor results"

install: $(INSTALLED)

# uv takes seconds where pip takes minutes; it reads none of pip's variables, so they are handed to it.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "error: Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ...")'
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@echo "installing requirements.lock into .venv"
	@.venv/bin/python -m pip install --quiet $(UV) || echo "no $(UV) to be had; pip does its work, in minutes"
	@if test -n "$${PIP_FIND_LINKS:-}"; then export UV_FIND_LINKS="$${UV_FIND_LINKS:-$${PIP_FIND_LINKS// /,}}"; fi; \
	if test -n "$${PIP_INDEX_URL:-}"; then export UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$$PIP_INDEX_URL}"; fi; \
	.venv/bin/python -m uv pip install --quiet --compile-bytecode --python .venv/bin/python -r requirements.lock \
	|| .venv/bin/python -m pip install --quiet -r requirements.lock
	@.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# A campaign that is done needs no warm start to say so.
demo: $(INSTALLED)
	@$(IN_VENV) demo="snakemake --profile demo results/demo_table.md results/scores.parquet"; \
	if $$demo --dry-run 2>&1 | grep "Nothing to be done"; then :; else scalearn warm $$demo; fi; \
	cat results/demo_table.md

test: $(INSTALLED)
	@$(IN_VENV) pytest

# Without root, or without a SLURM to be had, it says so and passes.
test-slurm: $(INSTALLED)
	@$(IN_VENV) if tests/slurm/install.sh; then pytest tests/slurm --durations=0; fi

lint: $(INSTALLED)
	@$(IN_VENV) ruff check .
	@$(IN_VENV) ruff format --check .
	@$(IN_VENV) mypy
	@$(IN_VENV) snakefmt --check Snakefile workflow
	@$(IN_VENV) snakemake --lint
	@$(IN_VENV) python -m scalearn.config | diff - workflow/schemas/config.schema.json || { echo "mend it: make schema"; exit 1; }

bench: $(INSTALLED)
	@$(IN_VENV) python benchmarks/steps.py --output results/bench_steps.json
	@$(IN_VENV) if test -d mirror/glue; then python benchmarks/epochs.py --output results/bench_epochs.json; \
	else echo "no mirror/glue here, so no epochs of real rows are timed"; fi

schema: $(INSTALLED)
	@$(IN_VENV) python -m scalearn.config > workflow/schemas/config.schema.json

clean:
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
