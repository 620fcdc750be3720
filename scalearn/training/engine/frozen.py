"""Stores frozen weights in half precision, which saves the cast at each use and half their memory.

Under autocast a Linear casts its weight and bias to half precision at each use, and so does AdapterFusion with the
stacked tensors of its sources. Autocast caches the casts of trainable weights within a batch, but not those of frozen
ones. Casting them once rounds in the same way. Embeddings, layer norms and trainable weights keep their precision.
"""

from __future__ import annotations

import torch
from torch import nn

from scalearn.methods.layers.stacked_fusion import StackedFusion, StackedSources

CAST_AT_EACH_USE = (nn.Linear, StackedSources, StackedFusion)


def hold_frozen(model: nn.Module, half: torch.dtype) -> None:
    """Cast the frozen tensors that would be cast at each use to `half`, unless a module of another kind shares them."""
    casting = [module for module in model.modules() if isinstance(module, CAST_AT_EACH_USE)]
    others = (module for module in model.modules() if not isinstance(module, CAST_AT_EACH_USE))
    shared = {id(parameter) for module in others for parameter in module.parameters(recurse=False)}
    for module in casting:
        for parameter in module.parameters(recurse=False):
            if not parameter.requires_grad and id(parameter) not in shared:
                parameter.data = parameter.data.to(half)
