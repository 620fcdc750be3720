"""What the library's trainer is told follows from the hyper-parameters."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import get_scheduler

from scalearn.campaign.compute import Compute
from scalearn.methods import METHODS
from scalearn.training.engine.arguments import training_arguments
from scalearn.training.engine.device import resolve_compute, this_device
from scalearn.training.engine.settings import Settings


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("linear", [0.5, 1.0, 0.75, 0.5, 0.25]),
        ("cosine", [0.5, 1.0, 0.853553, 0.5, 0.146447]),
        ("constant_with_warmup", [0.5, 1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_the_learning_rate_goes_by_the_schedule(schedule: str, factors: list[float], tmp_path: Path) -> None:
    """Over six steps, of which two are warm-up."""
    values = METHODS["adapter"].hyperparameters(schedule=schedule, warmup_ratio=1 / 3, learning_rate=0.5)
    arguments = training_arguments(Settings(values, 0, tmp_path, "", resolve_compute(Compute(), this_device())))
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=values.learning_rate)
    scheduler = get_scheduler(arguments.lr_scheduler_type, optimizer, arguments.get_warmup_steps(6), 6)
    rates = []
    for _ in factors:
        optimizer.step()
        scheduler.step()
        rates.append(scheduler.get_last_lr()[0])
    assert rates == pytest.approx([0.5 * factor for factor in factors], abs=1e-5)


def test_loggers_see_the_norm_to_which_a_callback_clips(tmp_path: Path) -> None:
    values = METHODS["adapter"].hyperparameters(max_grad_norm=0.7)
    arguments = training_arguments(Settings(values, 0, tmp_path, "", resolve_compute(Compute(), this_device())))
    assert arguments.max_grad_norm == 0
    assert arguments.to_sanitized_dict()["max_grad_norm"] == 0.7
