"""Draws a benchmark's results: a panel per task, a line per method, a dot per seed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scalearn.results.cells import Table
from scalearn.results.grid import SHORT
from scalearn.storage.files import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL, LINE, MARGIN = 1.5, 0.26, 1.0  # inches: a panel's width, a method's height, title and axis together
SEED, MEAN, QUIET = "#8fb3d9", "#1f4e79", "#888888"


def write_figure(table: Table, path: Path) -> None:
    """Write the figure as SVG with text as text. Equal tables make equal bytes."""
    import matplotlib

    with (
        matplotlib.rc_context({"svg.hashsalt": "scalearn", "svg.fonttype": "none", "font.size": 8}),
        whole_file(path) as temporary,
    ):
        draw(table).savefig(temporary, format="svg", metadata={"Date": None})


def draw(table: Table) -> Figure:
    """Return the table as a figure: scores times 100, seeds as light dots, means as dark ones, the baseline dashed.

    The last panel shows averages. What is missing leaves its place empty.
    """
    from matplotlib.figure import Figure

    panels = len(table.columns) + 1
    figure = Figure((2 + PANEL * panels, MARGIN + LINE * len(table.rows)), layout="constrained")
    axes = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
    for index, column in enumerate(table.columns):
        axes[index].set_title(column.task + (f"\n{SHORT[column.metric]}" if column.metric else "\n"))
        _panel(axes[index], column.baseline, [[*row.cells[index].values.values()] for row in table.rows])
    axes[-1].set_title("average\n")
    _panel(axes[-1], table.baseline_average, [[] if row.average is None else [row.average] for row in table.rows])
    axes[0].set_yticks(range(len(table.rows)), [row.title for row in table.rows])
    figure.suptitle(f"{table.benchmark}, {table.model}")
    return figure


def _panel(axes: Axes, baseline: float | None, lines: list[list[float]]) -> None:
    """Draw the values of each method (a line), in percent."""
    if baseline is not None:
        axes.axvline(baseline * 100, color=QUIET, linestyle="--", linewidth=0.8)
    for place, values in enumerate(lines):
        if values:
            percent = [value * 100 for value in values]
            axes.plot(percent, [place] * len(percent), "o", color=SEED, markersize=3)
            axes.plot([sum(percent) / len(percent)], [place], "o", color=MEAN, markersize=5)
    axes.grid(axis="x", linewidth=0.3)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.margins(x=0.15)
    axes.set_ylim(len(lines) - 0.5, -0.5)
