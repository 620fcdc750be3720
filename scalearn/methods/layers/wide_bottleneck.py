"""ScaLearn as one wide bottleneck adapter.

Dropout acts on omega and not on activations, so the scaled sum over S source adapters
    sum_s omega_s * (U_s relu(D_s u + b_s) + c_s)
is one adapter of bottleneck S·b. Its down-projection stacks the D_s, its up-projection is [diag(omega_s) U_s], and its
bias is sum_s omega_s * c_s. This needs no loop over adapters and no tensor of shape (batch, length, S, d).
`loop.py` has the same function as the paper writes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from scalearn.methods.layers.folding import linear
from scalearn.methods.layers.per_batch import Mask
from scalearn.methods.layers.sources import Sources

if TYPE_CHECKING:
    from scalearn.methods.scalearn import Constraint

NAME = "scalearn"  # the wide adapter's name inside the model


class Omega(nn.Module):
    """The scaling coefficients, shape (S, d) or (S, 1). A call returns them under a dropout mask.

    Layers may share it. `save_pretrained` of transformers refuses shared tensors unless a module declares them.

    constraint: "none", or one of two ablations of the paper, in which the coefficients sum to 1 over the sources. Both
    apply after dropout: "mean" divides by the sum, "softmax" takes the softmax.
    """

    _tied_weights_keys = ("weight",)

    def __init__(
        self, sources: int, width: int, mean: float, std: float, dropout: float, constraint: Constraint = "none"
    ) -> None:
        """Draw the entries from Normal(mean / sources, std). width: d or 1."""
        super().__init__()
        self.weight = nn.Parameter(torch.empty(sources, width).normal_(mean / sources, std))
        self.dropout, self.constraint = dropout, constraint

    def forward(self, mask: Mask) -> Tensor:
        """Return omega. In training, `mask` drops each entry with probability `dropout` and scales the others up."""
        omega: Tensor = mask(self.weight)
        if self.constraint == "mean":
            return omega / omega.sum(0)
        return omega.softmax(0) if self.constraint == "softmax" else omega


class ScaledUp(nn.Module):
    """The up-projection of the wide bottleneck, (..., S·b) -> (..., d), scaled by omega."""

    def __init__(self, omega: Omega, weight: Tensor, bias: Tensor) -> None:
        """Stack the sources' up-projections, frozen. weight: shape (S, d, b). bias: shape (S, d)."""
        super().__init__()
        self.omega, self.mask = omega, Mask(omega.dropout)  # layers may share omega, but each draws its own mask
        self.bottleneck = weight.shape[2]
        self.weight = nn.Parameter(weight.permute(1, 0, 2).contiguous(), requires_grad=False)  # (d, S, b)
        self.bias = nn.Parameter(bias.clone(), requires_grad=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return sum_s omega_s * (U_s h_s + c_s). hidden: the concatenated h_s."""
        omega = self.omega(self.mask)
        bias = (omega * self.bias).sum(0)
        if omega.shape[1] == 1:  # scaling the bottleneck side is cheaper where each source has one scalar
            scaled = hidden.view(*hidden.shape[:-1], -1, self.bottleneck) * omega
            return functional.linear(scaled.flatten(-2), self.weight.flatten(1), bias)
        # Omega's order of dimensions; its gradient then needs no copy.
        weight = self.weight.permute(1, 2, 0) * omega.unsqueeze(1)  # (S, b, d)
        output = torch.addmm(bias, hidden.flatten(0, -2), weight.flatten(0, 1))
        return output.view(*hidden.shape[:-1], -1)

    def folded(self) -> nn.Linear:
        """Return the Linear that it is while omega does not train: [diag(omega_s) U_s] and sum_s omega_s * c_s."""
        omega = self.omega(Mask(0.0))
        return linear((self.weight * omega.T.unsqueeze(2)).flatten(1), (omega * self.bias).sum(0))


def install_wide_bottleneck(
    model: Any, sources: Sources, draw: Callable[[int, int], Omega], *, shared: bool, train: bool = False
) -> None:
    """Add the stacked sources to `model` as one wide adapter with a trainable omega.

    draw: returns a new omega for a number of sources and a hidden size.
    shared: all layers use one omega, though each draws its own mask. train: the source adapters train too.
    """
    from adapters import SeqBnConfig

    count, hidden = len(sources.names), int(model.config.hidden_size)
    wide = count * sources.bottleneck
    # The library computes the bottleneck as int(hidden // factor); half a unit keeps that division exact.
    model.add_adapter(NAME, config=SeqBnConfig(reduction_factor=hidden / (wide + 0.5), non_linearity="relu"))
    model.train_adapter(NAME)
    common = draw(count, hidden) if shared else None
    for layer, modules in model.get_adapter(NAME).items():
        (adapter,) = modules.values()
        stacked = sources.layers[layer]
        down = adapter.adapter_down[0]
        with torch.no_grad():
            down.weight.copy_(stacked["down.weight"].flatten(0, 1))
            down.bias.copy_(stacked["down.bias"].flatten())
        up = ScaledUp(common or draw(count, hidden), stacked["up.weight"], stacked["up.bias"])
        for tensor in (down.weight, down.bias, up.weight, up.bias):
            tensor.requires_grad_(train)
        adapter.adapter_up = up
