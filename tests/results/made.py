"""Run directories and score records made by hand, as training and scoring would leave them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scalearn.campaign import versions
from scalearn.campaign.spec import RunSpec
from scalearn.methods import METHODS
from scalearn.results.layout import Layout
from scalearn.results.records import Part, RunRecord, score_path
from scalearn.storage.files import sha256, write_json

_SPECS: dict[str, RunSpec] = {}  # of the runs that were asked for, by their paths

TASKS: dict[str, dict[str, Any]] = {
    "rte": {"kind": "classification", "labels": ["yes", "no"], "metrics": ["accuracy", "f1"]},
    "nli": {"kind": "classification", "labels": ["a", "b", "c"], "metrics": ["accuracy"]},
    "sts": {"kind": "regression", "labels": None, "metrics": ["pearson", "spearman"]},
}


PROVENANCE: dict[str, Any] = {
    "switches": [],
    "compute": {},
    "computed": [{"device": "cpu", "precision": "float32", "tf32": False}],
    "method_version": 1,
    "training_version": 1,
    "task_version": 1,
    "sha256": {},
    "inputs": {},
    "versions": {},
}


def spec_of(method: str, task: str, seed: int, benchmark: str = "pair") -> RunSpec:
    """Return the spec of the run with these coordinates; a joint run learns two tasks."""
    family = METHODS[method].family
    return RunSpec(
        method=method,
        model="tiny",
        tasks=("rte", "nli") if family == "joint" else (task,),
        benchmark="single" if family == "single" else benchmark,
        seed=seed,
        sources=("tiny/adapter/single/rte/full/0",) if family == "two_stage" else (),
        hyperparameters={"learning_rate": 0.003},
    )


def run_of(method: str, task: str, seed: int, benchmark: str = "pair") -> Part:
    """Return what is scored of the run with these coordinates."""
    spec = spec_of(method, task, seed, benchmark)
    _SPECS[spec.path] = spec
    return Part(spec.path, task, spec.family == "joint")


def make_run(
    folder: Path,
    run: Part,
    labels: Sequence[float],
    logits: Sequence[Sequence[float]],
    parts: Sequence[str] | None = None,
    prediction: float = 1,
    spec: RunSpec | None = None,
) -> Path:
    """Write predictions.parquet and run.json to `folder`; return it. spec: of the run, if `run_of` did not give it."""
    if spec is not None:
        _SPECS[run.run] = spec
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


def run_json(run: Part, checksum: str, prediction: float = 1) -> dict[str, Any]:
    """Return what a run.json says."""
    return {
        "spec": _SPECS[run.run].record,
        "tasks": [{"name": run.task, **TASKS[run.task], "version": 2, "sha256": {"train": "a", "test": "b"}}],
        "inputs": {"model": ["m"], "data": {run.task: {"train": "d"}}},
        "baseline": {"prediction": prediction},
        "computed": [{"device": "cuda", "precision": "bf16", "tf32": False}],
        "parameters": {"trainable": 96, "head": 10, "total": 1000},
        "training": {"epochs": 3, "best_epoch": 2, "steps": 30, "examples": 480},
        "sha256": {"weights.safetensors": "w", "history.parquet": "h", "predictions.parquet": checksum},
        "versions": {"scalearn": "0", "torch": "1"},
    }


def make_score(runs: Path, run: Part, value: float, floor: float = 0.5, **changes: Any) -> Path:
    """Write a score record with this value and the baseline `floor` for each metric; `changes` replace whole keys.

    Beside it goes the run.json that it seems to be made from, so that it is current; predictions there are none.
    """
    metrics = TASKS[run.task]["metrics"]
    record = runs / run.folder / "run.json"
    write_json(record, run_json(run, "p"))
    content = {
        "identity": RunRecord.model_validate(run_json(run, "p")).identity.model_dump(),
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
        "provenance": PROVENANCE,
        "made_from": {"run": sha256(record), "metrics": metrics, "positive": None, "scoring": versions.SCORING},
        **changes,
    }
    path = score_path(runs, run)
    write_json(path, content)
    return path


def layout_of(
    methods: Sequence[str], seeds: dict[str, list[int]], benchmark: str = "pair", joint: Sequence[int] = (), **more: Any
) -> Layout:
    """Return a layout as Campaign.layout gives it; its tasks are the keys of `seeds`."""

    def row(method: str) -> dict[str, Any]:
        own = {task: list(joint) for task in seeds} if METHODS[method].family == "joint" else seeds
        runs = {task: [run_of(method, task, seed, benchmark).run for seed in own[task]] for task in seeds}
        title = METHODS[method].title
        return {
            "name": method,
            "title": title,
            "method": method,
            "seeds": own,
            "settings": [{"description": "", "runs": runs}],
        }

    rows = [row(method) for method in methods]
    return Layout.model_validate({"benchmark": benchmark, "model": "tiny", "tasks": list(seeds), "rows": rows, **more})
