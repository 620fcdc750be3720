"""Forest plot: the differences of all rows from the baseline row, with 95 % intervals."""

from __future__ import annotations

from typing import Any

import altair as alt

from scalearn.figures import style
from scalearn.figures.figure import Figure
from scalearn.figures.panels import COLUMNS, panels_of, title_of
from scalearn.figures.scores import STEP, WIDTH
from scalearn.results.cells import Comparison, Table


def figure(table: Table) -> Figure | None:
    """Return the figure, or None if nothing is compared. Filled marks are beyond the noise, hollow ones are not."""
    if not table.comparisons:
        return None
    tasks = [*(column.task for column in table.columns), None]
    panels = [_panel(table, place, task) for place, task in enumerate(tasks)]
    title = f"{table.benchmark}, {table.model}: differences from {table.against_title}, times 100"
    return Figure("forest", title, _text(table), style.finished(panels_of(panels), title))


def _panel(table: Table, place: int, task: str | None) -> Any:
    rows = [
        _datum(comparison, row.title, style.family(row))
        for row in table.rows
        if (comparison := table.comparison(row.name, task)) is not None
    ]
    y, colour = style.row_axis(table, place % COLUMNS == 0), style.colour(table)
    zero = alt.Chart(style.data([{"value": 0}])).mark_rule(color=style.GREY).encode(style.value_axis("value"))
    known = [row for row in rows if "low" in row]
    lines = alt.Chart(style.data(known)).mark_rule(strokeWidth=1.5)
    intervals = lines.encode(style.value_axis("low"), alt.X2("high:Q"), y, colour, opacity=style.opacity())
    marks = alt.Chart(style.data(rows)).mark_point(size=55, strokeWidth=1.5).encode(
        style.value_axis("difference"), y, colour, style.shape(),
        fill=alt.condition("datum.beyond", style.colour(table), alt.value("white")),
        opacity=style.opacity(),
        tooltip=["row:N", *(alt.Tooltip(f"{name}:Q", format="+.2f") for name in ("difference", "low", "high")), "p:N"],
    )  # fmt: skip
    size = {"width": WIDTH, "height": STEP * len(table.rows)}
    baseline = alt.Chart(style.data([{"row": table.against_title}])).mark_text(
        color=style.GREY, fontSize=9, text="baseline"
    )
    layers = [
        zero,
        baseline.encode(y, x=alt.value(WIDTH / 2)),
        *([intervals] if known else []),
        *([marks] if rows else []),
    ]
    return alt.layer(*layers).properties(title=title_of(table, task), **size)


def _datum(comparison: Comparison, title: str, family: str) -> dict[str, Any]:
    interval = comparison.interval
    ends = {} if interval is None else {"low": interval.low * 100, "high": interval.high * 100}
    return {
        "row": title,
        "family": family,
        "difference": comparison.difference * 100,
        "beyond": comparison.trend != "",
        "p": "no test" if comparison.adjusted is None else f"{comparison.adjusted:.4f} (Holm)",
        **ends,
    }


def _text(table: Table) -> str:
    averages = [comparison for comparison in table.comparisons if comparison.task is None]
    names = {row.name: row.title for row in table.rows}
    beyond = [f"{names[one.row]} ({one.difference * 100:+.2f})" for one in averages if one.trend]
    text = (
        f"Marks are differences from {table.against_title}, lines 95 % intervals; filled marks are beyond the noise,"
        " hollow ones are not."
    )
    if not averages:
        return f"{text} No two averages can be compared yet."
    return f"{text} On average beyond the noise: {', '.join(beyond) or 'none'}."
