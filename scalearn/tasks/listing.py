"""The list of tasks that `scalearn tasks` prints: sizes, metrics, source and benchmarks of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from scalearn.tasks import TASKS
from scalearn.tasks.definition import DiskSource, FilesSource, HubSource, RuleSource, Task
from scalearn.tasks.protocol import is_built_in
from scalearn.tasks.store import SPLITS, TaskInfo

# Rows of train, validation and test, shown until a task is prepared: the hub's row counts, with a tenth of train held
# out. The counts of ReCoRD (one row per candidate) and of tasks cut by groups are approximate.
PUBLISHED: Mapping[str, tuple[int, int, int]] = {
    "rte": (2_241, 249, 277),
    "mrpc": (3_301, 367, 408),
    "cola": (7_695, 856, 1_043),
    "stsb": (5_174, 575, 1_500),
    "sst2": (60_614, 6_735, 872),
    "qnli": (94_268, 10_475, 5_463),
    "mnli": (353_431, 39_271, 19_647),
    "qqp": (327_461, 36_385, 40_430),
    "boolq": (8_484, 943, 3_270),
    "cb": (225, 25, 56),
    "copa": (360, 40, 100),
    "multirc": (24_518, 2_725, 4_848),
    "wic": (4_885, 543, 638),
    "wsc": (498, 56, 104),
    "record": (1_060_000, 118_000, 113_000),
    **dict.fromkeys(
        ("sectors", "pillars_1d", "pillars_2d", "subpillars_1d", "subpillars_2d"), (117_435, 16_039, 15_147)
    ),
}


def listing(
    tasks: Mapping[str, Task],
    benchmarks: Mapping[str, Sequence[str]],
    folder: Path,
    keys: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Return one entry per task: name, kind, number of classes, sizes, metrics, length, source and benchmarks.

    `prepared` tells whether the sizes come from prepared rows. For a task that a rule makes, kind and length come from
    its task.json; they are None until the rule has run. If the campaign names no metrics for such a task, they come
    from task.json, too.

    Args:
        benchmarks: benchmark -> its tasks.
        folder: the folder that holds the prepared tasks.
        keys: task -> the name of its folder, for tasks whose folder has another name.

    Raises: UserError if the task.json of a prepared task is damaged.
    """
    folders = {name: folder / (keys or {}).get(name, name) for name in tasks}
    return [_row(name, task, benchmarks, folders[name]) for name, task in tasks.items()]


def _row(name: str, task: Task, benchmarks: Mapping[str, Sequence[str]], folder: Path) -> dict[str, Any]:
    info = TaskInfo.read(folder) if (folder / "task.json").is_file() else None
    labels, by_rule = info.labels if info else task.labels, isinstance(task.source, RuleSource)
    described = info if by_rule else task
    metrics_by_rule = by_rule and not task.metrics
    return {
        "task": name,
        "kind": described.kind if described else None,
        "classes": len(labels) if labels else None,
        "sizes": info.sizes if info else _published(name, task),
        "prepared": info is not None,
        "metrics": list((info.metrics if info else ()) if metrics_by_rule else task.all_metrics),
        "max_length": described.max_length if described else None,
        "source": _source(task),
        "benchmarks": [benchmark for benchmark, members in benchmarks.items() if name in members],
    }


def _published(name: str, task: Task) -> dict[str, int] | None:
    all_rows = name in PUBLISHED and is_built_in(name, task) and task.train_rows is None
    published = all_rows and task.source == TASKS[name].source
    return dict(zip(SPLITS, PUBLISHED[name], strict=True)) if published else None


def _source(task: Task) -> str:
    source = task.source
    if isinstance(source, HubSource):
        return f"{source.repository.rpartition('/')[2]}/{source.name or source.config}"
    if isinstance(source, DiskSource):
        return source.path
    return source.train if isinstance(source, FilesSource) else source.kind


def as_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return the listing as a table with headline metrics only. `~` marks sizes that are not of prepared rows."""
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("task", "kind", *SPLITS, "metric", "source", "benchmarks"):
        folds = column in ("source", "benchmarks")
        table.add_column(column, justify="right" if column in SPLITS else "left", no_wrap=not folds, overflow="fold")
    for row in rows:
        mark = "" if row["prepared"] else "~"
        sizes = [f"{mark}{row['sizes'][split]:,}" if row["sizes"] else "?" for split in SPLITS]
        kind = (row["kind"] or "?") + (f" ({row['classes']})" if row["classes"] else "")
        metric = row["metrics"][0] if row["metrics"] else "?"
        table.add_row(row["task"], kind, *sizes, metric, row["source"], ", ".join(row["benchmarks"]))
    return table
