"""What a training step costs, in operations and in multiplications: numbers that no clock and no machine changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from adapters import AutoAdapterModel, SeqBnConfig
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from scalearn.methods import METHODS
from scalearn.methods.base import Given
from scalearn.training.engine.checkpoints import trainable
from scalearn.training.engine.model import compose
from tests.methods.sources import make_sources
from tests.tiny import tiny_config

LAYERS = 6


class Operations(TorchDispatchMode):
    """Counts every operation that torch dispatches."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


def build(name: str, stack: Path | None, hidden: int) -> Any:
    method = METHODS[name]
    sizes = {"num_hidden_layers": LAYERS, "hidden_size": hidden, "intermediate_size": 4 * hidden}
    # Eager, for its stand-in asks a mask for its values, and on the meta device there are none.
    model = AutoAdapterModel.from_config(tiny_config(**sizes), attn_implementation="eager")
    compose(model, method, method.defaults, Given(stack), labels=3)
    return model


def stacked(folder: Path, sources: int, hidden: int) -> Path | None:
    path = folder / f"{sources}_{hidden}.safetensors"
    return make_sources(path, sources, LAYERS, hidden, hidden // 16) if sources else None


def operations(name: str, folder: Path, sources: int = 0) -> int:
    """Operations of a training step: forward, loss, backward, clipping and the optimizer's step."""
    model, ids = build(name, stacked(folder, sources, 32), 32), torch.randint(5, 60, (4, 8))
    training = list(trainable(model).values())
    optimizer = torch.optim.AdamW(training, fused=True)
    with Operations() as found:
        model(input_ids=ids, labels=torch.arange(4) % 3).loss.backward()
        torch.nn.utils.clip_grad_norm_(training, 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return found.count


def multiplications(name: str, folder: Path, sources: int = 0) -> int:
    """Floating-point operations in the matrix products of a step at MiniLM's shapes, 32 rows of 64 tokens.

    On the meta device, which does none of them.
    """
    stack = stacked(folder, sources, 384)
    with torch.device("meta"):
        model = build(name, stack, 384).to("meta")
        ids, labels = torch.zeros(32, 64, dtype=torch.int64), torch.zeros(32, dtype=torch.int64)
        with FlopCounterMode(display=False) as found:
            model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss.backward()
    return int(found.get_total_flops())


@pytest.mark.parametrize("name", ["scalearn", "scalearn_uniform", "scalearn_pp", "scalearn_uniform_pp"])
def test_scalearn_launches_what_one_adapter_does_however_many_sources(name: str, tmp_path: Path) -> None:
    counts = {operations(name, tmp_path, sources) for sources in (5, 8, 15)}
    assert len(counts) == 1
    assert counts.pop() <= 1.05 * operations("adapter", tmp_path)


@pytest.mark.parametrize("sources", [3, 8])
def test_an_exported_scalearn_computes_what_one_adapter_of_its_width_does(sources: int, tmp_path: Path) -> None:
    model = build("scalearn", stacked(tmp_path, sources, 32), 32)
    METHODS["scalearn"].fold(model, METHODS["scalearn"].defaults, Given(stacked(tmp_path, sources, 32)))
    (name,) = model.adapters_config.adapters
    model.save_adapter(str(tmp_path / "exported"), name, use_safetensors=True)
    loaded, wide = (AutoAdapterModel.from_config(tiny_config(num_hidden_layers=LAYERS)) for _ in range(2))
    loaded.load_adapter(str(tmp_path / "exported"), use_safetensors=True, set_active=True)
    wide.add_adapter("wide", config=SeqBnConfig(reduction_factor=32 / (sources * 2)), set_active=True)
    ids, counts = torch.randint(5, 60, (4, 8)), []
    for encoder in (loaded.base_model, wide.base_model):
        with torch.inference_mode(), FlopCounterMode(display=False) as products, Operations() as found:
            encoder.eval()(input_ids=ids)
        counts.append((products.get_total_flops(), found.count))
    assert counts[0] == counts[1] and counts[0][0] > 0


def test_fusion_launches_the_same_however_many_sources(tmp_path: Path) -> None:
    counts = {operations("adapter_fusion", tmp_path, sources) for sources in (5, 8, 15)}
    assert len(counts) == 1


@pytest.mark.parametrize(
    ("name", "sources", "most"),
    [("scalearn", 8, 1.1), ("scalearn", 15, 1.2), ("adapter_fusion", 8, 1.6), ("adapter_fusion", 15, 1.6)],
)
def test_a_step_multiplies_little_more_than_one_adapter_s(name: str, sources: int, most: float, tmp_path: Path) -> None:
    assert multiplications(name, tmp_path, sources) <= most * multiplications("adapter", tmp_path)
