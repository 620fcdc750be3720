"""The content of a result table: scores averaged over seeds. scalearn.results.render formats it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import mean, stdev
from typing import Literal

from scalearn.errors import UserError
from scalearn.methods.base import Method
from scalearn.results.layout import Layout, LayoutRow
from scalearn.results.records import Part, ScoreRecord, score_path
from scalearn.results.selection import Choice, Metric, chosen
from scalearn.statistics.interval import Interval
from scalearn.tasks.protocol import Protocol

ALPHA = 0.05


@dataclass(frozen=True)
class Column:
    """A task of the table. Metric and baseline are None until a run of the task is finished."""

    task: str
    metric: str | None = None
    baseline: float | None = None
    positive: str | None = None  # the positive label of f1, of two labels
    detectable: float | None = None  # the least difference to the baseline row that a test would find 4 times in 5


@dataclass(frozen=True)
class Cell:
    """One method on one task: the headline score of each finished seed, as a fraction.

    parameters: trainable ones, without the head; None if no run is finished. interval: 95 %, of the mean. computed: the
    distinct precisions and devices of its runs, as `float32 on cpu`. parts: what was scored, for each planned seed;
    empty if there is no setting yet.
    """

    task: str
    planned: tuple[int, ...]
    values: dict[int, float]
    parameters: int | None
    interval: Interval | None = None
    computed: tuple[str, ...] = ()
    parts: Mapping[int, Part] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[int, ...]:
        """The planned seeds without a score."""
        return tuple(seed for seed in self.planned if seed not in self.values)

    @property
    def mean(self) -> float | None:
        """The exactly rounded mean over the finished seeds, or None if there are none."""
        return mean(self.values.values()) if self.values else None

    @property
    def std(self) -> float | None:
        """The sample standard deviation over the finished seeds, or None for fewer than two."""
        return stdev(self.values.values()) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Row:
    """A row's cells, in table order.

    chosen: for each task the setting that validation chose, if there was a choice; by: the validation metric that
    chose it; unfit: for each task the settings that could not be chosen, and why.
    """

    name: str
    title: str
    method: Method
    cells: tuple[Cell, ...]
    chosen: Mapping[str, str] = field(default_factory=dict)
    by: Mapping[str, Metric] = field(default_factory=dict)
    unfit: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    average_interval: Interval | None = None  # 95 %, of the average

    @property
    def average(self) -> float | None:
        """The unweighted mean of the task means, or None if a cell is incomplete."""
        if any(cell.missing for cell in self.cells):
            return None
        return mean(cell.mean for cell in self.cells if cell.mean is not None)

    @property
    def parameters(self) -> tuple[int, ...]:
        """The distinct numbers of trainable parameters over the tasks, ascending."""
        return tuple(sorted({cell.parameters for cell in self.cells if cell.parameters is not None}))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The distinct numbers of seeds behind the cells that show a value, ascending."""
        return tuple(sorted({len(cell.values) for cell in self.cells if cell.values}))


@dataclass(frozen=True)
class Comparison:
    """A row minus the baseline row, on one task or on the average over all tasks. Fractions.

    row: the row's name. task: None for the average. interval: None if the runs never differ. p, adjusted: two-sided,
    before and after Holm's correction over the rows of the column; None where there are no two seeds of both rows.
    """

    row: str
    task: str | None
    difference: float
    interval: Interval | None
    p: float | None = None
    adjusted: float | None = None

    @property
    def trend(self) -> str:
        """ "up" or "down" if the difference is beyond the noise (adjusted p below 0.05), else ""."""
        if self.adjusted is None or self.adjusted >= ALPHA:
            return ""
        return "up" if self.difference > 0 else "down"


@dataclass(frozen=True)
class Table:
    """A benchmark's results: its rows, grouped by family.

    foreign: where each source adapter from elsewhere comes from, by name. source_seed: of the source adapters, or
    `paired`. against: the name of the baseline row, with which `comparisons` compare all others. detectable: the least
    difference of averages that a test would find 4 times in 5. better_on: on how many tasks at least a row is better
    than the baseline, with an error of 5 %.
    """

    benchmark: str
    model: str
    protocol: Protocol
    columns: tuple[Column, ...]
    families: dict[str, tuple[Row, ...]]
    foreign: Mapping[str, str] = field(default_factory=dict)
    against: str | None = None
    comparisons: tuple[Comparison, ...] = ()
    detectable: float | None = None
    better_on: Mapping[str, int] = field(default_factory=dict)
    source_seed: int | Literal["paired"] = 0

    @property
    def rows(self) -> list[Row]:
        """All rows, in table order."""
        return [row for rows in self.families.values() for row in rows]

    @property
    def against_title(self) -> str | None:
        """The title of the baseline row."""
        return next((row.title for row in self.rows if row.name == self.against), None)

    def comparison(self, row: str, task: str | None) -> Comparison | None:
        """Return the comparison of a row on a task, or with None on the average."""
        return self._comparisons.get((row, task))

    @cached_property
    def _comparisons(self) -> dict[tuple[str, str | None], Comparison]:
        return {(comparison.row, comparison.task): comparison for comparison in self.comparisons}

    @property
    def baseline_average(self) -> float | None:
        """The mean of the tasks' baselines, or None if one is unknown."""
        baselines = [column.baseline for column in self.columns if column.baseline is not None]
        return mean(baselines) if len(baselines) == len(self.columns) else None


def make_table(layout: Layout, records: Mapping[Part, ScoreRecord], runs: Path) -> Table:
    """Return the table of these records. Raises UserError if records of one cell or column cannot be compared."""
    columns: list[Column] = []
    choices = {row.name: chosen(row, layout, runs, records) for row in layout.rows}
    cells: dict[tuple[str, str], Cell] = {}
    for task in layout.tasks:
        parts = {row.name: _parts(row, choices[row.name][task], task) for row in layout.rows}
        of_rows = {name: _scored(of_row, records, runs) for name, of_row in parts.items()}
        everything = [(path, record) for there in of_rows.values() for path, record in there]
        _refuse_mixture(everything, "was tested on other rows or by another metric", _tested)
        _refuse_mixture(everything, "was trained on other rows, on another encoder or by another version", _trained_on)
        first = everything[0][1] if everything else None
        columns.append(_column(task, first))
        for row in layout.rows:
            _refuse_mixture(of_rows[row.name], "was trained by another version of its method", _trained)
            scored = [record for _, record in of_rows[row.name]]
            cells[row.name, task] = _cell(task, row.seeds[task], parts[row.name], scored)
    families = {
        family: tuple(_row(row, [cells[row.name, task] for task in layout.tasks], choices[row.name]) for row in rows)
        for family, rows in layout.by_family().items()
    }
    return Table(
        layout.benchmark,
        layout.model,
        layout.protocol,
        tuple(columns),
        families,
        layout.foreign,
        source_seed=layout.source_seed,
    )


def _row(row: LayoutRow, cells: Sequence[Cell], choices: Mapping[str, Choice]) -> Row:
    settings = {task: choice.setting.description for task, choice in choices.items() if choice.setting and choice.by}
    by = {task: choice.by for task, choice in choices.items() if choice.by}
    unfit = {task: choice.unfit for task, choice in choices.items() if choice.unfit}
    return Row(row.name, row.title, row.learner, tuple(cells), settings, by, unfit)


Found = list[tuple[Path, ScoreRecord]]


def _parts(row: LayoutRow, choice: Choice, task: str) -> dict[int, Part]:
    return row.parts(task, choice.setting) if choice.setting else {}


def _scored(parts: Mapping[int, Part], records: Mapping[Part, ScoreRecord], runs: Path) -> Found:
    """Return the existing records of one cell with their paths, in the order of seeds."""
    return [(score_path(runs, part), records[part]) for part in parts.values() if part in records]


def _column(task: str, first: ScoreRecord | None) -> Column:
    if first is None:
        return Column(task)
    return Column(task, first.headline, first.baseline[first.headline], _f1_of(first))


def _f1_of(record: ScoreRecord) -> str | None:
    return record.positive if record.headline == "f1" else None


def _cell(task: str, planned: tuple[int, ...], parts: Mapping[int, Part], records: Sequence[ScoreRecord]) -> Cell:
    values = {record.identity.seed: record.score for record in records}
    computed = {_computed(entry) for record in records for entry in record.provenance.computed}
    parameters = records[0].cost.trainable_parameters if records else None
    return Cell(task, planned, values, parameters, computed=tuple(sorted(computed)), parts=parts)


def _computed(entry: Mapping[str, str | bool]) -> str:
    tf32 = " with tf32" if entry.get("tf32") else ""
    return f"{entry.get('precision', 'unknown precision')}{tf32} on {entry.get('device', 'unknown device')}"


def _tested(record: ScoreRecord) -> object:
    rows = {name: checksum for name, checksum in record.provenance.sha256.items() if name.startswith("task/")}
    return record.headline, _f1_of(record), record.rows, record.baseline, rows


def _trained_on(record: ScoreRecord) -> object:
    """Return the data that all records of a column share. Data of a joint run's other tasks belong to other columns."""
    provenance, inputs = record.provenance, record.provenance.inputs
    encoders = {json.dumps(encoder, sort_keys=True) for encoder in inputs.get("model") or ()}
    return provenance.training_version, encoders, inputs.get("data", {}).get(record.identity.task)


def _trained(record: ScoreRecord) -> object:
    return record.provenance.method_version, record.cost.trainable_parameters


def _refuse_mixture(records: Found, how: str, facts: Callable[[ScoreRecord], object]) -> None:
    """Raise UserError if records differ in `facts`: two campaigns' runs must not be averaged or compared."""
    for path, record in records[1:]:
        if facts(record) != facts(records[0][1]):
            raise UserError(f"{path}: it {how} than {records[0][0]}; let snakemake make this table, it renews the old")
