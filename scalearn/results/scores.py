"""Scores a run: from its predictions to its score record. Without pandas, because importing it takes long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scalearn.campaign import versions
from scalearn.errors import UserError, nearest
from scalearn.results.layout import Scoring
from scalearn.results.records import (
    PREDICTIONS,
    RUN,
    SCORE,
    Cost,
    MadeFrom,
    Provenance,
    RunRecord,
    ScoreRecord,
    TaskFacts,
)
from scalearn.storage.files import check_replaced, sha256
from scalearn.tasks.definition import METRICS, positive_class
from scalearn.tasks.metrics import Outcome, baseline, compute

Array = npt.NDArray[Any]

# ---------------------------------------------------------------------- one run


def score_run(
    run_dir: Path, metrics: Sequence[str] = (), output: Path | None = None, positive: str | None = None
) -> ScoreRecord:
    """Score a run and write its score record.

    Args:
        metrics: The headline metric first. By default those that the run recorded when it was trained.
        output: By default score.json in the run's folder.
        positive: The positive label of f1, of two labels. By default the one that the run recorded.

    Raises: UserError if run.json or the predictions are missing or damaged, or a metric does not suit the task.
    """
    if output is not None:
        check_replaced(output, b'"headline"', "score record")
    record = score(run_dir, Scoring(tuple(metrics), positive))
    record.write(output or run_dir / SCORE)
    print(headline_of(record))
    return record


def headline_of(record: ScoreRecord) -> str:
    """Return the record's headline score as a line of text."""
    value, floor = record.score, record.baseline[record.headline]
    return f"{record.identity.run}, {record.identity.task}: {record.headline} {value:.4f} (baseline {floor:.4f})"


def made_from(run_dir: Path, run: RunRecord, how: Scoring) -> MadeFrom:
    """Return what a new score record of this run would be made from."""
    return MadeFrom(
        run=sha256(run_dir / RUN),
        metrics=how.metrics or run.task.metrics,
        positive=how.positive or run.task.positive,
        scoring=versions.SCORING,
    )


def score(run_dir: Path, how: Scoring) -> ScoreRecord:
    """Return the score record of a run from its run.json and predictions.parquet."""
    run = RunRecord.read(run_dir / RUN)
    basis = made_from(run_dir, run, how)
    for metric in basis.metrics:
        if metric not in (known := METRICS[run.task.kind]):
            raise UserError(f"{run_dir}: no metric '{metric}' for a {run.task.kind}{nearest(metric, known)}")
    positive = _positive(run_dir, run.task, basis.positive)
    predictions = _predictions(run_dir / PREDICTIONS, run)
    kind, constant = run.task.kind, run.baseline.prediction
    scores: dict[str, float] = {}
    constants: dict[str, float] = {}
    rows: dict[str, int] = {}
    for part in sorted(pc.unique(predictions["part"]).to_pylist()):
        outcome = _outcome(predictions.filter(pc.equal(predictions["part"], part)), run.task, positive)
        suffix = f"_{part}" if part else ""
        rows[part] = len(outcome.labels)
        scores |= _named(suffix, compute(basis.metrics, kind, outcome))
        constants |= _named(suffix, baseline(basis.metrics, kind, outcome, constant))
    return ScoreRecord(
        identity=run.identity,
        headline=basis.metrics[0],
        positive=_f1_of(basis.metrics, run.task.labels, positive),
        scores=scores,
        baseline=constants,
        rows=rows,
        hyperparameters=run.spec["hyperparameters"],
        cost=_cost(run),
        provenance=_provenance(run),
        made_from=basis,
    )


def main_outcome(run_dir: Path, positive: str | None) -> Outcome:
    """Return labels and logits of a run's main test rows, in the order of the rows.

    Args:
        positive: The positive label of f1, of two labels. By default the one that the run recorded.

    Raises: UserError if run.json or the predictions are missing or damaged.
    """
    run = RunRecord.read(run_dir / RUN)
    table = _predictions(run_dir / PREDICTIONS, run)
    table = table.filter(pc.equal(table["part"], "")).sort_by("row")
    return _outcome(table, run.task, _positive(run_dir, run.task, positive or run.task.positive))


def _predictions(path: Path, run: RunRecord) -> pa.Table:
    """Return a run's test predictions. Raises UserError if they are damaged or not the run's."""
    again = f"delete the folder {path.parent} and run again"
    if not path.is_file():
        raise UserError(f"{path}: no such file; {again}")
    if sha256(path) != run.sha256.get(PREDICTIONS):
        raise UserError(f"{path}: these are not the predictions that {RUN} beside it speaks of; {again}")
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: not readable as predictions ({error}); {again}") from None
    if missing := {"part", "label", "logits"} - set(table.column_names):
        raise UserError(f"{path}: no column '{min(missing)}'; {again}")
    values = pc.sum(pc.list_value_length(table["logits"])).as_py() or 0
    if values != len(table) * run.task.outputs:
        raise UserError(f"{path}: {values} logits for {len(table)} rows of {run.task.outputs} each; {again}")
    if not pc.any(pc.equal(table["part"], "")).as_py():
        raise UserError(f'{path}: no main test rows (part ""); {again}')
    return table


def _f1_of(metrics: Sequence[str], labels: tuple[str, ...] | None, positive: int) -> str | None:
    """Return the positive label of f1, or None if there is no f1 or there are more than two labels."""
    return labels[positive] if "f1" in metrics and labels is not None and len(labels) == 2 else None


def _positive(run_dir: Path, task: TaskFacts, name: str | None) -> int:
    try:
        return positive_class(name, task.labels)
    except ValueError as error:
        raise UserError(f"{run_dir}: {error}") from None


def _outcome(table: pa.Table, task: TaskFacts, positive: int) -> Outcome:
    """Return predictions in the form that metrics take."""
    logits = table["logits"].combine_chunks().flatten().to_numpy().astype(np.float64)
    columns = table.column_names
    return Outcome(
        labels=_labels(table["label"].combine_chunks(), task),
        logits=logits.reshape(len(table), task.outputs),
        group=table["group"].to_numpy() if "group" in columns else None,
        candidate=table["candidate"].to_pylist() if "candidate" in columns else None,
        answers=table["answers"].to_pylist() if "answers" in columns else None,
        positive=positive,
    )


def _labels(column: pa.Array, task: TaskFacts) -> Array:
    """Return the labels: shape (rows,), or for multi_label zeros and ones, shape (rows, classes)."""
    if task.kind != "multi_label":
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    hot = np.zeros((len(column), task.outputs))
    hot[column.value_parent_indices().to_numpy(), column.flatten().to_numpy()] = 1
    return hot


def _named(suffix: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{metric}{suffix}": value for metric, value in values.items()}


def _cost(run: RunRecord) -> Cost:
    return Cost(
        trainable_parameters=run.parameters.trainable,
        head_parameters=run.parameters.head,
        steps=run.training.steps,
        epochs=run.training.epochs,
        best_epoch=run.training.best_epoch,
        examples=run.training.examples,
    )


def _provenance(run: RunRecord) -> Provenance:
    files = {f"task/{split}": checksum for split, checksum in run.task.sha256.items()}
    return Provenance(
        switches=run.run_spec.switches,
        compute=run.run_spec.compute.explicit,
        computed=run.computed,
        method_version=run.spec["versions"]["method"],
        training_version=run.spec["versions"]["training"],
        task_version=run.task.version,
        sha256={**files, **run.sha256},
        inputs=run.inputs,
        versions=run.versions,
    )
