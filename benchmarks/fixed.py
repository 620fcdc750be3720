"""Split a training of about a minute into its steps and what is fixed: start, checks, model, evaluation, checkpoints.

    python benchmarks/fixed.py --model resources/models/minilm --mirror MIRROR

The command is `scalearn train` for a process of one thread, its encoder of MiniLM's size. What no part counts is
"other": reading Arrow, the trainer's construction, restoring the best epoch.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from made import make_model, make_task, quartiles, write
from programs import write_sources

from scalearn.methods import METHODS
from scalearn.training.data.encode import encode

SCRIPT = Path(__file__).parent / "split_run.py"
STEPS = "steps"
MADE = 6_000  # rows of a made-up task, whose test split is a hundredth of them


def main(
    model: Annotated[Path | None, typer.Option(help="a fetched model, instead of random weights")] = None,
    mirror: Annotated[Path | None, typer.Option(help="a folder in the hub's layout, instead of made-up pairs")] = None,
    task: Annotated[str, typer.Option(help="a built-in task")] = "cb",
    method: Annotated[str, typer.Option(help="of one task, or a two-stage one, which gets eight sources")] = "scalearn",
    rows: Annotated[int, typer.Option(min=20, help="of train and validation")] = 200,
    epochs: Annotated[int, typer.Option(min=1)] = 5,
    rounds: Annotated[int, typer.Option(min=1)] = 1,
    output: Annotated[Path | None, typer.Option(help="a JSON file for what is measured")] = None,
) -> None:
    """Train, and print each part's seconds and share."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        encoder = model or make_model(work)
        encode(make_task(work / "tasks", task, mirror, MADE, rows), encoder, work / "encoded")
        command = ["train", "--model", str(encoder), "--data", str(work / "encoded"), "--method", method]
        command += ["--hyperparameters", json.dumps({"epochs": epochs, "patience": epochs})]
        if METHODS[method].family == "two_stage":
            shape = json.loads((encoder / "model.json").read_text(encoding="utf-8"))
            stack = write_sources(work / "sources.safetensors", 8, shape["hidden_size"], shape["layers"])
            command += ["--benchmark", "glue", "--sources", str(stack)]
        runs = [run([*command, "--output", str(work / f"out{number}")]) for number in range(rounds)]
    found = {"command": command, "parts": summary(runs)}
    report(found["parts"])
    write(output, found)


def run(arguments: list[str]) -> dict[str, list[float]]:
    """Run the training in a process of its own; return its seconds by part, the clock's and the CPU's."""
    environment = {**os.environ, "STARTED": repr(time.time()), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    said = json.loads(done.stdout.splitlines()[-1])
    other = [total - sum(part[kind] for part in said["parts"].values()) for kind, total in enumerate(said["total"])]
    return {**said["parts"], "other": other, "total": said["total"]}


def summary(runs: list[dict[str, list[float]]]) -> dict[str, Any]:
    """Return of each part its seconds and its share of the total, by the clock and by the CPU."""

    def of(part: str, kind: int) -> dict[str, list[float]]:
        seconds = [one[part][kind] for one in runs]
        shares = [one[part][kind] / one["total"][kind] for one in runs]
        return {"seconds": quartiles(seconds), "share": quartiles(shares)}

    found = {part: {"wall": of(part, 0), "cpu": of(part, 1)} for part in runs[0]}
    for one in runs:
        one["all but steps"] = [total - steps for total, steps in zip(one["total"], one[STEPS], strict=True)]
    return {**found, "all but steps": {"wall": of("all but steps", 0), "cpu": of("all but steps", 1)}}


def report(parts: dict[str, Any]) -> None:
    """Print a line for each part."""
    print(f"{'':<22}{'seconds':>9}{'share':>8}{'CPU, s':>9}{'share':>8}")
    for part, line in parts.items():
        columns = [
            text
            for kind in ("wall", "cpu")
            for text in (f"{line[kind]['seconds'][0]:>9.2f}", f"{line[kind]['share'][0]:>8.1%}")
        ]
        print(f"{part:<22}{''.join(columns)}")


if __name__ == "__main__":
    typer.run(main)
