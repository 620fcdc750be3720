"""Frozen weights in the low precision, once, in place of a cast at each use.

Under autocast a Linear multiplies in half precision, and casts its weight and bias anew each time that it does: those
that train are kept for a batch, frozen ones are not. To hold them so from the start is the same rounding, once, and
half their memory. Embeddings, layer norms and whatever trains stay as they are.
"""

from __future__ import annotations

import torch
from torch import nn


def hold_frozen(model: nn.Module, half: torch.dtype) -> None:
    """Cast the frozen tensors of the model's Linear modules, unless a module of another kind has them, too."""
    linears = [module for module in model.modules() if isinstance(module, nn.Linear)]
    others = (module for module in model.modules() if not isinstance(module, nn.Linear))
    shared = {id(parameter) for module in others for parameter in module.parameters(recurse=False)}
    for linear in linears:
        for parameter in linear.parameters(recurse=False):
            if not parameter.requires_grad and id(parameter) not in shared:
                parameter.data = parameter.data.to(half)
