"""Learning curves of a table's runs: the validation score after each epoch, over the seeds of a cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from scalearn.campaign.run_folder import HISTORY
from scalearn.results.cells import Cell, Table
from scalearn.results.records import RUN


class Point(NamedTuple):
    """The scores after an epoch, or after a round of a joint run, as fractions. seeds: of how many runs."""

    epoch: float
    mean: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True)
class Curves:
    """The learning curve of a row (its title) on a task, by the headline metric."""

    row: str
    task: str
    joint: bool
    metric: str
    points: tuple[Point, ...]


def curves_of(table: Table, runs: Path) -> list[Curves]:
    """Return the curve of each cell whose runs recorded the headline metric on validation.

    A history that is missing or damaged is left out; `scalearn verify` names it.

    Args:
        runs: The folder of all runs.
    """
    return [curve for row in table.rows for curve in _of_row(row.title, row.cells, table, runs)]


def _of_row(title: str, cells: tuple[Cell, ...], table: Table, runs: Path) -> Iterator[Curves]:
    for cell, column in zip(cells, table.columns, strict=True):
        if column.metric is None or not cell.parts:
            continue
        joint = next(iter(cell.parts.values())).joint
        name = f"eval_{cell.task}_{column.metric}" if joint else f"eval_{column.metric}"
        by_epoch: dict[float, list[float]] = {}
        for part in cell.parts.values():
            if (runs / part.folder / RUN).is_file():
                for epoch, value in _history(runs / part.run / HISTORY, name):
                    by_epoch.setdefault(epoch, []).append(value)
        points = [Point(epoch, mean(of), min(of), max(of), len(of)) for epoch, of in sorted(by_epoch.items())]
        if points:
            yield Curves(title, cell.task, joint, column.metric, tuple(points))


def _history(path: Path, name: str) -> Iterator[tuple[float, float]]:
    """Yield epoch and score; nothing if the file cannot be read or has no such column."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid):
        return
    counter = "round" if "round" in table.column_names else "epoch"
    if name in table.column_names and counter in table.column_names:
        rows: list[dict[str, Any]] = table.select([counter, name]).to_pylist()
        for row in rows:
            if row[name] is not None and row[name] == row[name]:
                yield float(row[counter]), float(row[name])
