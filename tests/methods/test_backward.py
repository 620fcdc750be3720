"""What a step keeps for its backward pass, and how far down that goes: no clock and no machine changes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from adapters import AutoAdapterModel
from torch import Tensor

from scalearn.methods import METHODS
from scalearn.methods.adapter import add_adapter
from scalearn.methods.base import Given
from scalearn.training.engine.model import HEAD, add_head, compose
from tests.methods.conformance import build
from tests.methods.sources import make_sources
from tests.tiny import tiny_config

HIDDEN, LAYERS, ROWS, TOKENS = 384, 6, 32, 32  # MiniLM's
FEW = 2  # rows
SCALEARN = ("scalearn", "scalearn_uniform", "scalearn_pp", "scalearn_uniform_pp")
FREEZING = [m.name for m in METHODS.values() if m.family != "joint" and m.name != "full_finetuning"]


def encoder() -> Any:
    sizes = {"num_hidden_layers": LAYERS, "hidden_size": HIDDEN, "intermediate_size": 4 * HIDDEN}
    return AutoAdapterModel.from_config(tiny_config(**sizes, num_attention_heads=12))


def kept(model: Any, rows: int = ROWS) -> int:
    """Bytes that a training step's forward pass keeps for the backward one, parameters and buffers left out."""
    inputs = {"input_ids": torch.randint(5, 60, (rows, TOKENS)), "labels": torch.arange(rows) % 3}
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    found: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = model.train()(**inputs).loss
    assert loss.requires_grad  # and alive, with all that is kept: no address is counted twice
    return sum(found.values())


@pytest.fixture(scope="module")
def library() -> dict[int, int]:
    """What the library's single adapter keeps of so many rows, with its last layer in full."""
    model = encoder()
    add_adapter(model, METHODS["adapter"].defaults)
    add_head(model, HEAD, 3, "classification")
    return {rows: kept(model, rows) for rows in (ROWS, FEW)}


def composed(name: str, sources: int, folder: Path) -> Any:
    stack = make_sources(folder / "sources.safetensors", sources, LAYERS, HIDDEN, HIDDEN // 16)
    model = encoder()
    compose(model, METHODS[name], METHODS[name].defaults, Given(stack), labels=3)
    return model


@pytest.mark.parametrize("sources", [5, 8, 15])
@pytest.mark.parametrize(("name", "most"), [*((name, 0.9) for name in SCALEARN), ("adapter_fusion", 1.2)])
def test_a_step_keeps_no_more_than_one_adapter_s(
    name: str, most: float, sources: int, library: dict[int, int], tmp_path: Path
) -> None:
    found = kept(composed(name, sources, tmp_path)) / library[ROWS]
    print(f"{name}, {sources} sources: {found:.3f} of the library's single adapter")
    assert found <= most


def test_with_few_tokens_the_scaled_weights_count(library: dict[int, int], tmp_path: Path) -> None:
    """The one case in which a step of ScaLearn keeps more than one adapter's; it is some MiB."""
    many, one = kept(composed("scalearn", 15, tmp_path), FEW), library[FEW]
    print(f"scalearn, 15 sources, {FEW * TOKENS} tokens: {many / one:.3f}, {(many - one) / 2**20:.1f} MiB more")
    assert many - one <= LAYERS * 15 * HIDDEN // 16 * HIDDEN * 4  # the layers' scaled weights, in float32


@pytest.mark.parametrize("name", FREEZING)
def test_nothing_below_the_first_thing_that_trains_is_differentiated(name: str, tmp_path: Path) -> None:
    model = build(METHODS[name], "bert", tmp_path).model.train()
    seen: list[tuple[str, bool]] = []  # what each module gave, in order, until one began that has something to train
    begun: list[str] = []

    def begins(module: Any, module_name: str) -> None:
        held = (module, *module.children())  # fusion takes its children's weights without calling them
        if any(parameter.requires_grad for one in held for parameter in one.parameters(recurse=False)):
            begun.append(module_name)

    def gives(module_name: str, output: Any) -> None:
        if isinstance(output, Tensor) and not begun:
            seen.append((module_name, output.requires_grad))

    for key, module in model.named_modules():
        module.register_forward_pre_hook(lambda module, _, key=key: begins(module, key))
        module.register_forward_hook(lambda _, __, output, key=key: gives(key, output))
    loss = model(input_ids=torch.randint(5, 60, (4, 8)), labels=torch.arange(4) % 3).loss
    assert loss.requires_grad and begun
    assert [key for key, differentiated in seen if differentiated] == []
    assert any(key.endswith("embeddings") for key, _ in seen)
