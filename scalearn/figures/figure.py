"""What a figure is, and all figures of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scalearn.results.cells import Table
from scalearn.results.curves import Curves


@dataclass(frozen=True)
class Figure:
    """A chart with its name, its title, and a text that says in words what it shows.

    chart: an Altair chart. It has the parameter `method`: the title of a row to highlight, or null.
    """

    name: str
    title: str
    text: str
    chart: Any


def figures_of(table: Table, curves: Sequence[Curves] = (), hours: Mapping[str, float] | None = None) -> list[Figure]:
    """Return the figures of a table that have anything to show.

    Args:
        curves: Learning curves; without them, the figure of curves is left out.
        hours: Row name -> device hours; without them, the figure of scores over hours is left out.
    """
    from scalearn.figures import forest, learning, pareto, scores

    figures = [
        scores.figure(table),
        forest.figure(table),
        learning.figure(table, curves),
        pareto.over_parameters(table),
        pareto.over_hours(table, hours or {}),
    ]
    return [figure for figure in figures if figure is not None]
