"""What every method must hold to, as functions; and a tiny encoder with a method in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from adapters import AutoAdapterModel

from scalearn.methods import METHODS
from scalearn.methods.base import CurrentTask, Given, Method
from scalearn.training.engine.checkpoints import restore, snapshot, trainable
from scalearn.training.engine.model import HEAD, compose, compose_joint, count, is_head
from tests.methods.cases import shapes, tiny_values
from tests.methods.sources import make_sources
from tests.tiny import tiny_config

TASKS = ("first", "second")  # of joint methods


@dataclass
class Built:
    """A model with a method in it, and the names of its heads: one, or for joint methods one per task."""

    model: Any
    heads: tuple[str, ...] = (HEAD,)
    current: CurrentTask = field(default_factory=CurrentTask)

    def run(self, head: str) -> Any:
        self.current.index = self.heads.index(head)
        return self.model(**batch(), head=head)


def build(method: Method, kind: str, folder: Path, seed: int = 0) -> Built:
    """Return a tiny encoder of this kind with the method in it; what trains is drawn by the seed."""
    torch.manual_seed(3)
    model = AutoAdapterModel.from_config(tiny_config(kind))
    torch.manual_seed(seed)
    if method.family == "joint":
        current = compose_joint(model, method, tiny_values(method), dict.fromkeys(TASKS, (3, "classification")))
        return Built(model, TASKS, current)
    depth = len(list(model.iter_layers()))
    sources = make_sources(folder / "sources.safetensors", layers=depth) if method.family == "two_stage" else None
    compose(model, method, tiny_values(method), Given(sources, "t1", {"t0": 0.2, "t1": 0.7, "t2": 0.4}), labels=3)
    return Built(model)


def batch() -> dict[str, torch.Tensor]:
    """Return eight rows of 9 or 12 tokens."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 60, (8, 12), generator=generator)
    mask = torch.ones_like(ids)
    mask[::2, 9:] = 0
    ids[mask == 0] = 0
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.arange(8) % 3}


def logits(built: Built) -> torch.Tensor:
    """Return the logits of the batch, heads x rows x labels."""
    built.model.eval()
    with torch.inference_mode():
        return torch.stack([built.run(head).logits for head in built.heads])


def train_steps(method: Method, built: Built, steps: int = 4) -> None:
    built.model.train()
    optimizer = torch.optim.AdamW(trainable(built.model).values(), lr=1e-2, weight_decay=0.0)
    for step in range(steps):
        loss = built.run(built.heads[step % len(built.heads)]).loss
        if (term := method.regularisation(built.model, tiny_values(method))) is not None:
            loss = loss + term
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


# ---------------------------------------------------------------------- rules


def exactly_its_tensors_train_and_each_of_them_moves(name: str, kind: str, folder: Path) -> None:
    method = METHODS[name]
    built = build(method, kind, folder)
    model = built.model
    before = {key: value.detach().clone() for key, value in (*model.named_parameters(), *model.named_buffers())}
    train_steps(method, built)
    training = set(trainable(model))
    assert any(is_head(key) for key in training)
    for key, value in (*model.named_parameters(), *model.named_buffers()):
        if key in training:
            assert not torch.equal(before[key], value), f"{key} should have moved"
        else:
            assert torch.equal(before[key], value), f"{key} is frozen and moved"
            assert getattr(value, "grad", None) is None, f"{key} is frozen and has a gradient"


def the_count_of_the_registry_is_the_count_of_the_model(name: str, kind: str, folder: Path) -> None:
    method = METHODS[name]
    built = build(method, kind, folder)
    sizes = shapes(built.model.config, sources=3, tasks=len(built.heads))
    assert count(built.model)["trainable"] == method.count(sizes, tiny_values(method))


def saved_and_loaded_weights_give_equal_outputs(name: str, kind: str, folder: Path) -> None:
    method = METHODS[name]
    built = build(method, kind, folder)
    untrained = logits(built)
    train_steps(method, built)
    other = build(method, kind, folder, seed=99)
    restore(other.model, snapshot(built.model))
    assert torch.equal(logits(other), logits(built))
    assert not any(map(torch.equal, untrained, logits(built)))


def weights_of_another_method_are_refused(name: str, folder: Path) -> None:
    model = build(METHODS[name], "bert", folder).model
    tensors = snapshot(model)
    tensors.pop(next(iter(tensors)))
    with pytest.raises(ValueError, match="another method"):
        restore(model, tensors)
