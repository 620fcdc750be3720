"""A campaign with finished runs made by hand, as the report reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scalearn.campaign.plan import Campaign
from scalearn.campaign.spec import RunSpec
from scalearn.results.layout import Layout
from scalearn.storage.files import sha256, write_json

ROWS = 60


def campaign_of(**changes: Any) -> Campaign:
    """Return a campaign of two tasks with these keys changed."""
    source = {"kind": "files", "train": "train.csv", "test": "test.csv"}
    content = {
        "model": "tiny",
        "models": {"tiny": {"kind": "hub", "repository": "owner/tiny", "revision": "0" * 40}},
        "tasks": {name: {"source": source, "texts": ["text"], "labels": ["no", "yes"]} for name in ("one", "two")},
        "benchmarks": {"pair": ["one", "two"]},
        "methods": ["adapter", "adapter_m", "scalearn"],
        "seeds": [0, 1, 2],
        **changes,
    }
    return Campaign.parse(content, "config.yaml")


def finish(campaign: Campaign, folder: Path, left_out: Sequence[str] = ()) -> None:
    """Make the runs of all benchmarks but those of the methods `left_out`, with logs."""
    for benchmark in campaign.benchmarks:
        layout = Layout.model_validate(campaign.layout(benchmark))
        specs = {spec.path: spec for spec in campaign.runs(benchmark)}
        for part in dict.fromkeys(layout.parts()):
            spec = specs[part.run]
            if spec.method not in left_out:
                make_run(folder / "results/trained" / part.folder, spec, part.task, part.joint)
                log = folder / f"logs/train/{part.run}.log"
                log.parent.mkdir(parents=True, exist_ok=True)
                log.write_text("epoch 1/2\nepoch 2/2 <b>done</b>\n")


def make_run(folder: Path, spec: RunSpec, task: str, joint: bool) -> None:
    """Write predictions, history and run.json of one run, or of one task of a joint run."""
    share = {"adapter": 0.6, "adapter_m": 0.7, "scalearn": 0.85}.get(spec.method, 0.75)
    labels = np.arange(ROWS) % 2
    wrong = np.random.default_rng([spec.seed, len(spec.path)]).random(ROWS) > share
    folder.mkdir(parents=True, exist_ok=True)
    columns = {
        "row": pa.array(np.arange(ROWS, dtype=np.int32)),
        "part": pa.array([""] * ROWS),
        "label": pa.array(labels.astype(float)),
        "logits": pa.array(list(np.eye(2, dtype=np.float32)[np.where(wrong, 1 - labels, labels)])),
    }
    pq.write_table(pa.table(columns), folder / "predictions.parquet")
    run_folder = folder.parent.parent if joint else folder
    history = [
        {"round" if joint else "epoch": epoch, f"eval_{task}_accuracy" if joint else "eval_accuracy": 0.5 + epoch / 10}
        for epoch in (1, 2)
    ]
    pq.write_table(pa.Table.from_pylist(history), run_folder / "history.parquet")
    write_json(folder / "run.json", record(spec, task, sha256(folder / "predictions.parquet")))


def record(spec: RunSpec, task: str, checksum: str) -> Mapping[str, Any]:
    """Return what the run.json says."""
    facts = {"name": task, "kind": "classification", "labels": ["no", "yes"], "metrics": ["accuracy"]}
    return {
        "spec": spec.record,
        "tasks": [{**facts, "version": 1, "sha256": {"test": "0123"}}],
        "inputs": {"model": ["4567"]},
        "baseline": {"prediction": 0},
        "computed": [{"device": "cpu", "precision": "float32"}],
        "parameters": {"trainable": 96, "head": 1, "total": 1000},
        "training": {"epochs": 2, "best_epoch": 2, "steps": 20, "examples": 40},
        "sha256": {"predictions.parquet": checksum},
        "versions": {"scalearn": "0.1.0"},
    }
