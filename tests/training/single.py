"""Runs of one task on a tiny model: 6 batches per epoch, 18 in all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from scalearn.cli.by_hand import planned_by_hand
from scalearn.methods import METHODS
from scalearn.training.data.encode import encode
from scalearn.training.runs.planned import PlannedRun
from scalearn.training.runs.run import train
from scalearn.training.runs.stacking import stack
from tests.methods.cases import tiny_values, write_similarities
from tests.tiny import make_model, make_task


def make_inputs(root: Path) -> None:
    """Write a tiny model, two encoded tasks, and two stacked source adapters."""
    model = make_model(root / "model")
    for index, name in enumerate(("first", "second")):
        encode(make_task(root / "tasks" / name, seed=index), model, root / "encoded" / name)
        train(spec(root, "adapter", root / name, task=name, epochs=2))
    stack([root / "first", root / "second"], root / "sources.safetensors")
    write_similarities(root / "similarities.json", ["first", "second"])


def spec(root: Path, method: str, output: Path, task: str = "first", **changes: float) -> PlannedRun:
    """Return a run of this method on one of the two tasks."""
    values = (
        tiny_values(METHODS[method])
        .but(**{"epochs": 3, "learning_rate": 5e-3, "batch_size": 16, **changes})
        .model_dump()
    )
    sources = root / "sources.safetensors" if METHODS[method].family == "two_stage" else None
    run = planned_by_hand(
        method, root / "model", [root / "encoded" / task], output, benchmark="both", changed=values, sources=sources
    )
    return replace(run, similarities=root / "similarities.json") if METHODS[method].similarity else run


def content(output: Path) -> dict[str, bytes]:
    """Return every file of a run but times, which differ."""
    return {
        path.name: path.read_bytes() for path in sorted(output.iterdir()) if path.name not in ("timing.json", ".lock")
    }
