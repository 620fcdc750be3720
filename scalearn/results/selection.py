"""Which setting of a row a table shows: the one with the best mean validation score. It never reads test scores."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from pathlib import Path
from statistics import mean

import pyarrow as pa
import pyarrow.parquet as pq

from scalearn.errors import UserError
from scalearn.results.layout import LayoutRow, Setting
from scalearn.results.records import RUN, Part, RunRecord
from scalearn.storage.files import read_json, sha256

HISTORY = "history.parquet"


def chosen(row: LayoutRow, tasks: Sequence[str], runs: Path, there: Collection[Part]) -> dict[str, Setting | None]:
    """Return the row's setting for each task; a joint method has one for all. None as long as none can be chosen.

    runs: the folder of all runs; there: the parts whose runs are finished. A setting that lacks a run is not chosen;
    of equally good ones the first is.
    """
    if len(row.settings) == 1:
        return dict.fromkeys(tasks, row.settings[0])
    groups = [list(tasks)] if row.learner.family == "joint" else [[task] for task in tasks]
    found: dict[str, Setting | None] = {}
    for group in groups:
        scores = [_mean(row, setting, group, runs, there) for setting in row.settings]
        known = [score for score in scores if score is not None]
        best = row.settings[scores.index(max(known))] if known else None
        found |= dict.fromkeys(group, best)
    return found


def _mean(row: LayoutRow, setting: Setting, tasks: Sequence[str], runs: Path, there: Collection[Part]) -> float | None:
    """Return the mean over tasks of the mean over seeds of the validation score; None if a run is missing."""
    means = []
    for task in tasks:
        parts = list(row.parts(task, setting).values())
        if not parts and len(tasks) > 1:  # a task that cannot be had
            continue
        if len(parts) < len(row.seeds[task]) or any(part not in there for part in parts):
            return None
        means.append(mean(validation_score(runs, part) for part in parts))
    return mean(means) if means else None


def validation_score(runs: Path, part: Part) -> float:
    """Return the validation score of the epoch or round that a run kept, by its task's first metric.

    One that is no number, of a training that went astray, is worse than all others.
    """
    made = RunRecord.read(runs / part.folder / RUN)
    metric = made.task.metrics[0]
    path = runs / part.run / HISTORY
    _check_unaltered(path)
    try:
        history = pq.read_table(path).to_pylist()
        if part.joint:  # it keeps the round of the lowest loss
            kept, key = min(history, key=lambda line: line["eval_loss"]), f"eval_{part.task}_{metric}"
        else:
            (kept,) = [line for line in history if line["epoch"] == made.training.best_epoch]
            key = f"eval_{metric}"
        score = float(kept[key])
    except (OSError, pa.ArrowInvalid, LookupError, TypeError, ValueError) as error:
        raise UserError(f"{path}: no {metric} of the kept epoch ({error}); delete the folder and run again") from None
    return score if math.isfinite(score) else -math.inf


def _check_unaltered(path: Path) -> None:
    """Refuse a history that is not as the run wrote it: it would choose another setting in silence."""
    written = read_json(path.with_name(RUN)).get("sha256", {}).get(HISTORY)
    if not path.is_file():
        raise UserError(f"{path}: no such file; delete the folder and run again")
    if sha256(path) != written:
        raise UserError(f"{path}: it is not as the run wrote it; delete the folder and run again")
