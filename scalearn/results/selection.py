"""Chooses the setting that a row shows: the one with the best mean validation score. It never reads test scores."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from scalearn.campaign.run_folder import HISTORY
from scalearn.errors import UserError
from scalearn.results.layout import Layout, LayoutRow, Scoring, Setting
from scalearn.results.records import RUN, Part, RunRecord, TaskFacts
from scalearn.storage.files import read_json, sha256

LACKS_RUNS = "it lacks runs"
DAMAGED = "the history of a run is not usable"


class Metric(NamedTuple):
    """What a validation score is; positive: of two labels the one that an f1 is of."""

    name: str
    positive: str | None = None


@dataclass(frozen=True)
class Choice:
    """What a row shows of a task; None as long as no setting can be chosen.

    by: the validation metric that chose, if there was a choice; unfit: why other settings could not be chosen.
    """

    setting: Setting | None
    by: Metric | None = None
    unfit: Mapping[str, str] = field(default_factory=dict)


def chosen(row: LayoutRow, layout: Layout, runs: Path, there: Collection[Part]) -> dict[str, Choice]:
    """Return the row's choice for each task of the layout. A joint method has one setting for all tasks.

    runs: the folder of all runs; there: the parts whose runs are finished. A setting that lacks a run, or of which a
    run's history is damaged, is not chosen; of equally good ones the first is. The metric is the one that the table
    shows if all runs recorded it in training, else the first that all recorded.
    """
    if len(row.settings) == 1:
        return dict.fromkeys(layout.tasks, Choice(row.settings[0]))
    groups = [layout.tasks] if row.learner.family == "joint" else [(task,) for task in layout.tasks]
    return {task: choice for group in groups for task, choice in _choose(row, group, layout, runs, there).items()}


Scores = dict[Metric, float]  # of one run on one task


def _choose(
    row: LayoutRow, tasks: Sequence[str], layout: Layout, runs: Path, there: Collection[Part]
) -> dict[str, Choice]:
    """Return the choice for tasks that share a setting."""
    fit: list[tuple[Setting, dict[str, list[Scores]]]] = []
    unfit: dict[str, str] = {}
    for setting in row.settings:
        parts = {task: list(row.parts(task, setting).values()) for task in tasks}
        parts = {task: of_task for task, of_task in parts.items() if of_task}  # the others are unavailable
        if any(part not in there for of_task in parts.values() for part in of_task):
            unfit[setting.description] = LACKS_RUNS
            continue
        try:
            how = {task: layout.scoring(task) for task in parts}
            scores_by_task = {
                task: [validation_scores(runs, part, how[task]) for part in parts[task]] for task in parts
            }
        except UserError as error:
            print(f"counts as missing: {error}")
            unfit[setting.description] = DAMAGED
        else:
            fit.append((setting, scores_by_task))
    if not any(scores_by_task for _, scores_by_task in fit):
        damaged = {setting: why for setting, why in unfit.items() if why == DAMAGED}
        return dict.fromkeys(tasks, Choice(None, unfit=damaged))
    by = {
        task: _common(row, task, [scores for _, scores_by_task in fit for scores in scores_by_task[task]])
        for task in fit[0][1]
    }
    means = [
        mean(mean(scores[by[task]] for scores in scores_by_task[task]) for task in by) for _, scores_by_task in fit
    ]
    best, _ = fit[means.index(max(means))]
    return {task: Choice(best, by[task], unfit) if task in by else Choice(best) for task in tasks}


def _common(row: LayoutRow, task: str, scores: Sequence[Scores]) -> Metric:
    """Return the first metric of a task that all of its runs recorded."""
    for metric in scores[0]:
        if all(metric in others for others in scores):
            return metric
    raise UserError(
        f"methods: {row.name}: its runs on '{task}' recorded no validation metric that all of them have; "
        "delete those of one setting and run again"
    )


def validation_scores(runs: Path, part: Part, how: Scoring) -> Scores:
    """Return the validation scores of the epoch or round that a run kept, the headline of `how` first if recorded.

    One that is no number, of a training that went astray, is worse than all others.

    Raises: UserError if the run's history is damaged or lacks the metric by which the run was trained.
    """
    record = RunRecord.read(runs / part.folder / RUN)
    path = runs / part.run / HISTORY
    _check_unaltered(path)
    recorded = [Metric(name, _f1_of(name, record.task, None)) for name in record.task.metrics]
    shown = Metric(how.metrics[0], _f1_of(how.metrics[0], record.task, how.positive)) if how.metrics else recorded[0]
    try:
        kept = _kept(pq.read_table(path).to_pylist(), part, record)
        prefix = f"eval_{part.task}_" if part.joint else "eval_"
        known = [metric for metric in recorded if metric == recorded[0] or f"{prefix}{metric.name}" in kept]
        scores = {metric: _number(kept[f"{prefix}{metric.name}"]) for metric in known}
    except (OSError, pa.ArrowInvalid, LookupError, TypeError, ValueError) as error:
        raise UserError(
            f"{path}: no {record.task.metrics[0]} of the kept epoch ({error}); delete the folder and run again"
        ) from None
    return {shown: scores[shown], **scores} if shown in scores else scores


def _f1_of(metric: str, task: TaskFacts, positive: str | None) -> str | None:
    """Return the positive label of f1, of two labels. By default the one that the run recorded."""
    if metric != "f1" or task.labels is None or len(task.labels) != 2:
        return None
    return positive or task.positive or task.labels[1]


def _kept(history: Sequence[dict[str, Any]], part: Part, record: RunRecord) -> dict[str, Any]:
    """Return the history's line of the kept epoch; of a joint run, of the round with the lowest loss."""
    if part.joint:
        return min(history, key=lambda line: line["eval_loss"])
    (kept,) = [line for line in history if line["epoch"] == record.training.best_epoch]
    return kept


def _number(value: Any) -> float:
    return float(value) if math.isfinite(value) else -math.inf


def _check_unaltered(path: Path) -> None:
    """Raise UserError if a history was altered. It would silently choose another setting."""
    written = read_json(path.with_name(RUN)).get("sha256", {}).get(HISTORY)
    mend = "remove it with `scalearn verify --mend` and run again"
    if not path.is_file():
        raise UserError(f"{path}: no such file; {mend}")
    if sha256(path) != written:
        raise UserError(f"{path}: it is not as the run wrote it; {mend}")
