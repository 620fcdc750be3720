"""AdapterFusion over stacked sources: the library's function, computed by products of its matrices.

The library projects every source's output a_s (batch, length, S, d) to a key and a value. But with a_s = F_s g_s, where
F_s = [U_s c_s] and g_s = [relu(D_s u + b_s), 1],
    (W_q u + b_q)·(W_k a_s + b_k) = g_s·(F_sᵀ W_kᵀ (W_q u + b_q)) + b_k·(W_q u + b_q)   and
    sum_s p_s W_v a_s = W_v F (p_s g_s)_s,
so no tensor is S·d wide, and each chain of matrices can be multiplied in the cheapest order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from adapters.composition import Fuse
from adapters.methods.bottleneck import BottleneckLayer
from adapters.methods.modeling import Adapter, BertFusion
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import linear

from scalearn.methods.layers.sources import Sources, add_source_adapters


class StackedSources(nn.Module):
    """Replaces all source adapters, and returns their inner activations g, shape (..., S·(b + 1)).

    The last unit of each source, for its bias c_s, has weight 0 and bias 1.
    """

    def __init__(self, adapters: list[Adapter]) -> None:
        super().__init__()
        downs = [adapter.adapter_down[0] for adapter in adapters]
        self.weight = _frozen([functional.pad(down.weight, (0, 0, 0, 1)) for down in downs])
        self.bias = _frozen([functional.pad(down.bias, (0, 1), value=1.0) for down in downs])
        self.pre_forward = adapters[-1].pre_forward  # the library's code around an adapter
        self.post_forward = adapters[-1].post_forward

    def forward(self, inputs: Tensor, residual_input: Tensor, output_gating: bool = False) -> tuple[Tensor, ...]:
        """Return what the library's adapters return: output, inner activation, and the input of the fusion."""
        inner = functional.relu(linear(inputs, self.weight, self.bias))
        return inputs, inner, inner


class StackedFusion(nn.Module):
    """A layer's fusion, with the library's tensors under the library's names."""

    def __init__(self, fusion: BertFusion, adapters: list[Adapter]) -> None:
        super().__init__()
        self.query, self.key, self.value, self.dropout = fusion.query, fusion.key, fusion.value, fusion.dropout
        self.sources = len(adapters)
        ups = [adapter.adapter_up for adapter in adapters]
        self.up = _frozen([torch.cat([up.weight, up.bias[:, None]], 1).T for up in ups])  # Fᵀ, (S·(b + 1), d)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, residual: Tensor, output_attentions: bool = False
    ) -> Tensor:
        """Return sum_s p_s W_v a_s + residual. query: u. key: g, shape (batch, length, 1, S·(b + 1))."""
        inner = key.reshape(-1, self.sources, self.up.shape[0] // self.sources)
        inputs = query.reshape(-1, query.shape[-1])
        scores = self.dropout(self._scores(inputs, inner).view(*query.shape[:2], self.sources))
        probabilities = scores.softmax(-1).view(-1, self.sources, 1)
        mixed = _product((probabilities * inner).flatten(1), self.up, self.value.weight.T)
        output: Tensor = mixed.view_as(residual) + residual
        return output

    def _scores(self, inputs: Tensor, inner: Tensor) -> Tensor:
        """Return (W_q u + b_q)·(W_k a_s + b_k), shape (tokens, S)."""
        query, key = self.query, self.key
        against = _product(inputs, query.weight.T, key.weight, self.up.T)
        against = against + _product(query.bias, key.weight, self.up.T)
        shift = inputs @ (key.bias @ query.weight) + query.bias @ key.bias
        scores: Tensor = (inner * against.view_as(inner)).sum(-1) + shift[:, None]
        return scores


def stack_fused(model: Any, name: str, sources: list[str]) -> None:
    """Replace the sources' adapters and the fusion `name`, in each layer, by stacked modules with the same function.

    The library's composition uses the fused adapters that a layer has, and the last one for the code around them. One
    stacked module under the last name therefore replaces all.
    """
    for module in model.modules():
        if isinstance(module, BottleneckLayer) and name in module.adapter_fusion_layer:
            adapters = [module.adapters.pop(source) for source in sources]
            module.adapter_fusion_layer[name] = StackedFusion(module.adapter_fusion_layer[name], adapters)
            module.adapters[sources[-1]] = StackedSources(adapters)


def unstack_fused(model: Any, sources: Sources) -> None:
    """Undo `stack_fused`: put the library's own adapters and fusion back, with what the fusion has learned."""
    (name,) = model.adapters_config.fusions
    learned = {layer: module.state_dict() for layer, module in _fusions(model, name)}
    names = model.adapters_config.get_fusion(name)[1]
    model.delete_adapter_fusion(name)
    for source in names:
        model.delete_adapter(source)
    fusion = Fuse(*add_source_adapters(model, sources))
    model.add_adapter_fusion(fusion, "dynamic")
    for layer, module in _fusions(model, name):
        attention = {key: value for key, value in learned[layer].items() if key != "up"}
        module.load_state_dict(attention)


def _fusions(model: Any, name: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield the fusion of this name in each layer, with the name of the module that holds it."""
    for where, module in model.named_modules():
        if isinstance(module, BottleneckLayer) and name in module.adapter_fusion_layer:
            yield where, module.adapter_fusion_layer[name]


def _product(*factors: Tensor) -> Tensor:
    """Return the factors' product, in the cheapest order. On a CPU autocast does not cover `multi_dot`, so we cast."""
    device = factors[0].device.type
    enabled = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
    half = torch.get_autocast_dtype(device) if enabled else None
    product: Tensor = torch.linalg.multi_dot([factor.to(half) for factor in factors])
    return product


def _frozen(tensors: list[Tensor]) -> nn.Parameter:
    return nn.Parameter(torch.cat(tensors).detach(), requires_grad=False)
