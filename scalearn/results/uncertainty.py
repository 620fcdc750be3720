"""Intervals of a table's cells and averages, and the comparisons of its rows with the baseline row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from scalearn.errors import UserError
from scalearn.results.cells import Cell, Column, Comparison, Row, Table
from scalearn.results.layout import Layout
from scalearn.results.measured import FinishedRun, measured
from scalearn.results.records import Part, ScoreRecord
from scalearn.statistics.bootstrap import bootstrap_interval, bootstrap_p, draw_sums
from scalearn.statistics.crossed import Estimate, Runs, Term, estimate
from scalearn.statistics.interval import Interval
from scalearn.statistics.multiple import better_on_at_least, holm, one_sided

SIGNED = ("matthews", "pearson", "spearman")  # metrics from -1 to 1; all others are from 0 to 1


def with_uncertainty(table: Table, layout: Layout, records: Mapping[Part, ScoreRecord], runs: Path) -> Table:
    """Return the table with intervals, and with comparisons if it has a baseline row.

    A column whose predictions cannot be used has none, and a line of output says why.

    Args:
        runs: The folder of all runs.
    """
    by_task = {
        column.task: _of_column(place, table, layout, records, runs) for place, column in enumerate(table.columns)
    }
    families = {
        family: tuple(_with_intervals(row, table.columns, by_task) for row in rows)
        for family, rows in table.families.items()
    }
    table = replace(table, families=families)
    return _compared(table, layout.baseline, by_task) if layout.baseline else table


ByTask = dict[str, dict[str, Runs]]  # the measured runs: task -> row -> runs


def _of_column(
    place: int, table: Table, layout: Layout, records: Mapping[Part, ScoreRecord], runs: Path
) -> dict[str, Runs]:
    finished = [
        FinishedRun(row.name, part, records[part])
        for row in table.rows
        for part in row.cells[place].parts.values()
        if part in records
    ]
    task = table.columns[place].task
    try:
        return measured(task, finished, layout, runs)
    except UserError as error:
        print(f"no intervals for {task}: {error}")
        return {}


def _with_intervals(row: Row, columns: Sequence[Column], by_task: ByTask) -> Row:
    cells = [
        _with_interval(cell, column, by_task[cell.task].get(row.name))
        for cell, column in zip(row.cells, columns, strict=True)
    ]
    terms = _average(row, by_task)
    average = _interval(terms) if terms else None
    return replace(row, cells=tuple(cells), average_interval=average and _within(average, -1.0))


def _with_interval(cell: Cell, column: Column, runs: Runs | None) -> Cell:
    interval = _interval([Term(1.0, runs)]) if runs else None
    if interval is None:
        return cell
    return replace(cell, interval=_within(interval, -1.0 if column.metric in SIGNED else 0.0))


def _average(row: Row, by_task: ByTask, weight: float = 1.0) -> list[Term] | None:
    """Return the terms of a row's average; None if it has none."""
    if row.average is None or any(row.name not in by_task[cell.task] for cell in row.cells):
        return None
    return [Term(weight / len(row.cells), by_task[cell.task][row.name]) for cell in row.cells]


def _interval(terms: Sequence[Term]) -> Interval | None:
    of = estimate(terms)
    if of is None:
        return None
    draws = draw_sums(terms)
    drawn = None if draws is None else bootstrap_interval(draws, of)
    return drawn or of.interval


def _within(interval: Interval, least: float) -> Interval:
    """Return the interval without values that a score cannot have."""
    return replace(interval, low=max(interval.low, least), high=min(interval.high, 1.0))


# ---------------------------------------------------------------------- comparisons


def _compared(table: Table, baseline: str, by_task: ByTask) -> Table:
    """Return the table with comparisons, detectable differences, and on how many tasks each row is better."""
    against = next(row for row in table.rows if row.name == baseline)
    others = [row for row in table.rows if row.name != baseline]
    by_column: dict[str | None, list[tuple[Comparison, Estimate]]] = {
        column.task: list(_of_task(column.task, place, others, against, by_task[column.task]))
        for place, column in enumerate(table.columns)
    }
    by_column[None] = list(_of_average(others, against, by_task))
    comparisons = [comparison for of_column in by_column.values() for comparison in _adjusted(of_column)]
    columns = [replace(column, detectable=_detectable(by_column[column.task])) for column in table.columns]
    return replace(
        table,
        columns=tuple(columns),
        against=baseline,
        comparisons=tuple(comparisons),
        detectable=_detectable(by_column[None]),
        better_on={row.name: _better_on(row, by_column) for row in others},
    )


def _of_task(
    task: str, place: int, others: Sequence[Row], against: Row, runs: Mapping[str, Runs]
) -> Iterator[tuple[Comparison, Estimate]]:
    """Yield the comparison of each row that has finished runs on the task."""
    of_baseline = against.cells[place].mean
    for row in others:
        mean = row.cells[place].mean
        if mean is not None and of_baseline is not None and row.name in runs and against.name in runs:
            terms = [Term(1.0, runs[row.name]), Term(-1.0, runs[against.name])]
            yield _comparison(row.name, task, mean - of_baseline, terms)


def _of_average(others: Sequence[Row], against: Row, by_task: ByTask) -> Iterator[tuple[Comparison, Estimate]]:
    """Yield the comparison of each row that has an average."""
    of_baseline = _average(against, by_task, -1.0)
    for row in others:
        terms = _average(row, by_task)
        if terms and of_baseline and row.average is not None and against.average is not None:
            yield _comparison(row.name, None, row.average - against.average, [*terms, *of_baseline])


def _comparison(row: str, task: str | None, difference: float, terms: Sequence[Term]) -> tuple[Comparison, Estimate]:
    of = estimate(terms)
    if of is None:
        return Comparison(row, task, difference, None), Estimate(difference, 0.0, 1.0, "rows")
    draws = draw_sums(terms)
    drawn = None if draws is None else bootstrap_interval(draws, of)
    if draws is None or drawn is None:
        return Comparison(row, task, difference, of.interval, of.p), of
    return Comparison(row, task, difference, drawn, bootstrap_p(draws, of)), of


def _adjusted(of_column: Sequence[tuple[Comparison, Estimate]]) -> list[Comparison]:
    adjusted = holm([comparison.p for comparison, _ in of_column])
    return [replace(comparison, adjusted=p) for (comparison, _), p in zip(of_column, adjusted, strict=True)]


def _detectable(of_column: Sequence[tuple[Comparison, Estimate]]) -> float | None:
    """Return the median over the rows of the least difference that a test would find; None without tests."""
    values = [of.detectable for comparison, of in of_column if comparison.p is not None]
    return median(values) if values else None


def _better_on(row: Row, by_column: Mapping[str | None, Sequence[tuple[Comparison, Estimate]]]) -> int:
    """Return on how many tasks at least the row is better than the baseline, by tests that Holm corrected."""
    ps = []
    for task, of_column in by_column.items():
        if task is not None:
            one = holm([one_sided(comparison.p, comparison.difference) for comparison, _ in of_column])
            ps += [p for (comparison, _), p in zip(of_column, one, strict=True) if comparison.row == row.name] or [None]
    return better_on_at_least(ps)
