"""The folders of a campaign's files, below the work directory; the rules in workflow/rules/ write there."""

from __future__ import annotations

from pathlib import Path

MODELS = Path("resources/models")
TASKS = Path("resources/tasks")
ADAPTERS = Path("resources/adapters")
ENCODED = Path("resources/encoded")
EMBEDDED = Path("resources/embedded")
RUNS = Path("results/trained")
SOURCES = Path("results/sources")
SIMILARITIES = Path("results/similarities")
EARLIER_RUNS = Path("results/runs")  # of earlier versions; `scalearn adopt` moves them
