"""Adapters that a hypernetwork generates from embeddings of the task and, if layers share it, of the layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.activations import get_activation

from scalearn.methods.base import CurrentTask
from scalearn.methods.hyperformer import EMBEDDING, MIDDLE, PROJECTED
from scalearn.methods.layers.folding import add_anew

ACTIVATION = "gelu_new"
STD = 0.02  # the standard deviation at the start, of every Linear and of the layers' embeddings


class Embeddings(nn.Module):
    """Computes z of the current task (and layer): two Linear layers on the embeddings, and a layer norm."""

    def __init__(self, tasks: int, layers: int, current: CurrentTask) -> None:
        """Create the embeddings. layers: the number of layers with embeddings, 0 if z depends on the task alone."""
        super().__init__()
        self.current = current
        # A parameter per task. If they were one, a batch of one task would move the others by Adam's momentum.
        self.tasks = nn.ParameterList(torch.empty(EMBEDDING).normal_() for _ in range(tasks))
        self.layers = nn.Parameter(torch.empty(layers, EMBEDDING).normal_(0, STD)) if layers else None
        self.first = _linear(EMBEDDING * (2 if layers else 1), MIDDLE)
        self.second = _linear(MIDDLE, PROJECTED)
        self.norm = nn.LayerNorm(PROJECTED, eps=1e-6)

    def forward(self, layer: int) -> Tensor:
        """Return z, shape (64,)."""
        embedding = self.tasks[self.current.index]
        if self.layers is not None:
            embedding = torch.cat([embedding, self.layers[layer]])
        z: Tensor = self.norm(self.second(functional.relu(self.first(embedding))))
        return z


class Generators(nn.Module):
    """A Linear from z to each tensor of an adapter and of the layer norm after it."""

    def __init__(self, hidden: int, bottleneck: int) -> None:
        super().__init__()
        self.hidden, self.bottleneck = hidden, bottleneck
        self.down_weight = _linear(PROJECTED, bottleneck * hidden)
        self.down_bias = _linear(PROJECTED, bottleneck)
        self.up_weight = _linear(PROJECTED, hidden * bottleneck)
        self.up_bias = _linear(PROJECTED, hidden)
        self.norm_weight = _linear(PROJECTED, hidden)
        self.norm_bias = _linear(PROJECTED, hidden)

    def forward(self, inputs: Tensor, z: Tensor) -> Tensor:
        """Return LN(U gelu_new(D u + b) + c) for inputs u, shape (..., d)."""
        down = self.down_weight(z).view(self.bottleneck, self.hidden)
        up = self.up_weight(z).view(self.hidden, self.bottleneck)
        inner = get_activation(ACTIVATION)(functional.linear(inputs, down, self.down_bias(z)))
        outputs = functional.linear(inner, up, self.up_bias(z))
        return functional.layer_norm(outputs, (self.hidden,), self.norm_weight(z), self.norm_bias(z))

    def generated(self, z: Tensor) -> dict[str, Tensor]:
        """Return the tensors that come of z, by their names in the library's adapter."""
        return {
            "adapter_down.0.weight": self.down_weight(z).view(self.bottleneck, self.hidden),
            "adapter_down.0.bias": self.down_bias(z),
            "adapter_up.weight": self.up_weight(z).view(self.hidden, self.bottleneck),
            "adapter_up.bias": self.up_bias(z),
            "adapter_norm_after.weight": self.norm_weight(z),
            "adapter_norm_after.bias": self.norm_bias(z),
        }


class GeneratedBottleneck(nn.Module):
    """A layer's generated adapter, without the residual."""

    def __init__(self, layer: int, embeddings: Embeddings, generators: Generators) -> None:
        super().__init__()
        self.layer, self.embeddings, self.generators = layer, embeddings, generators

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the adapter's output, in the shape of `inputs`, (..., d)."""
        outputs: Tensor = self.generators(inputs, self.embeddings(self.layer))
        return outputs


def generate_adapters(
    model: Any, name: str, bottleneck: int, tasks: int, current: CurrentTask, *, shared: bool
) -> None:
    """Replace the adapters of this name by generated ones. shared: all layers use one set of generators."""
    adapters = model.get_adapter(name)
    hidden = int(model.config.hidden_size)
    embeddings = Embeddings(tasks, len(adapters) if shared else 0, current)
    common = Generators(hidden, bottleneck) if shared else None
    for layer, modules in adapters.items():
        (adapter,) = modules.values()
        adapter.adapter_down = nn.Identity()
        adapter.adapter_up = GeneratedBottleneck(layer, embeddings, common or Generators(hidden, bottleneck))


def write_out(model: Any, name: str, reduction_factor: float) -> None:
    """Put a plain adapter with a layer norm after it in place of what is generated for the current task."""
    from adapters import SeqBnConfig

    tensors = {}
    for layer, modules in model.get_adapter(name).items():
        (adapter,) = modules.values()
        generated_up = adapter.adapter_up
        tensors[layer] = generated_up.generators.generated(generated_up.embeddings(generated_up.layer))
    config = SeqBnConfig(reduction_factor=reduction_factor, non_linearity=ACTIVATION, ln_after=True)
    add_anew(model, name, config, tensors)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    linear = nn.Linear(inputs, outputs)
    nn.init.normal_(linear.weight, std=STD)
    nn.init.zeros_(linear.bias)
    return linear
