"""Our modules as the library's: what an export writes of an adapter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn


@runtime_checkable
class Foldable(Protocol):
    """A module that computes what one Linear computes, as long as it does not train."""

    def folded(self) -> nn.Linear:
        """Return that Linear."""


def fold_projections(model: Any, name: str) -> None:
    """Replace those projections of the adapter of this name that are foldable, in every layer."""
    for modules in model.get_adapter(name).values():
        for adapter in modules.values():
            if isinstance(adapter.adapter_down[0], Foldable):
                adapter.adapter_down[0] = adapter.adapter_down[0].folded()
            if isinstance(adapter.adapter_up, Foldable):
                adapter.adapter_up = adapter.adapter_up.folded()


def linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Return a Linear of this weight, (outputs, inputs), and bias."""
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer


def add_anew(model: Any, name: str, config: Any, tensors: Mapping[int, Mapping[str, Tensor]]) -> None:
    """Put an adapter of this name and of another configuration in the place of the one that `model` has.

    tensors: of each layer, by their names in the library's module.
    """
    model.delete_adapter(name)
    model.add_adapter(name, config=config)
    for layer, modules in model.get_adapter(name).items():
        (adapter,) = modules.values()
        adapter.load_state_dict(dict(tensors[layer]))
