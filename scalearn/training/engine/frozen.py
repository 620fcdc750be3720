"""Stores frozen weights in half precision, which saves the cast at each use and half their memory.

Under autocast a Linear casts its weight and bias to half precision at each use. Autocast caches the casts of trainable
weights within a batch, but not those of frozen ones. Casting them once rounds in the same way. Embeddings, layer norms
and trainable weights keep their precision.
"""

from __future__ import annotations

import torch
from torch import nn


def hold_frozen(model: nn.Module, half: torch.dtype) -> None:
    """Cast the frozen tensors of the model's Linear modules to `half`, unless a module of another kind shares them."""
    linears = [module for module in model.modules() if isinstance(module, nn.Linear)]
    others = (module for module in model.modules() if not isinstance(module, nn.Linear))
    shared = {id(parameter) for module in others for parameter in module.parameters(recurse=False)}
    for linear in linears:
        for parameter in linear.parameters(recurse=False):
            if not parameter.requires_grad and id(parameter) not in shared:
                parameter.data = parameter.data.to(half)
