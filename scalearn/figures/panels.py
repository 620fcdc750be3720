"""Panels side by side, a task each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from scalearn.results.cells import Table
from scalearn.results.grid import SHORT

COLUMNS = 5  # panels side by side; the others stand below


def panels_of(panels: Sequence[Any]) -> Any:
    """Return the panels in rows of `COLUMNS`, each with its own axes."""
    return alt.concat(*panels, columns=COLUMNS, spacing=14).resolve_scale(x="independent")


def title_of(table: Table, task: str | None, baseline: float | None = None) -> alt.TitleParams:
    """Return the title of a task's panel with its metric, and the majority baseline if given; of None of averages."""
    metric = None if task is None else next(column.metric for column in table.columns if column.task == task)
    second = [SHORT[metric]] if metric else []
    second += [] if baseline is None else [f"majority {baseline * 100:z.1f}"]
    return heading("average" if task is None else task, ", ".join(second))


def heading(text: str, second: str) -> alt.TitleParams:
    """Return the title of a panel, in two lines."""
    return alt.TitleParams(
        text, subtitle=second or " ", fontSize=11, subtitleFontSize=10, subtitleColor="#555555", limit=150
    )
