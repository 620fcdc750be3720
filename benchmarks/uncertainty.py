"""Time the intervals and comparisons of a full GLUE table from made-up predictions, and measure the memory.

    python benchmarks/uncertainty.py --seeds 10 --output uncertainty.json

The campaign is that of config.yaml with so many seeds for every task and method: 14 methods, 8 tasks. From ten seeds on
seeds and rows are redrawn 10,000 times. Scores are made before the clock starts.
"""

from __future__ import annotations

import json
import resource
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer
import yaml

from scalearn.campaign.plan import Campaign
from scalearn.campaign.spec import RunSpec
from scalearn.results.cells import make_table
from scalearn.results.layout import Layout
from scalearn.results.records import Part
from scalearn.results.scored import current_scores
from scalearn.results.uncertainty import with_uncertainty
from scalearn.storage.files import sha256, write_json

CONFIG = Path(__file__).parent.parent / "config.yaml"
ROWS = {"mnli": 9815, "qqp": 40430, "qnli": 5463, "sst2": 872, "stsb": 1500, "mrpc": 408, "rte": 277, "cola": 1043}


def main(
    seeds: Annotated[int, typer.Option(min=1, help="of every task and method")] = 10,
    output: Annotated[Path | None, typer.Option(help="a JSON file for what is measured")] = None,
) -> None:
    """Make the predictions of a campaign and time the statistics of its table."""
    campaign = campaign_of(seeds)
    layout = Layout.model_validate(campaign.layout("glue"))
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        specs = {spec.path: spec for spec in campaign.runs("glue")}
        for part in layout.parts():
            make_run(runs / part.folder, specs[part.run], part, campaign)
        records = current_scores([layout], runs)
        table = make_table(layout, records, runs)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = perf_counter()
        table = with_uncertainty(table, layout, records, runs)
        seconds = perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    by = sorted({comparison.interval.by for comparison in table.comparisons if comparison.interval})
    measured = {
        "seeds": seeds,
        "runs": len(specs),
        "intervals": by,
        "seconds": round(seconds, 1),
        "mib_before": before // 1024,
        "peak_mib": peak // 1024,
    }
    print(json.dumps(measured, indent=1))
    if output is not None:
        output.write_text(json.dumps(measured, indent=1) + "\n")


def campaign_of(seeds: int) -> Campaign:
    """Return the paper's campaign on GLUE with so many seeds for every task and method."""
    content = yaml.safe_load(CONFIG.read_text())
    every = list(range(seeds))
    content |= {"seeds": every, "task_seeds": {}, "joint_seeds": every, "benchmarks": {"glue": list(ROWS)}}
    return Campaign.parse(content, "config.yaml")


def make_run(folder: Path, spec: RunSpec, part: Part, campaign: Campaign) -> None:
    """Write predictions of about 80 % right rows, and the run.json that belongs to them."""
    task, rows = campaign.tasks[part.task], ROWS[part.task]
    rng = np.random.default_rng([len(spec.method), spec.seed, rows])
    hard = np.random.default_rng(rows).normal(size=rows)
    if task.kind == "regression":
        labels = hard
        logits = (hard + rng.normal(size=rows))[:, None]
    else:
        labels = np.arange(rows) % len(task.labels or ())
        wrong = hard + rng.normal(size=rows) > 1.2
        logits = np.eye(len(task.labels or ()))[np.where(wrong, 0, labels).astype(int)]
    folder.mkdir(parents=True)
    columns = {
        "row": pa.array(np.arange(rows, dtype=np.int32)),
        "part": pa.array([""] * rows),
        "label": pa.array(labels.astype(float)),
        "logits": pa.array(list(logits.astype(np.float32)), pa.list_(pa.float32())),
    }
    pq.write_table(pa.table(columns), folder / "predictions.parquet")
    facts: dict[str, Any] = {"name": part.task, "kind": task.kind, "labels": task.labels, "metrics": task.all_metrics}
    write_json(
        folder / "run.json",
        {
            "spec": spec.record,
            "tasks": [{**facts, "version": 1, "sha256": {}}],
            "inputs": {"sources": {"names": list(ROWS)}},
            "baseline": {"prediction": 0},
            "parameters": {"trainable": 1, "head": 1, "total": 1},
            "training": {"epochs": 1, "best_epoch": 1, "steps": 1, "examples": 1},
            "sha256": {"predictions.parquet": sha256(folder / "predictions.parquet")},
            "versions": {},
        },
    )


if __name__ == "__main__":
    typer.run(main)
