"""Time the report of a full GLUE campaign from made-up runs, and measure its size.

    python benchmarks/report.py --seeds 10 --output report.json

14 methods, 8 tasks and so many seeds, with predictions of the real number of test rows, learning curves of thirty
epochs and, for methods that learn ω, weights of 12 layers. Scores are made before the clock starts.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from safetensors.numpy import save_file
from uncertainty import ROWS, campaign_of, make_run

from scalearn.campaign.spec import RunSpec
from scalearn.report.page import html, page
from scalearn.results.layout import Layout
from scalearn.results.records import Part
from scalearn.results.scored import current_scores

LAYERS, WIDTH, EPOCHS = 12, 768, 30


def main(
    seeds: Annotated[int, typer.Option(min=1, help="of every task and method")] = 10,
    output: Annotated[Path | None, typer.Option(help="a JSON file for what is measured")] = None,
) -> None:
    """Make the runs of a campaign, and time and measure its report."""
    campaign = campaign_of(seeds)
    layout = Layout.model_validate(campaign.layout("glue"))
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        specs = {spec.path: spec for spec in campaign.runs("glue")}
        for part in layout.parts():
            make_run(runs / part.folder, specs[part.run], part, campaign)
            make_learned(runs / part.run, specs[part.run], part)
        current_scores([layout], runs)
        start = perf_counter()
        text = html(page(campaign, runs, runs / "logs"))
        seconds = perf_counter() - start
    figures = sum(len(drawing) for drawing in re.findall("<svg.*?</svg>", text, re.DOTALL))
    measured = {
        "seeds": seeds,
        "runs": len(specs),
        "seconds": round(seconds, 1),
        "mb": round(len(text.encode()) / 1e6, 2),
        "mb_of_drawings": round(figures / 1e6, 2),
    }
    print(json.dumps(measured, indent=1))
    if output is not None:
        output.write_text(json.dumps(measured, indent=1) + "\n")


def make_learned(folder: Path, spec: RunSpec, part: Part) -> None:
    """Write a history and, for methods that learn ω, weights."""
    counter = "round" if part.joint else "epoch"
    names = [f"eval_{task}_accuracy" for task in ROWS] if part.joint else ["eval_accuracy"]
    names += [name.replace("accuracy", metric) for name in names for metric in ("pearson", "matthews", "f1")]
    rng = np.random.default_rng(spec.seed)
    rows = [{counter: epoch, **{name: rng.random() for name in names}} for epoch in range(1, EPOCHS + 1)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "history.parquet")
    if spec.method.startswith("scalearn"):
        shape = (len(ROWS), 1 if "uniform" in spec.method else WIDTH)
        layers = range(1 if spec.method.endswith("pp") else LAYERS)
        name = "roberta.encoder.layer.{}.output.adapters.scalearn.adapter_up.omega.weight"
        save_file(
            {name.format(layer): rng.random(shape).astype(np.float32) for layer in layers},
            folder / "weights.safetensors",
        )


if __name__ == "__main__":
    typer.run(main)
