"""ScaLearn as the paper writes it, a loop over source adapters. Tests compare the wide bottleneck with it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def scaled_sum(inputs: Tensor, stacked: Mapping[str, Tensor], omega: Tensor) -> Tensor:
    """Return sum_s omega_s * (U_s relu(D_s u + b_s) + c_s), shape (..., d).

    inputs: u, shape (..., d). stacked: one layer's source adapters, by the names in sources.py.
    omega: shape (S, d) or (S, 1). Source: Frohmann et al. 2024, section 3.2.
    """
    total = torch.zeros_like(inputs)
    for source, scale in enumerate(omega):
        down, up = stacked["down.weight"][source], stacked["up.weight"][source]
        hidden = torch.relu(inputs @ down.T + stacked["down.bias"][source])
        total = total + scale * (hidden @ up.T + stacked["up.bias"][source])
    return total
