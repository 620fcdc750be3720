"""Writes figures as SVG, PDF and PNG. Equal figures make equal bytes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from scalearn.campaign.places import FIGURES, FORMATS
from scalearn.errors import UserError
from scalearn.figures import pareto, scores, style
from scalearn.figures.figure import Figure, figures_of
from scalearn.results.cells import Table
from scalearn.results.curves import curves_of
from scalearn.results.layout import Layout
from scalearn.results.tables import scored_table
from scalearn.storage.files import check_replaced, whole_file

OURS = b'class="marks"'  # in every SVG of a chart
_RESOURCES = re.compile(rb"(?:^ */\w+ \d+ 0 R\n){2,}", re.MULTILINE)
RESOLUTION = 2.0  # pixels of a PNG for a pixel of the chart


def write_figures(
    layout: Layout,
    runs: Path,
    output: Path,
    threads: int | None = None,
    due: Collection[Path] | None = None,
) -> None:
    """Write the figures of a benchmark into a folder, each as SVG, PDF and PNG.

    A figure that has nothing to show yet says so in words.

    Args:
        layout: What the table of scores shows.
        runs: The folder of all runs.
        threads: How many runs are scored in parallel.
        due: See current_scores.
    """
    _check_ours(output)
    table = scored_table(layout, runs, threads, due)
    there = {figure.name: figure for figure in figures_of(table, curves_of(table, runs))}
    for name in FIGURES:
        save(there.get(name) or _empty(name, table.benchmark), output / name, FORMATS)
    print(f"{output}: {', '.join(FIGURES)}")


def write_scores(table: Table, output: Path) -> None:
    """Write the figure of scores beside a table, as output.svg."""
    save(scores.figure(table), output, ["svg"])


def write_hours(table: Table, hours: Mapping[str, float], output: Path) -> None:
    """Write average scores over device hours (row name -> hours) beside a table of costs, as output.svg."""
    save(pareto.over_hours(table, hours) or _empty("hours", table.benchmark), output, ["svg"])


def save(figure: Figure, path: Path, endings: Sequence[str]) -> None:
    """Write a figure to `path` with each of these endings: svg, pdf, png."""
    for ending in endings:
        with whole_file(path.with_name(f"{path.name}.{ending}")) as temporary:
            figure.chart.save(str(temporary), format=ending, scale_factor=RESOLUTION if ending == "png" else 1)
            if ending == "pdf":
                temporary.write_bytes(_in_order(temporary.read_bytes()))


def _in_order(pdf: bytes) -> bytes:
    """Return a PDF with the resources of its dictionaries in order; vl-convert lists them in any. All else stays."""
    return _RESOURCES.sub(lambda lines: b"".join(sorted(lines[0].splitlines(keepends=True))), pdf)


def _check_ours(output: Path) -> None:
    """Refuse a folder that holds files of these names, but no figure of ours."""
    first = output / "scores.svg"
    check_replaced(first, OURS, "figure")
    for path in (output / f"{name}.{ending}" for name in FIGURES for ending in FORMATS):
        if path.exists() and not first.exists():
            raise UserError(f"{path}: it is there already, without the {first.name} of a table; name another --output")


def _empty(name: str, benchmark: str) -> Figure:
    """Return a figure that says that there is nothing to show yet."""
    why = {
        "forest": "no two rows can be compared yet, or the campaign has no baseline row",
        "curves": "no finished run has recorded validation scores",
        "parameters": "no row is complete yet",
        "hours": "no row is complete yet, or the times of its runs are not known",
    }[name]
    text = f"{benchmark}, {name}: {why}."
    return Figure(name, text, text, style.words(text))
