# Two commands from a fresh clone, given Python 3.11 or newer and a package index: `make demo` and `make test`.
# Recipes name only relative paths, so that the clone may lie anywhere, also in a folder with a space in its name.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: help install demo showcase test test-gpu test-slurm test-slurm-short lint bench schema clean

PYTHON ?= python3
UV := uv==0.13.9
INSTALLED := .venv/installed
IN_VENV := export PATH="$$PWD/.venv/bin:$$PATH";

help:
	@echo "make demo         install into .venv, run the demo campaign and show its table: five minutes on two idle cores"
	@echo "make showcase     run the long form of the demo: more methods and seeds"
	@echo "make test         install into .venv and run the tests"
	@echo "make test-gpu     run the tests that need a GPU: under two minutes"
	@echo "make test-slurm   run campaigns on a real SLURM of one node; root installs SLURM if there is none"
	@echo "make test-slurm-short  run three of these: about four minutes in place of seventeen"
	@echo "make lint         check style, types and the workflow"
	@echo "make bench        time start-up, encoding, a training step of each method and, if there is a mirror, real rows: ten minutes"
	@echo "make schema       write the config's JSON schema again"
	@echo "make clean        remove caches, but neither .venv nor results"

install: $(INSTALLED)

# uv takes seconds and pip minutes. uv reads none of pip's variables, so they are passed on.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "error: Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ...")'
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@echo "installing requirements.lock into .venv"
	@.venv/bin/python -m pip install --quiet $(UV) || echo "$(UV) cannot be installed; pip takes its place, which takes minutes"
	@if test -n "$${PIP_FIND_LINKS:-}"; then export UV_FIND_LINKS="$${UV_FIND_LINKS:-$${PIP_FIND_LINKS// /,}}"; fi; \
	if test -n "$${PIP_INDEX_URL:-}"; then export UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$$PIP_INDEX_URL}"; fi; \
	.venv/bin/python -m uv pip install --quiet --compile-bytecode --python .venv/bin/python -r requirements.lock \
	|| .venv/bin/python -m pip install --quiet -r requirements.lock
	@.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# Each target runs the profile of its name. A finished campaign needs no warm start.
demo: NEXT = Type 'make showcase' for eight methods on three seeds; it keeps these runs and takes about ten minutes more.
showcase: NEXT = Edit profiles/showcase/campaign.yaml and type 'make showcase' again: only what the edit concerns runs again.
demo showcase: $(INSTALLED)
	@$(IN_VENV) campaign="snakemake --profile $@ results/demo_table.md results/scores.parquet results/report.html"; \
	if test -f results/demo_table.md && $$campaign --dry-run 2>&1 | grep "Nothing to be done"; then :; \
	else scalearn warm $$campaign; fi; \
	cat results/demo_table.md
	@echo "Open results/report.html (the whole campaign as one page). See also results/scores.parquet (every score) and logs/train/ (every epoch)."
	@echo "$(NEXT)"
	@echo "For a task of your own, see docs/tasks.md. 'make help' lists the other commands."

test: $(INSTALLED)
	@$(IN_VENV) pytest -n auto --maxprocesses 8 --dist worksteal

test-gpu: $(INSTALLED)
	@$(IN_VENV) pytest -m gpu tests/training/gpu

# If SLURM is missing and cannot be installed, for example without root, it says so and passes.
test-slurm: $(INSTALLED)
	@$(IN_VENV) if tests/slurm/install.sh; then pytest tests/slurm --durations=0; fi

test-slurm-short: $(INSTALLED)
	@$(IN_VENV) if tests/slurm/install.sh; then pytest tests/slurm -m short --durations=0; fi

lint: $(INSTALLED)
	@$(IN_VENV) ruff check .
	@$(IN_VENV) ruff format --check .
	@$(IN_VENV) mypy
	@$(IN_VENV) snakefmt --check Snakefile workflow
	@$(IN_VENV) snakemake --lint
	@$(IN_VENV) python -m scalearn.campaign.config | diff - workflow/schemas/config.schema.json || { echo "mend it: make schema"; exit 1; }

bench: $(INSTALLED)
	@$(IN_VENV) python benchmarks/start.py --output results/bench_start.json
	@$(IN_VENV) python benchmarks/encoding.py --output results/bench_encoding.json
	@$(IN_VENV) python benchmarks/steps.py --output results/bench_steps.json
	@$(IN_VENV) if test -d mirror/glue; then python benchmarks/epochs.py --output results/bench_epochs.json; \
	else echo "no mirror/glue here, so no epochs of real rows are timed"; fi

schema: $(INSTALLED)
	@$(IN_VENV) python -m scalearn.campaign.config > workflow/schemas/config.schema.json

clean:
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
