"""A run: from encoded data, an encoder and (in stage 2) source adapters to a run directory."""

from __future__ import annotations

import hashlib
import json
import platform
import resource
import shutil
import socket
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import save_file
from transformers import set_seed
from transformers.trainer_utils import EvalPrediction

from scalearn.errors import UserError
from scalearn.files import alone, read_json, sha256, whole_file, write_json
from scalearn.methods import METHODS
from scalearn.methods.base import HyperParameters
from scalearn.tasks.metrics import compute
from scalearn.training.batches import EncodedSplit
from scalearn.training.checkpoints import snapshot
from scalearn.training.model import compose, count, load_encoder
from scalearn.training.trainer import RunTrainer

PACKAGES = ("scalearn", "torch", "transformers", "adapters", "numpy")


@dataclass(frozen=True)
class RunSpec:
    """What a run is made of. `hyperparameters` are complete: the method's defaults with what overrides them."""

    method: str
    benchmark: str
    seed: int
    hyperparameters: HyperParameters
    model: Path
    data: Path
    sources: Path | None
    output: Path

    def record(self) -> dict[str, Any]:
        """Return what identifies this run and its inputs; two runs with equal records have equal results."""
        encoding = read_json(self.data / "encoding.json")
        return {
            "identity": {
                "model": read_json(self.model / "model.json")["name"],
                "method": self.method,
                "benchmark": self.benchmark,
                "task": encoding["task"]["name"],
                "shots": "full",
                "seed": self.seed,
            },
            "hyperparameters": dict(self.hyperparameters),
            "method_version": METHODS[self.method].version,
            "task": encoding["task"],
            "inputs": {
                "model": encoding["model"],
                "data": encoding["sha256"],
                "sources": sha256(self.sources) if self.sources else None,
            },
        }


def train(spec: RunSpec) -> None:
    """Train, predict the test split with the best epoch, and write the run directory, run.json last.

    A finished run of the same identity is left as it is; a killed one goes on from its last epoch; one that another
    process is at (an orphan of a killed Snakemake) is waited for.
    """
    with alone(spec.output / ".lock", f"{spec.output}: another process trains this run; waiting for it"):
        _train(spec)


def _train(spec: RunSpec) -> None:
    record = spec.record()
    if _is_done(spec.output, record):
        print(f"{spec.output}: this run is done; delete its run.json to train it again")
        return
    started = time.monotonic()
    set_seed(spec.seed)
    method, encoding = METHODS[spec.method], read_json(spec.data / "encoding.json")
    if (spec.sources is None) == (method.family == "two_stage"):
        need = "takes stacked source adapters: add --sources" if spec.sources is None else "takes no --sources"
        raise UserError(f"method '{spec.method}' {need}")
    model = load_encoder(spec.model)
    compose(model, method, spec.hyperparameters, spec.sources, len(encoding["task"]["labels"] or [0]))
    splits = {name: EncodedSplit(spec.data / f"{name}.arrow", encoding) for name in ("train", "validation", "test")}
    trainer = RunTrainer(
        model,
        splits["train"],
        splits["validation"].sorted_by_length(spec.data / "validation.arrow"),
        spec.hyperparameters,
        spec.seed,
        spec.output / "checkpoints",
        identity=hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest(),
        score=_scorer(encoding["task"]),
        regularisation=lambda: method.regularisation(model, spec.hyperparameters),
        groups=method.parameter_groups(model, spec.hyperparameters),
    )
    state = trainer.fit()
    _write_outputs(spec, trainer, splits, record | _training(model, state, splits), time.monotonic() - started)
    shutil.rmtree(spec.output / "checkpoints", ignore_errors=True)


def _is_done(output: Path, record: dict[str, Any]) -> bool:
    if not (output / "run.json").is_file():
        return False
    found = read_json(output / "run.json")
    names = ("weights.safetensors", "history.parquet", "predictions.parquet")
    return all(found.get(key) == value for key, value in json.loads(json.dumps(record)).items()) and all(
        (output / name).is_file() and sha256(output / name) == found["sha256"][name] for name in names
    )


def _scorer(task: dict[str, Any]) -> Any:
    def score(prediction: EvalPrediction) -> dict[str, float]:
        logits = np.asarray(prediction.predictions, dtype=np.float64)
        labels = np.asarray(prediction.label_ids, dtype=np.float64)
        return compute(task["metrics"], task["kind"], labels, logits)

    return score


def _training(model: Any, state: Any, splits: dict[str, EncodedSplit]) -> dict[str, Any]:
    labels = splits["train"].labels
    epochs = [entry for entry in state.log_history if "eval_loss" in entry]
    best = next(entry for entry in epochs if entry["step"] == state.best_global_step)
    return {
        "parameters": count(model),
        "training": {
            "epochs": len(epochs),
            "best_epoch": round(best["epoch"]),
            "steps": state.global_step,
            "examples": len(labels) * len(epochs),
        },
        "history": state.log_history,
        "labels": labels,
    }


def _write_outputs(
    spec: RunSpec, trainer: RunTrainer, splits: dict[str, EncodedSplit], found: dict[str, Any], seconds: float
) -> None:
    output = spec.output
    output.mkdir(parents=True, exist_ok=True)
    with whole_file(output / "weights.safetensors") as temporary:
        save_file(snapshot(trainer.model), temporary)
    _write_history(output / "history.parquet", found.pop("history"))
    _write_predictions(output / "predictions.parquet", trainer, splits["test"], spec.data / "test.arrow")
    labels = found.pop("labels")
    regression = found["task"]["kind"] == "regression"
    found["baseline"] = {
        "prediction": float(labels.mean()) if regression else int(np.bincount(labels.astype(int)).argmax())
    }
    names = ("weights.safetensors", "history.parquet", "predictions.parquet")
    found["sha256"] = {name: sha256(output / name) for name in names}
    found["versions"] = {package: version(package) for package in PACKAGES}
    write_json(
        output / "timing.json",
        {
            "seconds": round(seconds, 3),
            "host": socket.gethostname(),
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or "cpu",
            "threads": torch.get_num_threads(),
            "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        },
    )
    write_json(output / "run.json", found)


def _write_history(path: Path, log: list[dict[str, Any]]) -> None:
    """One row per epoch: epoch, train_loss, eval_loss and the validation metrics."""
    dropped = ("epoch", "step", "eval_loss", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second")
    losses = {round(entry["epoch"]): entry["loss"] for entry in log if "loss" in entry}
    rows = [
        {"epoch": round(entry["epoch"]), "train_loss": losses[round(entry["epoch"])], "eval_loss": entry["eval_loss"]}
        | {key: entry[key] for key in sorted(entry) if key not in dropped}
        for entry in log
        if "eval_loss" in entry
    ]
    with whole_file(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows), temporary)


def _write_predictions(path: Path, trainer: RunTrainer, test: EncodedSplit, file: Path) -> None:
    """One row per test example, in the test file's order: row, part, label, logits."""
    by_length = test.sorted_by_length(file)
    logits = np.empty((len(test), trainer.model.heads["task"].config["num_labels"]), dtype=np.float32)
    logits[by_length.order] = trainer.predict(by_length).predictions
    table = pa.table(
        {
            "row": pa.array(np.arange(len(test), dtype=np.int32)),
            "part": pa.array(test.parts, pa.string()),
            "label": pa.array(test.labels),
            "logits": pa.array(list(logits), pa.list_(pa.float32())),
        }
    )
    with whole_file(path) as temporary:
        pq.write_table(table, temporary)
