"""A bottleneck adapter that all layers share, and of which each uses the part that its binary masks leave."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def binary_mask(scores: Tensor, kept: float) -> Tensor:
    """Return 1 for the n - int((1 - kept) n) of n entries with the largest |score|, else 0, in the shape of `scores`.

    Straight-through: the gradient of the mask is that of |score|. Zeng et al. 2023, section 3.
    """
    magnitude = scores.abs()
    count = magnitude.numel() - int((1 - kept) * magnitude.numel())
    largest = magnitude.detach().flatten().topk(count).indices
    mask = torch.zeros_like(magnitude).flatten().index_fill(0, largest, 1.0).view_as(magnitude)
    return mask + (magnitude - magnitude.detach())


class MaskedLinear(nn.Module):
    """The projection of `prototype`, which others use too, under a mask of its own; the bias is not masked."""

    def __init__(self, prototype: nn.Linear, kept: float) -> None:
        super().__init__()
        self.prototype, self.kept = prototype, kept
        # ProPETL keeps the scores transposed and has their bound from 1 / sqrt(fan_in) there: our fan_out.
        self.scores = nn.Parameter(torch.empty_like(prototype.weight))
        nn.init.kaiming_uniform_(self.scores, a=math.sqrt(5), mode="fan_out")

    def forward(self, inputs: Tensor) -> Tensor:
        """Return inputs @ (W * mask).T + b."""
        weight = self.prototype.weight * binary_mask(self.scores, self.kept)
        return functional.linear(inputs, weight, self.prototype.bias)


def share_masked(model: Any, name: str, kept: float) -> None:
    """Let all layers use the first layer's adapter of this name, each through masks of its own."""
    adapters = [adapter for modules in model.get_adapter(name).values() for adapter in modules.values()]
    down, up = adapters[0].adapter_down[0], adapters[0].adapter_up
    for adapter in adapters:
        adapter.adapter_down[0] = MaskedLinear(down, kept)
        adapter.adapter_up = MaskedLinear(up, kept)
