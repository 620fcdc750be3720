"""Every method learns: on two small tasks it beats the majority baseline, from a fixed seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scalearn.cli.by_hand import planned_by_hand
from scalearn.methods import METHODS
from scalearn.results.scores import score_run
from scalearn.training.data.encode import encode
from scalearn.training.runs.joint import train as train_joint
from scalearn.training.runs.planned import PlannedRun
from scalearn.training.runs.run import train
from scalearn.training.runs.stacking import stack
from tests.methods.cases import tiny_values, write_similarities
from tests.tiny import make_model, make_task

TASKS = ("first", "second")
MARGIN = 0.15  # above the share of the most frequent class


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model, two encoded tasks, and their adapters stacked."""
    root = tmp_path_factory.mktemp("learning")
    model = make_model(root / "model", initializer_range=0.2)
    for seed, name in enumerate(TASKS):
        encode(make_task(root / "tasks" / name, rows=256, seed=seed, noise=(4, 2)), model, root / "encoded" / name)
        train(spec(root, "adapter", name))
    write_similarities(root / "similarities.json", TASKS)
    stack([root / "adapter" / name for name in TASKS], root / "sources.safetensors")
    return root


def spec(root: Path, method: str, task: str) -> PlannedRun:
    values = tiny_values(METHODS[method]).but(**{"epochs": 10, "learning_rate": 1e-2, "batch_size": 16}).model_dump()
    sources = root / "sources.safetensors" if METHODS[method].family == "two_stage" else None
    group = "both" if sources else "single"
    output, data = root / method / task, [root / "encoded" / task]
    made = planned_by_hand(method, root / "model", data, output, benchmark=group, changed=values, sources=sources)
    return replace(made, similarities=root / "similarities.json") if METHODS[method].similarity else made


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if method.family == "joint"])
def test_joint_methods_beat_it_on_every_task(method: str, folder: Path, tmp_path: Path) -> None:
    values = tiny_values(METHODS[method]).but(epochs=20, learning_rate=3e-3, batch_size=16).model_dump()
    data = tuple(folder / "encoded" / name for name in TASKS)
    train_joint(planned_by_hand(method, folder / "model", data, tmp_path, benchmark="both", changed=values))
    for task in TASKS:
        record = score_run(tmp_path / "tasks" / task)
        assert record.score > record.baseline["accuracy"] + MARGIN


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if method.family != "joint"])
@pytest.mark.parametrize("task", TASKS)
def test_it_beats_the_majority_baseline(method: str, task: str, folder: Path) -> None:
    train(spec(folder, method, task))
    record = score_run(folder / method / task)
    assert record.score > record.baseline["accuracy"] + MARGIN
