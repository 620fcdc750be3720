"""Average scores over what they cost, with the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from scalearn.figures import style
from scalearn.figures.figure import Figure
from scalearn.figures.placing import LONGEST, placed
from scalearn.results.cells import Table
from scalearn.results.pareto import front, total_parameters

WIDTH, HEIGHT = 560, 340


def over_parameters(table: Table) -> Figure | None:
    """Return average scores over the number of parameters that a row trains for all tasks; None without a point."""
    costs = {row.name: total_parameters(row) for row in table.rows}
    shown = {name: float(count) for name, count in costs.items() if count is not None}
    axis = "trained parameters for all tasks, without heads and source adapters"
    if 0.0 in shown.values():
        axis += " (0 stands at 1)"
    return _figure(table, "parameters", axis, shown, ",.0f")


def over_hours(table: Table, hours: Mapping[str, float]) -> Figure | None:
    """Return average scores over device hours; None without a point.

    Args:
        hours: Row name -> device hours of its runs, source adapters included.
    """
    shown = {name: value for name, value in hours.items() if value > 0}
    return _figure(table, "hours", "device hours, source adapters included", shown, ",.3f")


def _figure(table: Table, name: str, axis: str, costs: Mapping[str, float], form: str) -> Figure | None:
    points = {
        row.name: (costs[row.name], row.average) for row in table.rows if row.name in costs and row.average is not None
    }
    if not points:
        return None
    best = front(points)
    rows = [
        {
            "row": row.title,
            "family": style.family(row),
            "exact": points[row.name][0],
            "cost": points[row.name][0] or 1.0,  # a logarithm has no place for the 0 of methods that train only a head
            "score": points[row.name][1] * 100,
            "front": row.name in best,
            **({"low": row.average_interval.low * 100, "high": row.average_interval.high * 100}
               if row.average_interval else {}),
        }
        for row in table.rows
        if row.name in points
    ]  # fmt: skip
    title = f"{table.benchmark}, {table.model}: average score times 100 over {name}"
    on_front = ", ".join(row.title for row in table.rows if row.name in best)
    text = (
        f"A mark per row; lines are 95 % intervals. On the stepped line no other row has a higher average for the same"
        f" cost or less: {on_front}."
    )
    return Figure(name, title, text, style.finished(_chart(table, rows, axis, form), title))


def _chart(table: Table, rows: list[dict[str, Any]], axis: str, form: str) -> Any:
    across = _ends([math.log(row["cost"]) for row in rows])
    down = _ends([row[name] for row in rows for name in ("score", "low", "high") if name in row])
    domain = [math.exp(end) for end in across]
    x = alt.X(
        "cost:Q",
        title=axis,
        scale=alt.Scale(domain=domain, nice=False, type="log"),
        axis=alt.Axis(format="~s", tickCount=6, labelFlush=False, grid=False),
    )
    y = {"title": "average score", "scale": alt.Scale(domain=list(down), nice=False)}
    base = alt.Chart(style.data(_with_names(rows, across, down)))
    steps = (
        base.transform_filter("datum.front")
        .mark_line(interpolate="step-after", color=style.GREY, strokeDash=[4, 3])
        .encode(x, alt.Y("score:Q", **y))
    )
    known = [row for row in rows if "low" in row]
    lines = (
        alt.Chart(style.data(known))
        .mark_rule(strokeWidth=1.2)
        .encode(x, alt.Y("low:Q", **y), alt.Y2("high:Q"), style.colour(table), opacity=style.opacity(0.6))
    )
    marks = base.mark_point(filled=True, size=80).encode(
        x, alt.Y("score:Q", **y), style.colour(table), style.shape(), opacity=style.opacity(),
        tooltip=["row:N", alt.Tooltip("exact:Q", format=form), alt.Tooltip("score:Q", format=".2f")],
    )  # fmt: skip
    at = {"axis": None, "scale": alt.Scale(domain=[0, WIDTH], nice=False)}
    names = [
        base.transform_filter("datum.left" if left else "!datum.left")
        .mark_text(align="right" if left else "left", fontSize=11, limit=LONGEST)
        .encode(
            alt.X("name_x:Q", **at),
            alt.Y("name_y:Q", axis=None, scale=alt.Scale(domain=[HEIGHT, 0], nice=False)),
            style.colour(table),
            text="row:N",
            opacity=style.opacity(),
        )
        for left in (False, True)
    ]
    marked = alt.layer(steps, *([lines] if known else []), marks)
    shown = alt.layer(marked, alt.layer(*names)).resolve_scale(x="independent", y="independent")
    return shown.properties(width=WIDTH, height=HEIGHT)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis: the least and the greatest value with some room beyond them."""
    room = (max(values) - min(values)) * 0.06 or 1.0
    return min(values) - room, max(values) + room


def _with_names(
    rows: Sequence[dict[str, Any]], across: tuple[float, float], down: tuple[float, float]
) -> list[dict[str, Any]]:
    """Return the rows with the pixels at which their names stand."""
    marks = [
        (
            WIDTH * (math.log(row["cost"]) - across[0]) / (across[1] - across[0]),
            HEIGHT * (down[1] - row["score"]) / (down[1] - down[0]),
        )
        for row in rows
    ]
    places = placed(marks, [row["row"] for row in rows], WIDTH)
    return [
        {**row, "name_x": place.x, "name_y": place.y, "left": place.left}
        for row, place in zip(rows, places, strict=True)
    ]
