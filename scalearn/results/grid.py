"""A result table before any markup: numbers as text, with marks for the best and for doubtful values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scalearn.errors import shown
from scalearn.results.cells import Cell, Row, Table
from scalearn.results.computed import computed_note, computed_otherwise
from scalearn.results.layout import FAMILIES

SHORT = {
    "accuracy": "acc",
    "f1": "F1",
    "matthews": "Matthews",
    "exact_match": "EM",
    "macro_f1": "macro-F1",
    "macro_precision": "macro-P",
    "macro_recall": "macro-R",
    "subset_accuracy": "subset acc",
    "pearson": "Pearson",
    "spearman": "Spearman",
    "token_f1": "F1",
}
LONG = {
    "accuracy": "accuracy",
    "f1": "F1",
    "matthews": "Matthews correlation",
    "exact_match": "exact match",
    "macro_f1": "F1, mean over labels",
    "macro_precision": "precision, mean over labels",
    "macro_recall": "recall, mean over labels",
    "subset_accuracy": "rows with all labels right",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "token_f1": "token F1 of the best candidate",
}
DASH = "\N{EN DASH}"  # between the ends of a range; alone: no value
BASELINE = "Majority baseline"
ARROWS = {"": "", "up": " ↑", "down": " ↓"}
TRENDS = (
    "Marked ↑ ↓: better or worse than {}, for new seeds and new test rows: p below 0.05 after Holm's correction over"
    " the rows of the column."
)


@dataclass(frozen=True)
class Mark:
    """A cell's text and its marks.

    bold: best of the column. dagger: not above the majority baseline. partial: seeds missing. otherwise: computed
    otherwise than most cells. trend: better ("up") or
    worse ("down") than the baseline row beyond the noise.
    """

    text: str
    bold: bool = False
    dagger: bool = False
    partial: str = ""
    otherwise: bool = False
    trend: str = ""

    @property
    def signs(self) -> str:
        """What stands behind the text: † ‡ * and arrows, which notes below the table explain."""
        signs = ("†" if self.dagger else "") + ("‡" if self.otherwise else "")
        return signs + (f" ({self.partial})*" if self.partial else "") + ARROWS[self.trend]


@dataclass(frozen=True)
class Line:
    """A line of the table. A line with `family` is the heading of a group and has no cells."""

    cells: tuple[Mark, ...] = ()
    family: str = ""


@dataclass(frozen=True)
class Grid:
    """The table's header, lines and notes, before any markup."""

    title: str
    header: tuple[str, ...]
    lines: tuple[Line, ...]
    caption: tuple[str, ...]
    notes: tuple[str, ...]
    missing: tuple[str, ...]


def percent(value: float) -> str:
    """Return a fraction times 100 with two decimals, never as a negative zero."""
    return f"{value * 100:z.2f}"


def grid(table: Table) -> Grid:
    """Return the table with numbers as text and with marks."""
    header = ["Method", *(heading(column.task, column.metric) for column in table.columns)]
    lines = [Line((Mark(BASELINE), *_baseline(table)))]
    best = [_best([row.cells[index] for row in table.rows]) for index in range(len(table.columns))]
    averages = [percent(row.average) for row in table.rows if row.average is not None]
    best_average = max(averages, key=float) if len(averages) > 1 else ""
    for family, rows in table.families.items():
        lines.append(Line(family=FAMILIES[family]))
        lines += [_line(table, row, best, best_average) for row in rows]
    marks = [mark for line in lines for mark in line.cells]
    notes = [
        *(["Marked †: at or below the majority baseline."] if any(mark.dagger for mark in marks) else []),
        *(["Marked *: mean over the seeds that are there, not all planned."] if any(m.partial for m in marks) else []),
        *computed_note(table),
        *([TRENDS.format(table.against_title)] if any(mark.trend for mark in marks) else []),
    ]
    return Grid(
        f"{table.benchmark}, {table.model}",
        (*header, "Avg.", "Parameters", "Seeds"),
        tuple(lines),
        (*_caption(table), *_foreign(table), *_chosen(table)),
        tuple(notes),
        _missing(table),
    )


def heading(task: str, metric: str | None) -> str:
    """Return the head of a task's column."""
    return task if metric is None else f"{task} ({SHORT[metric]})"


def _baseline(table: Table) -> list[Mark]:
    values = [*(column.baseline for column in table.columns), table.baseline_average]
    return [*(Mark(DASH if value is None else percent(value)) for value in values), Mark(DASH), Mark(DASH)]


def _best(cells: Sequence[Cell]) -> str:
    """Return the best mean as text, so that means that look equal are all bold; "" if there is only one mean."""
    shown = [percent(cell.mean) for cell in cells if cell.mean is not None and not cell.missing]
    return max(shown, key=float) if len(shown) > 1 else ""


def _line(table: Table, row: Row, best: Sequence[str], best_average: str) -> Line:
    cells = [
        _value(cell, column.baseline, winner, computed_otherwise(table, cell), _trend(table, row, cell.task))
        for cell, column, winner in zip(row.cells, table.columns, best, strict=True)
    ]
    average = Mark(DASH)
    if row.average is not None:
        text, trend = percent(row.average), _trend(table, row, None)
        bold = text == best_average and trend == "up"
        average = Mark(text, bold, _low(text, table.baseline_average), trend=trend)
    parameters = _range([f"{number:,}" for number in row.parameters])
    seeds = _range([str(number) for number in row.seeds])
    return Line((Mark(row.title), *cells, average, Mark(parameters), Mark(seeds)))


def _trend(table: Table, row: Row, task: str | None) -> str:
    comparison = table.comparison(row.name, task)
    return comparison.trend if comparison else ""


def _value(cell: Cell, baseline: float | None, best: str, otherwise: bool, trend: str) -> Mark:
    if cell.mean is None:
        return Mark("missing")
    text = percent(cell.mean)
    partial = f"{len(cell.values)} of {len(cell.planned)} seeds" if cell.missing else ""
    spread = "" if cell.std is None else f" ± {percent(cell.std)}"
    bold = not partial and text == best and trend == "up"
    return Mark(text + spread, bold, _low(text, baseline), partial, otherwise, trend)


def _low(shown: str, baseline: float | None) -> bool:
    """Return whether a value, as shown, is not above the baseline."""
    return baseline is not None and float(shown) <= float(percent(baseline))


def _range(values: Sequence[str]) -> str:
    """Return a single value, or the first and the last of ascending values."""
    return DASH.join(dict.fromkeys([values[0], values[-1]])) if values else DASH


def _caption(table: Table) -> tuple[str, ...]:
    metric_columns = [
        (column.task, column.metric, column.positive) for column in table.columns if column.metric is not None
    ]
    metrics = _by_metric(metric_columns)
    return (
        f"Test split of each task, metrics times 100{'; ' if metrics else ''}{metrics}.",
        "Cells: mean ± sample standard deviation over seeds (column Seeds); one seed has no ±.",
        _compared(table),
        "Avg.: unweighted mean of the task means, given if all of them are complete.",
        f"{BASELINE}: one answer for every row: train's most frequent label (several: those that most rows carry),"
        " a regression's mean (correlation 0); among candidates a tie.",
        "Parameters: trainable ones for one target task"
        + (", of joint methods for all tasks together" if "joint" in table.families else "")
        + ", heads not counted.",
        *conditional(table),
        f"Protocol: {table.protocol} (docs/protocol.md).",
    )


def _compared(table: Table) -> str:
    """Return what bold says."""
    if table.against is None:
        return "Nothing is bold: the campaign has no row to compare with (`baseline`)."
    if all(comparison.p is None for comparison in table.comparisons):
        return f"Nothing is bold: a test needs two seeds of a row and two of {table.against_title}."
    return (
        f"Bold: the best of a column, where its difference from {table.against_title} is beyond the noise. Differences"
        " and 95 % intervals are in the file of comparisons beside this one."
    )


def conditional(table: Table) -> list[str]:
    """Return a sentence about the source adapters that ± does not vary; none if it varies them."""
    if "two_stage" not in table.families or table.source_seed == "paired":
        return []
    return [
        f"Two-stage methods compose one set of source adapters, of seed {table.source_seed}: ± and intervals say"
        " nothing about other source adapters (`source_seed: paired` includes them)."
    ]


def _foreign(table: Table) -> list[str]:
    """Return a sentence about the source adapters that no run of the campaign trained."""
    if not table.foreign:
        return []
    adapters = ", ".join(f"{name} ({origin})" for name, origin in table.foreign.items())
    return [f"Two-stage methods also compose adapters from elsewhere: {adapters}."]


def _chosen(table: Table) -> list[str]:
    """Return a sentence for each row whose setting validation chose. It names the metric."""
    return [f"{row.title}: {_choices(row)}." for row in table.rows if row.chosen]


def _choices(row: Row) -> str:
    metrics = _by_metric([(task, by.name, by.positive) for task, by in row.by.items()])
    settings = [f"{task}: {setting}" for task, setting in row.chosen.items()]
    if row.method.family == "joint":
        settings = [f"all tasks: {next(iter(row.chosen.values()))}"]
    return f"by the mean validation score over seeds ({metrics}), {'; '.join(settings)}"


def _by_metric(tasks: Iterable[tuple[str, str, str | None]]) -> str:
    """Return the metrics, each with its tasks, of these: task, metric and of two labels the one that an f1 is of."""
    by_metric: dict[str, list[str]] = {}
    for task, metric, positive in tasks:
        by_metric.setdefault(_long(metric, positive), []).append(task)
    return "; ".join(f"{metric}: {', '.join(names)}" for metric, names in by_metric.items())


def _long(metric: str, positive: str | None) -> str:
    return LONG[metric] if positive is None else f"{LONG[metric]} of '{shown([positive])}'"


def _missing(table: Table) -> tuple[str, ...]:
    """Return a text for each cell without all seeds, and for each setting that could not be chosen."""
    cells = [
        f"{row.title}, {cell.task}: {'seed' if len(cell.missing) == 1 else 'seeds'} "
        + ", ".join(str(seed) for seed in cell.missing)
        for row in table.rows
        for cell in row.cells
        if cell.missing
    ]
    settings = [
        f"{row.title}, {'all tasks' if row.method.family == 'joint' else task}: "
        f"{setting} could not be chosen, for {why}"
        for row in table.rows
        for task, unfit in row.unfit.items()
        for setting, why in unfit.items()
    ]
    return (*cells, *dict.fromkeys(settings))
