"""What `steps.py` times: our methods as a run has them, and what they stand beside, as the library computes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from adapters import AutoAdapterModel, SeqBnConfig
from adapters.composition import Fuse
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import BertConfig

from scalearn.methods import METHODS
from scalearn.methods.adapter import add_adapter
from scalearn.methods.base import Given
from scalearn.methods.layers.loop import scaled_sum
from scalearn.methods.layers.per_batch import Mask
from scalearn.methods.layers.sources import TENSORS, Sources, add_source_adapters, checksum_of
from scalearn.methods.layers.wide_bottleneck import Omega
from scalearn.training.engine.model import HEAD, add_head, compose

LIBRARY = "adapter, library"  # what everything is compared with
OURS = "adapter"
VOCABULARY = 1000


class Loop(nn.Module):
    """ScaLearn as the released code has it: one source after the other."""

    def __init__(self, stacked: dict[str, Tensor], omega: Omega) -> None:
        super().__init__()
        self.omega, self.mask = omega, Mask(omega.dropout)
        for key, tensor in stacked.items():
            self.register_buffer(key.replace(".", "_"), tensor)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the scaled sum of the sources' outputs."""
        stacked = {key: getattr(self, key.replace(".", "_")) for key in TENSORS}
        return scaled_sum(inputs, stacked, self.omega(self.mask))


def programs(hidden: int, layers: int, folder: Path) -> dict[str, Callable[[], Any]]:
    """Return what builds each program's model, by its name. Those of the library compute the last layer in full."""
    few, many = (write_sources(folder / f"{count}.safetensors", count, hidden, layers) for count in (8, 15))

    def ours(name: str, sources: Path | None = None) -> Callable[[], Any]:
        def build() -> Any:
            model = encoder(hidden, layers)
            compose(model, METHODS[name], METHODS[name].defaults, Given(sources), labels=3)
            return model

        return build

    def library(install: Callable[..., None], *arguments: Any) -> Callable[[], Any]:
        def build() -> Any:
            model = encoder(hidden, layers)
            install(model, *arguments)
            add_head(model, HEAD, 3, "classification")
            return model

        return build

    return {
        LIBRARY: library(add_adapter, METHODS["adapter"].defaults),
        OURS: ours("adapter"),
        "scalearn, 8 sources": ours("scalearn", few),
        "scalearn, 15 sources": ours("scalearn", many),
        "scalearn_uniform, 8 sources": ours("scalearn_uniform", few),
        "adapter_fusion, 8 sources": ours("adapter_fusion", few),
        "adapter_fusion, library, 8 sources": library(install_fusion, few),
        "scalearn, loop, 8 sources": library(install_loop, few),
        "scalearn, loop, 15 sources": library(install_loop, many),
    }


def encoder(hidden: int, layers: int) -> Any:
    """Return a BERT of random weights, with twelve heads and few words."""
    sizes = {"hidden_size": hidden, "num_hidden_layers": layers, "intermediate_size": 4 * hidden}
    return AutoAdapterModel.from_config(BertConfig(vocab_size=VOCABULARY, num_attention_heads=12, **sizes))


def write_sources(path: Path, count: int, hidden: int, layers: int) -> Path:
    """Write a stack of random source adapters, of a sixteenth of the hidden size, and return its path."""
    inner = hidden // 16
    shapes = dict(zip(TENSORS, [(inner, hidden), (inner,), (hidden, inner), (hidden,)], strict=True))
    tensors = {
        f"{layer}.{part}": torch.randn(count, *shape) * 0.02
        for layer in range(layers)
        for part, shape in shapes.items()
    }
    facts = {"names": [f"t{index}" for index in range(count)], "content": checksum_of(tensors)}
    save_file(tensors, path, {"sources": json.dumps(facts)})
    return path


def install_fusion(model: Any, sources: Path) -> None:
    """Put the library's own AdapterFusion into the model."""
    fusion = Fuse(*add_source_adapters(model, Sources.read(sources)))
    model.add_adapter_fusion(fusion, "dynamic")
    model.train_adapter_fusion(fusion)


def install_loop(model: Any, sources: Path) -> None:
    """Put a loop over the sources where a single adapter has its projections."""
    stacked = Sources.read(sources)
    model.add_adapter("loop", config=SeqBnConfig(reduction_factor=16, non_linearity="relu"))
    model.train_adapter("loop")
    count, hidden = len(stacked.names), int(model.config.hidden_size)
    for layer, modules in model.get_adapter("loop").items():
        (adapter,) = modules.values()
        adapter.adapter_down = nn.Identity()
        adapter.adapter_up = Loop(stacked.layers[layer], Omega(count, hidden, 2.0, 0.001, 0.3))
