"""How all figures look: a colour per method, a shape per family, fonts, and what is common to their charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from scalearn.results.cells import Row, Table
from scalearn.results.layout import FAMILIES

# Ten colours that colour-blind readers can tell apart, dark enough for thin lines on white (after Okabe and Tol).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B07500", "#3BA0D8", "#332288", "#882255", "#7A7A21", "#4D4D4D")
DASHES = ([1, 0], [5, 2], [2, 2], [8, 2, 2, 2])
SHAPES = {"single": "circle", "joint": "square", "two_stage": "triangle-up"}
GREY = "#767676"
FONT = "Liberation Sans"  # vl-convert carries it, so that files do not depend on the fonts of a machine
HIGHLIGHT = "method"  # the parameter of every chart


def titles(table: Table) -> tuple[str, ...]:
    """Return the titles of the rows, in table order."""
    return tuple(row.title for row in table.rows)


def colour(table: Table) -> alt.Color:
    """Return the colour of a row by its place in the campaign, the same in all figures."""
    names = titles(table)
    return alt.Color("row:N", scale=alt.Scale(domain=names, range=_cycled(COLOURS, names)), legend=None)


def dash(table: Table) -> alt.StrokeDash:
    """Return the dashes of a row: those of the first ten rows are solid, so that no two rows look alike."""
    names = titles(table)
    dashes = tuple(DASHES[place // len(COLOURS) % len(DASHES)] for place in range(len(names)))
    return alt.StrokeDash("row:N", scale=alt.Scale(domain=names, range=dashes), legend=None)


def shape() -> alt.Shape:
    """Return the shape of a row's family."""
    return alt.Shape(
        "family:N", scale=alt.Scale(domain=tuple(FAMILIES.values()), range=tuple(SHAPES.values())), legend=None
    )


def opacity(full: float = 1.0) -> Any:
    """Return the opacity of marks: full, or faint while another row is highlighted."""
    return alt.condition(f"{HIGHLIGHT} == null || {HIGHLIGHT} == datum.row", alt.value(full), alt.value(0.1 * full))


def family(row: Row) -> str:
    """Return the words for a row's family."""
    return FAMILIES[row.method.family]


def row_axis(table: Table, labels: bool) -> alt.Y:
    """Return the axis of rows in table order, with or without their titles."""
    axis = alt.Axis(labels=labels, ticks=False, domain=False, title=None, labelLimit=220, labelFontSize=11, grid=False)
    return alt.Y("row:N", sort=None, scale=alt.Scale(domain=titles(table)), axis=axis)


def value_axis(field: str) -> alt.X:
    """Return an axis of scores times 100 that need not begin at zero."""
    scale = alt.Scale(zero=False, nice=True)
    return alt.X(f"{field}:Q", title="", scale=scale, axis=alt.Axis(tickCount=4, labelFontSize=10))


def data(values: Sequence[dict[str, Any]]) -> alt.Data:
    """Return rows of data that stand in the chart itself, with six digits, for a page holds thousands of numbers."""
    rows = ({name: float(f"{v:.6g}") if isinstance(v, float) else v for name, v in row.items()} for row in values)
    return alt.Data(values=tuple(rows))  # Altair copies a list, row by row, each time that it copies a chart


def finished(chart: Any, title: str) -> Any:
    """Return the chart with its title, its fonts and the parameter of the highlighted row."""
    # Set one by one: Altair's methods copy the whole chart at each call, which takes seconds for many panels.
    chart.title = alt.TitleParams(title, anchor="start", fontSize=14, offset=12)
    chart.background = "white"
    chart.params = [alt.VariableParameter(name=HIGHLIGHT, value=None)]
    chart.config = alt.Config(
        font=FONT,
        aria=False,  # a label per mark would be half of a drawing; a figure has a text of its own
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(gridColor="#E4E4E4", domainColor=GREY, tickColor=GREY, titleFontWeight="normal"),
        title=alt.TitleConfig(font=FONT, fontWeight="normal"),  # two fonts would stand in any order in a PDF
    )
    return chart


def words(text: str) -> Any:
    """Return a chart that is a sentence."""
    chart = alt.Chart(data([{"text": text}])).mark_text(fontSize=13).encode(text="text:N")
    return chart.properties(width=700, height=60, background="white").configure(font=FONT).configure_view(stroke=None)


def _cycled(values: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(values[place % len(values)] for place in range(len(names)))
