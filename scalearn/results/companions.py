"""Writes what stands beside a benchmark's result table: its costs, and the comparison with the published scores."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from scalearn.results.cells import Table, make_table
from scalearn.results.comparisons import comparison_grids
from scalearn.results.cost import hours, row_costs
from scalearn.results.cost_table import cost_csv, cost_grid
from scalearn.results.grid import Grid
from scalearn.results.layout import Layout
from scalearn.results.published import against_published, published_csv, published_grid
from scalearn.results.render import latex, markdown, tidy_comparisons
from scalearn.results.scored import current_scores
from scalearn.results.tables import scored_table, write_texts
from scalearn.storage.files import check_replaced


def write_published(
    layout: Layout,
    departures: Sequence[str],
    runs: Path,
    output: Path,
    threads: int | None = None,
    due: Collection[Path] | None = None,
) -> None:
    """Write output.md, .csv and .tex: the scores of a benchmark that the paper has too, beside the published ones.

    Args:
        layout: What the table of scores shows.
        departures: What differs from the paper's conditions (Campaign.departures).
        runs: The folder of all runs.
        output: A path without ending.
        threads, due: See current_scores.
    """
    _check_replaced(output, b"ours,published,difference", "comparison with published scores")
    table = scored_table(layout, runs, threads, due)
    entries = against_published(table)
    _write(output, [published_grid(table, entries, departures)], published_csv(table, entries))


def write_comparisons(
    layout: Layout,
    runs: Path,
    output: Path,
    threads: int | None = None,
    due: Collection[Path] | None = None,
) -> None:
    """Write output.md, .csv and .tex: intervals of all cells, and differences from the baseline row.

    Arguments: see write_published.
    """
    _check_replaced(output, b"method,against,task,", "table of comparisons")
    table = scored_table(layout, runs, threads, due)
    _write(output, comparison_grids(table), tidy_comparisons(table))


def write_cost(
    layout: Layout,
    runs: Path,
    output: Path,
    threads: int | None = None,
    due: Collection[Path] | None = None,
) -> tuple[Table, dict[str, float]]:
    """Write output.md, .csv and .tex: what each row of the layout cost. Arguments: see write_published.

    Return the table of scores, without intervals, and the device hours of its rows by name.
    """
    _check_replaced(output, b"hours,hours_with_sources", "table of costs")
    records = current_scores([layout], runs, threads, due)
    table, costs = make_table(layout, records, runs), row_costs(layout, records, runs)
    _write(output, [cost_grid(table, costs)], cost_csv(table, costs))
    return table, hours(costs)


def _check_replaced(output: Path, header: bytes, what: str) -> None:
    for ending, mark in ((".csv", header), (".md", b"| Method"), (".tex", b"booktabs")):
        check_replaced(output.with_name(output.name + ending), mark, what)


def _write(output: Path, contents: Sequence[Grid], csv: str) -> None:
    texts = {".tex": "\n".join(map(latex, contents)), ".md": "\n".join(map(markdown, contents))}
    write_texts(output, {".csv": csv, **texts})
    print(f"{output}.md")
