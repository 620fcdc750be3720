"""The tasks that there are, with what a campaign makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from scalearn.tasks import TASKS
from scalearn.tasks.definition import FilesSource, HubSource, RuleSource, Task
from scalearn.tasks.protocol import is_built_in
from scalearn.tasks.store import SPLITS, TaskInfo

# Rows of train, validation and test where nothing is prepared yet: the hub's numbers, a tenth of train held out.
# ReCoRD's, one per candidate, and those of tasks cut by groups are not exact.
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
    """Return a row per task: name, kind, classes, sizes (and whether they are of prepared rows), metrics, source.

    Of a task that a rule makes, task.json tells kind and length; before there is one they are None. Metrics are those
    of the scores: the campaign's, or task.json's where it names none of a rule's task.
    benchmarks: name -> its tasks; folder: where prepared tasks lie; keys: the names of their folders, where
    they are not the tasks' names.
    """
    folders = {name: folder / (keys or {}).get(name, name) for name in tasks}
    return [_row(name, task, benchmarks, folders[name]) for name, task in tasks.items()]


def _row(name: str, task: Task, benchmarks: Mapping[str, Sequence[str]], folder: Path) -> dict[str, Any]:
    info = TaskInfo.read(folder) if (folder / "task.json").is_file() else None
    labels, ruled = info.labels if info else task.labels, isinstance(task.source, RuleSource)
    said = info if ruled else task
    unnamed = ruled and not task.metrics
    return {
        "task": name,
        "kind": said.kind if said else None,
        "classes": len(labels) if labels else None,
        "sizes": info.sizes if info else _published(name, task),
        "prepared": info is not None,
        "metrics": list((info.metrics if info else ()) if unnamed else task.all_metrics),
        "max_length": said.max_length if said else None,
        "source": _source(task),
        "benchmarks": [benchmark for benchmark, members in benchmarks.items() if name in members],
    }


def _published(name: str, task: Task) -> dict[str, int] | None:
    whole = name in PUBLISHED and is_built_in(name, task) and task.train_rows is None
    known = whole and task.source == TASKS[name].source
    return dict(zip(SPLITS, PUBLISHED[name], strict=True)) if known else None


def _source(task: Task) -> str:
    source = task.source
    if isinstance(source, HubSource):
        return f"{source.repository.rpartition('/')[2]}/{source.config}"
    return source.train if isinstance(source, FilesSource) else source.kind


def as_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return the listing as people read it: headline metrics only, sizes that are published marked `~`."""
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
