"""Writes a benchmark's result table: Markdown, CSV, LaTeX, parquet and a figure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from scalearn.errors import UserError
from scalearn.results.cells import Table, make_table
from scalearn.results.grid import grid
from scalearn.results.layout import Layout
from scalearn.results.parquet import write_parquet
from scalearn.results.render import latex, markdown, tidy
from scalearn.results.scored import current_scores
from scalearn.results.uncertainty import with_uncertainty
from scalearn.storage.files import check_replaced, whole_file


def scored_table(layout: Layout, runs: Path, threads: int | None = None, due: Collection[Path] | None = None) -> Table:
    """Return the layout's table with intervals and comparisons; runs below `runs` without a score get one.

    due: see current_scores.
    """
    records = current_scores([layout], runs, threads, due)
    return with_uncertainty(make_table(layout, records, runs), layout, records, runs)


def write_table(
    layout: Layout,
    runs: Path,
    output: Path,
    threads: int | None = None,
    due: Collection[Path] | None = None,
) -> Table:
    """Write the table of this layout as output.md, .csv, .tex and .parquet, and return it.

    Runs without a score are scored first. Equal records make equal bytes; what is missing is shown as missing.

    Args:
        output: A path without ending.
        due: See current_scores.
    """
    _check_replaced(output)
    table = scored_table(layout, runs, threads, due)
    content = grid(table)
    write_texts(output, {".csv": tidy(table), ".tex": latex(content), ".md": markdown(content)})
    write_parquet(table, output.with_name(output.name + ".parquet"))
    missing = sum(len(cell.missing) for row in table.rows for cell in row.cells)
    print(f"{output}.md" + (f"; {missing} runs are missing" if missing else ""))
    return table


def write_texts(output: Path, by_ending: Mapping[str, str]) -> None:
    """Write texts to `output` with these endings. Each file appears whole."""
    for ending, text in by_ending.items():
        with whole_file(output.with_name(output.name + ending)) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _check_replaced(output: Path) -> None:
    """Raise UserError if files at `output` are not an earlier table of ours, which its CSV shows."""
    csv, *others = (output.with_name(output.name + ending) for ending in (".csv", ".md", ".tex", ".svg", ".parquet"))
    check_replaced(csv, b"method,family,task,", "result table")
    for path in others:
        if path.exists() and not csv.exists():
            raise UserError(f"{path}: it is there already, without the {csv.name} of a table; name another --output")
