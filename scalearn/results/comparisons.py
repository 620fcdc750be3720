"""The file of comparisons before any markup: 95 % intervals of all cells, and differences from the baseline row."""

from __future__ import annotations

from collections.abc import Sequence, Set

from scalearn.results.cells import Comparison, Row, Table
from scalearn.results.grid import DASH, TRENDS, Grid, Line, Mark, conditional, heading, percent
from scalearn.results.layout import FAMILIES
from scalearn.statistics.interval import By, Interval

ROWS_ONLY = " (rows)"


def comparison_grids(table: Table) -> list[Grid]:
    """Return the intervals, and the differences if the table has a baseline row."""
    return [_intervals(table), *([_differences(table)] if table.against is not None else [])]


def _intervals(table: Table) -> Grid:
    lines: list[Line] = []
    for family, rows in table.families.items():
        lines.append(Line(family=FAMILIES[family]))
        lines += [_interval_line(row) for row in rows]
    made = {
        interval.by
        for row in table.rows
        for interval in (*(cell.interval for cell in row.cells), row.average_interval)
        if interval is not None
    }
    return Grid(
        f"{table.benchmark}, {table.model}: 95 % intervals",
        _header(table),
        tuple(lines),
        (
            "For new training seeds and new test rows, times 100 (docs/statistics.md).",
            *(
                [f"{ROWS_ONLY.strip()}: one seed, so that the interval is for new test rows alone."]
                if any(ROWS_ONLY in mark.text for line in lines for mark in line.cells)
                else []
            ),
            *([_made(made)] if made else []),
            *conditional(table),
        ),
        (),
        (),
    )


def _made(made: Set[By]) -> str:
    """Return how the intervals were made."""
    how = {"t": "t-intervals from variance components", "bootstrap": "the Multi-Bootstrap, 10,000 draws"}
    return "Made as " + " and ".join(text for name, text in how.items() if name in made) + "."


def _header(table: Table) -> tuple[str, ...]:
    return ("Method", *(heading(column.task, column.metric) for column in table.columns), "Avg.")


def _interval_line(row: Row) -> Line:
    cells = [Mark(_range(cell.interval)) for cell in row.cells]
    return Line((Mark(row.title), *cells, Mark(_range(row.average_interval))))


def _range(interval: Interval | None) -> str:
    if interval is None:
        return DASH
    covers = ROWS_ONLY if interval.covers == "rows" else ""
    return f"{percent(interval.low)} to {percent(interval.high)}{covers}"


def _differences(table: Table) -> Grid:
    tasks: Sequence[str | None] = [*(column.task for column in table.columns), None]
    lines: list[Line] = []
    for family, rows in table.families.items():
        others = [row for row in rows if row.name != table.against]
        if others:
            lines.append(Line(family=FAMILIES[family]))
        for row in others:
            cells = [_difference(table.comparison(row.name, task)) for task in tasks]
            lines.append(Line((Mark(row.title), *cells, Mark(_better_on(table, row)))))
    detectable = [*(column.detectable for column in table.columns), table.detectable]
    lines.append(Line((Mark("Detectable"), *(Mark(DASH if v is None else percent(v)) for v in detectable), Mark(DASH))))
    marks = [mark for line in lines for mark in line.cells]
    return Grid(
        f"{table.benchmark}, {table.model}: differences from {table.against_title}",
        (*_header(table), "Better on"),
        tuple(lines),
        (
            f"Differences of means from {table.against_title}, times 100, and their 95 % intervals for new training"
            " seeds and new test rows. All methods are compared on the same test rows.",
            "The average is the primary comparison. It is given if all tasks of both rows are complete.",
            "Better on: on at least so many of the tasks, with an error of 5 % over all of them (partial conjunction"
            " test); ↑ corrects over the rows of one column only.",
            "Detectable: the least true difference that an uncorrected test at 5 % finds 4 times in 5; median over the"
            " rows. Smaller differences are likely to be missed.",
            *conditional(table),
        ),
        (TRENDS.format(table.against_title),) if any(mark.trend for mark in marks) else (),
        (),
    )


def _difference(comparison: Comparison | None) -> Mark:
    if comparison is None:
        return Mark(DASH)
    text = f"{comparison.difference * 100:+z.2f}"
    if comparison.interval is not None:
        low, high = percent(comparison.interval.low), percent(comparison.interval.high)
        text += f" [{low}, {high}]" + (ROWS_ONLY if comparison.interval.covers == "rows" else "")
    return Mark(text, trend=comparison.trend)


def _better_on(table: Table, row: Row) -> str:
    return f"{table.better_on.get(row.name, 0)} of {len(table.columns)}"
