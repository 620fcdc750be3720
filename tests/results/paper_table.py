"""A table of GLUE by hand: its rows score what the paper published, or what a test asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scalearn.campaign.shipped import GLUE
from scalearn.methods import METHODS
from scalearn.results.cells import Cell, Column, Row, Table
from scalearn.results.published import published_scores
from scalearn.statistics.interval import Interval

METRICS = {"stsb": "pearson", "cola": "matthews"}


def cell_of(task: str, score: float, half: float | None = 0.01, planned: int = 2, seeds: int = 2) -> Cell:
    """Return a cell with this mean, and an interval of this half width around it."""
    values = dict.fromkeys(range(seeds), score)
    interval = None if half is None or not seeds else Interval(score - half, score + half)
    return Cell(task, tuple(range(planned)), values, 5, interval)


def glue_table(
    methods: Sequence[str] = ("adapter", "scalearn"),
    cells: Mapping[tuple[str, str], Cell] | None = None,
    benchmark: str = "glue",
    tasks: Sequence[str] = GLUE,
    names: Mapping[str, str] | None = None,
) -> Table:
    """Return a table whose cells score what was published, but for those in `cells` (by method and task).

    names: the names of rows that have one of their own, by method.
    """
    published = published_scores("glue")

    def row(method: str) -> Row:
        own = [
            (cells or {}).get((method, task)) or cell_of(task, published.get(method, {}).get(task, 50) / 100)
            for task in tasks
        ]
        average = sum(cell.mean or 0 for cell in own) / len(own)
        name = (names or {}).get(method, method)
        title = METHODS[method].title if name == method else name
        return Row(name, title, METHODS[method], tuple(own), average_interval=Interval(average - 0.01, average + 0.01))

    rows = [row(method) for method in methods]
    families = {
        family: tuple(row for row in rows if row.method.family == family) for family in ("single", "joint", "two_stage")
    }
    columns = tuple(Column(task, METRICS.get(task, "accuracy"), 0.4) for task in tasks)
    return Table(benchmark, "roberta-base", "corrected", columns, {name: of for name, of in families.items() if of})
