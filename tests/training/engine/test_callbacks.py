"""Clipping as a callback, against the library's own."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch

from scalearn.campaign.compute import Compute
from scalearn.training.engine.callbacks import Clipping
from scalearn.training.engine.checkpoints import snapshot
from scalearn.training.engine.device import Device, resolve_compute
from scalearn.training.engine.trainer import RunTrainer
from tests.training import trainers
from tests.training.single import spec
from tests.training.trainers import trainer_of

LIMIT = 0.05  # below the norm of most gradients here


def trained(run: Any, by_library: bool) -> tuple[dict[str, torch.Tensor], list[float]]:
    """Return the weights after training, and the gradient's norm in the log of each epoch."""
    torch.manual_seed(0)
    trainer = trainer_of(run)
    if by_library:
        trainer.args.max_grad_norm, trainer.clipping.max_norm = trainer.clipping.max_norm, 0.0
    trainer.train()
    assert (trainer.clipping.norm is None) == (by_library or run.spec.learner[1].max_grad_norm == 0)
    return snapshot(trainer.model), [entry["grad_norm"] for entry in trainer.state.log_history if "grad_norm" in entry]


def fp16_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let trainers have fp16's scaler, which the library would leave out on a CPU."""
    original = RunTrainer.create_accelerator_and_postprocess

    def create(self: Any) -> None:
        original(self)
        self.accelerator.native_amp = True
        self.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)

    monkeypatch.setattr(RunTrainer, "create_accelerator_and_postprocess", create)
    chosen = resolve_compute(Compute(precision="fp16"), Device("cuda"))
    monkeypatch.setattr(trainers, "resolve_compute", lambda *_: chosen)


@pytest.mark.parametrize("fp16", [False, True])
def test_a_run_is_clipped_as_the_library_clips(
    fp16: bool, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With fp16's scaler the gradient is clipped after the scale is taken out."""
    if fp16:
        fp16_on_a_cpu(monkeypatch)

    def outcome(name: str, by_library: bool, limit: float = LIMIT) -> Any:
        run = spec(folder, "scalearn", tmp_path / name, epochs=1, batch_size=32, max_grad_norm=limit)
        return trained(run, by_library)

    (weights, (norm,)), (expected, (expected_norm,)) = outcome("own", False), outcome("library", True)
    assert LIMIT < norm == expected_norm < 100
    assert all(torch.equal(weights[name], tensor) for name, tensor in expected.items())
    free, norms = outcome("free", False, 0.0)
    assert any(not torch.equal(weights[name], tensor) for name, tensor in free.items()) and not norms


def test_only_what_has_a_gradient_counts_and_no_limit_leaves_it_alone() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
    model[0](torch.ones(5, 3)).sum().backward()  # the second layer gets none
    copy, calls = deepcopy(model), []
    for entry, other in zip(model.parameters(), copy.parameters(), strict=True):
        other.grad = None if entry.grad is None else entry.grad.clone()
    free = Clipping(list(model.parameters()), 0.0, lambda: calls.append("unscaled"))
    free.on_pre_optimizer_step(None, None, None)  # type: ignore[arg-type]
    assert free.norm is None and not calls
    clipping = Clipping(list(model.parameters()), 1.0, lambda: calls.append("unscaled"))
    clipping.on_pre_optimizer_step(None, None, None)  # type: ignore[arg-type]
    assert calls == ["unscaled"]
    expected = torch.nn.utils.clip_grad_norm_(copy.parameters(), 1.0)
    assert clipping.norm is not None and float(clipping.norm) == float(expected) > 1
    for entry, other in zip(model.parameters(), copy.parameters(), strict=True):
        assert (entry.grad is None) == (other.grad is None)
        assert entry.grad is None or torch.equal(entry.grad, other.grad)  # type: ignore[arg-type]
