"""A run: from encoded data, an encoder and (in stage 2) source adapters to a run directory."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from functools import partial
from typing import Any

from scalearn.errors import UserError
from scalearn.files import LOCK, alone, read_json, sweep
from scalearn.methods.base import Given, Method
from scalearn.tasks.metrics import majority
from scalearn.tasks.store import outputs
from scalearn.training.batches import EncodedSplit
from scalearn.training.determinism import fix
from scalearn.training.device import Chosen, choose, here
from scalearn.training.folder import check_output
from scalearn.training.inputs import check_inputs
from scalearn.training.model import compose, count, load_encoder
from scalearn.training.outputs import write_run
from scalearn.training.scoring import scorer
from scalearn.training.spec import OUTPUTS, RunSpec, is_done
from scalearn.training.trainer import RunTrainer


def train(spec: RunSpec) -> None:
    """Train, predict the test split with the best epoch, and write the run directory, run.json last.

    A finished run of the same identity is left as it is; a killed one goes on from its last epoch; one that another
    process is at (an orphan of a killed Snakemake) is waited for. A folder that holds other things is refused.
    """
    check_output(spec.output)
    with alone(spec.output / LOCK, f"{spec.output}: another process trains this run; waiting for it"):
        _train(spec)


def _train(spec: RunSpec) -> None:
    record = spec.record()
    if is_done(spec.output, record, OUTPUTS):
        return
    check_inputs(spec.model, spec.data)
    started = time.monotonic()
    fix(spec.seed)
    chosen = choose(spec.compute, here())
    model = _model(spec, record["task"], chosen)
    encoding = read_json(spec.data / "encoding.json")
    splits = {name: EncodedSplit(spec.data / f"{name}.arrow", encoding) for name in ("train", "validation", "test")}
    trainer = _trainer(spec, model, splits, record, chosen)
    sweep(spec.output)
    state = trainer.fit()
    found = record | {"computed": trainer.computed} | _training(model, state, splits["train"])
    write_run(spec.output, trainer, state.log_history, splits["test"], found, started)
    shutil.rmtree(spec.output / "checkpoints", ignore_errors=True)


def _model(spec: RunSpec, task: dict[str, Any], chosen: Chosen) -> Any:
    method, values = spec.learner
    if method.family == "joint":
        raise UserError(f"method '{spec.method}' learns all tasks of a benchmark at once; use `scalearn train-joint`")
    if (spec.sources is None) == (method.family == "two_stage"):
        need = "takes stacked source adapters: add --sources" if spec.sources is None else "takes no --sources"
        raise UserError(f"method '{spec.method}' {need}")
    model = load_encoder(spec.model, chosen.attention)
    labels = outputs(task["kind"], task["labels"], task["choices"])
    pooled = any(switch.pooled_head for switch in spec.switched)
    given = Given(spec.sources, task["name"], _similarity(spec, method, task["name"]))
    compose(model, method, values, given, labels, task["kind"], pooled)
    return model


def _similarity(spec: RunSpec, method: Method, target: str) -> dict[str, float]:
    """Return how similar each source is to the target, if the method asks for it."""
    if not method.similarity:
        return {}
    if spec.similarities is None:
        raise UserError(f"method '{spec.method}' compares tasks: add --similarities (see `scalearn similarities`)")
    found = read_json(spec.similarities).get(method.similarity, {})
    if target not in found:
        raise UserError(f"{spec.similarities}: nothing on task '{target}'; make it with this task's embedding, too")
    return dict(found[target])


def _trainer(
    spec: RunSpec, model: Any, splits: dict[str, EncodedSplit], record: dict[str, Any], chosen: Chosen
) -> RunTrainer:
    (method, values), task, validation = spec.learner, record["task"], splits["validation"].sorted_by_length()
    return RunTrainer(
        model,
        splits["train"],
        validation,
        values,
        spec.seed,
        spec.output / "checkpoints",
        identity=hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest(),
        score=scorer(task, validation),
        chosen=chosen,
        select="loss" if task["select"] == "loss" else task["metrics"][0],
        regularisation=partial(method.regularisation, model, values) if method.regularised else None,
        last_epoch=lambda name: any(switch.last_epoch(name) for switch in spec.switched),
        groups=method.parameter_groups(model, values),
    )


def _training(model: Any, state: Any, train: EncodedSplit) -> dict[str, Any]:
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
