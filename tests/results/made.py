"""Run directories and score records made by hand, as training and scoring would leave them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scalearn import versions
from scalearn.campaign import FULL, Run
from scalearn.files import sha256, write_json
from scalearn.results.records import predictions_folder, score_path

TASKS: dict[str, dict[str, Any]] = {
    "rte": {"kind": "classification", "labels": ["yes", "no"], "metrics": ["accuracy", "f1"]},
    "nli": {"kind": "classification", "labels": ["a", "b", "c"], "metrics": ["accuracy"]},
    "sts": {"kind": "regression", "labels": None, "metrics": ["pearson", "spearman"]},
}


def run_of(method: str, task: str, seed: int, benchmark: str = "pair") -> Run:
    """Return the run with these coordinates; Adapter knows of no benchmark."""
    return Run("tiny", method, "single" if method == "adapter" else benchmark, task, FULL, seed)


def make_run(
    folder: Path,
    run: Run,
    labels: Sequence[float],
    logits: Sequence[Sequence[float]],
    parts: Sequence[str] | None = None,
    prediction: float = 1,
) -> Path:
    """Write predictions.parquet and run.json to `folder`; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = {
        "row": pa.array(np.arange(len(labels), dtype=np.int32)),
        "part": pa.array(parts or [""] * len(labels)),
        "label": pa.array([float(label) for label in labels]),
        "logits": pa.array(logits, pa.list_(pa.float32())),
    }
    pq.write_table(pa.table(columns), folder / "predictions.parquet")
    write_json(folder / "run.json", run_json(run, sha256(folder / "predictions.parquet"), prediction))
    return folder


def run_json(run: Run, checksum: str, prediction: float = 1) -> dict[str, Any]:
    """Return what a run.json says."""
    return {
        "identity": run.__dict__,
        "hyperparameters": {"learning_rate": 0.003, "epochs": 3},
        "method_version": 1,
        "task": {"name": run.task, **TASKS[run.task], "version": 2, "sha256": {"train": "a", "test": "b"}},
        "inputs": {"model": "m", "data": {"train": "d"}, "sources": None},
        "baseline": {"prediction": prediction},
        "compute": {"precision": "bf16", "tf32": False},
        "computed": [{"device": "cuda", "precision": "bf16", "tf32": False}],
        "parameters": {"trainable": 96, "head": 10, "total": 1000},
        "training": {"epochs": 3, "best_epoch": 2, "steps": 30, "examples": 480},
        "sha256": {"weights.safetensors": "w", "history.parquet": "h", "predictions.parquet": checksum},
        "versions": {"scalearn": "0", "torch": "1"},
    }


def make_score(runs: Path, run: Run, value: float, floor: float = 0.5, **changes: Any) -> Path:
    """Write a score record with this value and the baseline `floor` for each metric; `changes` replace whole keys.

    Beside it goes the run.json that it seems to be made from, so that it is current; predictions there are none.
    """
    metrics = TASKS[run.task]["metrics"]
    record = predictions_folder(runs, run) / "run.json"
    write_json(record, run_json(run, "p"))
    content = {
        "identity": run.__dict__,
        "headline": metrics[0],
        "scores": dict.fromkeys(metrics, value),
        "baseline": dict.fromkeys(metrics, floor),
        "rows": {"": 100},
        "hyperparameters": {"learning_rate": 0.003},
        "cost": {
            "trainable_parameters": 96,
            "head_parameters": 10,
            "steps": 30,
            "epochs": 3,
            "best_epoch": 2,
            "examples": 480,
        },
        "provenance": {
            "switches": [],
            "compute": {},
            "computed": [{"device": "cpu", "precision": "float32", "tf32": False}],
            "method_version": 1,
            "task_version": 1,
            "sha256": {},
            "inputs": {},
            "versions": {},
        },
        "made_from": {"run": sha256(record), "metrics": metrics, "positive": None, "scoring": versions.SCORING},
        **changes,
    }
    path = score_path(runs, run)
    write_json(path, content)
    return path


def layout_of(methods: Sequence[str], seeds: dict[str, list[int]], benchmark: str = "pair") -> dict[str, Any]:
    """Return a layout as Campaign.layout gives it; its tasks are the keys of `seeds`."""
    return {
        "benchmark": benchmark,
        "model": "tiny",
        "tasks": list(seeds),
        "methods": list(methods),
        "seeds": seeds,
    }
