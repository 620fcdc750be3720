"""Trains a joint run: one model for all tasks of a benchmark, from their encoded data to a run directory."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import time
from collections.abc import Mapping
from typing import Any

from transformers import AutoTokenizer

from scalearn.campaign.run_folder import PREDICTIONS, TIMING, check_output
from scalearn.encoders.loading import load_encoder
from scalearn.errors import UserError
from scalearn.methods.base import CurrentTask
from scalearn.methods.hyperparameters import ManyTasks
from scalearn.storage.files import LOCK, alone, sweep, whole_folder, write_json
from scalearn.tasks.metrics import majority
from scalearn.tasks.store import outputs
from scalearn.training.data.batches import EncodedSplit
from scalearn.training.data.joint_batches import FirstText, JointLoader, JointSplit, TaskBatches, sample_rows
from scalearn.training.engine.determinism import fix
from scalearn.training.engine.device import resolve_compute, this_device
from scalearn.training.engine.joint_trainer import JointTrainer, rounds
from scalearn.training.engine.model import HEADS, compose_joint, count, head_name
from scalearn.training.engine.objective import objective
from scalearn.training.engine.scoring import scorer
from scalearn.training.engine.settings import JointValidation, Settings
from scalearn.training.runs.inputs import check_inputs
from scalearn.training.runs.outputs import timing, write_predictions, write_record, write_training
from scalearn.training.runs.planned import RECORD, PlannedRun


def train(run: PlannedRun) -> None:
    """Train, predict each task's test split with the best round, and write the run directory, run.json last.

    tasks/<task>/ holds the predictions and the record from which the task is scored. A finished run of the same spec is
    left unchanged. A killed run resumes from its last checkpoint. If another process trains the run, this one waits
    for it.

    Raises: UserError if the folder holds other files, an input is damaged, or the training diverges.
    """
    check_output(run.output)
    run.record()  # refuses inputs that do not fit, before the folder exists
    with alone(run.output / LOCK, f"{run.output}: another process trains this run; waiting for it"):
        _train(run)


def _train(run: PlannedRun) -> None:
    if run.done:
        return
    record = run.record()
    check_inputs(run.model, *run.data)
    started = time.monotonic()
    fix(run.spec.seed)
    trainer = _trainer(run, record)
    sweep(run.output)
    state = trainer.fit()
    record |= _training_facts(trainer, state, run)
    write_training(run.output, trainer, state.log_history)
    _write_tasks(run, trainer, record)
    write_json(run.output / TIMING, timing(time.monotonic() - started, trainer))
    write_record(run.output, record, run.files)
    shutil.rmtree(run.output / "checkpoints", ignore_errors=True)


def _trainer(run: PlannedRun, record: dict[str, Any]) -> JointTrainer:
    spec, joint = run.spec, run.joint
    method, values = spec.learner
    compute = resolve_compute(spec.compute, this_device())
    model, current = build(run, compute.attention)
    tasks = {name: encoding["task"] for name, encoding in run.encodings.items()}
    assert isinstance(values, ManyTasks), f"{method.name} is a joint method"
    train = splits_of(run, "train")
    if run.record_built_in:
        seed = None if joint.first_rows else spec.seed
        train[RECORD] = sample_rows(train[RECORD], values.record_rows, seed)
    validation = {name: split.sorted_by_length() for name, split in splits_of(run, "validation").items()}
    rows = [len(split) for split in train.values()]
    number, batches = rounds(sum(rows), values)
    sampler_seed = spec.seed if joint.sampler_seed is None else joint.sampler_seed
    sampler = TaskBatches(rows, values.batch_size, batches, values.temperature, sampler_seed)
    settings = Settings(
        values=values.but(epochs=number),
        seed=spec.seed,
        checkpoints=run.output / "checkpoints",
        identity=hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest(),
        compute=compute,
        reports=run.reports,
    )
    return JointTrainer(
        model,
        JointLoader(JointSplit([split.padded(compute.padding) for split in train.values()]), sampler),
        JointValidation(
            splits=validation,
            compute_metrics={name: scorer(tasks[name], split) for name, split in validation.items()},
            selected=frozenset(set(tasks) - set(joint.unselected) or set(tasks)),
        ),
        settings,
        objective(run, model),
        current,
    )


def build(run: PlannedRun, attention: str | None = None) -> tuple[Any, CurrentTask]:
    """Return the run's untrained model with its method and a head per task, and the object that sets the current task.

    attention: see load_encoder.

    Raises: UserError if the method is not a joint one.
    """
    joint, (method, values) = run.joint, run.spec.learner
    if method.family != "joint":
        raise UserError(f"method '{method.name}' is not a joint one; use `scalearn train`")
    model = load_encoder(run.model, attention)
    tasks = {name: encoding["task"] for name, encoding in run.encodings.items()}
    heads = {
        name: (outputs(task["kind"], task["labels"], task["choices"]), task["kind"]) for name, task in tasks.items()
    }
    return model, compose_joint(model, method, values, heads, joint.pooled, joint.one_layer)


def splits_of(run: PlannedRun, split: str) -> dict[str, EncodedSplit]:
    """Return a split of each task, by the task's name, with those of its texts that the run reads."""
    joint = run.joint
    splits: dict[str, EncodedSplit] = {}
    for folder, (name, encoding) in zip(run.data, run.encodings.items(), strict=True):
        path = folder / f"{split}.arrow"
        if name in joint.first_text:
            tokenizer = AutoTokenizer.from_pretrained(run.model, local_files_only=True, trust_remote_code=False)
            separator = tokenizer.sep_token_id
            splits[name] = FirstText(path, encoding, separator)
        else:
            splits[name] = EncodedSplit(path, encoding)
    return splits


def _training_facts(trainer: JointTrainer, state: Any, run: PlannedRun) -> dict[str, Any]:
    batch = run.spec.learner[1].batch_size
    batches_per_pass = math.ceil(len(trainer.train_dataset) / batch)
    return {
        "computed": trainer.computed,
        "parameters": count(trainer.model),
        "training": {
            "epochs": math.ceil(state.global_step / batches_per_pass),
            "best_epoch": math.ceil(state.best_global_step / batches_per_pass),
            "steps": state.global_step,
            "best_step": state.best_global_step,
            "examples": state.global_step * batch,
        },
    }


def _write_tasks(run: PlannedRun, trainer: JointTrainer, record: Mapping[str, Any]) -> None:
    """Write tasks/<task>/predictions.parquet and run.json, for `scalearn score`."""
    tests = splits_of(run, "test")
    with whole_folder(run.output / "tasks") as temporary:
        for index, (name, data) in enumerate(zip(run.encodings, run.data, strict=True)):
            folder = temporary / name
            folder.mkdir()
            trainer.current.index = index
            write_predictions(folder / PREDICTIONS, trainer, tests[name])
            train_split = EncodedSplit(data / "train.arrow", run.encodings[name])
            write_record(folder, _task_record(trainer, train_split, record), (PREDICTIONS,))


def _task_record(trainer: JointTrainer, train: EncodedSplit, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of one task of a joint run."""
    task = train.encoding["task"]
    prefix = f"{HEADS}{head_name(task['name'])}."
    head = sum(value.numel() for key, value in trainer.model.named_parameters() if key.startswith(prefix))
    return {
        **record,
        "tasks": [task],
        "parameters": {**record["parameters"], "head": head},
        "baseline": {"prediction": majority(task["kind"], train.labels)},
    }
