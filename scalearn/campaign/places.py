"""The folders of a campaign's files, below the work directory; the rules in workflow/rules/ write there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

MODELS = Path("resources/models")
TASKS = Path("resources/tasks")
ADAPTERS = Path("resources/adapters")
ENCODED = Path("resources/encoded")
EMBEDDED = Path("resources/embedded")
RUNS = Path("results/trained")
SOURCES = Path("results/sources")
RESULTS = Path("results")
SIMILARITIES = Path("results/similarities")
EARLIER_RUNS = Path("results/runs")  # of earlier versions; `scalearn adopt` moves them

FIGURES = ("scores", "forest", "curves", "parameters")
FORMATS = ("svg", "pdf", "png")
# A benchmark's files results/<benchmark>_<kind>, with these endings. The command `scalearn <kind>` writes them.
TABLES: Mapping[str, tuple[str, ...]] = {
    "table": (".md", ".csv", ".tex", ".svg", ".parquet"),
    "comparisons": (".md", ".csv", ".tex"),
    "cost": (".md", ".csv", ".tex", ".svg"),
    "published": (".md", ".csv", ".tex"),
    "figures": tuple(f"/{name}.{form}" for name in FIGURES for form in FORMATS),
}


def table_files(kind: str, benchmark: str) -> list[str]:
    """Return the paths of a benchmark's tables or figures of this kind, the one to look at first."""
    return [f"{RESULTS}/{benchmark}_{kind}{ending}" for ending in TABLES[kind]]
