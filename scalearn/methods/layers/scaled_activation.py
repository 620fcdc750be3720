"""A learned scale after the activation of each layer's FFN, which the `adapters` library has only before it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from scalearn.errors import UserError


class ScaledActivation(nn.Module):
    """scale * activation(x), one scale per dimension, which starts at one."""

    def __init__(self, activation: nn.Module, width: int) -> None:
        super().__init__()
        self.activation = activation
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the scaled activation of `inputs`, (..., width)."""
        scaled: Tensor = self.scale * self.activation(inputs)
        return scaled


def scale_activations(model: Any) -> None:
    """Put a trainable scale behind the FFN's activation in every layer of an encoder built as BERT's."""
    for _, layer in model.iter_layers():
        ffn: Any = getattr(layer, "intermediate", None)
        if not isinstance(getattr(ffn, "intermediate_act_fn", None), nn.Module):
            raise UserError(
                f"model {model.config.name_or_path}: (IA)³ knows no FFN activation of a {model.config.model_type} "
                "encoder; choose one of the kind bert, roberta or xlm-roberta"
            )
        ffn.intermediate_act_fn = ScaledActivation(ffn.intermediate_act_fn, int(model.config.intermediate_size))
