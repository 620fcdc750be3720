"""Stacked source adapters with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from scalearn.methods.layers.sources import checksum_of


def make_sources(path: Path, count: int = 3, layers: int = 2, hidden: int = 32, bottleneck: int = 2) -> Path:
    """Write a stack of `count` random source adapters and return its path."""
    generator = torch.Generator().manual_seed(7)
    shapes = {
        "down.weight": (count, bottleneck, hidden),
        "down.bias": (count, bottleneck),
        "up.weight": (count, hidden, bottleneck),
        "up.bias": (count, hidden),
    }
    tensors = {
        f"{layer}.{part}": torch.randn(shape, generator=generator) * 0.3
        for layer in range(layers)
        for part, shape in shapes.items()
    }
    facts = {"names": [f"t{index}" for index in range(count)], "content": checksum_of(tensors)}
    save_file(tensors, path, {"sources": json.dumps(facts)})
    return path
