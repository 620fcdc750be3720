"""A joint run: one model for all tasks of a benchmark, from their encoded data to a run directory."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from transformers import AutoTokenizer

from scalearn.files import LOCK, alone, sweep, whole_folder, write_json
from scalearn.protocol import Joint
from scalearn.tasks.metrics import majority
from scalearn.tasks.store import outputs
from scalearn.training.batches import EncodedSplit
from scalearn.training.determinism import fix
from scalearn.training.device import choose, here
from scalearn.training.folder import check_output
from scalearn.training.inputs import check_inputs
from scalearn.training.joint_batches import FirstText, JointSplit, drawn
from scalearn.training.joint_spec import RECORD, JointSpec
from scalearn.training.joint_trainer import JointTrainer
from scalearn.training.model import HEADS, compose_joint, count, head_name, load_encoder
from scalearn.training.outputs import timing, write_predictions, write_record, write_training
from scalearn.training.scoring import scorer
from scalearn.training.spec import is_done


def train(spec: JointSpec) -> None:
    """Train, predict each task's test split with the best round, and write the run directory, run.json last.

    tasks/<task>/ holds of each task what its scores are made from. A finished run of the same identity is left as it
    is; a killed one goes on from its last round; one that another process is at is waited for. A folder that holds
    other things is refused.
    """
    check_output(spec.output)
    with alone(spec.output / LOCK, f"{spec.output}: another process trains this run; waiting for it"):
        _train(spec)


def _train(spec: JointSpec) -> None:
    record = spec.record()
    if is_done(spec.output, record, spec.files):
        return
    check_inputs(spec.model, *spec.data)
    started = time.monotonic()
    fix(spec.seed)
    trainer = _trainer(spec, record)
    sweep(spec.output)
    state = trainer.fit()
    found = _training(trainer, state, spec)
    write_training(spec.output, trainer, state.log_history)
    _write_tasks(spec, trainer, found)
    write_json(spec.output / "timing.json", timing(time.monotonic() - started))
    write_record(spec.output, record | found, spec.files)
    shutil.rmtree(spec.output / "checkpoints", ignore_errors=True)


def _trainer(spec: JointSpec, record: dict[str, Any]) -> JointTrainer:
    method, values, joint = spec.learner
    chosen = choose(spec.compute, here())
    model = load_encoder(spec.model, chosen.attention)
    tasks = {name: encoding["task"] for name, encoding in spec.encodings.items()}
    heads = {
        name: (outputs(task["kind"], task["labels"], task["choices"]), task["kind"]) for name, task in tasks.items()
    }
    current = compose_joint(model, method, values, heads, joint.pooled, joint.one_layer)
    train = _splits(spec, "train", joint)
    if spec.record_built_in:
        seed = None if joint.first_rows else spec.seed
        train[RECORD] = drawn(train[RECORD], values.record_rows, seed)
    validation = {name: split.sorted_by_length() for name, split in _splits(spec, "validation", joint).items()}
    return JointTrainer(
        model,
        JointSplit(list(train.values())),
        validation,
        values,
        spec.seed,
        spec.output / "checkpoints",
        hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest(),
        chosen,
        current=current,
        scorers={name: scorer(tasks[name], split) for name, split in validation.items()},
        selected=set(tasks) - set(joint.unselected) or set(tasks),
        sampler_seed=spec.seed if joint.sampler_seed is None else joint.sampler_seed,
        regularisation=partial(method.regularisation, model, values) if method.regularised else None,
        last_epoch=lambda name: any(switch.last_epoch(name) for switch in spec.switched),
        groups=method.parameter_groups(model, values),
    )


def _splits(spec: JointSpec, split: str, joint: Joint) -> dict[str, EncodedSplit]:
    found: dict[str, EncodedSplit] = {}
    for folder, (name, encoding) in zip(spec.data, spec.encodings.items(), strict=True):
        path = folder / f"{split}.arrow"
        if name in joint.first_text:
            tokenizer = AutoTokenizer.from_pretrained(spec.model, local_files_only=True, trust_remote_code=False)
            separator = tokenizer.sep_token_id
            found[name] = FirstText(path, encoding, separator)
        else:
            found[name] = EncodedSplit(path, encoding)
    return found


def _training(trainer: JointTrainer, state: Any, spec: JointSpec) -> dict[str, Any]:
    batch = spec.learner[1].batch_size
    once = math.ceil(len(trainer.train_dataset) / batch)
    return {
        "computed": trainer.computed,
        "parameters": count(trainer.model),
        "training": {
            "epochs": math.ceil(state.global_step / once),
            "best_epoch": math.ceil(state.best_global_step / once),
            "steps": state.global_step,
            "best_step": state.best_global_step,
            "examples": state.global_step * batch,
        },
    }


def _write_tasks(spec: JointSpec, trainer: JointTrainer, found: Mapping[str, Any]) -> None:
    """Write tasks/<task>/predictions.parquet and run.json, for `scalearn score`."""
    tests = _splits(spec, "test", spec.learner[2])
    with whole_folder(spec.output / "tasks") as temporary:
        for index, (name, encoding) in enumerate(spec.encodings.items()):
            folder = temporary / name
            folder.mkdir()
            trainer.current.index = index
            write_predictions(folder / "predictions.parquet", trainer, tests[name])
            write_record(folder, _task_record(spec, trainer, name, encoding, found), ("predictions.parquet",))


def _task_record(
    spec: JointSpec, trainer: JointTrainer, name: str, encoding: dict[str, Any], found: Mapping[str, Any]
) -> dict[str, Any]:
    train = EncodedSplit(spec.data[list(spec.encodings).index(name)] / "train.arrow", encoding)
    own = f"{HEADS}{head_name(name)}."
    head = sum(value.numel() for key, value in trainer.model.named_parameters() if key.startswith(own))
    return {
        **({"switches": list(spec.switches)} if spec.switches else {}),
        **({"compute": spec.compute.asked} if spec.compute.asked else {}),
        "computed": found["computed"],
        "identity": spec.identity(name),
        "hyperparameters": spec.hyperparameters.model_dump(),
        "method_version": spec.version,
        "task": encoding["task"],
        "inputs": {"model": encoding["model"], "data": encoding["sha256"], "tasks": list(spec.encodings)},
        "parameters": {**found["parameters"], "head": head},
        "training": found["training"],
        "baseline": {"prediction": majority(encoding["task"]["kind"], train.labels)},
    }
