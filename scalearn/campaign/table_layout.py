"""What the tables of a campaign show: their tasks, their rows and the runs behind each cell."""

from __future__ import annotations

from typing import Any

from scalearn.campaign.runs import Runs
from scalearn.campaign.variants import TableRow, Variant


def table_layout(campaign: Runs, benchmark: str) -> dict[str, Any]:
    """Return the layout of a benchmark's table, as scalearn.results.layout reads it.

    It has the keys benchmark, model, protocol, tasks, rows (with the paths of their runs), metrics, positive, baseline,
    source_seed and intervals; and foreign, if there are source adapters from elsewhere.
    """
    available = campaign.joint_tasks(benchmark)
    metrics = {task: campaign.metrics(task) for task in available}
    positive = {task: campaign.tasks[task].positive for task in available}
    foreign = _foreign(campaign, benchmark)
    return {
        "benchmark": benchmark,
        "model": campaign.model(benchmark),
        "protocol": campaign.config.protocol,
        "tasks": campaign.benchmarks[benchmark].tasks,
        "rows": [_row(campaign, benchmark, row) for row in campaign.rows],
        "metrics": {task: names for task, names in metrics.items() if names},
        "positive": {task: label for task, label in positive.items() if label is not None},
        "baseline": campaign.baseline,
        "source_seed": campaign.config.source_seed,
        "intervals": campaign.config.intervals,
        **({"foreign": foreign} if foreign else {}),
    }


def _foreign(campaign: Runs, benchmark: str) -> dict[str, str]:
    """Return where each adapter from elsewhere comes from that the benchmark's two-stage methods compose, by name."""
    if not campaign.adapters:
        return {}
    return {
        source.name: f"{source.adapter}, {source.revision or campaign.adapter_key(source)}"
        for source in campaign.benchmarks[benchmark].foreign_sources
    }


def _row(campaign: Runs, benchmark: str, row: TableRow) -> dict[str, Any]:
    seeds = {task: campaign.seeds(task, row.method.name) for task in campaign.benchmarks[benchmark].tasks}

    def paths(variant: Variant) -> dict[str, tuple[str, ...]]:
        return {
            task: tuple(campaign.run(benchmark, variant, task, seed).path for seed in seeds[task])
            for task in campaign.joint_tasks(benchmark)
        }

    settings = [{"description": variant.description, "runs": paths(variant)} for variant in row.variants]
    return {"name": row.name, "title": row.title, "method": row.method.name, "seeds": seeds, "settings": settings}
