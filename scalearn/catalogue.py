"""The methods that there are, with what they train and their defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from scalearn.campaign import STAGE1, Campaign
from scalearn.errors import UserError, nearest
from scalearn.methods import METHODS
from scalearn.methods.adapter import bottleneck
from scalearn.methods.base import Method, Shapes

TASKS = 8  # as many as GLUE has


def sizes(
    campaign: Campaign | None, benchmark: str | None, layers: int, hidden: int, intermediate: int, embeddings: int
) -> Shapes:
    """Return an encoder's sizes with the numbers of source adapters and of jointly learned tasks of a benchmark."""
    sources = tasks = TASKS
    if campaign is not None and benchmark is not None:
        if benchmark not in campaign.benchmarks:
            raise UserError(f"--benchmark: unknown name '{benchmark}'{nearest(benchmark, campaign.benchmarks)}")
        sources, tasks = len(campaign.source_runs(benchmark, 0)), len(campaign.joint_tasks(benchmark))
    values = METHODS[STAGE1].defaults if campaign is None else campaign.hyperparameters(STAGE1, "single", "")
    return Shapes(layers, hidden, intermediate, embeddings, sources, bottleneck(hidden, values), tasks)


def catalogue(campaign: Campaign | None, benchmark: str | None, shapes: Shapes) -> list[dict[str, Any]]:
    """Return a row per method: name, title, family, trainable parameters, whether tasks share them, citation, defaults.

    `defaults` are the method's, `hyperparameters` the campaign's values for the benchmark, if there is one.
    """
    return [_row(method, campaign, benchmark, shapes) for method in METHODS.values()]


def _row(method: Method, campaign: Campaign | None, benchmark: str | None, shapes: Shapes) -> dict[str, Any]:
    values = method.defaults
    if campaign is not None:
        group = "single" if method.family == "single" else benchmark or ""
        values = campaign.hyperparameters(method.name, group, "")
    return {
        "method": method.name,
        "title": method.title,
        "family": method.family,
        "trainable_parameters": method.count(shapes, values),
        "shared_by_tasks": method.family == "joint",
        "citation": method.citation,
        "version": method.version,
        "defaults": method.defaults,
        "hyperparameters": values,
    }


def as_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return the catalogue as people read it."""
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("method", "family", "parameters", "for", "learning rate", "citation"):
        number = column in ("parameters", "learning rate")
        table.add_column(column, justify="right" if number else "left", no_wrap=column != "citation")
    for row in rows:
        count, rate = f"{row['trainable_parameters']:,}", f"{row['hyperparameters']['learning_rate']:g}"
        shared = "all tasks" if row["shared_by_tasks"] else "a task"
        table.add_row(row["method"], row["family"], count, shared, rate, row["citation"])
    return table
