"""Formats a result table as aligned Markdown, tidy CSV and a LaTeX tabular."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from scalearn.results.cells import Table
from scalearn.results.escaping import comment, escape
from scalearn.results.grid import Grid, Line, Mark
from scalearn.statistics.interval import Interval


def markdown(content: Grid) -> str:
    """Return an aligned Markdown table with its caption and notes."""
    header = list(content.header)
    body = [_markdown_line(line, len(header)) for line in content.lines]
    widths = [max(len(line[index]) for line in [header, *body]) for index in range(len(header))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    table = [_padded(line, widths) for line in (header, rule, *body)]
    sections = [[f"# {content.title}"], table, list(content.notes)]
    if content.missing:
        sections.append(["Missing runs:", "", *(f"- {text}" for text in content.missing)])
    sections.append(list(content.caption))
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _markdown_line(line: Line, columns: int) -> list[str]:
    if line.family:
        return [f"*{line.family}*", *[""] * (columns - 1)]
    return [_markdown_cell(mark) for mark in line.cells]


def _markdown_cell(mark: Mark) -> str:
    return (f"**{mark.text}**" if mark.bold else mark.text) + mark.signs


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]) + " |"


CSV_HEADER = [
    "method",
    "family",
    "task",
    "metric",
    "n",
    "mean",
    "std",
    "low",
    "high",
    "covers",
    "interval",
    "baseline",
    "missing",
    "trainable_parameters",
    "chosen",
]


def tidy(table: Table) -> str:
    """Return the table's numbers as CSV: a row per method and task, scores as fractions in full precision.

    n: how many seeds there are; low, high: the 95 % interval of the mean, covers: what it covers, interval: how it was
    made (t or bootstrap); missing: the seeds that are not there, with blanks between them; chosen: the setting, where
    validation chose it.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for row in table.rows:
        for cell, column in zip(row.cells, table.columns, strict=True):
            numbers = (len(cell.values), cell.mean, cell.std, *interval_columns(cell.interval), column.baseline)
            missing = " ".join(str(seed) for seed in cell.missing)
            names = (row.name, row.method.family, cell.task, column.metric)
            writer.writerow([*names, *numbers, missing, cell.parameters, row.chosen.get(cell.task, "")])
    return stream.getvalue()


COMPARISONS_HEADER = ["method", "against", "task", "difference", "low", "high", "covers", "interval", "p", "adjusted_p"]


def tidy_comparisons(table: Table) -> str:
    """Return the comparisons as CSV, fractions in full precision. The task of an average is empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COMPARISONS_HEADER)
    for comparison in table.comparisons:
        names = (comparison.row, table.against, comparison.task)
        numbers = (comparison.difference, *interval_columns(comparison.interval), comparison.p, comparison.adjusted)
        writer.writerow([*names, *numbers])
    return stream.getvalue()


def interval_columns(interval: Interval | None) -> tuple[float | str | None, ...]:
    """Return the values of the columns low, high, covers and interval."""
    return (None,) * 4 if interval is None else (interval.low, interval.high, interval.covers, interval.by)


def latex(content: Grid) -> str:
    """Return a booktabs tabular, its notes below it and its caption in comments above it."""
    columns = len(content.header)
    comments = [comment(text) for text in (f"{content.title}. Needs \\usepackage{{booktabs}}.", *content.caption)]
    lines = [
        *comments,
        f"\\begin{{tabular}}{{l{'r' * (columns - 1)}}}",
        "\\toprule",
        _latex_row([escape(text) for text in content.header]),
        "\\midrule",
        *(text for line in content.lines for text in _latex_line(line, columns)),
        "\\bottomrule",
        "\\end{tabular}",
        *(_latex_note(text) for text in content.notes),
        *(_latex_note(f"Missing: {text}") for text in content.missing),
    ]
    return "\n".join(lines) + "\n"


def _latex_line(line: Line, columns: int) -> list[str]:
    if line.family:
        return ["\\midrule", f"\\multicolumn{{{columns}}}{{l}}{{\\textit{{{escape(line.family)}}}}} \\\\"]
    return [_latex_row([_latex_cell(mark) for mark in line.cells])]


def _latex_cell(mark: Mark) -> str:
    return (f"\\textbf{{{escape(mark.text)}}}" if mark.bold else escape(mark.text)) + escape(mark.signs)


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + " \\\\"


def _latex_note(text: str) -> str:
    """Return a paragraph of its own: in the table, a long note would make it as wide."""
    return f"\\par{{\\footnotesize {escape(text)}\\par}}"
