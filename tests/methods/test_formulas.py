"""Adapter and AdapterFusion, as the library computes them here, against their formulas written out."""

from __future__ import annotations

from pathlib import Path

import torch
from adapters import AutoAdapterModel

from scalearn.methods import METHODS
from scalearn.methods.adapter import ADAPTER
from scalearn.methods.base import Given
from scalearn.methods.layers.sources import Sources
from scalearn.training.engine.model import compose
from tests.methods.sources import make_sources
from tests.tiny import tiny_config


def test_adapter_is_one_bottleneck_after_the_ffn() -> None:
    """y = LN(U relu(D u + b) + c + h + x) with u = LN(h + x): the layer's own LN, twice, and nothing in attention."""
    method = METHODS["adapter"]
    model = AutoAdapterModel.from_config(tiny_config())
    compose(model, method, method.defaults, Given(), labels=2)
    model.eval()
    layer = model.bert.encoder.layer[1]
    assert not layer.attention.output.adapters
    output, adapter = layer.output, layer.output.adapters[ADAPTER]
    inner, x = torch.randn(2, 5, 64), torch.randn(2, 5, 32)
    h = output.dense(inner)
    u = output.LayerNorm(h + x)
    down, up = adapter.adapter_down[0], adapter.adapter_up
    assert down.weight.shape == (2, 32)  # r = 16
    a = torch.relu(u @ down.weight.T + down.bias) @ up.weight.T + up.bias
    torch.testing.assert_close(output(inner, x), output.LayerNorm(a + h + x), rtol=1e-5, atol=1e-5)


def test_adapter_starts_as_in_the_paper() -> None:
    method = METHODS["adapter"]
    model = AutoAdapterModel.from_config(tiny_config(hidden_size=256, intermediate_size=64))
    compose(model, method, method.defaults, Given(), labels=2)
    adapter = model.bert.encoder.layer[0].output.adapters[ADAPTER]
    for linear in (adapter.adapter_down[0], adapter.adapter_up):
        assert abs(linear.weight.std() - 0.02) < 0.002
        assert not linear.bias.any()


def test_the_head_is_two_layers_on_the_first_token() -> None:
    method = METHODS["adapter"]
    model = AutoAdapterModel.from_config(tiny_config())
    compose(model, method, method.defaults, Given(), labels=3)
    model.eval()
    inputs = {"input_ids": torch.randint(5, 60, (4, 7))}
    first = model.bert(**inputs)[0][:, 0]
    linears = [module for module in model.heads["task"] if isinstance(module, torch.nn.Linear)]
    expected = torch.tanh(first @ linears[0].weight.T + linears[0].bias) @ linears[1].weight.T + linears[1].bias
    torch.testing.assert_close(model(**inputs).logits, expected)
    assert [module.p for module in model.heads["task"] if isinstance(module, torch.nn.Dropout)] == [0.1, 0.1]


def test_fusion_attends_over_the_sources(tmp_path: Path) -> None:
    """y = LN(sum_s p_s W_v a_s + h + x), p = softmax_s((W_q u + b_q)·(W_k a_s + b_k)): no 1/sqrt(d), no temperature."""
    method = METHODS["adapter_fusion"]
    model = AutoAdapterModel.from_config(tiny_config())
    compose(model, method, method.defaults, Given(make_sources(tmp_path / "s.safetensors")), labels=2)
    model.eval()
    output = model.bert.encoder.layer[1].output
    (fusion,) = output.adapter_fusion_layer.values()
    with torch.no_grad():
        fusion.query.weight.normal_(0, 0.5)
        fusion.value.weight.normal_(0, 0.5)
    inner, x = torch.randn(2, 5, 64), torch.randn(2, 5, 32)
    h = output.dense(inner)
    u = output.LayerNorm(h + x)
    parts = Sources.read(tmp_path / "s.safetensors").layers[1]
    scores, values = [], []
    for s in range(3):
        hidden = torch.relu(u @ parts["down.weight"][s].T + parts["down.bias"][s])
        a = hidden @ parts["up.weight"][s].T + parts["up.bias"][s]
        key = a @ fusion.key.weight.T + fusion.key.bias
        scores.append(((u @ fusion.query.weight.T + fusion.query.bias) * key).sum(-1))
        values.append(a @ fusion.value.weight.T)
    weights = torch.softmax(torch.stack(scores, -1), -1)
    mixed = sum(weights[..., s, None] * values[s] for s in range(3))
    torch.testing.assert_close(output(inner, x), output.LayerNorm(mixed + h + x), rtol=1e-5, atol=1e-5)


def test_fusion_starts_at_the_identity_and_is_held_there(tmp_path: Path) -> None:
    """W_v starts as I with 1e-6 elsewhere; the regulariser is 0.01 ||I - W_v||^2 summed over layers."""
    method = METHODS["adapter_fusion"]
    model = AutoAdapterModel.from_config(tiny_config())
    compose(model, method, method.defaults, Given(make_sources(tmp_path / "s.safetensors")), labels=2)
    fusions = [next(iter(layer.output.adapter_fusion_layer.values())) for layer in model.bert.encoder.layer]
    for fusion in fusions:
        torch.testing.assert_close(fusion.value.weight, torch.eye(32) + 1e-6 * (1 - torch.eye(32)))
        assert fusion.dropout.p == 0.1
    with torch.no_grad():
        fusions[0].value.weight += 1
    expected = sum(0.01 * (torch.eye(32) - fusion.value.weight).square().sum() for fusion in fusions)
    term = method.regularisation(model, method.defaults)
    assert term is not None
    torch.testing.assert_close(term, expected)
    term.backward()
    assert fusions[0].value.weight.grad is not None
