"""A training whose numbers run away ends soon, with what to try, and harms nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch

from scalearn.encoders import loading
from scalearn.errors import UserError
from scalearn.training.engine.callbacks import STEPS_BETWEEN_CHECKS
from scalearn.training.engine.trainer import RunTrainer
from scalearn.training.runs.run import train
from tests.training.single import spec


def spoil(monkeypatch: pytest.MonkeyPatch, step: int, value: float) -> list[int]:
    """Make the loss of one step `value`; return where the numbers of all steps are collected."""
    original, steps = RunTrainer.compute_loss, []

    def compute_loss(self: Any, model: Any, *rest: Any, **named: Any) -> Any:
        found = original(self, model, *rest, **named)
        if model.training:
            steps.append(self.state.global_step)
            found = found * value if self.state.global_step == step else found
        return found

    monkeypatch.setattr(RunTrainer, "compute_loss", compute_loss)
    return steps


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("step", [0, 3, 17])
def test_a_loss_that_is_no_number_ends_the_run_within_an_epoch(
    step: int, value: float, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = spoil(monkeypatch, step, value)
    with pytest.raises(UserError, match=r"the training loss is not finite in epoch \d, after .*smaller learning_rate"):
        train(spec(folder, "adapter", tmp_path / "run"))
    assert steps[-1] - step < min(STEPS_BETWEEN_CHECKS, 6)  # 6 batches in an epoch
    assert not (tmp_path / "run/run.json").exists()


def test_so_does_a_gradient(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = RunTrainer.training_step

    def training_step(self: Any, model: Any, *rest: Any) -> torch.Tensor:
        loss = original(self, model, *rest)
        if self.state.global_step == 17:  # the last one: no later loss shows it
            next(p for p in model.parameters() if p.grad is not None).grad.fill_(float("inf"))
        return loss

    monkeypatch.setattr(RunTrainer, "training_step", training_step)
    with pytest.raises(UserError, match="the gradient is not finite in epoch 3"):
        train(spec(folder, "adapter", tmp_path / "run"))


def test_a_run_that_diverged_is_no_checkpoint_to_go_on_from(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        spoil(patch, 8, float("nan"))
        with pytest.raises(UserError):
            train(spec(folder, "adapter", tmp_path / "run"))
    assert [path.name for path in (tmp_path / "run/checkpoints").iterdir()] == ["checkpoint-6"]


def test_a_run_in_which_only_the_head_would_learn_ends_at_its_first_step(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cast("dict[str, object]", loading.RUNTIME), "gradient_checkpointing", True)
    with pytest.raises(UserError, match=r"no gradient reaches any of the \d+ tensors that the method trains \(the fir"):
        train(spec(folder, "adapter", tmp_path / "run"))
