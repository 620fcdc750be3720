"""Writes a benchmark's result table: Markdown, CSV, LaTeX, parquet and a figure."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from scalearn.errors import UserError
from scalearn.results.cells import Table, make_table
from scalearn.results.comparisons import comparison_grids
from scalearn.results.figure import write_figure
from scalearn.results.grid import grid
from scalearn.results.layout import Layout
from scalearn.results.parquet import write_parquet
from scalearn.results.render import latex, markdown, tidy, tidy_comparisons
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
) -> None:
    """Write the table of this layout: output.md, .csv, .tex, .parquet and .svg. Runs without a score are scored first.

    Beside them go intervals and differences from the baseline row, as .md, .csv and .tex; see `comparisons_beside`.
    Equal records make equal bytes; what is missing is shown as missing.

    Args:
        output: A path without ending.
        due: See current_scores.
    """
    _check_replaced(output)
    table = scored_table(layout, runs, threads, due)
    content, compared = grid(table), comparison_grids(table)
    texts = {
        output: {".csv": tidy(table), ".tex": latex(content), ".md": markdown(content)},
        comparisons_beside(output): {
            ".csv": tidy_comparisons(table),
            ".tex": "\n".join(map(latex, compared)),
            ".md": "\n".join(map(markdown, compared)),
        },
    }
    for path, by_ending in texts.items():
        for ending, text in by_ending.items():
            with whole_file(path.with_name(path.name + ending)) as temporary:
                temporary.write_text(text, encoding="utf-8")
    write_parquet(table, output.with_name(output.name + ".parquet"))
    write_figure(table, output.with_name(output.name + ".svg"))
    missing = sum(len(cell.missing) for row in table.rows for cell in row.cells)
    print(f"{output}.md" + (f"; {missing} runs are missing" if missing else ""))


def comparisons_beside(output: Path) -> Path:
    """Return the path without ending of a table's comparisons: `glue_comparisons` for `glue_table`."""
    return output.with_name(output.name.removesuffix("_table") + "_comparisons")


def _check_replaced(output: Path) -> None:
    """Raise UserError if files at `output` are not an earlier table of ours, which its CSV shows."""
    csv, *others = (output.with_name(output.name + ending) for ending in (".csv", ".md", ".tex", ".svg", ".parquet"))
    check_replaced(csv, b"method,family,task,", "result table")
    compared = comparisons_beside(output)
    others += [compared.with_name(compared.name + ending) for ending in (".csv", ".md", ".tex")]
    for path in others:
        if path.exists() and not csv.exists():
            raise UserError(f"{path}: it is there already, without the {csv.name} of a table; name another --output")
