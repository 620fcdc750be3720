"""Where a campaign's files lie, below the work directory. Rules write there; whoever looks for files asks here."""

from __future__ import annotations

from pathlib import Path

MODELS = Path("resources/models")
TASKS = Path("resources/tasks")
ENCODED = Path("resources/encoded")
EMBEDDED = Path("resources/embedded")
RUNS = Path("results/trained")
SOURCES = Path("results/sources")
SIMILARITIES = Path("results/similarities")
EARLIER_RUNS = Path("results/runs")  # where earlier versions had them; `scalearn adopt` moves them
