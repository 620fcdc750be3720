"""Learning curves: the validation score after each epoch, mean and range over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from scalearn.figures import style
from scalearn.figures.figure import Figure
from scalearn.figures.panels import heading
from scalearn.results.cells import Table
from scalearn.results.curves import Curves
from scalearn.results.grid import SHORT

WIDTH, HEIGHT, COLUMNS = 200, 150, 4
FEW = 10  # epochs, up to which each one has a dot


def figure(table: Table, curves: Sequence[Curves]) -> Figure | None:
    """Return the figure, or None without curves. Joint runs have panels of their own, because they count rounds."""
    if not curves:
        return None
    groups = dict.fromkeys((curve.task, curve.joint) for curve in curves)
    panels = [
        _panel(table, task, joint, [curve for curve in curves if (curve.task, curve.joint) == (task, joint)])
        for task, joint in groups
    ]
    title = f"{table.benchmark}, {table.model}: validation scores times 100 while training"
    chart = alt.concat(*panels, columns=COLUMNS, spacing=16).resolve_scale(x="independent", y="independent")
    shown = {curve.row for curve in curves}
    legend = [row.title for row in table.rows if row.title in shown]
    return Figure("curves", title, _text(curves), style.finished(alt.vconcat(chart, _legend(table, legend)), title))


def _panel(table: Table, task: str, joint: bool, curves: Sequence[Curves]) -> Any:
    points = [
        {"row": curve.row, "epoch": point.epoch, "mean": point.mean * 100, "low": point.low * 100,
         "high": point.high * 100, "seeds": point.seeds}
        for curve in curves
        for point in curve.points
    ]  # fmt: skip
    base = alt.Chart(style.data(points)).encode(
        alt.X("epoch:Q", title="round" if joint else "epoch", scale=alt.Scale(nice=False, zero=False),
              axis=alt.Axis(tickMinStep=1, tickCount=6, grid=False)),
        style.colour(table),
        opacity=style.opacity(),
    )  # fmt: skip
    y = alt.Y("mean:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5))
    band = base.mark_area().encode(
        alt.Y("low:Q", scale=alt.Scale(zero=False)), alt.Y2("high:Q"), opacity=style.opacity(0.13)
    )
    line = base.mark_line(strokeWidth=1.6).encode(y, style.dash(table))
    few = all(len(curve.points) <= FEW for curve in curves)
    dots = base.mark_point(size=14, filled=True).encode(
        y, tooltip=["row:N", "epoch:Q", alt.Tooltip("mean:Q", format=".2f"), "seeds:Q"]
    )
    title = heading(f"{task}, joint runs" if joint else task, SHORT[curves[0].metric])
    return alt.layer(band, line, *([dots] if few else [])).properties(title=title, width=WIDTH, height=HEIGHT)


def _legend(table: Table, shown: Sequence[str]) -> Any:
    """Return the rows with their colours and dashes, several side by side."""
    per_line = min(len(shown), 5)
    entries = [{"row": title, "x": place % per_line, "y": place // per_line} for place, title in enumerate(shown)]
    lines = -(-len(shown) // per_line)
    axis = {"axis": None, "scale": alt.Scale(domain=[0, per_line], nice=False, zero=False)}
    down = {"axis": None, "scale": alt.Scale(domain=[-0.5, lines - 0.5], reverse=True, nice=False)}
    base = alt.Chart(style.data(entries)).transform_calculate(x2="datum.x + 0.12", label="datum.x + 0.15")
    line = base.mark_rule(strokeWidth=2.5).encode(
        alt.X("x:Q", **axis), alt.X2("x2:Q"), alt.Y("y:Q", **down), style.colour(table), style.dash(table),
        opacity=style.opacity(),
    )  # fmt: skip
    text = base.mark_text(align="left", fontSize=11, limit=140).encode(
        alt.X("label:Q", **axis), alt.Y("y:Q", **down), text="row:N", opacity=style.opacity()
    )
    return alt.layer(line, text).properties(width=180 * per_line, height=18 * lines)


def _text(curves: Sequence[Curves]) -> str:
    longest = max(point.epoch for curve in curves for point in curve.points)
    tasks = len({curve.task for curve in curves})
    return (
        f"A panel per task ({tasks}), a line per method: the mean over the seeds that trained so long, and the range"
        f" from the least to the greatest as a band. The longest training has {longest:g} epochs or rounds."
    )
