"""Trains a run on one task: from encoded data, an encoder and, in stage 2, source adapters to a run directory."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from typing import Any

from scalearn.campaign.run_folder import check_output
from scalearn.encoders.loading import load_encoder
from scalearn.errors import UserError
from scalearn.methods.base import Given, Method
from scalearn.methods.hyperparameters import OneTask
from scalearn.storage.files import LOCK, alone, read_json, sweep
from scalearn.tasks.metrics import majority
from scalearn.tasks.store import outputs
from scalearn.training.data.batches import EncodedSplit, TrainLoader
from scalearn.training.engine.determinism import fix
from scalearn.training.engine.device import ResolvedCompute, resolve_compute, this_device
from scalearn.training.engine.model import compose, count
from scalearn.training.engine.objective import objective
from scalearn.training.engine.scoring import scorer
from scalearn.training.engine.settings import Settings, Validation
from scalearn.training.engine.trainer import RunTrainer
from scalearn.training.runs.inputs import check_inputs
from scalearn.training.runs.outputs import write_run
from scalearn.training.runs.planned import PlannedRun


def train(run: PlannedRun) -> None:
    """Train, predict the test split with the best epoch, and write the run directory, run.json last.

    A finished run of the same identity is left unchanged. A killed run resumes from its last checkpoint. If another
    process trains the run (for example an orphan of a killed Snakemake), this one waits for it.

    Raises: UserError if the folder holds other files, an input is damaged, or the training diverges.
    """
    check_output(run.output)
    if run.spec.family == "joint":
        raise UserError(
            f"method '{run.spec.method}' learns all tasks of a benchmark at once; use `scalearn train-joint`"
        )
    run.record()  # refuses inputs that do not fit, before the folder exists
    with alone(run.output / LOCK, f"{run.output}: another process trains this run; waiting for it"):
        _train(run)


def _train(run: PlannedRun) -> None:
    if run.done:
        return
    record, (data,) = run.record(), run.data
    check_inputs(run.model, data)
    started = time.monotonic()
    fix(run.spec.seed)
    compute = resolve_compute(run.spec.compute, this_device())
    (encoding,) = run.encodings.values()
    model, _ = build(run, encoding["task"], compute.attention)
    splits = {name: EncodedSplit(data / f"{name}.arrow", encoding) for name in ("train", "validation", "test")}
    trainer = _trainer(run, model, splits, record, compute)
    sweep(run.output)
    state = trainer.fit()
    record |= {"computed": trainer.computed} | _training_facts(model, state, splits["train"])
    write_run(run, trainer, state.log_history, splits["test"], record, started)
    shutil.rmtree(run.output / "checkpoints", ignore_errors=True)


def build(run: PlannedRun, task: dict[str, Any], attention: str | None = None) -> tuple[Any, Given]:
    """Return the run's untrained model with its method and the task's head, and the inputs of the method.

    task: the `task` of encoding.json. attention: see load_encoder.
    """
    method, values = run.spec.learner
    model = load_encoder(run.model, attention)
    labels = outputs(task["kind"], task["labels"], task["choices"])
    pooled = any(difference.pooled_head for difference in run.spec.differences)
    given = Given(run.sources, task["name"], _similarity(run, method, task["name"]))
    compose(model, method, values, given, labels, task["kind"], pooled)
    return model, given


def _similarity(run: PlannedRun, method: Method, target: str) -> dict[str, float]:
    """Return the similarity of each source to the target, by name; empty if the method uses none."""
    if not method.similarity:
        return {}
    assert run.similarities, "record() refuses a run without them"
    similarities = read_json(run.similarities).get(method.similarity, {})
    if target not in similarities:
        raise UserError(f"{run.similarities}: nothing on task '{target}'; make it with this task's embedding, too")
    return dict(similarities[target])


def _trainer(
    run: PlannedRun, model: Any, splits: dict[str, EncodedSplit], record: dict[str, Any], compute: ResolvedCompute
) -> RunTrainer:
    spec, validation = run.spec, splits["validation"].sorted_by_length()
    (_, values), task = spec.learner, validation.encoding["task"]
    settings = Settings(
        values=values,
        seed=spec.seed,
        checkpoints=run.output / "checkpoints",
        identity=hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest(),
        compute=compute,
        reports=run.reports,
    )
    buckets = isinstance(values, OneTask) and values.length_buckets
    metric = "loss" if task["select"] == "loss" else task["metrics"][0]
    return RunTrainer(
        model,
        TrainLoader(splits["train"].padded(compute.padding), values.batch_size, spec.seed, buckets),
        Validation(validation, scorer(task, validation), metric),
        settings,
        objective(run, model),
    )


def _training_facts(model: Any, state: Any, train: EncodedSplit) -> dict[str, Any]:
    epochs = [entry for entry in state.log_history if "eval_loss" in entry]
    best = next(entry for entry in epochs if entry["step"] == state.best_global_step)
    return {
        "parameters": count(model),
        "training": {
            "epochs": len(epochs),
            "best_epoch": round(best["epoch"]),
            "steps": state.global_step,
            "examples": len(train) * len(epochs),
        },
        "baseline": {"prediction": majority(train.encoding["task"]["kind"], train.labels)},
    }
