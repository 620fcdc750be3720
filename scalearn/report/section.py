"""The part of the page that shows one benchmark."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalearn.figures.figure import Figure, figures_of
from scalearn.report.omega import OmegaView, omega_view
from scalearn.report.tables import TableView, table_view
from scalearn.results.cells import Table, make_table
from scalearn.results.comparisons import comparison_grids
from scalearn.results.cost import hours, row_costs
from scalearn.results.cost_table import cost_grid
from scalearn.results.curves import curves_of
from scalearn.results.explain import cell_paragraphs
from scalearn.results.grid import grid
from scalearn.results.layout import FAMILIES, Layout
from scalearn.results.published import Against, against_published, published_grid
from scalearn.results.records import Part, ScoreRecord
from scalearn.results.uncertainty import with_uncertainty

LOG_CHARACTERS = 200


@dataclass(frozen=True)
class FigureView:
    """A figure: the id of its place, its texts, its Vega-Lite specification, and the same as static SVG."""

    key: str
    title: str
    text: str
    specification: dict[str, Any]
    svg: str


@dataclass(frozen=True)
class CellRuns:
    """What a cell opens into: how it came about, the published score, log ends of its runs, and ω."""

    key: str
    title: str
    row: str
    paragraphs: tuple[str, ...]
    logs: tuple[tuple[str, str], ...]
    omega: OmegaView | None


@dataclass(frozen=True)
class Section:
    """A benchmark's part of the page. flags: what a reader should know of single runs."""

    key: str
    name: str
    tables: tuple[TableView, ...]
    figures: tuple[FigureView, ...]
    cells: tuple[CellRuns, ...]
    flags: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]  # title and family, in table order


def section(
    key: str,
    layout: Layout,
    records: Mapping[Part, ScoreRecord],
    runs: Path,
    logs: Path,
    departures: Sequence[str] | None,
) -> Section:
    """Return the section of a benchmark.

    Args:
        key: The section's anchor, with which all its ids begin.
        records: The score records of the finished runs.
        runs: The folder of all runs.
        logs: The folder of the logs of trainings, a file per run.
        departures: What differs from the paper's conditions; None if the paper has no such benchmark.
    """
    table = with_uncertainty(make_table(layout, records, runs), layout, records, runs)
    costs = row_costs(layout, records, runs)
    published = [] if departures is None else against_published(table)
    grids = [*comparison_grids(table), cost_grid(table, costs)]
    if departures is not None:
        grids.insert(-1, published_grid(table, published, departures))
    methods = {row.title for row in table.rows}
    figures = figures_of(table, curves_of(table, runs), hours(costs))
    return Section(
        key,
        layout.benchmark,
        (table_view(grid(table), methods, _anchors(key, table)), *(table_view(content, methods) for content in grids)),
        tuple(_figure(key, figure) for figure in figures),
        tuple(_cells(key, table, records, runs, logs, published)),
        tuple(_flags(table, records)),
        tuple((row.title, FAMILIES[row.method.family]) for row in table.rows),
    )


def _anchors(key: str, table: Table) -> dict[tuple[str, int], str]:
    return {
        (row.title, column): _anchor(key, place, column)
        for place, row in enumerate(table.rows)
        for column in range(len(table.columns))
    }


def _anchor(key: str, row: int, column: int) -> str:
    return f"{key}-cell-{row}-{column}"


def _cells(
    key: str,
    table: Table,
    records: Mapping[Part, ScoreRecord],
    runs: Path,
    logs: Path,
    published: Sequence[Against],
) -> Iterator[CellRuns]:
    for place, row in enumerate(table.rows):
        for column, cell in enumerate(row.cells):
            paragraphs = cell_paragraphs(table, row, cell.task, records, runs)
            paragraphs += [_of_paper(entry) for entry in published if (entry.row, entry.task) == (row.name, cell.task)]
            ends = ((f"seed {seed}", _log_end(logs, part)) for seed, part in cell.parts.items())
            yield CellRuns(
                _anchor(key, place, column),
                f"{row.title}, {cell.task}",
                row.title,
                tuple(paragraphs),
                tuple((seed, end) for seed, end in ends if end),
                omega_view(cell, records, runs),
            )


def _of_paper(entry: Against) -> str:
    verdict = "" if entry.verdict is None else f" [{entry.verdict}]"
    difference = "" if entry.difference is None else f", ours minus published {entry.difference:+.2f}"
    return f"Published: {entry.published:.2f}{difference}{verdict}."


def _log_end(logs: Path, part: Part) -> str:
    """Return the last line of a run's log, or "" if there is none."""
    path = logs / f"{part.run}.log"
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 4096))
        lines = stream.read().decode(errors="replace").split("\n")
    return next((line.strip()[:LOG_CHARACTERS] for line in reversed(lines) if line.strip()), "")


def _flags(table: Table, records: Mapping[Part, ScoreRecord]) -> Iterator[str]:
    """Yield a sentence for each cell of which a run is not above the majority baseline."""
    for row in table.rows:
        for cell, column in zip(row.cells, table.columns, strict=True):
            low = [seed for seed, value in cell.values.items() if _is_low(value, column.baseline)]
            if low:
                yield f"{row.title}, {cell.task}: at or below the majority baseline with seed {_listed(low)}"
            for seed, part in cell.parts.items():
                if part in records and len(records[part].provenance.computed) > 1:
                    yield f"{row.title}, {cell.task}: the run of seed {seed} went on on another device or precision"


def _is_low(value: float, baseline: float | None) -> bool:
    return baseline is not None and value <= baseline


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def _figure(key: str, figure: Figure) -> FigureView:
    place = f"{key}-{figure.name}"
    return FigureView(place, figure.title, figure.text, figure.chart.to_dict(), _svg(figure, place))


def _svg(figure: Figure, place: str) -> str:
    """Return the figure as SVG whose ids no other figure of the page has."""
    stream = io.StringIO()
    figure.chart.save(stream, format="svg")
    svg = stream.getvalue()
    svg = re.sub(r'\bid="', f'id="{place}-', svg)
    return re.sub(r"(url\(#|href=\"#)", rf"\g<1>{place}-", svg)
