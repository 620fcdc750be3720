"""fp16's gradient scaler: what overflows is skipped, and a resumed run goes on with its scale."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from scalearn.campaign.compute import Compute
from scalearn.errors import UserError
from scalearn.training.engine.device import Device, ResolvedCompute, resolve_compute
from scalearn.training.engine.trainer import RunTrainer
from scalearn.training.runs.run import train
from tests.training.interrupting import Killed, kill_after
from tests.training.single import content, spec


def chosen(**asked: Any) -> ResolvedCompute:
    """Return what a GPU that knows no bf16 comes to."""
    return resolve_compute(Compute(**asked), Device("cuda"))


@pytest.fixture
def fp16(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let fp16 train on the CPU, where the library would leave it out: with torch's own autocast and scaler there."""
    options: dict[str, Any] = {"init_scale": 2.0**24, "growth_interval": 4}
    original = RunTrainer.create_accelerator_and_postprocess

    def create(self: Any) -> None:
        original(self)
        self.accelerator.native_amp = True
        self.accelerator.scaler = torch.amp.GradScaler("cpu", **options)

    monkeypatch.setattr(RunTrainer, "create_accelerator_and_postprocess", create)
    monkeypatch.setattr("scalearn.training.runs.run.resolve_compute", lambda *_: chosen(precision="fp16"))
    return options


def scales(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """Collect the scale before each step that is taken, after so many others."""
    found, original = [], RunTrainer.training_step

    def step(self: Any, *rest: Any) -> torch.Tensor:
        found.append((self.state.global_step, self.accelerator.scaler.get_scale()))
        return original(self, *rest)

    monkeypatch.setattr(RunTrainer, "training_step", step)
    return found


@pytest.mark.parametrize("optimizer", ["fused", "plain"])
def test_a_run_in_fp16_skips_what_overflows_and_resumes_with_its_scale(
    optimizer: str, fp16: dict[str, Any], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "scalearn.training.runs.run.resolve_compute", lambda *_: chosen(precision="fp16", optimizer=optimizer)
    )
    with monkeypatch.context() as patch:
        whole = scales(patch)
        train(spec(folder, "adapter", tmp_path / "whole"))
    with monkeypatch.context() as patch:
        seen = scales(patch)
        kill_after(patch, 2)
        with pytest.raises(Killed):
            train(spec(folder, "adapter", tmp_path / "killed"))
    with monkeypatch.context() as patch:
        rest = scales(patch)
        train(spec(folder, "adapter", tmp_path / "killed"))
    assert len(whole) == 18 and whole[0][1] > whole[1][1]  # the first step overflowed
    assert any(after[1] > before[1] for before, after in pairwise(whole))
    assert [*seen[:12], *rest] == whole
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    assert json.loads((tmp_path / "whole/run.json").read_text())["computed"][0]["precision"] == "fp16"


def test_an_epoch_whose_last_step_is_skipped_has_not_diverged(
    fp16: dict[str, Any], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fp16["init_scale"] = 2.0**40  # more halvings than an epoch has steps
    found = scales(monkeypatch)
    train(spec(folder, "adapter", tmp_path / "run"))
    assert found[6][1] < found[5][1]
    weights = load_file(tmp_path / "run/weights.safetensors")
    assert all(tensor.isfinite().all() for tensor in weights.values())


def test_but_one_that_overflows_even_scaled_down_has(
    fp16: dict[str, Any], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fp16["init_scale"] = 2.0
    original = RunTrainer.training_step

    def spoil(self: Any, model: Any, *rest: Any) -> torch.Tensor:
        loss = original(self, model, *rest)
        next(p for p in model.parameters() if p.grad is not None).grad.fill_(float("inf"))
        return loss

    monkeypatch.setattr(RunTrainer, "training_step", spoil)
    with pytest.raises(UserError, match="the gradient is not finite in epoch 1"):
        train(spec(folder, "adapter", tmp_path / "run"))
