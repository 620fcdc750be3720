"""A learned scale after the activation of each layer's FFN. The `adapters` library has one before it only."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class ScaledActivation(nn.Module):
    """scale * activation(x), with one scale per dimension, which starts at 1."""

    def __init__(self, activation: nn.Module, width: int) -> None:
        super().__init__()
        self.activation = activation
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the scaled activation of `inputs`, (..., width)."""
        scaled: Tensor = self.scale * self.activation(inputs)
        return scaled


def scale_activations(model: Any) -> None:
    """Add a trainable scale after the FFN's activation in every layer of the encoder."""
    for _, layer in model.iter_layers():
        owner, name, width = _activation(layer)
        setattr(owner, name, ScaledActivation(getattr(owner, name), width))


def _activation(layer: Any) -> tuple[nn.Module, str, int]:
    """Return the module of a layer that holds the FFN's activation, its name there, and the FFN's width."""
    if hasattr(layer, "intermediate"):  # BERT-like encoders
        return layer.intermediate, "intermediate_act_fn", layer.intermediate.dense.out_features
    if isinstance(layer.ffn, nn.Linear):  # ALBERT
        return layer, "activation", layer.ffn.out_features
    return layer.ffn, "activation", layer.ffn.lin1.out_features  # DistilBERT
