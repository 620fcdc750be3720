"""Which sources a composition has (with the target's own or not), whether they train, and their mean, AdapterSoup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from adapters import AutoAdapterModel
from pydantic import ValidationError

from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.methods.adapter_soup import soup_weights
from scalearn.methods.base import Given, Shapes
from scalearn.methods.layers.loop import scaled_sum
from scalearn.methods.layers.sources import Sources
from scalearn.methods.layers.wide_bottleneck import NAME
from scalearn.training.engine.checkpoints import trainable
from scalearn.training.engine.model import compose, count, is_head
from tests.methods.cases import shapes
from tests.methods.sources import make_sources
from tests.tiny import tiny_config

SIMILARITY = {"t0": 0.2, "t1": 0.9, "t2": 0.3}


def build(name: str, folder: Path, target: str = "t1", sources: int = 3, **changes: float) -> Any:
    method = METHODS[name]
    model = AutoAdapterModel.from_config(tiny_config())
    given = Given(make_sources(folder / "s.safetensors", sources), target, SIMILARITY)
    compose(model, method, method.defaults.but(**changes), given, labels=2)
    return model


def layer(model: Any) -> tuple[Any, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the second layer's output block, random inner and x, and h and u = LN(h + x)."""
    model.eval()
    output = model.bert.encoder.layer[1].output
    inner, x = torch.randn(2, 5, 64), torch.randn(2, 5, 32)
    h = output.dense(inner)
    return output, inner, x, h, output.LayerNorm(h + x)


@pytest.mark.parametrize("name", ["scalearn", "scalearn_uniform_pp"])
def test_without_the_target_the_others_are_composed(name: str, tmp_path: Path) -> None:
    model = build(name, tmp_path, include_target=0)
    output, inner, x, h, u = layer(model)
    omega = output.adapters[NAME].adapter_up.omega.weight
    assert omega.shape[0] == 2
    assert abs(omega.mean() - 1) < 0.01  # 2 / S
    parts = Sources.read(tmp_path / "s.safetensors").layers[1]
    others = {part: tensor[[0, 2]] for part, tensor in parts.items()}
    expected = output.LayerNorm(scaled_sum(u, others, omega) + h + x)
    torch.testing.assert_close(output(inner, x), expected, rtol=1e-5, atol=1e-5)
    method = METHODS[name]
    assert count(model)["trainable"] == method.count(shapes(model.config, sources=2), method.defaults)


def test_fusion_without_the_target_attends_over_the_others(tmp_path: Path) -> None:
    model = build("adapter_fusion", tmp_path, include_target=0)
    assert sorted(model.adapters_config) == ["source_t0", "source_t2"]


@pytest.mark.parametrize("name", ["scalearn", "adapter_fusion", "adapter_soup"])
def test_a_target_that_is_no_source_leaves_all(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    with_it = build(name, tmp_path, target="other")
    torch.manual_seed(0)
    without = build(name, tmp_path, target="other", include_target=0)
    assert all(torch.equal(mine, without.state_dict()[key]) for key, mine in with_it.state_dict().items())


@pytest.mark.parametrize("name", ["scalearn", "adapter_fusion", "adapter_soup"])
def test_no_source_left_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no source but the target 't0' itself"):
        build(name, tmp_path, target="t0", sources=1, include_target=0)
    with pytest.raises(ValidationError, match=r"(?s)include_target.* valid boolean"):
        build(name, tmp_path, include_target=2)


def test_sources_that_train(tmp_path: Path) -> None:
    model = build("scalearn_pp", tmp_path, train_sources=1).train()
    method = METHODS["scalearn_pp"]
    sizes = shapes(model.config, sources=3)
    values = method.defaults.but(train_sources=1)
    own = {name: tensor for name, tensor in trainable(model).items() if not is_head(name)}
    assert sum(tensor.numel() for tensor in own.values()) == method.count(sizes, values)
    assert method.count(sizes, values) == 3 * 32 + 2 * 3 * (2 * 32 * 2 + 32 + 2)
    model(input_ids=torch.randint(5, 60, (4, 7)), labels=torch.tensor([0, 1, 0, 1])).loss.backward()
    assert all(tensor.grad is not None and tensor.grad.any() for tensor in own.values())


def test_counts_of_sources_that_train_at_roberta_base_shapes() -> None:
    sizes = Shapes(12, 768, 3072, 50_780, sources=8, bottleneck=48)
    method = METHODS["scalearn_uniform_pp"]
    assert method.count(sizes, method.defaults.but(train_sources=1)) == 8 + 8 * 894_528


# ---------------------------------------------------------------------- AdapterSoup


@pytest.mark.parametrize(("changes", "weights"), [
    ({}, {"t0": 0.2 / 1.4, "t1": 0.9 / 1.4, "t2": 0.3 / 1.4}),
    ({"top_k": 2}, {"t0": 0.0, "t1": 0.75, "t2": 0.25}),
    ({"top_k": 1}, {"t0": 0.0, "t1": 1.0, "t2": 0.0}),
    ({"include_target": 0}, {"t0": 0.4, "t2": 0.6}),
])  # fmt: skip
def test_the_soup_is_one_adapter_of_weighted_means(
    changes: dict[str, float], weights: dict[str, float], tmp_path: Path
) -> None:
    """D, b, U and c are each the mean of the sources', entry by entry; a mean of outputs would be another thing."""
    model = build("adapter_soup", tmp_path, **changes)
    output, inner, x, h, u = layer(model)
    sources = Sources.read(tmp_path / "s.safetensors")
    parts = {part: torch.zeros_like(tensor[0]) for part, tensor in sources.layers[1].items()}
    for name, weight in weights.items():
        for part in parts:
            parts[part] += weight * sources.layers[1][part][sources.names.index(name)]
    a = torch.relu(u @ parts["down.weight"].T + parts["down.bias"]) @ parts["up.weight"].T + parts["up.bias"]
    torch.testing.assert_close(output(inner, x), output.LayerNorm(a + h + x), rtol=1e-5, atol=1e-5)
    assert count(model)["trainable"] == 0
    assert all(is_head(name) for name in trainable(model))


def test_of_equally_similar_sources_the_first_counts() -> None:
    similarity = {"a": 0.5, "b": 0.5, "c": 0.5, "d": 0.7}
    assert soup_weights("t", similarity, ["a", "b", "c", "d"], 2) == pytest.approx([0.5 / 1.2, 0, 0, 0.7 / 1.2])
    assert sum(soup_weights("t", similarity, ["c", "a", "b", "d"], 9)) == pytest.approx(1)


def test_soups_that_cannot_be() -> None:
    with pytest.raises(UserError, match="no source is similar to 't'"):
        soup_weights("t", {"a": 0.0, "b": 0.0}, ["a", "b"], 5)
    with pytest.raises(ValidationError, match=r"(?s)top_k.* greater than or equal to 1 "):
        METHODS["adapter_soup"].hyperparameters(top_k=0)
    with pytest.raises(UserError, match="lack source 'b'"):
        soup_weights("t", {"a": 1.0}, ["a", "b"], 1)
