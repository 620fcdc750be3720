"""A benchmark's scores against the published ones: ours, published, difference, and what differs in the conditions."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from scalearn.errors import shown
from scalearn.results.cells import Row, Table
from scalearn.results.grid import DASH, SHORT, Grid, Line, Mark, percent
from scalearn.results.layout import FAMILIES
from scalearn.statistics.interval import Interval

SCORES = Path(__file__).with_name("paper")  # a file per benchmark: a row per method, scores times 100
BENCHMARKS = ("glue", "superglue", "humset")
AVERAGE = "average"

# What counts as near: a difference of at most so many points. A test split of fewer than 500 rows moves by more than a
# point when the draw of its rows changes, so tasks with one have twice the tolerance.
NEAR, NEAR_IF_SMALL = 1.0, 2.0
SMALL_TESTS = ("mrpc", "rte", "cb", "copa", "wsc")

Verdict = Literal["OK", "near", "off"]


@dataclass(frozen=True)
class Against:
    """A row's score on a task, or its average, beside the published one. Scores are times 100.

    task: None for the average. interval: ours, 95 %; None if there is none. ours, difference and verdict: None where
    ours is incomplete.
    """

    row: str
    task: str | None
    published: float
    ours: float | None = None
    interval: Interval | None = None

    @property
    def difference(self) -> float | None:
        """Ours minus published, in points."""
        return None if self.ours is None else self.ours - self.published

    @property
    def inside(self) -> bool | None:
        """Whether the published score lies inside our interval, to the two decimals that were published.

        None where ours is incomplete or has no interval.
        """
        if self.interval is None or self.ours is None:
            return None
        return round(self.interval.low * 100, 2) <= self.published <= round(self.interval.high * 100, 2)

    @property
    def tolerance(self) -> float:
        """The largest difference, in points, that counts as near."""
        return NEAR_IF_SMALL if self.task in SMALL_TESTS else NEAR

    @property
    def verdict(self) -> Verdict | None:
        """`OK`: the published score lies inside our interval; `near`: not, but within the tolerance; else `off`."""
        if self.difference is None:
            return None
        return "OK" if self.inside else "near" if round(abs(self.difference), 2) <= self.tolerance else "off"


@cache
def published_scores(benchmark: str) -> Mapping[str, Mapping[str, float]]:
    """Return the published scores of one of BENCHMARKS, times 100: method -> task or `average` -> score."""
    text = (SCORES / f"{benchmark}.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {row.pop("method"): {task: float(score) for task, score in row.items()} for row in rows}


def against_published(table: Table) -> list[Against]:
    """Return the comparison of each row and task, and of each row's average, in table order.

    Empty unless the table has the name and the tasks of a published benchmark. Rows whose method is not published, and
    rows with a name or settings of their own, are left out.
    """
    if table.benchmark not in BENCHMARKS:
        return []
    published = published_scores(table.benchmark)
    tasks = {column.task for column in table.columns}
    if any(tasks != scores.keys() - {AVERAGE} for scores in published.values()):
        return []
    return [
        entry
        for row in table.rows
        if row.name == row.method.name and row.name in published
        for entry in _row(row, published[row.name])
    ]


def _row(row: Row, published: Mapping[str, float]) -> list[Against]:
    cells = [
        Against(row.name, cell.task, published[cell.task])
        if cell.missing or cell.mean is None
        else Against(row.name, cell.task, published[cell.task], cell.mean * 100, cell.interval)
        for cell in row.cells
    ]
    average, interval = row.average, row.average_interval
    if average is None:
        return [*cells, Against(row.name, None, published[AVERAGE])]
    return [*cells, Against(row.name, None, published[AVERAGE], average * 100, interval)]


# ---------------------------------------------------------------------- as a table to read


def published_grid(table: Table, entries: Sequence[Against], departures: Sequence[str]) -> Grid:
    """Return the comparison as a table: of each row a line with ours, one with the published, one with the difference.

    Args:
        table: The table whose rows are compared.
        entries: What `against_published` returns.
        departures: Sentences about what differs from the paper's conditions.
    """
    by_row: dict[str, list[Against]] = {}
    for entry in entries:
        by_row.setdefault(entry.row, []).append(entry)
    lines = []
    for family, rows in table.families.items():
        compared = [row for row in rows if row.name in by_row]
        lines += [Line(family=FAMILIES[family])] if compared else []
        lines += [line for row in compared for line in _lines(row, by_row[row.name])]
    heads = [
        column.task if column.metric is None else f"{column.task} ({SHORT[column.metric]})" for column in table.columns
    ]
    return Grid(
        f"{table.benchmark}, {table.model}, against the paper",
        ("Method", "", *heads, "Avg."),
        tuple(lines),
        (*_legend(table), *_conditions(table, departures), *_not_compared(table, by_row)),
        tuple(_without_interval(table, entries)),
        tuple(
            f"{row.title}, {cell.task}: {len(cell.values)} of {len(cell.planned)} seeds"
            for row in table.rows
            for cell in row.cells
            if row.name in by_row and cell.missing
        ),
    )


def _lines(row: Row, entries: Sequence[Against]) -> list[Line]:
    ours = [Mark(DASH if entry.ours is None else percent(entry.ours / 100)) for entry in entries]
    published = [Mark(f"{entry.published:.2f}") for entry in entries]
    return [
        Line((Mark(row.title), Mark("ours"), *ours)),
        Line((Mark(""), Mark("published"), *published)),
        Line((Mark(""), Mark("difference"), *(Mark(_difference(entry)) for entry in entries))),
    ]


def _difference(entry: Against) -> str:
    if entry.difference is None:
        return DASH
    return f"{entry.difference:+z.2f} [{entry.verdict}]" + ("°" if entry.inside is None else "")


def _legend(table: Table) -> list[str]:
    small = ", ".join(column.task for column in table.columns if column.task in SMALL_TESTS)
    more = f", or {NEAR_IF_SMALL:g} on tasks with fewer than 500 test rows ({small})" if small else ""
    return [
        "Test split of each task, metrics times 100, means over seeds. Published: arXiv 2310.01217, the table in the"
        " README of the released code. Difference: ours minus published.",
        "[OK]: the published score lies inside our 95 % interval; a wide interval holds many scores. [near]: it lies"
        f" outside, but the difference is at most {NEAR:g} point{more}. [off]: the difference is larger."
        f" {DASH}: ours is incomplete. Published scores vary with their seeds, too.",
    ]


def _conditions(table: Table, departures: Sequence[str]) -> list[str]:
    ways = sorted({way for row in table.rows for cell in row.cells for way in cell.computed})
    computed = (
        [f"Computed in {' and '.join(ways)}; the paper computed most runs in half precision on GPUs."] if ways else []
    )
    if not departures:
        return [f"Protocol: {table.protocol}. The campaign file changes none of the paper's conditions.", *computed]
    protocol = (
        [] if any(sentence.startswith("Protocol:") for sentence in departures) else [f"Protocol: {table.protocol}."]
    )
    return ["What differs from the paper's conditions:", *protocol, *departures, *computed]


def _not_compared(table: Table, by_row: Mapping[str, object]) -> list[str]:
    left = [row.title for row in table.rows if row.name not in by_row]
    if not left:
        return []
    return [
        f"Not compared, for they are not in the paper's table or have a name or settings of their own: {shown(left)}."
    ]


def _without_interval(table: Table, entries: Sequence[Against]) -> list[str]:
    if any(entry.inside is None and entry.verdict for entry in entries):
        return ["Marked °: no interval; the tolerance alone decides."]
    return []


# ---------------------------------------------------------------------- as numbers

CSV_HEADER = (
    "method",
    "family",
    "task",
    "ours",
    "published",
    "difference",
    "low",
    "high",
    "inside",
    "tolerance",
    "mark",
)


def published_csv(table: Table, entries: Sequence[Against]) -> str:
    """Return the comparison as CSV: a row per method and task, and per method its average; scores times 100.

    inside: yes, no, `no interval`, or empty where ours is incomplete. low, high: our interval.
    """
    families = {row.name: row.method.family for row in table.rows}
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for entry in entries:
        interval = entry.interval if entry.ours is not None else None
        ends = (None, None) if interval is None else (interval.low * 100, interval.high * 100)
        inside = "" if entry.ours is None else {True: "yes", False: "no", None: "no interval"}[entry.inside]
        numbers = (entry.ours, entry.published, entry.difference, *ends, inside, entry.tolerance, entry.verdict)
        writer.writerow([entry.row, families[entry.row], entry.task or AVERAGE, *numbers])
    return stream.getvalue()
