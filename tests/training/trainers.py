"""Trainers of runs, before they train."""

from __future__ import annotations

from typing import Any

import torch

from scalearn.training.data.batches import EncodedSplit
from scalearn.training.engine.device import resolve_compute, this_device
from scalearn.training.runs import run as run_module


def trainer_of(run: Any) -> Any:
    """Return the trainer of a run of one task."""
    record = run.record()
    (data,), (encoding,) = run.data, run.encodings.values()
    splits = {name: EncodedSplit(data / f"{name}.arrow", encoding) for name in ("train", "validation", "test")}
    chosen = resolve_compute(run.spec.compute, this_device())
    trainer = run_module._trainer(
        run, run_module.build(run, encoding["task"], chosen.attention)[0], splits, record, chosen
    )
    trainer.current_gradient_accumulation_steps = 1  # as the library sets it before each step
    return trainer


def without_dropout(model: Any) -> None:
    """Let activations, in training, be as they are; masks on parameters stay."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "dropout_prob"):  # of the attention
            module.dropout_prob = 0.0
