"""ScaLearn as the paper writes it: a loop over source adapters. The reference that the wide bottleneck is held to."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def scaled_sum(inputs: Tensor, parts: Mapping[str, Tensor], omega: Tensor) -> Tensor:
    """Return sum_s omega_s * (U_s relu(D_s u + b_s) + c_s), (..., d), for inputs u of shape (..., d).

    `parts` are one layer's stacked sources (see sources.py); `omega` is (S, d) or (S, 1). Section 3.2 of the paper.
    """
    total = torch.zeros_like(inputs)
    for source, scale in enumerate(omega):
        down, up = parts["down.weight"][source], parts["up.weight"][source]
        hidden = torch.relu(inputs @ down.T + parts["down.bias"][source])
        total = total + scale * (hidden @ up.T + parts["up.bias"][source])
    return total
