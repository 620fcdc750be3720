"""Writes a run's files: weights, history, predictions, timing and, last, run.json."""

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
from scalearn.campaign.run_folder import HISTORY, PREDICTIONS, RECORD, TIMING, WEIGHTS
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
    record: dict[str, Any],
    started: float,
) -> None:
    """Write the files of a trained run, run.json last.

    record: the content of run.json, without checksums and versions. started: time.monotonic() at the run's start.
    """
    write_training(run.output, trainer, history)
    write_predictions(run.output / PREDICTIONS, trainer, test)
    write_json(run.output / TIMING, timing(time.monotonic() - started, trainer))
    write_record(run.output, record, run.files)


def write_training(output: Path, trainer: RunTrainer, history: list[dict[str, Any]]) -> None:
    """Write the weights and the history."""
    output.mkdir(parents=True, exist_ok=True)
    with whole_file(output / WEIGHTS) as temporary:
        save_file(snapshot(trainer.model), temporary)
    _write_history(output / HISTORY, history, trainer.unit)


def write_record(output: Path, record: dict[str, Any], files: Iterable[str]) -> None:
    """Write run.json: the record, the checksums of these files of `output`, and the versions of the packages."""
    checksums = {name: sha256(output / name) for name in files}
    versions = {"scalearn": __version__, **{package: version(package) for package in PACKAGES}}
    write_json(output / RECORD, {**record, "sha256": checksums, "versions": versions})


def timing(seconds: float, trainer: RunTrainer) -> dict[str, Any]:
    """Return the content of timing.json for a run that took so many seconds on this machine."""
    on_gpu, replay = torch.cuda.is_available(), trainer.replay
    return {
        "seconds": round(seconds, 3),
        "host": socket.gethostname(),
        "device": torch.cuda.get_device_name() if on_gpu else platform.processor() or "cpu",
        "threads": torch.get_num_threads(),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        **({"peak_gpu_memory_mib": torch.cuda.max_memory_allocated() // 2**20} if on_gpu else {}),
        **(replay.facts if replay else {}),
    }


def _write_history(path: Path, log: list[dict[str, Any]], unit: str) -> None:
    with whole_file(path) as temporary:
        pq.write_table(pa.Table.from_pylist(history_rows(log, unit)), temporary)


def write_predictions(path: Path, trainer: RunTrainer, test: EncodedSplit) -> None:
    """Write a row per test example, in the order of its file: row, part, label, logits and the columns for metrics."""
    by_length = test.sorted_by_length()
    sorted_logits = trainer.logits(by_length)
    logits = np.empty_like(sorted_logits, dtype=np.float32)
    logits[by_length.order] = sorted_logits
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
