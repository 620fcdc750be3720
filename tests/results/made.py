"""Run directories and score records made by hand, as training and scoring would leave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scalearn import versions
from scalearn.campaign import SINGLE, STAGE1, RunSpec
from scalearn.files import sha256, write_json
from scalearn.methods import METHODS
from scalearn.results.layout import Layout
from scalearn.results.records import Part, score_path

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


def run_of(method: str, task: str | Sequence[str], seed: int, benchmark: str = "pair", **changes: Any) -> RunSpec:
    """Return the run of a method on a task, or a joint one on several; `changes` are for the other keys of its spec."""
    family = METHODS[method].family
    content = {
        "method": method,
        "model": "tiny",
        "tasks": (task,) if isinstance(task, str) else tuple(task),
        "benchmark": SINGLE if family == "single" else benchmark,
        "seed": seed,
        "sources": (f"tiny/{STAGE1}/single/rte/full/0",) if family == "two_stage" else (),
    }
    return RunSpec.model_validate({**content, **changes})


def part_of(run: RunSpec, task: str | None = None) -> Part:
    """Return what a score is of: the run or, of a joint one, its part on a task; by default the first."""
    return Part(run.path, task or run.tasks[0], run.family == "joint")


def make_run(
    folder: Path,
    run: RunSpec,
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
    write_json(folder / "run.json", run_json(run, run.tasks[0], sha256(folder / "predictions.parquet"), prediction))
    return folder


def run_json(run: RunSpec, task: str, checksum: str, prediction: float = 1) -> dict[str, Any]:
    """Return what a run.json says, of a joint run the one of its part on this task."""
    return {
        "spec": run.record,
        "tasks": [{"name": task, **TASKS[task], "version": 2, "sha256": {"train": "a", "test": "b"}}],
        "inputs": {"model": ["m"], "data": {task: {"train": "d"}}},
        "baseline": {"prediction": prediction},
        "computed": [{"device": "cuda", "precision": "bf16", "tf32": False}],
        "parameters": {"trainable": 96, "head": 10, "total": 1000},
        "training": {"epochs": 3, "best_epoch": 2, "steps": 30, "examples": 480},
        "sha256": {"weights.safetensors": "w", "history.parquet": "h", "predictions.parquet": checksum},
        "versions": {"scalearn": "0", "torch": "1"},
    }


def make_score(
    runs: Path, run: RunSpec, value: float, floor: float = 0.5, task: str | None = None, **changes: Any
) -> Path:
    """Write a score record with this value and the baseline `floor` for each metric; `changes` replace whole keys.

    Beside it goes the run.json that it seems to be made from, so that it is current; predictions there are none.
    """
    part = part_of(run, task)
    metrics = TASKS.get(part.task, TASKS["rte"])["metrics"]
    record = runs / part.folder / "run.json"
    write_json(record, run_json(run, part.task, "p"))
    identity = {"run": part.run, "task": part.task, "shots": run.shots, "seed": run.seed}
    content = {
        "identity": {**identity, "model": run.model, "method": run.method, "benchmark": run.benchmark},
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
    path = score_path(runs, part)
    write_json(path, content)
    return path


def layout_of(
    methods: Sequence[str],
    seeds: Mapping[str, Sequence[int]],
    benchmark: str = "pair",
    joint_seeds: Sequence[int] = (),
    **changes: Any,
) -> Layout:
    """Return a layout as Campaign.layout gives it, with a plain row for each method.

    Its tasks are the keys of `seeds`; `changes` replace whole keys.
    """
    content = {
        "benchmark": benchmark,
        "model": "tiny",
        "tasks": tuple(seeds),
        "rows": [_row(method, seeds, benchmark, joint_seeds) for method in methods],
    }
    return Layout.model_validate({**content, **changes})


def _row(method: str, seeds: Mapping[str, Sequence[int]], benchmark: str, joint_seeds: Sequence[int]) -> dict[str, Any]:
    joint = METHODS[method].family == "joint"
    planned = {task: tuple(joint_seeds if joint else own) for task, own in seeds.items()}
    runs = {
        task: tuple(run_of(method, tuple(seeds) if joint else task, seed, benchmark).path for seed in planned[task])
        for task in seeds
    }
    title = METHODS[method].title
    return {
        "name": method,
        "title": title,
        "method": method,
        "seeds": planned,
        "settings": [{"said": "", "runs": runs}],
    }
