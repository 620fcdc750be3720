"""Stacked source adapters: one safetensors file per benchmark and seed, which every stage-2 run reads.

For S source adapters of bottleneck b and hidden size d, the file holds per encoder layer l the tensors
`l.down.weight` (S, b, d), `l.down.bias` (S, b), `l.up.weight` (S, d, b) and `l.up.bias` (S, d).
Names and checksums are in its metadata.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from scalearn.errors import UserError
from scalearn.fields import is_name
from scalearn.methods.base import Given
from scalearn.methods.hyperparameters import Composing
from scalearn.methods.layers.stack_facts import TENSORS as TENSORS
from scalearn.methods.layers.stack_facts import StackFacts


@dataclass(frozen=True)
class Sources:
    """Stacked source adapters: their names in order, and per layer the four tensors of the module's docstring."""

    names: tuple[str, ...]
    layers: tuple[dict[str, Tensor], ...]

    @classmethod
    def read(cls, path: Path) -> Sources:
        """Return the content of a stacked file. Raises: UserError if it is missing or damaged."""
        try:
            facts, tensors = StackFacts.read(path), load_file(path)
            names = facts.names
            if facts.content != checksum_of(tensors):
                raise ValueError("its tensors are not as they were written")
            depth = len(tensors) // len(TENSORS)
            layers = tuple({key: tensors[f"{layer}.{key}"] for key in TENSORS} for layer in range(depth))
            if not layers or {len(tensor) for stacked in layers for tensor in stacked.values()} != {len(names)}:
                raise ValueError("its names and its tensors differ in number")
            if odd := [name for name in names if not is_name(name)]:
                raise ValueError(f"{odd[0]!r} is no task's name")
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise UserError(
                f"{path}: no readable stack of source adapters ({error}); delete it and run again"
            ) from None
        return cls(names, layers)

    def take(self, indices: Sequence[int]) -> Sources:
        """Return the sources at these indices, in this order."""
        selected = list(indices)
        layers = tuple({key: tensor[selected] for key, tensor in stacked.items()} for stacked in self.layers)
        return Sources(tuple(self.names[index] for index in selected), layers)

    @property
    def bottleneck(self) -> int:
        return int(self.layers[0]["down.weight"].shape[1])


def checksum_of(tensors: dict[str, Tensor]) -> str:
    """Return the hexadecimal SHA-256 of the tensors' bytes, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()


def selected_sources(model: Any, given: Given, values: Composing) -> Sources:
    """Return the sources that a run composes: all, or without `include_target` all but the target's own.

    Raises: UserError if none is left, or if they belong to another model.
    """
    assert given.sources is not None, "a two-stage method needs its source adapters"
    sources = given.sources if isinstance(given.sources, Sources) else Sources.read(given.sources)
    where = "sources" if isinstance(given.sources, Sources) else given.sources
    depth, hidden = len(sources.layers), sources.layers[0]["up.bias"].shape[1]
    if (depth, hidden) != (len(list(model.iter_layers())), model.config.hidden_size):
        raise UserError(f"{where}: source adapters of another model than {model.config.name_or_path}; stack its own")
    if values.include_target:
        return sources
    others = [index for index, name in enumerate(sources.names) if name != given.target]
    if not others:
        raise UserError(
            f"{where}: no source but the target '{given.target}' itself; "
            "set include_target to true, or add tasks to the benchmark"
        )
    return sources.take(others)


def reduction_factor(hidden: int, bottleneck: int) -> float:
    """Return a reduction factor with which the library computes this bottleneck, as int(hidden // factor).

    A whole number if there is one.
    """
    factor = hidden // bottleneck
    # Half a unit more keeps the division exact.
    return factor if factor and hidden // factor == bottleneck else hidden / (bottleneck + 0.5)


def add_mean_adapter(model: Any, name: str, sources: Sources, weights: Sequence[float]) -> None:
    """Add one frozen adapter whose tensors are the weighted means of the sources' tensors."""
    from adapters import SeqBnConfig

    reduction = reduction_factor(model.config.hidden_size, sources.bottleneck)
    model.add_adapter(name, config=SeqBnConfig(reduction_factor=reduction, non_linearity="relu"))
    model.train_adapter(name)  # freezes the encoder and activates the adapter
    factors = torch.tensor(weights)
    for layer, modules in model.get_adapter(name).items():
        (adapter,) = modules.values()
        down, up = adapter.adapter_down[0], adapter.adapter_up
        targets = {"down.weight": down.weight, "down.bias": down.bias, "up.weight": up.weight, "up.bias": up.bias}
        with torch.no_grad():
            for key, target in targets.items():
                target.copy_(torch.tensordot(factors, sources.layers[layer][key], 1))
        adapter.requires_grad_(False)


def add_source_adapters(model: Any, sources: Sources) -> list[str]:
    """Add each source as a frozen adapter, for methods that compose them one by one. Return their names."""
    from adapters import SeqBnConfig

    reduction = reduction_factor(model.config.hidden_size, sources.bottleneck)
    names = [f"source_{name}" for name in sources.names]
    for index, name in enumerate(names):
        model.add_adapter(name, config=SeqBnConfig(reduction_factor=reduction, non_linearity="relu"))
        for layer, modules in model.get_adapter(name).items():
            (adapter,) = modules.values()
            stacked = sources.layers[layer]
            with torch.no_grad():
                adapter.adapter_down[0].weight.copy_(stacked["down.weight"][index])
                adapter.adapter_down[0].bias.copy_(stacked["down.bias"][index])
                adapter.adapter_up.weight.copy_(stacked["up.weight"][index])
                adapter.adapter_up.bias.copy_(stacked["up.bias"][index])
    return names
