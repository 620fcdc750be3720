"""Scores: a panel per task and one of averages, a line per row; seeds, mean, 95 % interval and majority baseline."""

from __future__ import annotations

from typing import Any

import altair as alt

from scalearn.figures import style
from scalearn.figures.figure import Figure
from scalearn.figures.panels import COLUMNS, panels_of, title_of
from scalearn.results.cells import Table
from scalearn.statistics.interval import Interval

STEP, WIDTH = 19, 125  # pixels: of a row, of a panel


def figure(table: Table) -> Figure:
    """Return the figure. What has no finished run leaves its place empty."""
    tasks: list[str | None] = [column.task for column in table.columns]
    panels = [_panel(table, place, task) for place, task in enumerate([*tasks, None])]
    title = f"{table.benchmark}, {table.model}: test scores times 100"
    return Figure("scores", title, _text(table), style.finished(panels_of(panels), title))


def _panel(table: Table, place: int, task: str | None) -> Any:
    rows = _means(table, place, task)
    seeds = [
        {"row": row.title, "seed": seed, "value": value * 100}
        for row in table.rows
        if task is not None
        for seed, value in row.cells[place].values.items()
    ]
    y, colour = style.row_axis(table, place % COLUMNS == 0), style.colour(table)
    layers = [*_missing(table, rows, y), *_lines(table, rows, y)]
    if seeds:
        circles = alt.Chart(style.data(seeds)).mark_point(size=10, yOffset=6)
        layers.append(
            circles.encode(
                style.value_axis("value"),
                y,
                colour,
                opacity=style.opacity(0.45),
                tooltip=["row:N", "seed:Q", "value:Q"],
            )
        )
    if rows:
        ends = [alt.Tooltip(f"{name}:Q", format=".2f") for name in ("mean", "low", "high")]
        marks = alt.Chart(style.data(rows)).mark_point(filled=True, size=55)
        layers.append(
            marks.encode(
                style.value_axis("mean"), y, colour, style.shape(), opacity=style.opacity(), tooltip=["row:N", *ends]
            )
        )
    baseline = table.baseline_average if task is None else table.columns[place].baseline
    if baseline is not None and _is_near(baseline * 100, rows):
        line = alt.Chart(style.data([{"value": baseline * 100}])).mark_rule(strokeDash=[4, 3], color=style.GREY)
        layers.insert(0, line.encode(style.value_axis("value")))
    return alt.layer(*layers).properties(
        title=title_of(table, task, baseline), width=WIDTH, height=STEP * len(table.rows)
    )


def _missing(table: Table, rows: list[dict[str, Any]], y: alt.Y) -> list[Any]:
    """Return a layer with a word for each row that has no value."""
    there = {row["row"] for row in rows}
    missing = [{"row": row.title} for row in table.rows if row.title not in there]
    if not missing:
        return []
    words = alt.Chart(style.data(missing)).mark_text(color=style.GREY, fontSize=9, text="missing")
    return [words.encode(y, x=alt.value(WIDTH / 2))]


def _lines(table: Table, rows: list[dict[str, Any]], y: alt.Y) -> list[Any]:
    """Return a layer with the intervals."""
    known = [row for row in rows if "low" in row]
    if not known:
        return []
    lines = alt.Chart(style.data(known)).mark_rule(strokeWidth=2)
    x, x2 = style.value_axis("low"), alt.X2("high:Q")
    return [lines.encode(x, x2, y, style.colour(table), opacity=style.opacity())]


def _is_near(baseline: float, rows: list[dict[str, Any]]) -> bool:
    """Return whether a line for the baseline leaves the rows more than half of the panel."""
    ends = [row[name] for row in rows for name in ("mean", "low", "high") if name in row]
    return bool(ends) and baseline >= min(ends) - (max(ends) - min(ends))


def _means(table: Table, place: int, task: str | None) -> list[dict[str, Any]]:
    """Return a row of data per row of the table that has a mean."""
    means = []
    for row in table.rows:
        mean = row.average if task is None else row.cells[place].mean
        interval = row.average_interval if task is None else row.cells[place].interval
        if mean is not None:
            means.append({"row": row.title, "family": style.family(row), "mean": mean * 100, **_ends(interval)})
    return means


def _ends(interval: Interval | None) -> dict[str, float]:
    return {} if interval is None else {"low": interval.low * 100, "high": interval.high * 100}


def _text(table: Table) -> str:
    averages = [(row.average, row.title) for row in table.rows if row.average is not None]
    text = (
        "Small circles are seeds, filled marks their means, lines 95 % intervals. A dashed line is the majority"
        " baseline where it is near."
    )
    if not averages:
        return f"{text} No row is complete yet."
    best, title = max(averages)
    return (
        f"{text} {len(averages)} of {len(table.rows)} rows have an average; the best is {title} with {best * 100:.2f}."
    )
