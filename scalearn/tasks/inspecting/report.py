"""Showing the report on a prepared task, as a table or as JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scalearn.errors import shown
from scalearn.tasks.inspecting.examine import Split
from scalearn.tasks.inspecting.findings import Report
from scalearn.tasks.store import TaskInfo

_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


def show(report: Report, console: Console) -> None:
    """Print the task's splits as a table, and then one line per finding, errors first."""
    info = report.info
    table = Table(title=f"{info.name}: {info.kind}, {', '.join(info.metrics)}", title_justify="left", box=None)
    for column in ("split", "rows", f"longest ({report.unit})"):
        table.add_column(column, justify="left" if column == "split" else "right")
    table.add_column("labels", overflow="fold")
    for name, split in report.splits.items():
        table.add_row(name, f"{split.rows:,}", f"{split.longest:,}", Text(_labels(info, split)))
    console.print(table)
    for finding in report.findings:
        line = Text(f"{finding.level}: {finding.split}: {finding.text}")
        line.stylize(_STYLES[finding.level], 0, len(finding.level))
        console.print(line, soft_wrap=True)
    warnings = sum(finding.level == "warning" for finding in report.findings)
    console.print(f"{report.errors} errors, {warnings} warnings", highlight=False)


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as data that JSON can hold."""
    info = report.info
    return {
        "task": info.name,
        "kind": info.kind,
        "max_length": info.max_length,
        "unit": report.unit,
        "splits": {
            name: {"rows": split.rows, "longest": split.longest, "counts": _counts(info, split)}
            for name, split in report.splits.items()
        },
        "findings": [vars(finding) for finding in report.findings],
        "errors": report.errors,
    }


def _counts(info: TaskInfo, split: Split) -> dict[str, int] | None:
    if info.kind == "regression":
        return None
    names = info.labels or tuple(str(index) for index in range(info.outputs))
    return dict(zip(names, split.counts.tolist(), strict=True))


def _labels(info: TaskInfo, split: Split) -> str:
    counts = _counts(info, split)
    if counts is None:
        finite = split.answers[np.isfinite(split.answers)]
        return f"{finite.min():g} to {finite.max():g}, mean {finite.mean():.3g}" if len(finite) else "none"
    by_count = sorted(counts.items(), key=lambda entry: -entry[1])
    shares = [f"{shown([name])} {100 * count / split.rows:.1f} %" for name, count in by_count[:6]]
    return ", ".join(shares) + (", ..." if len(by_count) > 6 else "")
