"""Trainings that die after an epoch, and epochs that end with a loss that the test chooses."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from scalearn.training.engine import trainer as trainer_module
from scalearn.training.engine.checkpoints import snapshot


class Killed(BaseException):
    """Stands for a kill: nothing in the code under test may catch it."""


def kill_after(monkeypatch: pytest.MonkeyPatch, epoch: float) -> None:
    """Let the training die at the first step after this epoch's checkpoint."""
    original = trainer_module.RunTrainer.training_step

    def step(self: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        if self.state.epoch >= epoch:
            raise Killed
        return original(self, *args, **kwargs)

    monkeypatch.setattr(trainer_module.RunTrainer, "training_step", step)


def scripted(losses: list[float], monkeypatch: pytest.MonkeyPatch) -> list[dict[str, torch.Tensor]]:
    """Have the epochs end with these validation losses; return a list that fills with what trains, after each."""
    epochs: list[dict[str, torch.Tensor]] = []
    coming = iter(losses)
    original = trainer_module.RunTrainer.evaluation_loop

    def evaluation_loop(self: Any, *args: Any, **kwargs: Any) -> Any:
        output = original(self, *args, **kwargs)
        if kwargs["metric_key_prefix"] == "eval":
            epochs.append(snapshot(self.model))
            output.metrics["eval_loss"] = next(coming)
        return output

    monkeypatch.setattr(trainer_module.RunTrainer, "evaluation_loop", evaluation_loop)
    return epochs
