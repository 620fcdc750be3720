"""How a number in a table came about: its runs and their scores, the chosen setting, the files and the formula."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from scalearn.errors import UserError, nearest
from scalearn.results.cells import Cell, Column, Comparison, Row, Table, make_table
from scalearn.results.grid import LONG, conditional
from scalearn.results.layout import Layout
from scalearn.results.records import PREDICTIONS, Part, ScoreRecord
from scalearn.results.scored import current_scores
from scalearn.results.uncertainty import with_uncertainty

_TABLE = re.compile(r"(.+)_(?:table|comparisons)\.(?:md|csv|tex|svg|parquet)")


def benchmark_of(table: Path) -> str:
    """Return the benchmark that a table's name has. Raises: UserError if it is no table's name."""
    match = _TABLE.fullmatch(table.name)
    if match is None:
        raise UserError(f"{table}: this is no table of a campaign; name results/<benchmark>_table.md")
    return match[1]


def explanation(layout: Layout, runs: Path, row: str, task: str) -> str:
    """Return in words how the cell of a row and a task came about.

    Args:
        runs: The folder of all runs.
        row: A row's name or its title in the table.

    Raises: UserError if the table has no such row or task, or if a run cannot be scored.
    """
    title = _title(layout, row)
    if task not in layout.tasks:
        raise UserError(f"the table of '{layout.benchmark}' has no task '{task}'{nearest(task, layout.tasks)}")
    records = current_scores([layout], runs)
    table = with_uncertainty(make_table(layout, records, runs), layout, records, runs)
    (of_row,) = [entry for entry in table.rows if entry.title == title]
    return "\n\n".join(cell_paragraphs(table, of_row, task, records, runs))


def cell_paragraphs(table: Table, row: Row, task: str, records: Mapping[Part, ScoreRecord], runs: Path) -> list[str]:
    """Return in words how a cell came about, what it is compared with, and how sure it is.

    Args:
        table: With intervals and comparisons.
        records: The score records of the finished runs.
        runs: The folder of all runs.
    """
    (cell,) = [cell for cell in row.cells if cell.task == task]
    (column,) = [column for column in table.columns if column.task == task]
    paragraphs = (
        _headline(row, table, cell, column),
        _seeds(cell.parts, records, runs),
        _formula(cell, column),
        _interval(cell, conditional(table) if row.method.family == "two_stage" else []),
        _test(table.comparison(row.name, task), table, column),
        _selection(row, cell),
        _compared(table, cell, column),
    )
    return [paragraph for paragraph in paragraphs if paragraph]


def _title(layout: Layout, wanted: str) -> str:
    """Return the title of the row with this name or title."""
    for row in layout.rows:
        if wanted in (row.name, row.title):
            return row.title
    names = [row.name for row in layout.rows]
    raise UserError(f"the table of '{layout.benchmark}' has no row '{wanted}'{nearest(wanted, names)}")


def _headline(row: Row, table: Table, cell: Cell, column: Column) -> str:
    value = "no run is finished"
    if cell.mean is not None:
        value = f"{cell.mean * 100:.2f}" + (f" ± {cell.std * 100:.2f}" if cell.std is not None else "")
    metric = f" ({LONG[column.metric]} times 100)" if column.metric else ""
    return f"{row.title} on {cell.task}, benchmark {table.benchmark}, {table.protocol} protocol: {value}{metric}"


def _seeds(parts: Mapping[int, Part], records: Mapping[Part, ScoreRecord], runs: Path) -> str:
    """Return a line per seed: its score, its epoch, how many test rows it was scored on, and its predictions."""
    lines = []
    for seed, part in parts.items():
        record = records.get(part)
        if record is None:
            lines.append(f"seed {seed}: missing; {runs / part.run} is not finished, and the next start trains it")
            continue
        cost, rows = record.cost, record.rows[""]
        epoch = f"epoch {cost.best_epoch} of {cost.epochs} was the best on validation"
        predictions = runs / part.folder / PREDICTIONS
        lines.append(f"seed {seed}: {record.score * 100:.4f} on {rows:,} test rows; {epoch}; {predictions}")
    return "\n".join(lines)


def _formula(cell: Cell, column: Column) -> str:
    if not cell.values or column.metric is None:
        return ""
    of_label = f" of the label '{column.positive}'" if column.positive else ""
    scored = f"Each score is the {LONG[column.metric]}{of_label} of these predictions."
    seeds = ", ".join(map(str, cell.values))
    if cell.std is None:
        return f"{scored} The value is that of the only finished seed, so that there is no ±."
    return (
        f"{scored} The value is their mean, and ± their sample standard deviation, over {len(cell.values)} seeds "
        f"({seeds}). ± is no interval: it says how scores vary between seeds on these test rows."
    )


def _interval(cell: Cell, conditions: Sequence[str]) -> str:
    """Return the 95 % interval, what it covers and how it was made."""
    if cell.interval is None:
        return ""
    how = {
        "t": "a t-interval from the variances over seeds and over test rows",
        "bootstrap": "by the Multi-Bootstrap, which draws seeds and test rows 10,000 times",
    }
    covers = {"seeds and rows": "new seeds and new test rows", "rows": "new test rows alone, for there is one seed"}
    low, high = cell.interval.low * 100, cell.interval.high * 100
    text = (
        f"95 % interval of the value for {covers[cell.interval.covers]}: {low:.2f} to {high:.2f}, "
        f"{how[cell.interval.by]} (docs/statistics.md)."
    )
    return " ".join([text, *conditions])


def _test(comparison: Comparison | None, table: Table, column: Column) -> str:
    """Return the difference from the baseline row, its interval and its test."""
    if comparison is None or comparison.interval is None:
        return ""
    low, high = comparison.interval.low * 100, comparison.interval.high * 100
    text = (
        f"Difference from {table.against_title}, on the same test rows: {comparison.difference * 100:+.2f}, "
        f"95 % interval {low:.2f} to {high:.2f}."
    )
    if comparison.p is None or comparison.adjusted is None:
        return f"{text} No test: it needs two seeds of both rows."
    verdict = {"up": "better beyond the noise", "down": "worse beyond the noise", "": "within the noise"}
    text += f" p = {comparison.p:.4f}, after Holm's correction over the rows of the column {comparison.adjusted:.4f}: "
    text += f"{verdict[comparison.trend]}."
    if column.detectable is not None:
        text += f" A true difference of {column.detectable * 100:.2f} would be found 4 times in 5."
    return text


def _selection(row: Row, cell: Cell) -> str:
    unfit = [f"{setting} could not be chosen, for {why}" for setting, why in row.unfit.get(cell.task, {}).items()]
    if not cell.parts:
        return "\n".join(["No setting can be chosen yet.", *unfit])
    if cell.task not in row.by:
        return ""
    how = f"Setting: {row.chosen[cell.task]}, the best mean {LONG[row.by[cell.task].name]} on validation."
    return "\n".join([how, *unfit])


def _compared(table: Table, cell: Cell, column: Column) -> str:
    """Return how the value stands beside the constant answer and beside the best of its column."""
    if cell.mean is None or column.baseline is None:
        return ""
    above = (cell.mean - column.baseline) * 100
    others = [(other.mean, row.title) for row in table.rows for other in row.cells if other.task == cell.task]
    best, title = max(((value, title) for value, title in others if value is not None), key=lambda entry: entry[0])
    text = f"The constant answer gets {column.baseline * 100:.2f}, {abs(above):.2f} {'less' if above >= 0 else 'more'}."
    if best > cell.mean:
        text += f" The best of the column is {title} with {best * 100:.2f}."
    return text
