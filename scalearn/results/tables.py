"""Writes a benchmark's result table: Markdown, CSV, LaTeX, parquet and a figure."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from scalearn.errors import UserError
from scalearn.results.cells import make_table
from scalearn.results.figure import write_figure
from scalearn.results.grid import grid
from scalearn.results.layout import Layout
from scalearn.results.parquet import write_parquet
from scalearn.results.render import latex, markdown, tidy
from scalearn.results.scored import current_scores
from scalearn.storage.files import check_replaced, whole_file


def write_table(
    layout: Layout,
    runs: Path,
    output: Path,
    threads: int | None = None,
    due: Collection[Path] | None = None,
) -> None:
    """Write the table of this layout: output.md, .csv, .tex, .parquet and .svg. Runs without a score are scored first.

    Equal records make equal bytes; what is missing is shown as missing. `output` is a path without ending. `due`: see
    current_scores.
    """
    _check_replaced(output)
    table = make_table(layout, current_scores([layout], runs, threads, due), runs)
    content = grid(table)
    for ending, text in ((".csv", tidy(table)), (".tex", latex(content)), (".md", markdown(content))):
        with whole_file(output.with_name(output.name + ending)) as temporary:
            temporary.write_text(text, encoding="utf-8")
    write_parquet(table, output.with_name(output.name + ".parquet"))
    write_figure(table, output.with_name(output.name + ".svg"))
    missing = sum(len(cell.missing) for row in table.rows for cell in row.cells)
    print(f"{output}.md" + (f"; {missing} runs are missing" if missing else ""))


def _check_replaced(output: Path) -> None:
    """Raise UserError if files at `output` are not an earlier table of ours, which its CSV shows."""
    csv, *others = (output.with_name(output.name + ending) for ending in (".csv", ".md", ".tex", ".svg", ".parquet"))
    check_replaced(csv, b"method,family,task,", "result table")
    for path in others:
        if path.exists() and not csv.exists():
            raise UserError(f"{path}: it is there already, without the {csv.name} of a table; name another --output")
