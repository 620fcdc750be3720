"""Trainings that are computed kernel by kernel."""

from __future__ import annotations

import pytest
from torch import Tensor

from scalearn.training.data.batches import Batch
from scalearn.training.engine import microbatches
from scalearn.training.engine.replay import Replay


class KernelByKernel(Replay):
    """Takes each step as ever."""

    def __call__(self, batch: Batch) -> Tensor:
        self.steps += 1
        return self.step(batch)


def kernel_by_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no step be captured."""
    monkeypatch.setattr(microbatches, "Replay", KernelByKernel)
