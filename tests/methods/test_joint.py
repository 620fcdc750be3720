"""Joint methods in an encoder against their formulas written out, task by task."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from adapters import AutoAdapterModel
from torch.nn.functional import layer_norm
from transformers.activations import gelu_new

from scalearn.methods import METHODS
from scalearn.methods.adapter import ADAPTER
from scalearn.methods.base import CurrentTask
from scalearn.training.engine.checkpoints import snapshot, trainable
from scalearn.training.engine.model import compose_joint
from tests.methods.cases import shapes
from tests.tiny import tiny_config

TASKS = ("first", "second", "third")


def build(name: str, **fields: Any) -> tuple[Any, CurrentTask]:
    torch.manual_seed(0)
    model = AutoAdapterModel.from_config(tiny_config())
    method = METHODS[name]
    current = compose_joint(model, method, method.defaults, dict.fromkeys(TASKS, (2, "classification")), **fields)
    model.eval()
    return model, current


def parts(model: Any, layer: int) -> tuple[Any, Any, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return a layer's output block, its adapter, and random h, x and u = LN(h + x)."""
    output = model.bert.encoder.layer[layer].output
    inner, x = torch.randn(2, 5, 64), torch.randn(2, 5, 32)
    h = output.dense(inner)
    return output, output.adapters[ADAPTER], inner, x, output.LayerNorm(h + x)


@pytest.mark.parametrize("name", ["hyperformer", "hyperformer_pp"])
def test_hyperformer_generates_an_adapter_for_each_task_and_layer(name: str) -> None:
    model, current = build(name)
    seen = []
    for layer in range(2):
        output, adapter, inner, x, u = parts(model, layer)
        weights = dict(adapter.adapter_up.named_parameters())

        def linear(key: str, value: torch.Tensor, weights: Any = weights) -> torch.Tensor:
            return weights[f"{key}.weight"] @ value + weights[f"{key}.bias"]

        for task in range(3):
            current.index = task
            embedding = weights[f"embeddings.tasks.{task}"]
            if name == "hyperformer_pp":
                embedding = torch.cat([embedding, weights["embeddings.layers"][layer]])
            z = linear("embeddings.second", torch.relu(linear("embeddings.first", embedding)))
            z = (z - z.mean()) / torch.sqrt(z.var(unbiased=False) + 1e-6)
            z = z * weights["embeddings.norm.weight"] + weights["embeddings.norm.bias"]
            down = linear("generators.down_weight", z).view(2, 32)
            up = linear("generators.up_weight", z).view(32, 2)
            o = gelu_new(u @ down.T + linear("generators.down_bias", z)) @ up.T + linear("generators.up_bias", z)
            o = layer_norm(o, (32,), linear("generators.norm_weight", z), linear("generators.norm_bias", z))
            expected = output.LayerNorm(o + output.dense(inner) + x)
            torch.testing.assert_close(output(inner, x), expected, rtol=1e-4, atol=1e-5)
            seen.append(down)
    assert len({tuple(down.flatten().tolist()) for down in seen}) == 6


def test_hyperformer_s_layers_share_z_and_hyperformer_pp_s_share_generators() -> None:
    for name, same in (("hyperformer", "embeddings"), ("hyperformer_pp", "generators")):
        model, _ = build(name)
        first, second = (model.bert.encoder.layer[layer].output.adapters[ADAPTER].adapter_up for layer in range(2))
        other = {"embeddings": "generators", "generators": "embeddings"}[same]
        assert getattr(first, same) is getattr(second, same)
        assert (getattr(first, other) is getattr(second, other)) == (name == "hyperformer_pp")


def test_hyperformer_starts_as_the_reference_does() -> None:
    model, _ = build("hyperformer_pp")
    values = dict(model.bert.encoder.layer[0].output.adapters[ADAPTER].adapter_up.named_parameters())
    embeddings = torch.cat([values[f"embeddings.tasks.{task}"] for task in range(3)])
    assert abs(embeddings.std() - 1) < 0.05
    assert abs(values["embeddings.layers"].std() - 0.02) < 0.002
    assert abs(values["generators.down_weight.weight"].std() - 0.02) < 0.002
    assert not values["generators.norm_weight.bias"].any()


def slow_mask(scores: torch.Tensor, kept: float) -> torch.Tensor:
    """Set one entry after another, the largest magnitudes first, until n - int((1 - kept) n) are set."""
    flat = scores.abs().flatten().tolist()
    mask = [0.0] * len(flat)
    for _ in range(len(flat) - int((1 - kept) * len(flat))):
        best = max((value, -place) for place, value in enumerate(flat) if not mask[place])
        mask[-best[1]] = 1.0
    return torch.tensor(mask).view_as(scores)


def test_propetl_m_uses_what_the_task_s_mask_or_the_layer_s_keeps() -> None:
    model, current = build("propetl_m")
    masks = []
    for layer in range(2):
        output, adapter, inner, x, u = parts(model, layer)
        for task in range(3):
            current.index = task
            effective = []
            for masked in (adapter.adapter_down[0], adapter.adapter_up):
                of_task = slow_mask(masked.task_scores[task], 0.3).bool()
                of_layer = slow_mask(masked.layer_scores, 0.3).bool()
                effective.append(masked.prototype.weight * (of_task | of_layer))
                masks.append(of_task | of_layer)
            down, up = adapter.adapter_down[0].prototype, adapter.adapter_up.prototype
            a = torch.relu(u @ effective[0].T + down.bias) @ effective[1].T + up.bias
            expected = output.LayerNorm(a + output.dense(inner) + x)
            torch.testing.assert_close(output(inner, x), expected, rtol=1e-4, atol=1e-5)
    first, second = (model.bert.encoder.layer[layer].output.adapters[ADAPTER] for layer in range(2))
    assert first.adapter_up.prototype is second.adapter_up.prototype
    assert first.adapter_up.task_scores is second.adapter_up.task_scores
    assert first.adapter_up.layer_scores is not second.adapter_up.layer_scores
    assert len({tuple(mask.flatten().tolist()) for mask in masks[::2]}) == 6


def test_propetl_m_s_masks_learn_straight_through() -> None:
    """The gradient of a mask is that of |score|; the or multiplies it by what the other mask leaves."""
    model, current = build("propetl_m")
    current.index = 1
    masked = model.bert.encoder.layer[0].output.adapters[ADAPTER].adapter_up
    inputs = torch.randn(3, 2)
    outputs = masked(inputs)
    weights = torch.randn_like(outputs)
    (outputs * weights).sum().backward()
    effective = weights.T @ inputs * masked.prototype.weight  # d loss / d mask
    of_task, of_layer = slow_mask(masked.task_scores[1], 0.3), slow_mask(masked.layer_scores, 0.3)
    expected = effective * (1 - of_layer) * masked.task_scores[1].sign()
    torch.testing.assert_close(masked.task_scores[1].grad, expected)
    torch.testing.assert_close(masked.layer_scores.grad, effective * (1 - of_task) * masked.layer_scores.sign())
    assert masked.task_scores[0].grad is None


def test_propetl_m_s_masks_train_ten_times_as_fast() -> None:
    model, _ = build("propetl_m")
    method = METHODS["propetl_m"]
    groups = method.parameter_groups(model, method.defaults)
    assert [group["lr"] for group in groups] == [3e-4, 3e-3]
    assert len(groups[1]["params"]) == 2 * (3 + 2)  # down and up, of tasks and of layers
    assert sum(len(group["params"]) for group in groups) == len(trainable(model))


@pytest.mark.parametrize("name", ["adapter_m", "full_finetuning_m"])
def test_what_knows_no_task_differs_by_head_alone(name: str) -> None:
    model, current = build(name)
    inputs = {"input_ids": torch.randint(5, 60, (4, 7))}
    states = []
    for task in range(3):
        current.index = task
        states.append(model(**inputs, head=TASKS[task], output_hidden_states=True))
    assert torch.equal(states[0].hidden_states[-1], states[2].hidden_states[-1])
    assert not torch.equal(states[0].logits, states[2].logits)


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.family == "joint"])
def test_a_batch_of_one_task_moves_nothing_of_another(name: str) -> None:
    """Not even by the momentum of its own last batch: a task that is rarely drawn would be moved most of the time."""
    model, current = build(name)
    inputs = {"input_ids": torch.randint(5, 60, (4, 7)), "labels": torch.tensor([0, 1, 0, 1])}
    optimizer = torch.optim.AdamW(trainable(model).values(), lr=1e-2, weight_decay=0.0)

    def step(task: int) -> set[str]:
        """Train on one batch of the task and return the names of the tensors that moved."""
        before = snapshot(model)
        current.index = task
        model(**inputs, head=TASKS[task]).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return {key for key, value in snapshot(model).items() if not torch.equal(value, before[key])}

    def of(task: int) -> set[str]:
        own = (f"heads.{TASKS[task]}.", f".task_scores.{task}", f".embeddings.tasks.{task}")
        return {key for key in trainable(model) if any(part in f".{key}" or key.startswith(part) for part in own)}

    method = METHODS[name]
    one, two = (method.count(shapes(model.config, 0, tasks), method.defaults) for tasks in (1, 2))
    head = 32 * 32 + 32 + 2 * 32 + 2
    for task in (0, 1, 0, 2):
        assert sum(trainable(model)[key].numel() for key in of(task)) == two - one + head
        moved = step(task)
        assert of(task) <= moved
        assert not any(of(other) & moved for other in range(3) if other != task)
