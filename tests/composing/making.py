"""Source adapters as stock `adapters` saves them, and the encoders that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from adapters import AutoAdapterModel, SeqBnConfig

import scalearn
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.methods.layers.sources import Sources
from tests.tiny import tiny_config

TWO_STAGE = tuple(name for name, method in METHODS.items() if method.family == "two_stage")
SIMILARITIES = {"adapter_soup": (0.2, 0.7, 0.4)}  # of the sources that `save_stack` writes


def encoder(kind: str = "bert", **changes: object) -> Any:
    """Return a tiny encoder of this kind; each call returns the same one."""
    torch.manual_seed(3)
    model = AutoAdapterModel.from_config(tiny_config(kind, initializer_range=0.2, **changes))
    model.config.name_or_path = f"tiny/{kind}"
    return model


def save_stack(folder: Path, stack: Path, kind: str = "bert") -> list[str]:
    """Save the adapters of a stack with stock `adapters`, each to a folder; return the folders."""
    folder.mkdir(parents=True, exist_ok=True)
    model, sources = encoder(kind), Sources.read(stack)
    for index, name in enumerate(sources.names):
        model.add_adapter(name, config=SeqBnConfig(reduction_factor=32 / (sources.bottleneck + 0.5)))
        for layer, modules in model.get_adapter(name).items():
            (adapter,) = modules.values()
            parts = {key: tensor[index] for key, tensor in sources.layers[layer].items()}
            with torch.no_grad():
                adapter.adapter_down[0].weight.copy_(parts["down.weight"])
                adapter.adapter_down[0].bias.copy_(parts["down.bias"])
                adapter.adapter_up.weight.copy_(parts["up.weight"])
                adapter.adapter_up.bias.copy_(parts["up.bias"])
        model.save_adapter(str(folder / name), name, use_safetensors=True)
    return [str(folder / name) for name in sources.names]


def save_new(folder: Path, *names: str, kind: str = "bert", config: Any = None, **changes: object) -> list[str]:
    """Save new adapters of this configuration, for an encoder with these changes; return their folders."""
    folder.mkdir(parents=True, exist_ok=True)
    model = encoder(kind, **changes)
    for name in names:
        model.add_adapter(name, config=config or SeqBnConfig(reduction_factor=16))
        model.save_adapter(str(folder / name), name, use_safetensors=True)
    return [str(folder / name) for name in names]


def batch(rows: int = 8) -> dict[str, torch.Tensor]:
    """Return rows of random tokens with their labels."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 60, (rows, 12), generator=generator)
    mask = torch.ones_like(ids)
    mask[::2, 9:] = 0
    return {"input_ids": ids * mask, "attention_mask": mask, "labels": torch.arange(rows) % 2}


def logits(model: Any) -> torch.Tensor:
    """Return what the model says of a batch."""
    with torch.inference_mode():
        return model.eval()(**batch()).logits


def options(method: str, sources: Sequence[str]) -> dict[str, Any]:
    """Return what `compose` needs for this method beside its sources."""
    return {"similarities": SIMILARITIES[method][: len(sources)]} if method in SIMILARITIES else {}


def refused(words: str, sources: Any, model: Any = None, **changes: Any) -> None:
    """Check that a composition is refused in one sentence, as an error that libraries raise, and changes nothing."""
    model = encoder() if model is None else model
    before = list(getattr(model, "state_dict", dict)())
    with pytest.raises(ValueError, match=words) as caught:
        scalearn.compose(model, sources, **changes)
    assert isinstance(caught.value, UserError)
    assert "\n" not in str(caught.value)
    assert list(getattr(model, "state_dict", dict)()) == before
