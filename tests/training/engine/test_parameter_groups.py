"""Groups of parameters with rates of their own: what the optimizer makes of them, and what stays the library's rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from scalearn.cli.by_hand import planned_by_hand
from scalearn.methods import METHODS
from scalearn.training.data.encode import encode
from scalearn.training.engine.trainer import RunTrainer
from scalearn.training.runs.planned import PlannedRun
from scalearn.training.runs.run import train
from tests.tiny import make_model, make_task

Seen = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("groups")
    encode(make_task(root / "task"), make_model(root / "model"), root / "encoded")
    return root


def spec(root: Path, method: str, output: Path, **changes: float) -> PlannedRun:
    values = METHODS[method].defaults.but(**{"epochs": 4, "batch_size": 16, **changes}).model_dump()
    return planned_by_hand(method, root / "model", [root / "encoded"], output, changed=values)


def after_an_epoch(run: PlannedRun, monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Train, and return the optimizer's settings of each parameter, by name, as they are when an epoch has ended."""
    seen: Seen = {}
    original = RunTrainer.finish_epoch

    def finish_epoch(self: Any, metrics: dict[str, float]) -> None:
        names = {id(parameter): name for name, parameter in self.model.named_parameters()}
        for group in self.optimizer.param_groups:
            for parameter in group["params"]:
                assert seen.setdefault(names[id(parameter)], group) is group, "a parameter stands in one group"
        original(self, metrics)
        raise KeyboardInterrupt

    monkeypatch.setattr(RunTrainer, "finish_epoch", finish_epoch)
    with pytest.raises(KeyboardInterrupt):
        train(run)
    return seen


def test_propetl_trains_its_masks_at_a_rate_of_their_own(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights and head 1e-3, mask scores 5e-3; both fall linearly; 0.1 of decay, but not for biases."""
    seen = after_an_epoch(spec(folder, "propetl", tmp_path), monkeypatch)
    scores = {name for name in seen if name.endswith(".scores")}
    assert len(scores) == 4  # two layers, down and up
    assert len(seen) == 4 + 4 + 4  # shared weights and biases, the head's
    for name, group in seen.items():
        assert group["initial_lr"] == (5e-3 if name in scores else 1e-3)
        assert group["lr"] == pytest.approx(group["initial_lr"] * 3 / 4)  # after one of four epochs
        assert group["weight_decay"] == (0.0 if name.endswith(".bias") else 0.1)


def test_other_methods_have_one_rate(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = after_an_epoch(spec(folder, "full_finetuning", tmp_path, weight_decay=0.2), monkeypatch)
    for name, group in seen.items():
        assert group["initial_lr"] == 2e-5
        assert group["weight_decay"] == (0.0 if name.endswith(".bias") or "LayerNorm" in name else 0.2)


def test_masks_of_rate_zero_stay_as_they_are_drawn(folder: Path, tmp_path: Path) -> None:
    """What the code released with ScaLearn did."""
    train(spec(folder, "propetl", tmp_path / "short", epochs=1, mask_learning_rate=0.0))
    train(spec(folder, "propetl", tmp_path / "long", epochs=3, mask_learning_rate=0.0, learning_rate=0.1))
    short, long = (load_file(tmp_path / name / "weights.safetensors") for name in ("short", "long"))
    for name, tensor in short.items():
        assert torch.equal(tensor, long[name]) == name.endswith(".scores"), name
