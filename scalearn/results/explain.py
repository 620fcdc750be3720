"""How a number in a table came about: its runs and their scores, the chosen setting, the files and the formula."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from scalearn.errors import UserError, nearest
from scalearn.results.cells import Cell, Column, Table, make_table
from scalearn.results.grid import LONG
from scalearn.results.layout import Layout, LayoutRow
from scalearn.results.records import PREDICTIONS, Part, ScoreRecord
from scalearn.results.scored import current_scores
from scalearn.results.selection import Choice, chosen

_TABLE = re.compile(r"(.+)_table\.(md|csv|tex|svg|parquet)")


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
    layout_row = _row(layout, row)
    if task not in layout.tasks:
        raise UserError(f"the table of '{layout.benchmark}' has no task '{task}'{nearest(task, layout.tasks)}")
    records = current_scores([layout], runs)
    table = make_table(layout, records, runs)
    cell = next(
        cell for entry in table.rows if entry.name == layout_row.name for cell in entry.cells if cell.task == task
    )
    column = next(column for column in table.columns if column.task == task)
    choice = chosen(layout_row, layout, runs, records)[task]
    parts = layout_row.parts(task, choice.setting) if choice.setting else {}
    paragraphs = (
        _headline(layout_row, layout, cell, column),
        _seeds(parts, records, runs),
        _formula(cell, column),
        _selection(choice),
        _compared(table, cell, column),
    )
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _row(layout: Layout, wanted: str) -> LayoutRow:
    for row in layout.rows:
        if wanted in (row.name, row.title):
            return row
    names = [row.name for row in layout.rows]
    raise UserError(f"the table of '{layout.benchmark}' has no row '{wanted}'{nearest(wanted, names)}")


def _headline(row: LayoutRow, layout: Layout, cell: Cell, column: Column) -> str:
    value = "no run is finished"
    if cell.mean is not None:
        value = f"{cell.mean * 100:.2f}" + (f" ± {cell.std * 100:.2f}" if cell.std is not None else "")
    metric = f" ({LONG[column.metric]} times 100)" if column.metric else ""
    return f"{row.title} on {cell.task}, benchmark {layout.benchmark}, {layout.protocol} protocol: {value}{metric}"


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


def _selection(choice: Choice) -> str:
    unfit = [f"{setting} could not be chosen, for {why}" for setting, why in choice.unfit.items()]
    if choice.setting is None:
        return "\n".join(["No setting can be chosen yet.", *unfit])
    if choice.by is None:
        return ""
    how = f"Setting: {choice.setting.description}, the best mean {LONG[choice.by.name]} on validation."
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
