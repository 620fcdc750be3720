"""Full fine-tuning, Compacter++, (IA)³ and ProPETL against their formulas written out, inside a running encoder."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from adapters import AutoAdapterModel
from pydantic import ValidationError
from torch import Tensor, nn
from transformers.activations import gelu_new

from scalearn.encoders.architectures import ARCHITECTURES
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.methods.adapter import ADAPTER
from scalearn.methods.base import Given, Method
from scalearn.methods.ia3 import IA3
from scalearn.methods.layers.masked_bottleneck import MaskedLinear, binary_mask
from scalearn.training.engine.checkpoints import snapshot, trainable
from scalearn.training.engine.first_token import only_first_token
from scalearn.training.engine.model import compose
from tests.methods.cases import tiny_values
from tests.tiny import ENCODERS, tiny_config

Record = dict[nn.Module, tuple[Tensor, ...]]


def build(method: Method, kind: str = "bert", shape: dict[str, int] | None = None, **changes: float) -> Any:
    torch.manual_seed(3)
    model = AutoAdapterModel.from_config(tiny_config(kind, **(shape or {})))
    compose(model, method, tiny_values(method).but(**changes), Given(), labels=2)
    return model


def scatter(model: Any) -> Any:
    """Give everything that trains random values of a size that shows; return the model, ready to evaluate."""
    for parameter in trainable(model).values():
        nn.init.normal_(parameter, 0.5, 0.5)
    return model.eval()


def watch(model: Any, *modules: nn.Module) -> Record:
    """Run the encoder once; return what went into each module, then what came out."""
    seen: Record = {}
    for module in modules:
        module.register_forward_hook(lambda module, inputs, output: seen.update({module: (*inputs, output)}))
    with torch.no_grad():
        model(input_ids=torch.randint(5, 60, (3, 9)))
    return seen


def layers(model: Any) -> list[Any]:
    return [layer for _, layer in model.iter_layers()]


def bottleneck_of(layer: Any) -> Any:
    assert not layer.attention.output.adapters, "there is no adapter after attention"
    return layer.output.adapters[ADAPTER]


@pytest.mark.parametrize("kind", ENCODERS)
def test_full_finetuning_trains_all_but_the_pooler(kind: str) -> None:
    model = build(METHODS["full_finetuning"], kind)
    names = {name for name, _ in model.named_parameters()}
    assert names - trainable(model).keys() == {name for name in names if ".pooler." in name} != set()
    model.eval()
    output = layers(model)[1].output
    inner, x, y = watch(model, output)[output]
    torch.testing.assert_close(y, output.LayerNorm(output.dense(inner) + x))


def phm(inputs: Tensor, rule: Tensor, layer: Any) -> Tensor:
    """Return z @ sum_i kron(A_i, l_i r_i) + b."""
    matrix = sum(torch.kron(rule[i], layer.W_left[i] @ layer.W_right[i]) for i in range(4))
    return inputs @ matrix + layer.b


@pytest.mark.parametrize("kind", ENCODERS)
def test_compacter_is_a_bottleneck_of_kronecker_sums(kind: str) -> None:
    """y = LN(a(u) + h + x), u = LN(h + x), a of two PHM projections with gelu between; one rule in all layers."""
    model = scatter(build(METHODS["compacter"], kind))
    (rule,) = (value for name, value in model.named_parameters() if name.endswith("phm_rule"))
    assert rule.shape == (4, 4, 4)
    outputs = [layer.output for layer in layers(model)]
    for layer, (inner, x, y) in zip(layers(model), watch(model, *outputs).values(), strict=True):
        adapter, norm, h = bottleneck_of(layer), layer.output.LayerNorm, layer.output.dense(inner)
        z = phm(norm(h + x), rule, adapter.adapter_down[0])
        assert z.shape[-1] == 4
        gelu = 0.5 * z * (1 + torch.erf(z / math.sqrt(2)))
        torch.testing.assert_close(y, norm(phm(gelu, rule, adapter.adapter_up) + h + x), rtol=1e-4, atol=1e-4)


def test_compacters_shared_rule_is_saved() -> None:
    assert sum(name.endswith("phm_rule") for name in snapshot(build(METHODS["compacter"]))) == 1


def test_compacter_starts_as_in_the_paper() -> None:
    shape = {"hidden_size": 768, "intermediate_size": 64, "num_hidden_layers": 1}
    model = build(METHODS["compacter"], shape=shape, reduction_factor=16)
    (rule,) = (value for name, value in model.named_parameters() if name.endswith("phm_rule"))
    assert rule.std().item() == pytest.approx(1e-4, rel=0.3)
    adapter = bottleneck_of(layers(model)[0])
    down, up = adapter.adapter_down[0], adapter.adapter_up
    assert not down.b.any() and not up.b.any()
    for weight, (fan_in, fan_out) in {down.W_left: (192, 1), up.W_right: (1, 192)}.items():
        assert weight.std().item() == pytest.approx(math.sqrt(2 / (fan_in + fan_out)), rel=0.1)
    assert (down.W_right.shape, up.W_left.shape) == ((4, 1, 12), (4, 12, 1))


def test_compacter_refuses_a_bottleneck_that_it_cannot_divide() -> None:
    with pytest.raises(UserError, match=r"reduction_factor 16 makes 2 of the hidden size 32, .* multiples of 4"):
        build(METHODS["compacter"], reduction_factor=16)


@pytest.mark.parametrize("name", ["adapter", "compacter", "propetl"])
def test_a_bottleneck_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="reduction_factor is 33; give a number from 1 to 32"):
        build(METHODS[name], reduction_factor=33)
    with pytest.raises(ValidationError, match=r"(?s)reduction_factor.* greater than or equal to 1 "):
        build(METHODS[name], reduction_factor=0)


def projections(kind: str, layer: Any) -> tuple[nn.Module, ...]:
    """Return a layer's projections to queries, keys and values, and the two of its FFN."""
    if kind == "albert":
        return layer.attention.query, layer.attention.key, layer.attention.value, layer.ffn, layer.ffn_output
    if kind == "distilbert":
        return layer.attention.q_lin, layer.attention.k_lin, layer.attention.v_lin, layer.ffn.lin1, layer.ffn.lin2
    end = "_proj" if kind == "deberta-v2" else ""
    attention = (getattr(layer.attention.self, f"{name}{end}") for name in ("query", "key", "value"))
    return *attention, layer.intermediate.dense, layer.output.dense


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("kind", [kind for kind in ARCHITECTURES if kind != "camembert"])
def test_ia3_scales_keys_values_and_inner_activations(kind: str, before: bool) -> None:
    """The (IA)³ paper scales the FFN after its activation; the library's own configuration does so before."""
    method = METHODS["ia3"]
    assert isinstance(method, IA3) and not method.before_activation
    model = scatter(build(replace(method, before_activation=before), kind))
    layer = layers(model)[-1]
    query, key, value, first, last = projections(kind, layer)
    assert len(trainable(layer)) == 3 and not trainable(query)
    seen = watch(model, query, key, value, first, last)
    for projection in (query, key, value):
        z, got = seen[projection]
        scale = next(iter(trainable(projection).values()), torch.ones(32))
        plain = z @ projection.weight.T + projection.bias
        torch.testing.assert_close(got, scale.flatten() * plain, rtol=1e-5, atol=1e-5)
    others = {id(parameter) for projection in (key, value) for parameter in projection.parameters()}
    (inner,) = (parameter.flatten() for parameter in trainable(layer).values() if id(parameter) not in others)
    z, got = seen[first][0] @ first.weight.T + first.bias, seen[last][1]
    gelu = gelu_new if kind == "albert" else nn.functional.gelu
    activated = gelu(inner * z) if before else inner * gelu(z)
    torch.testing.assert_close(got, activated @ last.weight.T + last.bias, rtol=1e-5, atol=1e-5)


def test_ia3_starts_as_the_encoder_itself() -> None:
    torch.manual_seed(3)
    plain = AutoAdapterModel.from_config(tiny_config()).eval()
    only_first_token(plain)
    model = build(METHODS["ia3"]).eval()
    ids = torch.randint(5, 60, (3, 9))
    torch.testing.assert_close(model.bert(ids)[0], plain.bert(ids)[0])


def kept_by_sorting(scores: Tensor, kept: float) -> Tensor:
    """The rule of ProPETL, by sorting: all but the int((1 - k) n) entries of smallest magnitude."""
    flat = scores.flatten().tolist()
    order = sorted(range(len(flat)), key=lambda index: abs(flat[index]))
    dropped = set(order[: int((1 - kept) * len(flat))])
    return torch.tensor([float(index not in dropped) for index in range(len(flat))]).view_as(scores)


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (8, 16)])
def test_a_mask_keeps_the_largest_scores(kept: float, shape: tuple[int, int]) -> None:
    scores = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    assert torch.equal(binary_mask(scores, kept), kept_by_sorting(scores, kept))


def test_a_mask_passes_its_gradient_to_the_magnitude_of_every_score() -> None:
    torch.manual_seed(0)
    prototype = nn.Linear(6, 4).double()
    masked = MaskedLinear(prototype, 0.5, frozen=False)
    inputs, direction = torch.randn(5, 6).double(), torch.randn(5, 4).double()
    (masked(inputs) * direction).sum().backward()

    mask = kept_by_sorting(masked.scores.detach(), 0.5).double()
    weight = (prototype.weight * mask).detach().requires_grad_()
    (nn.functional.linear(inputs, weight, prototype.bias.detach()) * direction).sum().backward()
    assert weight.grad is not None
    torch.testing.assert_close(masked.scores.grad, weight.grad * prototype.weight * masked.scores.sign())
    torch.testing.assert_close(prototype.weight.grad, weight.grad * mask)
    torch.testing.assert_close(prototype.bias.grad, direction.sum(0))


@pytest.mark.parametrize("kind", ENCODERS)
def test_propetl_masks_one_adapter_differently_in_each_layer(kind: str) -> None:
    """y = LN((U * m_U) relu((D * m_D) u + b) + c + h + x), u = LN(h + x): D, U, b, c are those of every layer."""
    model = scatter(build(METHODS["propetl"], kind))
    first = bottleneck_of(layers(model)[0])
    down, up = first.adapter_down[0].prototype, first.adapter_up.prototype
    outputs, masks = [layer.output for layer in layers(model)], []
    for layer, (inner, x, y) in zip(layers(model), watch(model, *outputs).values(), strict=True):
        adapter, norm, h = bottleneck_of(layer), layer.output.LayerNorm, layer.output.dense(inner)
        masks.append([kept_by_sorting(part.scores, 0.5) for part in (adapter.adapter_down[0], adapter.adapter_up)])
        hidden = torch.relu(norm(h + x) @ (down.weight * masks[-1][0]).T + down.bias)
        a = hidden @ (up.weight * masks[-1][1]).T + up.bias
        torch.testing.assert_close(y, norm(a + h + x), rtol=1e-4, atol=1e-4)
    assert not torch.equal(masks[0][0], masks[1][0]) and not torch.equal(masks[0][1], masks[1][1])


def test_propetl_starts_as_in_the_paper() -> None:
    """Prototype N(0, 0.02), biases 0; scores uniform within 1/sqrt(b) for D and 1/sqrt(d) for U."""
    model = build(METHODS["propetl"], shape={"hidden_size": 256, "intermediate_size": 64})
    for layer in layers(model):
        adapter = bottleneck_of(layer)
        for part, bound in ((adapter.adapter_down[0], 1 / math.sqrt(16)), (adapter.adapter_up, 1 / math.sqrt(256))):
            assert abs(part.prototype.weight.std() - 0.02) < 0.002
            assert not part.prototype.bias.any()
            assert 0.99 * bound < part.scores.max() < bound and -bound < part.scores.min() < -0.99 * bound


def test_propetl_refuses_to_keep_more_than_all() -> None:
    with pytest.raises(ValidationError, match=r"(?s)kept_fraction.* less than or equal to 1 "):
        build(METHODS["propetl"], kept_fraction=1.5)
