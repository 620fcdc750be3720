"""The same rows, fed and computed as the reference does it (padded to 128, source after source) and as we do it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from scalearn.methods.layers.loop import scaled_sum
from scalearn.methods.layers.sources import Sources
from scalearn.methods.layers.wide_bottleneck import NAME, Omega
from scalearn.training.data.encode import encode
from scalearn.training.engine.microbatches import TOKEN_TENSORS
from tests.methods.sources import make_sources
from tests.tiny import make_model, make_task
from tests.training.single import spec
from tests.training.trainers import trainer_of, without_dropout

LENGTH = 128


class Loop(nn.Module):
    """One layer's sources, one after the other, each scaled by omega."""

    def __init__(self, parts: dict[str, Tensor], omega: Omega) -> None:
        super().__init__()
        self.parts, self.omega = parts, omega

    def forward(self, inputs: Tensor) -> Tensor:
        return scaled_sum(inputs, self.parts, self.omega.weight)


def as_the_reference(model: Any, sources: Path) -> Any:
    """Return a copy of our model that loops over the sources and computes its last layer in full."""
    model = deepcopy(model)
    *_, (_, last) = model.iter_layers()
    last.attention._forward_pre_hooks.clear()
    stacked = Sources.read(sources)
    for layer, modules in model.get_adapter(NAME).items():
        (adapter,) = modules.values()
        adapter.adapter_down, adapter.adapter_up = nn.Identity(), Loop(stacked.layers[layer], adapter.adapter_up.omega)
    return model


def padded(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: functional.pad(value, (0, LENGTH - value.shape[-1])) if name in TOKEN_TENSORS else value
        for name, value in batch.items()
    }


@pytest.mark.parametrize("name", ["scalearn", "scalearn_uniform", "scalearn_pp", "scalearn_uniform_pp"])
@pytest.mark.parametrize("buckets", [0, 1])
def test_loss_and_gradient_are_the_same(buckets: int, name: str, tmp_path: Path) -> None:
    model = make_model(tmp_path / "model", max_position_embeddings=LENGTH, initializer_range=0.2)
    encode(make_task(tmp_path / "task", noise=(60, 28)), model, tmp_path / "encoded/first")
    sources = make_sources(tmp_path / "sources.safetensors", count=8)
    run = spec(tmp_path, name, tmp_path / "run", batch_size=32, length_buckets=buckets, omega_dropout=0)
    trainer = trainer_of(run)
    without_dropout(trainer.model)
    reference = as_the_reference(trainer.model, sources).train()
    parts = []
    trainer.model.register_forward_pre_hook(
        lambda _, __, inputs: parts.append(inputs["input_ids"].shape), with_kwargs=True
    )
    for batch in trainer.get_train_dataloader():
        trainer.model.zero_grad()
        reference.zero_grad()
        expected = reference(**padded(batch)).loss
        expected.backward()
        assert trainer.training_step(trainer.model, batch) == pytest.approx(expected.item(), rel=1e-5)
        theirs = dict(reference.named_parameters())
        for key, parameter in trainer.model.named_parameters():
            if parameter.grad is not None:
                scale = theirs[key].grad.abs().max()
                torch.testing.assert_close(parameter.grad, theirs[key].grad, rtol=0, atol=1e-4 * float(scale), msg=key)
    assert sum(rows for rows, _ in parts) == 96
    assert max(length for _, length in parts) <= 32
    assert len(parts) > 3  # also of a bucket: of 96 rows, 32 are not all alike
