"""Tables of any size with made-up numbers, as `scored_table` returns them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scalearn.methods import METHODS
from scalearn.results.cells import Cell, Column, Comparison, Row, Table
from scalearn.results.curves import Curves, Point
from scalearn.results.layout import FAMILIES
from scalearn.statistics.interval import Interval

METHOD_NAMES = (
    "full_finetuning", "adapter", "propetl", "compacter", "full_finetuning_m", "adapter_m", "propetl_m", "hyperformer",
    "hyperformer_pp", "adapter_fusion", "scalearn", "scalearn_uniform", "scalearn_pp", "scalearn_uniform_pp",
)  # fmt: skip
TASKS = ("mnli", "qqp", "qnli", "sst2", "stsb", "mrpc", "rte", "cola")


def made_table(
    methods: Sequence[str] = METHOD_NAMES,
    tasks: Sequence[str] = TASKS,
    seeds: int = 3,
    intervals: bool = True,
    titles: dict[str, str] | None = None,
) -> Table:
    """Return a complete table; with `intervals` also its intervals and its comparisons with the first row."""
    rng = np.random.default_rng(0)

    def interval(mean: float, half: float) -> Interval | None:
        return Interval(mean - half, min(mean + half, 1.0)) if intervals else None

    def cell(task: str) -> Cell:
        values = {seed: float(0.8 + 0.02 * rng.normal()) for seed in range(seeds)}
        mean = float(np.mean(list(values.values()))) if values else 0.0
        return Cell(task, tuple(range(seeds or 1)), values, int(10 ** rng.uniform(1, 7)), interval=interval(mean, 0.03))

    rows = []
    for name in methods:
        method = METHODS[name]
        average = interval(0.8, 0.02) if seeds else None
        rows.append(
            Row(name, (titles or {}).get(name, method.title), method, tuple(map(cell, tasks)), average_interval=average)
        )
    families = {family: tuple(row for row in rows if row.method.family == family) for family in FAMILIES}
    comparisons = [
        Comparison(row.name, task, 0.01 * place - 0.03, Interval(0.01 * place - 0.05, 0.01 * place), 0.01, 0.02)
        for place, row in enumerate(rows[1:])
        for task in (*tasks, None)
    ]
    return Table(
        "glue",
        "roberta-base",
        "corrected",
        tuple(Column(task, "accuracy", 0.5) for task in tasks),
        {family: of_family for family, of_family in families.items() if of_family},
        against=methods[0] if intervals and seeds else None,
        comparisons=tuple(comparisons) if intervals and seeds else (),
    )


def made_curves(table: Table, epochs: int = 5) -> list[Curves]:
    """Return a curve for each cell of a table."""
    return [
        Curves(
            row.title,
            column.task,
            row.method.family == "joint",
            "accuracy",
            tuple(
                Point(epoch, 0.5 + 0.05 * epoch, 0.48 + 0.05 * epoch, 0.52 + 0.05 * epoch, 3)
                for epoch in range(1, epochs + 1)
            ),
        )
        for row in table.rows
        for column in table.columns
    ]
