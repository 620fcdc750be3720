"""The files of a run's directory: weights, history, predictions, timing and, last, run.json."""

from __future__ import annotations

import platform
import resource
import socket
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import save_file

from scalearn import __version__
from scalearn.storage.files import sha256, whole_file, write_json
from scalearn.training.data.batches import EncodedSplit
from scalearn.training.engine.checkpoints import snapshot
from scalearn.training.engine.history import history_rows
from scalearn.training.engine.trainer import RunTrainer
from scalearn.training.runs.planned import PlannedRun

PACKAGES = ("torch", "transformers", "adapters", "numpy")


def write_run(
    run: PlannedRun,
    trainer: RunTrainer,
    history: list[dict[str, Any]],
    test: EncodedSplit,
    found: dict[str, Any],
    started: float,
) -> None:
    """Write a trained run's files; `found` is what run.json says of it beside checksums and versions.

    started: the value of time.monotonic() when the run began.
    """
    write_training(run.output, trainer, history)
    write_predictions(run.output / "predictions.parquet", trainer, test)
    write_json(run.output / "timing.json", timing(time.monotonic() - started))
    write_record(run.output, found, run.files)


def write_training(output: Path, trainer: RunTrainer, history: list[dict[str, Any]]) -> None:
    """Write what training left: weights and history."""
    output.mkdir(parents=True, exist_ok=True)
    with whole_file(output / "weights.safetensors") as temporary:
        save_file(snapshot(trainer.model), temporary)
    _write_history(output / "history.parquet", history, trainer.unit)


def write_record(output: Path, found: dict[str, Any], files: Iterable[str]) -> None:
    """Write run.json: what was found, with the checksums of these files of `output` and the versions in use."""
    checksums = {name: sha256(output / name) for name in files}
    versions = {"scalearn": __version__, **{package: version(package) for package in PACKAGES}}
    write_json(output / "run.json", {**found, "sha256": checksums, "versions": versions})


def timing(seconds: float) -> dict[str, Any]:
    """Return what timing.json says of a run that took so long here."""
    return {
        "seconds": round(seconds, 3),
        "host": socket.gethostname(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or "cpu",
        "threads": torch.get_num_threads(),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _write_history(path: Path, log: list[dict[str, Any]], unit: str) -> None:
    with whole_file(path) as temporary:
        pq.write_table(pa.Table.from_pylist(history_rows(log, unit)), temporary)


def write_predictions(path: Path, trainer: RunTrainer, test: EncodedSplit) -> None:
    """Write a row per test example, in the file's order: row, part, label, logits, and what metrics of groups need."""
    by_length = test.sorted_by_length()
    found = trainer.logits(by_length)
    logits = np.empty_like(found, dtype=np.float32)
    logits[by_length.order] = found
    columns = {
        "row": pa.array(np.arange(len(test), dtype=np.int32)),
        "part": test.column("part"),
        "label": test.column("label"),
        "logits": pa.array(list(logits), pa.list_(pa.float32())),
    }
    for name in ("group", "candidate", "answers"):
        if (column := test.column(name)) is not None:
            columns[name] = column
    with whole_file(path) as temporary:
        pq.write_table(pa.table(columns), temporary)
