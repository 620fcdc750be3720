"""What every method must hold to, on every encoder. A method joins by being registered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from adapters import AutoAdapterModel

from scalearn.methods import METHODS
from scalearn.methods.base import Method
from scalearn.training.checkpoints import restore, snapshot, trainable
from scalearn.training.model import compose, count, is_head
from tests.methods.cases import shapes, tiny_values
from tests.methods.sources import make_sources
from tests.tiny import ENCODERS, tiny_config

Rule = Callable[[str, str, Path], None]
CASES = [(name, kind) for name in METHODS for kind in ENCODERS]


def build(method: Method, kind: str, folder: Path, seed: int = 0) -> Any:
    torch.manual_seed(3)
    model = AutoAdapterModel.from_config(tiny_config(kind))
    torch.manual_seed(seed)
    sources = make_sources(folder / "sources.safetensors") if method.family == "two_stage" else None
    compose(model, method, tiny_values(method), sources, labels=3)
    return model


def batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 60, (8, 12), generator=generator)
    mask = torch.ones_like(ids)
    mask[::2, 9:] = 0
    ids[mask == 0] = 0
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.arange(8) % 3}


def logits(model: Any) -> torch.Tensor:
    model.eval()
    with torch.inference_mode():
        return model(**batch()).logits


def train_steps(method: Method, model: Any, steps: int = 3) -> None:
    model.train()
    optimizer = torch.optim.AdamW(trainable(model).values(), lr=1e-2, weight_decay=0.0)
    for _ in range(steps):
        loss = model(**batch()).loss
        if (term := method.regularisation(model, tiny_values(method))) is not None:
            loss = loss + term
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_exactly_its_tensors_train_and_each_of_them_moves(name: str, kind: str, tmp_path: Path) -> None:
    method = METHODS[name]
    model = build(method, kind, tmp_path)
    before = {key: value.detach().clone() for key, value in (*model.named_parameters(), *model.named_buffers())}
    train_steps(method, model)
    training = set(trainable(model))
    assert any(is_head(key) for key in training)
    for key, value in (*model.named_parameters(), *model.named_buffers()):
        if key in training:
            assert not torch.equal(before[key], value), f"{key} should have moved"
        else:
            assert torch.equal(before[key], value), f"{key} is frozen and moved"
            assert getattr(value, "grad", None) is None, f"{key} is frozen and has a gradient"


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_count_of_the_registry_is_the_count_of_the_model(name: str, kind: str, tmp_path: Path) -> None:
    method = METHODS[name]
    model = build(method, kind, tmp_path)
    assert count(model)["trainable"] == method.count(shapes(model.config, sources=3), tiny_values(method))


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_saved_and_loaded_weights_give_equal_outputs(name: str, kind: str, tmp_path: Path) -> None:
    method = METHODS[name]
    model = build(method, kind, tmp_path)
    untrained = logits(model)
    train_steps(method, model)
    other = build(method, kind, tmp_path, seed=99)
    restore(other, snapshot(model))
    assert torch.equal(logits(other), logits(model))
    assert not torch.equal(untrained, logits(model))


@pytest.mark.parametrize("name", METHODS)
def test_weights_of_another_method_are_refused(name: str, tmp_path: Path) -> None:
    model = build(METHODS[name], "bert", tmp_path)
    tensors = snapshot(model)
    tensors.pop(next(iter(tensors)))
    with pytest.raises(ValueError, match="another method"):
        restore(model, tensors)
